"""`overtide init --from`: columns that are written in several ways, and numbers that are keys."""

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from overtide.transforms.first_project.columns import found_type
from overtide.transforms.first_project.meanings import as_meant, meaning_of
from overtide.transforms.first_project.samples import Column
from tests.command_line import call
from tests.proposals import entity, proposed

GERMAN, ISO = "17.10.1990", "1999-11-07"


@pytest.mark.parametrize(
    ("texts", "kind", "formats"),
    [
        ([GERMAN, ISO], "date", ["%d.%m.%Y", "ISO"]),
        ([ISO, GERMAN], "date", ["%d.%m.%Y", "ISO"]),
        ([GERMAN, ISO, "1.2.24"], "date", ["%d.%m.%y", "%d.%m.%Y", "ISO"]),
        (["24.02.2026 20:29", "2026-02-24T20:29:00Z"], "datetime", ["%d.%m.%Y %H:%M", "ISO"]),
        (["24.02.2026 20:29", "24.02.2026"], "datetime", ["%d.%m.%Y", "%d.%m.%Y %H:%M"]),
        (["12/31/2024", "31.12.2024"], "date", ["%d.%m.%Y", "%m/%d/%Y"]),
        # The month first and the day first, by one separator: what is 3/4?
        (["12/31/2024", "31/12/2024"], "string", None),
        ([GERMAN, ISO, "gestern"], "string", None),
        (["1.2.3", "4-5-6", "x7"], "string", None),
        (["030 1234", "0171-99"], "string", None),
    ],
)
def test_days_and_times_in_several_ways(texts, kind, formats):
    found = found_type(Column("X", tuple(texts)))
    assert (found.type, found.settings.get("format")) == (kind, formats)


def test_words_for_nothing_among_days_in_several_ways_are_null():
    found = found_type(Column("X", (GERMAN, "k.A.", ISO, "-", "K.A.")))
    assert found.settings == {"format": ["%d.%m.%Y", "ISO"], "null_words": ["-", "k.a."]}


@pytest.mark.parametrize(("odd", "kind"), [(1, "datetime"), (2, "string")])
def test_a_word_among_hundreds_of_times_is_null_and_told(odd, kind):
    texts = [f"2026-11-{1 + n % 28:02} 10:{n // 28:02}:00" for n in range(250)]
    found = found_type(Column("At", (*texts, *["gestern", "heute"][:odd])))
    assert found.type == kind
    assert "'gestern'" in found.check


def test_days_of_birth_in_several_ways_are_days_although_some_are_mistyped():
    texts = (GERMAN, ISO) * 10
    days = [f"{n + 1}.10.1990" for n in range(19)]
    found = found_type(Column("Geburtsdatum", (*texts, *days, "31.02.1990")))
    assert (found.type, found.settings) == ("date", {"format": ["%d.%m.%Y", "ISO"]})
    assert "1 of 21 different values are no days, such as '31.02.1990'" in found.check


def test_days_in_several_ways_that_may_be_turned_are_told():
    found = found_type(Column("X", ("3/4/2024", "2024-05-31")))
    assert found.settings == {"format": ["%d/%m/%Y", "ISO"]}
    assert found.check.startswith("days and months can't be told apart")


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("E-Mail", ["a@x.de", "b@x.de", "k.A.", "-", "n/a", "-"]),
        ("Telefon", ["030 123456", "+49 30 123457", "k.A.", "-", "n/a", "-", "-"]),
    ],
)
def test_words_that_are_no_address_and_no_number_are_null(name, texts):
    column = Column(name, tuple(texts))
    found = found_type(column)
    meaning = meaning_of(column, found)
    assert meaning is not None
    assert as_meant(found, meaning, column).settings == {"null_words": ["-", "k.a.", "n/a"]}


def tickets(folder: Path) -> list[Path]:
    """Write what pandas makes of whole numbers where some are missing: 100001.0."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    keys = [100_000.0 + n for n in range(40)]
    made = {"ticket_id": keys, "kind": ["a", "b"] * 20, "at": [at] * 40, "hours": keys}
    pq.write_table(pa.table(made), folder / "tickets.parquet")
    notes = {
        "note_id": range(60),
        "ticket_id": [None if n == 7 else 100_000.0 + n % 40 for n in range(60)],
        "at": [at] * 60,
    }
    pq.write_table(
        pa.table({name: list(rows) for name, rows in notes.items()}), folder / "n.parquet"
    )
    return [folder / "tickets.parquet", folder / "n.parquet"]


def test_whole_numbers_as_floats_are_keys(tmp_path):
    people = tmp_path / "people.csv"
    people.write_text("Id,First name,E-mail\n" + "".join(f"{n},A{n},a{n}@x.de\n" for n in range(9)))
    found = proposed(tmp_path, people, *tickets(tmp_path))
    (source,) = {one.partition("_")[0] for one in (*found.customers, *found.kept)}
    made = entity(found, f"{source}_Tickets")
    assert made["primary_key"] == "ticket_id"
    kinds = ["integer", "string", "datetime", "double"]
    assert made["attributes"] == dict(zip(["ticket_id", "kind", "at", "hours"], kinds, strict=True))
    assert entity(found, f"{source}_N")["attributes"]["ticket_id"] == "integer"
    told = call("-C", tmp_path, "refresh")
    assert told.code == 0, told.err
    assert "lost" not in told.err


def test_a_key_of_two_columns_is_found_by_columns_of_other_names(tmp_path):
    accounts = [(mandant, number) for mandant in ("AT", "DE") for number in range(30)]
    rows = "".join(f"{m};{n:03};Ann;a{n % 40}@x.de\n" for m, n in accounts)
    (tmp_path / "k.csv").write_text(f"Mandant;Kd-Nr.;Vorname;E-Mail\n{rows}")
    keys = [accounts[n % 60] for n in range(90)]
    calls = "".join(f"{n},{key[0]},{key[1]:03},2026-01-01,x\n" for n, key in enumerate(keys))
    (tmp_path / "calls.csv").write_text(f"CallId,mandant,kunden_nr,at,shop\n{calls}")
    found = proposed(tmp_path, tmp_path / "k.csv", tmp_path / "calls.csv")
    (way,) = yaml.safe_load(found.text)["relationships"]
    assert way["foreign_key"] == ["mandant", "kunden_nr"]
    assert len(found.activities) == 1
    told = call("-C", tmp_path, "refresh")
    assert told.code == 0, told.err
    assert "belong to no customer" not in told.err


@pytest.mark.parametrize("place", [0, 1, 100, 249, 250])
@pytest.mark.parametrize("odd", ["gestern", "2026-13-45 10:00:00"])
def test_a_word_among_times_is_null_wherever_it_stands(place, odd):
    texts = [f"2026-11-{1 + n % 28:02} 10:{n // 28:02}:00" for n in range(250)]
    found = found_type(Column("At", (*texts[:place], odd, *texts[place:])))
    assert found.type == "datetime"
    assert f"{odd!r}" in found.check


@pytest.mark.parametrize("place", [0, 250])
def test_what_is_nearly_all_numbers_is_told_wherever_the_odd_word_stands(place):
    texts = [str(n) for n in range(250)]
    found = found_type(Column("N", (*texts[:place], "x7", *texts[place:])))
    assert found.check == "nearly all of it is integer, but not 'x7': kept as text"


@pytest.mark.parametrize("name", ["At", "Date of birth"])
def test_words_for_null_and_what_to_check_stay_where_a_few_values_are_no_days(name):
    texts = [f"{1 + n % 12:02}/{1 + n // 12 % 12:02}/{1990 + n // 144}" for n in range(400)]
    found = found_type(Column(name, (*texts, "gestern", "-", "n/a")))
    assert found.type == "date"
    assert found.settings == {"format": "%d/%m/%Y", "null_words": ["-", "n/a"]}
    told = "1 of 401 different values are no days" if "birth" in name else "1 of 401 different"
    assert told in found.check
    assert "'-'" not in found.check
    assert "days and months can't be told apart; %d/%m/%Y was taken" in found.check


def test_days_that_tell_what_comes_first_need_no_check_of_it():
    texts = [f"{1 + n % 12:02}/{1 + n // 12:02}/2024" for n in range(12 * 28)]
    found = found_type(Column("At", ("gestern", *texts)))
    assert found.settings == {"format": "%m/%d/%Y"}
    assert "apart" not in found.check


@pytest.mark.parametrize(("days", "kind"), [(9, "date"), (8, "string")])
@pytest.mark.parametrize("iso", [False, True])
def test_exactly_one_day_of_birth_in_ten_may_be_mistyped(days, kind, iso):
    texts = [f"{n + 13}.10.1990" for n in range(days)]
    texts = ["1990-10-13", *texts[1:]] if iso else texts
    assert found_type(Column("Geburtsdatum", (*texts, "31.02.1990"))).type == kind
