"""A serving generation: written once, complete or not there, and read from every thread."""

import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from overtide.lake.generation import Generation, Profile
from overtide.schemas.errors import OvertideError
from overtide.schemas.serving_metadata import RealTimeDefaults, ServedAttribute
from overtide.schemas.table import ProfileField
from tests.generations import told, write_generation

META = {
    "run": 3,
    "instance": "5d0f0f3c-1e1b-4f8e-9c53-3f6f0a6b9f10",
    "profile": [
        {"name": "CustomerId", "type": "string", "updatable": False},
        {"name": "EMail", "type": "string", "updatable": True},
    ],
    "entities": {
        "Shop_Contacts": {
            "attributes": {"Id": {"type": "integer", "format": None, "decimal_mark": "."}},
            "time_zone": "UTC",
            "primary_key": "Id",
        }
    },
    "activities": {},
    "real_time": {"update_ttl": "4h", "activity_ttl": "30d"},
}
ANN = Profile(
    "a" * 32,
    {"EMail": "ann@example.com", "Größe": None},
    (("Shop_Contacts", "1", True), ("Shop_Contacts", "2", False)),
    ("b" * 32, "c" * 32),
)


@pytest.fixture
def generation(tmp_path):
    path = tmp_path / "serving #1?" / "g 1%20.sqlite"
    records = [("Shop_Contacts", key, ANN.customer_id) for key in "12"]
    write_generation(
        path, META, [ANN], records, [("b" * 32, ANN.customer_id), ("d" * 32, "e" * 32)]
    )
    return Generation(path)


def test_a_profile_comes_back_as_it_was_written(generation):
    assert generation.profile(ANN.customer_id) == ANN
    assert generation.profile("b" * 32) is None


def test_documents_name_no_columns_and_no_winners(tmp_path):
    key = {"name": "Shop_Contacts_Id", "type": "string", "updatable": False}
    bob = Profile("b" * 32, {"EMail": "bob@example.com", "Shop_Contacts_Id": None})
    ann = Profile(
        ANN.customer_id,
        {"EMail": None, "Shop_Contacts_Id": "1"},
        ANN.records,
        ANN.previous,
        (("Shop_Contacts", "3"),),
        (("Shop_Contacts.EMail", "ann@example.com"),),
    )
    records = [("Shop_Contacts", key, ANN.customer_id) for key in "12"]
    meta, path = META | {"profile": [*META["profile"], key]}, tmp_path / "g.sqlite"
    write_generation(path, meta, [ann, bob], records, telling=told)
    read = Generation(path)
    assert [read.profile(one.customer_id) for one in (ann, bob)] == [ann, bob]
    with closing(sqlite3.connect(path)) as connection:
        documents = dict(connection.execute("SELECT * FROM profile"))
    assert documents[bob.customer_id] == '{"values": ["bob@example.com", null]}'
    assert "Shop_Contacts_Id" not in documents[ann.customer_id]


def test_closing_closes_the_files_of_every_thread_and_a_later_read_opens_them_anew(generation):
    def opened():
        return [one for one in Path("/proc/self/fd").iterdir() if one.resolve() == generation.path]

    looked, closed = threading.Barrier(4), threading.Event()

    def read():
        generation.profile(ANN.customer_id)
        looked.wait(30)
        closed.wait(30)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    looked.wait(30)
    generation.profile(ANN.customer_id)
    assert opened() != []
    generation.close()
    assert opened() == []
    assert generation.profile(ANN.customer_id) == ANN
    closed.set()
    for reader in readers:
        reader.join()


def test_ids_resolve_to_the_profile_that_they_lead_to(generation):
    assert generation.resolve_id(ANN.customer_id) == ANN.customer_id
    assert generation.resolve_id("b" * 32) == ANN.customer_id
    assert generation.resolve_id("d" * 32) is None
    assert generation.resolve_id("x") is None


def test_records_resolve_losers_too(generation):
    assert generation.resolve_record("Shop_Contacts", "2") == ANN.customer_id
    assert generation.resolve_record("Shop_Contacts", "3") is None
    assert generation.targets_among("Shop_Contacts", {"1", "2", "3", "'\""}) == {"1", "2"}
    assert generation.targets_among("Shop_Contacts", ()) == set()
    assert generation.targets_among("Shop_Others", {"1"}) == set()


@pytest.mark.parametrize(("key", "text"), [("007", "7"), ("7", "7"), ("x", "x"), ("", "")])
def test_keys_have_a_canonical_text(generation, key, text):
    assert generation.key_text("Shop_Contacts", key) == text
    assert generation.key_text("Unknown", key) == key


def test_the_metadata_is_typed(generation):
    found = generation.metadata
    assert (generation.run, found.instance) == (3, META["instance"])
    assert generation.profile_fields["EMail"] == ProfileField("EMail", "string", True)
    assert found.entities["Shop_Contacts"].attributes == {"Id": ServedAttribute("integer")}
    assert (found.activities, found.real_time) == ({}, RealTimeDefaults("4h", "30d"))


def test_threads_read_side_by_side(generation):
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(generation.profile(ANN.customer_id)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [ANN] * 8


def test_a_look_up_takes_microseconds(generation):
    began = time.thread_time()
    for _ in range(2000):
        generation.resolve_id(ANN.customer_id)
        generation.profile(ANN.customer_id)
    assert (time.thread_time() - began) / 4000 < 200e-6


def test_a_missing_generation_is_named(tmp_path):
    with pytest.raises(OvertideError) as error:
        Generation(tmp_path / "gone.sqlite")
    assert error.value.code == "generation_missing"


@pytest.mark.parametrize("content", [b"this is no database" * 100, b""])
def test_a_damaged_generation_is_an_error_not_a_traceback(tmp_path, content):
    path = tmp_path / "bad.sqlite"
    path.write_bytes(content)
    with pytest.raises(OvertideError) as error:
        Generation(path).profile("a")
    assert error.value.code == "generation_corrupt"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("DELETE FROM meta WHERE key = 'run'", "it has no `run`"),
        ("DELETE FROM meta", "it has no `run`"),
        ("UPDATE meta SET value = '[1]' WHERE key = 'entities'", "its metadata is another's"),
        ("UPDATE meta SET value = '{' WHERE key = 'profile'", "Expecting property name"),
        ("INSERT INTO meta VALUES ('version', '2')", "it has version 2, not 1"),
    ],
)
def test_a_generation_that_lacks_metadata_is_an_error(tmp_path, change, said):
    write_generation(tmp_path / "g.sqlite", META, [])
    with closing(sqlite3.connect(tmp_path / "g.sqlite")) as connection:
        connection.execute(change)
        connection.commit()
    with pytest.raises(OvertideError, match=said) as error:
        _ = Generation(tmp_path / "g.sqlite").run
    assert error.value.code == "generation_corrupt"


def test_a_failed_write_leaves_no_generation(tmp_path):
    with pytest.raises(duckdb.Error):
        write_generation(tmp_path / "g.sqlite", META, [ANN, ANN])
    assert not (tmp_path / "g.sqlite").exists()
