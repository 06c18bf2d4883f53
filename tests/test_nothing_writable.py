"""Reading needs no right to write.

On a read-only or full disk, and for a user who may only read, every read works.
"""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from overtide.project import Project
from tests.command_line import COMMAND, Answer, call, environment, obey_permissions, spawn
from tests.shop import CONTACTS

WHO = ["--key", f"{CONTACTS}=1"]
READS = {
    "get": ["get", *WHO],
    "timeline": ["timeline", *WHO],
    "sql": ["sql", "SELECT Points FROM Customer_live"],
    "status": ["status"],
    "validate": ["validate"],
    "open": ["open"],
}
LEAVE_JOURNALS = """
import os, subprocess, sys, overtide
from overtide.lake.catalog import connect
project = overtide.open(sys.argv[1])
project.update(key=("Crm_Contacts", "1"), fields={"Points": 8})
hold = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); " \\
       "c.execute('SELECT 1 FROM sqlite_master').fetchone(); " \\
       "print('open', flush=True); sys.stdin.read()"
words = [sys.executable, "-c", hold, str(project.paths.catalog)]
holder = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
holder.stdout.readline()
connection = connect(project.paths, read_only=False)
connection.execute("CREATE TABLE lake.main.left_over (x INTEGER)")
holder.kill()
holder.wait()
os._exit(9)
"""


@pytest.fixture(scope="module")
def states(refreshed_shop, tmp_path_factory) -> dict[str, Path]:
    """One project with an update, after a good end and after a writer was killed."""
    folder = tmp_path_factory.mktemp("states")
    whole = Path(shutil.copytree(refreshed_shop, folder / "whole"))
    assert call("-q", "-C", whole, "update", *WHO, "Points=8").code == 0
    without = Path(shutil.copytree(whole, folder / "without journals"))
    for file in [*without.rglob("*-shm"), *without.rglob("*-wal")]:
        assert not file.name.endswith("-wal") or not file.stat().st_size
        file.unlink()
    killed = Path(shutil.copytree(whole, folder / "killed"))
    subprocess.run(
        [sys.executable, "-c", LEAVE_JOURNALS, str(killed)], env=environment(), check=False
    )
    journals = sorted(killed.rglob("*-wal"))
    assert [file.stat().st_size > 0 for file in journals] == [True, True]
    bare = Path(shutil.copytree(killed, folder / "killed, without index"))
    for file in bare.rglob("*-shm"):
        file.unlink()
    return {
        "whole": whole,
        "without journals": without,
        "killed": killed,
        "killed, without index": bare,
    }


STATES = ["whole", "without journals", "killed", "killed, without index"]
SOME = [
    "without journals",
    "killed",
    *(pytest.param(name, marks=pytest.mark.long) for name in ("whole", "killed, without index")),
]
"""Where every read of them is a process within a mount of its own."""


def expect_right(answers: dict[str, Answer]) -> None:
    for name, answer in answers.items():
        assert (name, answer.code, answer.err) == (name, 0, "")
    assert answers["get"].document["fields"]["Points"] | {"validUntil": None, "eventId": None} == {
        "value": 8,
        "live": True,
        "baseValue": 7,
        "validUntil": None,
        "eventId": None,
        "caller": None,
    }
    assert len(answers["timeline"].document["activities"]) == 2
    assert {"Points": 7} in answers["sql"].document["rows"]
    assert answers["status"].document["published"]["run"] == 1


@pytest.mark.parametrize("state", STATES)
def test_a_user_who_may_only_read(states, tmp_path, state):
    folder = Path(shutil.copytree(states[state], tmp_path / "project"))
    places = [folder, *folder.rglob("*")]
    for place in places:
        place.chmod(0o555 if place.is_dir() else 0o444)
    expect_right(
        {
            name: spawn("--json", "-C", folder, *words, preexec_fn=obey_permissions)
            for name, words in READS.items()
        }
    )
    for place in places:
        place.chmod(0o755)
    assert {place.name for place in places} == {
        folder.name,
        *(place.name for place in folder.rglob("*")),
    }


def within(script: str) -> dict[str, Answer]:
    """Run every read in a place of its own that a script mounts.

    This takes root, or a user who may be root of his own.
    """
    own = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]
    if subprocess.run([*own, "true"], check=False, capture_output=True).returncode:
        pytest.skip("this system lets nobody mount anything")
    answers = {}
    for name, words in READS.items():
        command = shlex.join([*COMMAND, "--json", "-C", "PROJECT", *words]).replace(
            "PROJECT", '"$project"'
        )
        done = subprocess.run(
            [*own, "sh", "-ec", f"{script}\nexec {command}"],
            env=environment(),
            check=False,
            capture_output=True,
            text=True,
        )
        answers[name] = Answer(done.returncode, done.stdout, done.stderr)
    return answers


@pytest.mark.parametrize("state", SOME)
def test_a_disk_that_is_mounted_read_only(states, tmp_path, state):
    (tmp_path / "mounted").mkdir()
    place = shlex.quote(str(tmp_path / "mounted"))
    expect_right(
        within(f"""project={place}
        mount --bind {shlex.quote(str(states[state]))} {place}
        mount -o remount,bind,ro {place}
        ! touch {place}/x 2>/dev/null""")
    )


@pytest.mark.parametrize("state", SOME)
def test_a_full_disk(states, tmp_path, state):
    (tmp_path / "mounted").mkdir()
    place = shlex.quote(str(tmp_path / "mounted"))
    expect_right(
        within(f"""project={place}
        mount -t tmpfs -o size=8m tmpfs {place}
        cp -r {shlex.quote(str(states[state]))}/. {place}
        dd if=/dev/zero of={place}/fill bs=4k 2>/dev/null || true
        ! printf 'x%.0s' $(seq 5000) > {place}/x 2>/dev/null""")
    )


def test_a_process_that_stays_open_sees_what_others_write(states, tmp_path):
    """One that may only read sees the events and the runs of those who may write."""
    folder = Path(shutil.copytree(states["without journals"], tmp_path / "project"))
    script = (
        "import sys, overtide\nproject = overtide.open(sys.argv[1])\nfor line in sys.stdin:\n"
        "    card = project.get(key=('Crm_Contacts', '1'))\n"
        "    entries = project.timeline(key=('Crm_Contacts', '1')).entries\n"
        "    print(card['Points'], card.run, len(entries), flush=True)"
    )
    places = [folder, *(place for place in folder.rglob("*") if place.is_dir())]
    for place in places:
        place.chmod(0o555)
    with subprocess.Popen(
        [sys.executable, "-c", script, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
        preexec_fn=obey_permissions,
    ) as reader:

        def asked() -> str:
            reader.stdin.write("\n")
            reader.stdin.flush()
            return reader.stdout.readline().strip()

        assert asked() == "8 1 2"
        for place in places:
            place.chmod(0o755)
        with Project(folder) as project:
            project.update(key=(CONTACTS, "1"), fields={"Points": 9})
            project.refresh()
        for place in places:
            place.chmod(0o555)
        assert asked() == "9 2 2"
        reader.stdin.close()
    for place in places:
        place.chmod(0o755)
