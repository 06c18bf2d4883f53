"""Full disks, pipes that nobody reads, closed streams and encodings.

What was done is said, and in the exit code.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.command_line import begin, call, environment, spawn
from tests.shop import CONTACTS

WHO = ["--key", f"{CONTACTS}=1"]
GOOD_ORDER = '{"OrderId": "9", "AccountId": "1", "PlacedAt": "2026-01-01T10:00:00Z"}'


def shell(line: str, folder: Path, **more: str) -> subprocess.CompletedProcess:
    command = " ".join([sys.executable, "-m", "overtide", "-C", f"'{folder}'"])
    return subprocess.run(
        ["/bin/sh", "-c", line.replace("overtide", command)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env=environment(**more),
    )


def test_closed_streams(refreshed_shop):
    assert shell("overtide version >&-", refreshed_shop).returncode == 0
    assert shell("overtide get nobody 2>&-", refreshed_shop).stdout == ""
    closed = shell("overtide post Shop_Orders <&-", refreshed_shop)
    assert (closed.returncode, closed.stdout) == (2, "")
    assert closed.stderr.startswith("overtide: Standard input is empty")


FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
DONE = (
    "overtide: This is done, but standard output does not take the answer (No space left on "
    "device): "
)


@FULL
@pytest.mark.parametrize("as_json", ["", "--json"])
def test_what_was_done_is_said_on_standard_error_where_standard_output_is_full(
    project_folder, as_json
):
    who = f"--key {WHO[1]}"
    for command, said in (
        (f"update {who} Points=99", "accepted as event "),
        (f"withdraw {who} Points", "accepted as event "),
        ("refresh", "Published run 2 at "),
        ("stream --until-caught-up", "Carried 2 events"),
    ):
        done = shell(f"overtide {as_json} {command} >/dev/full", project_folder)
        assert (done.returncode, done.stderr.count(DONE + said)) == (0, 1), done
        assert "again" not in done.stderr
    half = shell(
        f"echo '[{GOOD_ORDER}, {{}}]' | overtide {as_json} post Shop_Orders >/dev/full",
        project_folder,
    )
    assert (half.returncode, "1 accepted, 1 refused." in half.stderr) == (1, True)


@FULL
def test_a_full_disk_behind_standard_error_stops_nothing(project_folder):
    assert shell("overtide refresh 2>/dev/full", project_folder).stdout.startswith(
        "Published run 2 at "
    )
    assert shell("overtide -v refresh >/dev/full 2>&1", project_folder).returncode == 0
    assert call("-C", project_folder, "--json", "get", *WHO).document["run"] == 3
    refused = shell("overtide get nobody 2>/dev/full", project_folder)
    assert (
        refused.returncode,
        refused.stdout.startswith("overtide: CustomerId: There is no customer"),
    ) == (1, True)
    rows = shell("echo '{}' | overtide -q post Shop_Orders 2>/dev/full", project_folder)
    assert (rows.returncode, rows.stdout.startswith("row 1: refused")) == (1, True)


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("get nobody", 1),
        ("--json get nobody", 1),
        ("--json sql FROM", 1),
        ("get", 2),
        ("--json refrsh", 2),
        ("get --key Crm_Contacts=1", 0),
        ("--json get --key Crm_Contacts=1", 0),
        ("sql --help", 0),
        ("version", 0),
    ],
)
def test_a_code_is_kept_behind_a_pipe_that_nobody_reads(refreshed_shop, command, code):
    quoted = command.replace("sql FROM", "sql 'FROM nothing'")
    done = shell(f"(overtide {quoted}; echo $? >&2) | true", refreshed_shop)
    assert done.stderr.rstrip().split("\n")[-1] == str(code)
    assert "Traceback" not in done.stderr


def test_a_change_behind_a_pipe_that_nobody_reads_is_said_on_standard_error(project_folder):
    with begin("-C", project_folder, "update", *WHO, "Points=99") as process:
        process.stdout.close()
        said = process.stderr.read()
    assert (process.returncode, said.count("(Broken pipe): accepted as event ")) == (0, 1), said
    assert (
        call("-C", project_folder, "--json", "get", *WHO).document["fields"]["Points"]["value"]
        == 99
    )


@FULL
@pytest.mark.parametrize("words", ["--help", "get --help", "--version", "get --key Crm_Contacts=1"])
def test_what_was_asked_for_and_cannot_be_written_has_failed(refreshed_shop, words):
    done = shell(f"overtide {words} >/dev/full", refreshed_shop)
    assert (done.returncode, "No space left on device" in done.stderr) == (1, True)


@FULL
def test_a_full_disk_behind_standard_output(refreshed_shop):
    done = shell("overtide version >/dev/full", refreshed_shop)
    assert done.returncode == 1
    assert (
        done.stderr == "overtide: Input or output failed: No space left on device. "
        "Free space on that disk, then run it again.\n"
    )
    assert shell("overtide --json version >/dev/full", refreshed_shop).returncode == 1


def test_a_file_that_cannot_grow(project_folder):
    """A limit of the size of files is what a test can do about a full disk."""
    done = shell("ulimit -f 1; overtide -q refresh", project_folder)
    assert (done.returncode, done.stdout) == (1, "")
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("overtide: ")
    assert call("-C", project_folder, "--json", "get", *WHO).document["run"] == 1


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_letters_that_standard_output_lacks_are_escaped_and_json_is_utf8(refreshed_shop, encoding):
    more = {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    text = spawn(
        "-C",
        refreshed_shop,
        "sql",
        "SELECT 'Zo' || chr(235) || chr(26446) AS x",
        env=environment(**more),
        encoded=encoding,
    )
    assert (
        text.out.splitlines()[1]
        == {"ascii": "Zo\\xeb\\u674e", "latin-1": "Zoë\\u674e", "utf-8": "Zoë李"}[encoding]
    )
    found = spawn(
        "-C", refreshed_shop, "--json", "sql", "SELECT chr(26446) AS x", env=environment(**more)
    ).document
    assert found["rows"] == [{"x": "李"}]
    assert spawn("--help", env=environment(**more)).code == 0


@pytest.mark.parametrize(
    "words", [["sql", "FROM range(100000)"], ["--json", "sql", "FROM range(100000)"]]
)
def test_a_reader_that_has_enough_ends_the_command_quietly(refreshed_shop, words):
    with begin("-C", refreshed_shop, *words) as process:
        assert process.stdout.read(20)
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(300) == 0
