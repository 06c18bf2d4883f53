"""One row per primary key.

By preference, then the greatest canonical row, never by the order of the files.
"""

import io
import json
import math
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from overtide.schemas.configuration.entities import Entity, Preference
from overtide.schemas.errors import OvertideError
from tests.source_files import Found, read, read_files

ATTRIBUTES = {"Id": "integer", "Name": "string", "City": "string", "Seen": "date"}
Row = tuple[int | None, str | None, str | None, date | None]
POLICIES = [
    Preference(),
    Preference(policy="most_recent", attribute="Seen"),
    Preference(policy="least_recent", attribute="Seen"),
    Preference(policy="most_recent", attribute="Id"),
]


def write(file: Path, rows: list[Row], spelling: str = "{}") -> None:
    lines = (",".join("" if value is None else str(value) for value in row) for row in rows)
    file.write_text("Id,Name,City,Seen\n" + "".join(spelling.format(line) + "\n" for line in lines))


def read_rows(tmp_path: Path, parts: list[list[Row]], prefer: Preference) -> Found:
    files = []
    for number, rows in enumerate(parts):
        files.append(tmp_path / f"{id(parts)}-{number}.csv")
        write(files[-1], rows)
    entity = Entity(path="x", primary_key="Id", attributes=ATTRIBUTES, max_set_aside_percent=100)
    return read_files(tmp_path, entity, files, prefer)


def winner(rows: list[Row], prefer: Preference) -> Row:
    """The preferred row; between equals the one whose texts, joined, are the greatest."""

    def text(row: Row) -> bytes:
        return "\x1c".join("\x1d" if value is None else str(value) for value in row).encode()

    def rank(row: Row) -> tuple[Any, ...]:
        compared = row[list(ATTRIBUTES).index(prefer.attribute)] if prefer.attribute else None
        number = compared.toordinal() if isinstance(compared, date) else compared
        if prefer.policy == "most_filled":
            return sum(value is not None for value in row), text(row)
        if number is None:
            return False, 0, text(row)
        return True, number if prefer.policy == "most_recent" else -number, text(row)

    return max(rows, key=rank)


ROWS = st.tuples(
    st.none() | st.integers(1, 4),
    st.none() | st.sampled_from(["a", "b", "é", "Z"]),
    st.none() | st.sampled_from(["x", "10", "9"]),
    st.none() | st.sampled_from([date(2024, 1, 1), date(2024, 2, 1), date(1999, 1, 1)]),
)


@pytest.mark.parametrize("prefer", POLICIES, ids=lambda one: f"{one.policy} {one.attribute}")
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows=st.lists(ROWS, min_size=1, max_size=12), data=st.data())
def test_the_row_of_a_key_is_that_of_plain_python_whatever_the_files(tmp_path, prefer, rows, data):
    keyed: dict[int, list[Row]] = {}
    for row in rows:
        keyed.setdefault(row[0], []).append(row) if row[0] is not None else None
    keyless = sum(row[0] is None for row in rows)
    found = read_rows(tmp_path, [rows], prefer)
    assert sorted(found.rows) == sorted(winner(same, prefer) for same in keyed.values())
    assert found.counts == (len(rows), len(keyed), keyless, len(rows) - len(keyed) - keyless)
    shuffled, cut = data.draw(st.permutations(rows)), data.draw(st.integers(0, len(rows)))
    again = read_rows(tmp_path, [part for part in (shuffled[cut:], shuffled[:cut]) if part], prefer)
    assert (again.table.content, again.table.corrupt_content) == (
        found.table.content,
        found.table.corrupt_content,
    )


@pytest.mark.parametrize(
    ("kind", "texts", "kept"),
    [
        ("integer", ["7", "007", "+7", " 7 "], [7]),
        ("integer", ["-0", "0", "00"], [0]),
        (
            "string",
            ["7", "007", " 7", "7 ", "A", "a", "é", "e\u0301"],
            ["7", "007", " 7", "7 ", "A", "a", "é", "e\u0301"],
        ),
        (
            "guid",
            ["0000000A-0000-0000-0000-00000000000A", "0000000a00000000000000000000000a"],
            ["0000000a-0000-0000-0000-00000000000a"],
        ),
    ],
)
def test_a_key_is_its_value_not_its_text(tmp_path, kind, texts, kept):
    found = read(tmp_path, "Id\n" + "\n".join(f'"{text}"' for text in texts), {"Id": kind})
    assert sorted(row[0] for row in found.rows) == sorted(kept)
    assert sum(found.repeats) == len(texts) - len(kept)


@pytest.mark.parametrize("kind", ["string", "integer", "guid"])
@pytest.mark.parametrize("blank", ["", '""', '" "', '"   "', '"\u00a0"', '"\u3000"'])
def test_a_blank_key_is_none(tmp_path, kind, blank):
    found = read(tmp_path, f"Name,Id\nx,{blank}\n", {"Name": "string", "Id": kind})
    (corrupt,) = found.corrupt
    assert (found.counts, found.rows) == ((1, 0, 1, 0), [])
    assert (corrupt.kept, corrupt.details) == (False, "Id: the primary key is missing")
    assert corrupt.record.startswith('{"Name":"x","Id":')


TEXTS = st.tuples(
    st.sampled_from(["", " ", "1", "01", "2", "x"]),
    st.sampled_from(["", "a", "b", '"']),
    st.sampled_from(["", "x", "10", "9"]),
    st.sampled_from(["", "2024-01-01", "2024-02-01", "?", "x"]),
)
Texts = tuple[str, ...]


def typed(row: Texts) -> Row:
    """Return what a row of texts holds."""
    seen = date.fromisoformat(row[3]) if row[3].startswith("2") else None
    return int(row[0]) if row[0].isdigit() else None, row[1] or None, row[2] or None, seen


def record(row: Texts) -> str:
    """Return how a row is listed: as read where a value could not be, else by its values."""
    plain = [None if value is None else str(value) for value in typed(row)]
    wrong = plain[0] is None or (row[3] and plain[3] is None)
    shown = [text or None for text in row] if wrong else plain
    return json.dumps(dict(zip(ATTRIBUTES, shown, strict=True)), separators=(",", ":"))


def wrong(row: Texts) -> str:
    """Return what is wrong with a row and its texts, which make equal rows different, in order."""
    return f"{row[3]}\x1c{record(row)}" if row[3] in ("?", "x") else ""


@pytest.mark.parametrize("prefer", POLICIES, ids=lambda one: f"{one.policy} {one.attribute}")
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows=st.lists(TEXTS, min_size=1, max_size=14), data=st.data())
def test_no_row_vanishes_every_one_is_kept_listed_or_repeats_one_that_is(
    tmp_path, prefer, rows, data
):
    shuffled, cut = data.draw(st.permutations(rows)), data.draw(st.integers(0, len(rows)))
    files = []
    for number, part in enumerate([part for part in (shuffled[cut:], shuffled[:cut]) if part]):
        files.append(tmp_path / f"{number}.csv")
        files[-1].write_text(
            "Id,Name,City,Seen\n"
            + "".join(
                ",".join('"' + text.replace('"', '""') + '"' if text else "" for text in row) + "\n"
                for row in part
            )
        )
    entity = Entity(path="x", primary_key="Id", attributes=ATTRIBUTES, max_set_aside_percent=100)
    found = read_files(tmp_path, entity, files, prefer)

    keyed = [row for row in rows if typed(row)[0] is not None]
    contents = {(typed(row), wrong(row)): row for row in keyed}
    winners = {}
    for key in {value[0] for value, _ in contents}:
        best = winner([value for value, _ in contents if value[0] == key], prefer)
        winners[key] = min((one for one in contents if one[0] == best), key=lambda one: one[1])
    kept = set(winners.values())
    assert Counter(found.rows) == Counter(value for value, _ in kept)
    assert found.repeats == (len(keyed) - len(contents), len(contents) - len(kept))
    listed = Counter((row.kept, row.record) for row in found.corrupt)
    keyless = [(False, record(row)) for row in rows if typed(row)[0] is None]
    assert listed == Counter(
        [
            *keyless,
            *(
                (one in kept, record(row))
                for one, row in contents.items()
                if one[1] or one not in kept
            ),
        ]
    )


def test_a_row_that_lost_names_its_key_and_what_it_lost_to(tmp_path):
    lines = [
        "1,placed,2024-01-01",
        "1,cancelled,2024-02-01",
        "1,placed,2024-01-01",
        "1,placed,?",
        "2,x,",
        "2,x,?",
    ]
    entity = Entity(
        path="x", primary_key="Id", attributes={"Id": "string", "Name": "string", "Seen": "date"}
    )
    (tmp_path / "a.csv").write_text("\n".join(["Id,Name,Seen", *lines]))
    found = read_files(
        tmp_path, entity, [tmp_path / "a.csv"], Preference(policy="most_recent", attribute="Seen")
    )
    kept, bad = (
        'is kept: {"Name":"cancelled","Seen":"2024-02-01"}',
        'Seen: expected date as YYYY-MM-DD but found "?"',
    )
    assert sorted(found.rows) == [("1", "cancelled", date(2024, 2, 1)), ("2", "x", None)]
    assert (found.counts, found.repeats) == ((6, 2, 0, 4), (1, 3))
    assert [(row.key, row.kept, row.details, row.record) for row in found.corrupt] == [
        (
            "1",
            False,
            f'Id: another row with the key "1" {kept}',
            '{"Id":"1","Name":"placed","Seen":"2024-01-01"}',
        ),
        (
            "1",
            False,
            f'Id: another row with the key "1" {kept}; {bad}',
            '{"Id":"1","Name":"placed","Seen":"?"}',
        ),
        (
            "2",
            False,
            (
                'Id: another row with the key "2" is kept, '
                f"with the same values where they could be read; {bad}"
            ),
            '{"Id":"2","Name":"x","Seen":"?"}',
        ),
    ]


def test_a_row_that_comes_in_several_files_is_listed_once_of_the_first_of_them_by_name(tmp_path):
    for name, text in {
        "b.csv": "Id,Name\n1,a\n",
        "a.csv": "Id,Name\n1,a\n",
        "c.csv": "Id,Name\n1,b\n",
    }.items():
        (tmp_path / name).write_text(text)
    entity = Entity(path="*.csv", primary_key="Id", attributes={"Id": "string", "Name": "string"})
    for names in (["b.csv", "a.csv", "c.csv"], ["c.csv", "a.csv", "b.csv"]):
        found = read_files(tmp_path, entity, [tmp_path / name for name in names])
        assert found.rows == [("1", "b")]
        assert [(row.file, row.record) for row in found.corrupt] == [
            ("a.csv", '{"Id":"1","Name":"a"}')
        ]


@pytest.mark.parametrize("policy", ["most_recent", "least_recent"])
@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_what_is_no_finite_number_is_preferred_to_nothing(tmp_path, form, policy):
    numbers: list[Any] = [math.nan, math.inf, -math.inf, None, 5.5]
    rows = [{"Id": "1", "Name": f"{number}", "At": number} for number in numbers]
    if form == "parquet":
        out = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(rows), out)
        content: bytes = out.getvalue()
    elif form == "csv":
        content = (
            "Id,Name,At\n"
            + "".join(f"1,{number},{'' if number is None else number}\n" for number in numbers)
        ).encode()
    else:
        content = "".join(json.dumps({**row, "At": str(row["At"])}) + "\n" for row in rows).encode()
    (tmp_path / f"a.{form}").write_bytes(content)
    entity = Entity(
        path="x",
        format=form,
        primary_key="Id",  # type: ignore[arg-type]
        attributes={"Id": "string", "Name": "string", "At": "double"},
    )
    found = read_files(
        tmp_path, entity, [tmp_path / f"a.{form}"], Preference(policy=policy, attribute="At")
    )  # type: ignore[arg-type]
    assert found.rows == [("1", "5.5", 5.5)]
    assert found.repeats == (0, 4)


def test_of_rows_with_a_key_that_is_corrupt_elsewhere_all_are_named(tmp_path):
    found = read(
        tmp_path, "Id,Seen\n1,x\n1,y\n1,2024-01-01\n2,x\n", {"Id": "string", "Seen": "date"}
    )
    assert sorted(found.rows) == [("1", date(2024, 1, 1)), ("2", None)]
    assert [(row.key, row.kept, row.record) for row in found.corrupt] == [
        ("1", False, '{"Id":"1","Seen":"x"}'),
        ("1", False, '{"Id":"1","Seen":"y"}'),
        ("2", True, '{"Id":"2","Seen":"x"}'),
    ]
    assert found.counts == (4, 2, 0, 2)


@pytest.mark.parametrize(
    ("percent", "aside", "rows", "refused"),
    [
        (5, 5, 100, False),
        (5, 6, 100, True),
        (5, 1, 20, False),
        (5, 1, 19, True),
        (0, 0, 1, False),
        (0, 1, 1_000, True),
        (0.1, 1, 1_000, False),
        (0.1, 1, 999, True),
        (12.5, 1, 8, False),
        (100, 3, 3, False),
    ],
)
def test_the_share_of_rows_that_may_be_set_aside(tmp_path, percent, aside, rows, refused):
    lines = ["" if number < aside else str(number) for number in range(rows)]
    text = "Id\n" + "".join(f'"{line}"\n' for line in lines)
    if not refused:
        counts = read(tmp_path, text, {"Id": "string"}, max_set_aside_percent=percent).counts
        assert counts == (rows, rows - aside, aside, 0)
        return
    with pytest.raises(OvertideError) as error:
        read(tmp_path, text, {"Id": "string"}, max_set_aside_percent=percent)
    assert error.value.code == "too_many_set_aside"
    assert f"{aside:,} of {rows:,} rows" in str(error.value)
    told = [detail.message for detail in error.value.details]
    assert len(told) == min(aside, 3)
    for number, text in enumerate(told):
        assert text.endswith(
            f'.csv, line {number + 2}: Id: the primary key is missing, in {{"Id":null}}.'
        )


@pytest.mark.parametrize(
    ("settings", "text", "lines"),
    [
        (
            {},
            'A,Id\n"a\nb",1\n\n"x ""y""",\nshort\n,\nz, \n',
            [(5, "x"), (6, "line"), (7, ""), (8, "z")],
        ),
        ({"delimiter": ";"}, 'A;Id\r\nx,y;1\r\nx,y;""\r\n', [(3, "x,y")]),
        ({"encoding": "utf-16"}, "A,Id\né,\n", [(2, "é")]),
        ({}, "A,Id\n" + "x,1\n" * 5_000 + "x,\n" * 3, [(5_002, "x"), (5_003, "x"), (5_004, "x")]),
        ({"format": "jsonl"}, '{"A": 1, "Id": 1}\n\n{"A": "x"}\n[]\n', [(3, "x"), (4, "line")]),
    ],
)
def test_a_row_without_a_key_is_found_by_its_line(tmp_path, settings, text, lines):
    content = text.encode(settings.get("encoding", "utf-8"))
    found = read(tmp_path, content, {"A": "string", "Id": "integer"}, **settings).corrupt
    told = [
        (row.line, "line" if row.details.startswith("line") else json.loads(row.record)["A"] or "")
        for row in found
    ]
    assert [(line, shown.partition(" ")[0]) for line, shown in told] == lines


def test_a_key_that_is_none_is_named_with_its_value(tmp_path):
    with pytest.raises(OvertideError) as error:
        read(
            tmp_path,
            "A,Id\nx,1\ny,abc\n",
            {"A": "string", "Id": "integer"},
            max_set_aside_percent=5,
        )
    (told,) = error.value.details
    assert told.message.partition(".csv, ")[2] == (
        'line 3: Id: the primary key is missing; Id: expected integer but found "abc", in '
        '{"A":"y","Id":"abc"}.'
    )


def test_lines_that_are_no_rows_count_as_set_aside(tmp_path):
    with pytest.raises(OvertideError, match="2 of 3 rows"):
        read(tmp_path, "Id,Name\n1\n2,b\n,c\n", max_set_aside_percent=50)


def test_repeated_keys_do_not_count_as_set_aside(tmp_path):
    assert read(tmp_path, "Id,Name\n" + "1,a\n" * 100, max_set_aside_percent=0).counts == (
        100,
        1,
        0,
        99,
    )
