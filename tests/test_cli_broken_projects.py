"""Projects that are not whole.

No folder, nothing published, lost, broken, unreadable or read-only files.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from overtide.schemas.paths import Paths
from tests.command_line import call, expect_refusal, obey_permissions, spawn
from tests.conftest import make_shop
from tests.shop import CONTACTS, ORDERS

WHO = ["--key", f"{CONTACTS}=1"]
READS = {
    "get": ["get", *WHO],
    "timeline": ["timeline", *WHO],
    "sql": ["sql", "FROM Customer"],
    "open": ["open"],
}
CHANGES = {
    "update": ["update", *WHO, "Points=1"],
    "withdraw": ["withdraw", *WHO],
    "post": ["post", ORDERS],
}
RECORD = json.dumps({"OrderId": "9", "AccountId": "1", "PlacedAt": "2026-01-01T10:00:00Z"})
EVERY = {
    **READS,
    **CHANGES,
    "status": ["status"],
    "refresh": ["refresh"],
    "validate": ["validate"],
    "stream": ["stream", "--until-caught-up"],
}


def on(folder: Path, command: str):
    return call("-q", "-C", folder, *EVERY[command], given=RECORD)


@pytest.mark.parametrize("command", EVERY)
def test_a_folder_without_a_project(tmp_path, command):
    for place in (tmp_path, tmp_path / "missing"):
        expect_refusal(
            on(place, command), 2, f"There is no overtide.yaml in {place}.", "overtide init"
        )
    (tmp_path / "file").touch()
    expect_refusal(on(tmp_path / "file", command), 2, "There is no overtide.yaml in ")


@pytest.mark.parametrize("command", [*READS, *CHANGES])
def test_before_the_first_refresh(tmp_path, command):
    expect_refusal(
        on(make_shop(tmp_path / "shop"), command), 1, "published", "Run `overtide refresh` first."
    )


def test_status_stream_and_validate_work_before_the_first_refresh(tmp_path):
    folder = make_shop(tmp_path / "shop")
    assert call("-C", folder, "--json", "status").document["published"] is None
    assert "nothing yet: run `overtide refresh`" in call("-C", folder, "status").out
    assert call("-C", folder, "--json", "stream", "--until-caught-up").document["position"] == 0
    assert on(folder, "validate").code == 0


def overwrite(*names: str, content: bytes = b"garbage\n") -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        for path in (folder / name for name in names):
            path.write_bytes(content)
            for journal in path.parent.glob(f"{path.name}-*"):
                journal.unlink()

    return change


def remove(*names: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        for name in names:
            shutil.rmtree(folder / name) if (folder / name).is_dir() else (folder / name).unlink()

    return change


def a_file_instead(name: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        shutil.rmtree(folder / name)
        (folder / name).write_text("a file")

    return change


CATALOG, ANNOUNCED, FILES = (
    "lake/catalog.sqlite",
    "lake/catalog.sqlite.published",
    "lake/catalog.sqlite.files",
)
LOCKS = f"{FILES}/locks"
DAMAGES: dict[str, tuple[Callable[[Path], None], list[str], str, str]] = {
    "no catalog": (
        overwrite(CATALOG),
        ["timeline", "sql", "status", "stream", "refresh"],
        "lake_unreadable",
        "catalog.sqlite cannot be used: file is not a database.",
    ),
    "no catalog, and nothing says what is published": (
        lambda folder: (overwrite(CATALOG)(folder), remove(ANNOUNCED)(folder))[0],
        [*READS, *CHANGES, "status", "stream", "refresh"],
        "lake_unreadable",
        "file is not a database.",
    ),
    "an emptied catalog": (
        lambda folder: (folder / CATALOG).write_bytes(b""),
        [*READS, *CHANGES, "status", "stream", "refresh"],
        "lake_unreadable",
        "catalog.sqlite is missing, but it was there. Restore it",
    ),
    "a lost catalog": (
        remove(CATALOG),
        ["timeline", "sql", "open", "status", "stream", "refresh"],
        "lake_unreadable",
        "catalog.sqlite is missing, but it was there. Restore it",
    ),
    "a lost catalog, and nothing says what is published": (
        remove(CATALOG, ANNOUNCED),
        [*READS, *CHANGES, "status", "stream", "refresh"],
        "lake_unreadable",
        "Restore it together with its data from a backup",
    ),
    "lost data": (
        remove("lake/data"),
        ["sql"],
        "lake_unreadable",
        "No such file or directory",
    ),
    "lost data, to be made anew": (
        remove("lake/data"),
        ["status", "refresh"],
        "lake_damaged",
        "restore the catalog and its data from a backup",
    ),
    "a broken log": (
        overwrite("log/events.sqlite"),
        ["get", "timeline", *CHANGES, "status", "stream"],
        "log_corrupt",
        "is damaged or is no event log",
    ),
    "a file where the log's folder should be": (
        a_file_instead("log"),
        ["get", "timeline", *CHANGES],
        "log_unwritable",
        "log/events.sqlite cannot be used: ",
    ),
    "a file where the lake should be": (
        a_file_instead("lake"),
        [*READS, *CHANGES, "status", "stream", "refresh"],
        "file_unusable",
        "cannot be used: Not a directory.",
    ),
    "a file where the locks should be": (
        a_file_instead(LOCKS),
        ["stream", "refresh"],
        "file_unusable",
        "catalog.sqlite.files/locks cannot be used: File exists.",
    ),
}


@pytest.fixture(scope="module")
def used(refreshed_shop, tmp_path_factory) -> Path:
    """A refreshed project with an event that the stream has carried; to be copied, not changed."""
    folder = Path(shutil.copytree(refreshed_shop, tmp_path_factory.mktemp("used") / "project"))
    assert on(folder, "update").code == 0
    assert on(folder, "stream").code == 0
    return folder


@pytest.fixture
def lived_in(used, tmp_path) -> Path:
    """A copy of that project that a test may change."""
    return Path(shutil.copytree(used, tmp_path / "lived in"))


@pytest.mark.parametrize(
    ("damage", "commands", "code", "words"), DAMAGES.values(), ids=list(DAMAGES)
)
def test_a_damaged_project_is_explained(lived_in, damage, commands, code, words):
    damage(lived_in)
    for command in commands:
        expect_refusal(on(lived_in, command), 1, words)
    answer = call("-q", "--json", "-C", lived_in, *EVERY[commands[0]], given=RECORD)
    assert (answer.code, answer.err, answer.document["error"]["code"]) == (1, "", code)


@pytest.mark.parametrize("lost", [[CATALOG], [CATALOG, ANNOUNCED]])
def test_a_lost_catalog_is_never_begun_anew_over_its_data_and_can_be_restored(used, lived_in, lost):
    remove(*lost)(lived_in)
    before = sorted((lived_in / "lake" / "data").rglob("*"))
    assert [on(lived_in, command).code for command in ("stream", "refresh")] == [1, 1]
    assert (lived_in / CATALOG).exists() is False
    assert sorted((lived_in / "lake" / "data").rglob("*")) == before
    shutil.copy(used / CATALOG, lived_in / CATALOG)
    assert call("-C", lived_in, "--json", "refresh").document["run"] == 2


def test_a_new_lake_begins_where_the_rest_of_the_lost_one_is_moved_away(lived_in):
    remove(CATALOG)(lived_in)
    for name in (ANNOUNCED, "lake/data"):
        expect_refusal(
            on(lived_in, "refresh"),
            1,
            f"move {lived_in / ANNOUNCED} and {lived_in / 'lake/data'} away.",
        )
        (lived_in / name).rename(lived_in / f"away-{Path(name).name}")
    assert call("-C", lived_in, "--json", "refresh").document["run"] == 1


@pytest.mark.parametrize(
    "damage",
    [overwrite(ANNOUNCED), overwrite(ANNOUNCED, content=b"5"), remove(ANNOUNCED), remove(LOCKS)],
)
def test_what_can_be_found_again_is(lived_in, damage):
    damage(lived_in)
    commands = ["get", "status", "update", "stream", "refresh"]
    assert [on(lived_in, command).code for command in commands] == [0] * 5


def test_a_mistake_in_the_configuration_stops_a_refresh_and_all_else_only_where_it_matters(
    project_folder,
):
    path = project_folder / "overtide.yaml"
    good = path.read_text()
    path.write_text(good.replace("primary_key: ContactId", "primary_kye: ContactId"))
    expect_refusal(
        on(project_folder, "refresh"),
        2,
        "overtide.yaml has 2 mistakes.",
        "Did you mean `primary_key`?",
    )
    assert [
        on(project_folder, command).code for command in ("get", "sql", "update", "status", "stream")
    ] == [0] * 5
    path.write_text(good + "lake: {data: 5}\n")
    for command in ("refresh", "get", "sql", "update", "status", "stream"):
        expect_refusal(
            on(project_folder, command), 2, "overtide.yaml has 1 mistake.", "lake.data: Expected"
        )


BAD_FILES = {
    "is gone": (lambda file: file.unlink(), "no_files", "No file matches data/Crm_Contacts.csv."),
    "is empty": (lambda file: file.write_bytes(b""), "empty_file", "has no columns: it is empty."),
    "has a header alone": (
        lambda file: file.write_text("ContactId,EMail,FullName,Points,Since\n"),
        "no_rows",
        "a refresh never publishes an empty entity",
    ),
    "is not UTF-8": (
        lambda file: file.write_bytes(b"ContactId,EM\xe4il\n"),
        "unreadable_file",
        "is not utf-8.",
    ),
    "lacks a column": (
        lambda file: file.write_text("ContactId,EMail,FullNmae,Points,Since\n1,a,b,1,\n"),
        "missing_column",
        "has no column 'FullName'",
        "Did you mean `FullNmae`?",
    ),
    "has other delimiters": (
        lambda file: file.write_text("ContactId;EMail;FullName;Points;Since\n1;a;b;1;\n"),
        "wrong_delimiter",
        "separated by ';', not by ','",
    ),
    "has ragged lines": (
        lambda file: file.write_text("ContactId,EMail,FullName,Points,Since\n1,a\n2,b\n"),
        "too_many_set_aside",
        "2 of 2 rows",
        "data/Crm_Contacts.csv, line 2: expected number of columns: 5 found: 2, in 1,a.",
    ),
}


@pytest.mark.parametrize("what", BAD_FILES)
def test_a_source_file_that_cannot_be_meant_fails_the_refresh_and_the_old_base_is_served(
    project_folder, what
):
    change, code, *words = BAD_FILES[what]
    change(project_folder / "data" / "Crm_Contacts.csv")
    expect_refusal(on(project_folder, "refresh"), 1, *words)
    assert call("-q", "--json", "-C", project_folder, "refresh").document["error"]["code"] == code
    assert call("-C", project_folder, "--json", "get", *WHO).document["run"] == 1
    assert not Paths.of(project_folder).scratch.exists()


def test_everything_that_is_wrong_with_the_sources_is_said_at_once(project_folder):
    (project_folder / "data" / "Crm_Contacts.csv").unlink()
    (project_folder / "data" / "Shop_Orders.csv").write_text("OrderId\n1\n")
    expect_refusal(
        on(project_folder, "refresh"),
        1,
        "The source files have 6 mistakes. Run 1 is still served.",
        "No file matches data/Crm_Contacts.csv",
        "data/Shop_Orders.csv has no column 'AccountId'",
        "data/Shop_Orders.csv has no column 'Amount'",
    )


@pytest.fixture
def read_only(lived_in):
    """A project in which nothing may be written."""
    places = [lived_in, *lived_in.rglob("*")]
    for place in places:
        place.chmod(0o555 if place.is_dir() else 0o444)
    yield lived_in
    for place in places:
        place.chmod(0o755)


@pytest.mark.parametrize("command", ["update", "withdraw", "post", "stream", "refresh"])
def test_a_read_only_project_is_explained(read_only, command):
    answer = spawn(
        "-q", "-C", read_only, *EVERY[command], given=RECORD.encode(), preexec_fn=obey_permissions
    )
    expect_refusal(answer, 1, "Permission denied", "permissions of the file and of its folder")


@pytest.mark.parametrize(
    ("name", "command", "words"),
    [
        ("overtide.yaml", "get", "overtide.yaml cannot be read: Permission denied."),
        ("overtide.yaml", "validate", "overtide.yaml cannot be read: Permission denied."),
        (
            "data/Crm_Contacts.csv",
            "refresh",
            "data/Crm_Contacts.csv cannot be read (Permission denied).",
        ),
        (f"{LOCKS}/refresh.lock", "refresh", "refresh.lock cannot be used: Permission denied."),
    ],
)
def test_unreadable_files_are_named(lived_in, name, command, words):
    (lived_in / name).chmod(0)
    answer = spawn("-q", "-C", lived_in, *EVERY[command], preexec_fn=obey_permissions)
    assert answer.code in (1, 2)
    expect_refusal(answer, answer.code, words)


def test_init_where_nothing_may_be_written(tmp_path):
    tmp_path.chmod(0o555)
    answer = spawn("init", tmp_path / "new", preexec_fn=obey_permissions)
    tmp_path.chmod(0o755)
    expect_refusal(
        answer, 1, f"{tmp_path / 'new'} cannot be used: Permission denied. Check the permissions"
    )


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("full", "full is not empty."),
        ("file", "file is not a folder."),
        ("file/below", "Not a directory."),
    ],
)
def test_init_where_something_is(tmp_path, target, words):
    (tmp_path / "full" / "x").mkdir(parents=True)
    (tmp_path / "file").touch()
    for command in ("init", "demo"):
        answer = call(command, tmp_path / target)
        assert answer.code in (1, 2)
        assert words in answer.err
        assert "Traceback" not in answer.err
