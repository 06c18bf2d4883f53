"""Texts of every type, and of what is almost one: formats, numbers, offsets and edges."""

from datetime import datetime
from itertools import product

from hypothesis import strategies as st

from overtide.schemas.configuration.entities import Attribute

ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "America/St_Johns",
    "Africa/Casablanca",
    "Pacific/Apia",
    "Asia/Kathmandu",
    "Europe/Dublin",
]
FORMATS = [
    "%m/%d/%Y",
    "%d.%m.%Y",
    "%Y%m%d",
    "%d %b %Y",
    "%B %d, %Y",
    "%m/%d/%y",
    "%Y-%m-%d %H:%M:%S",
    "%m/%d/%Y %I:%M:%S %p",
    "%Y-%m-%dT%H:%M:%S.%f",
    "%d/%m/%Y %H:%M %z",
    "%Y-%m-%dT%H:%M:%S%z",
    "%A %d.%m.%y",
    "%-d/%-m/%Y",
    "%Y %% %m",
    "%H:%M",
    "%c",
    "%x %X",
    "%Y%m%d%H%M%S%f",
    "%d.%m.%Y %H:%M:%S,%f %z",
    "%f%Y",
    "%Y %f %%f",
]
TYPES = [
    Attribute(type=kind)
    for kind in (
        "string",
        "guid",
        "integer",
        "double",
        "boolean",
        "date",
        "datetime",
        "decimal(18, 2)",
        "decimal(5,0)",
        "decimal(3,3)",
        "decimal(38,10)",
    )
]
MARKS = [
    Attribute(type=kind, decimal_mark=",") for kind in ("double", "decimal(18, 2)", "decimal(4,3)")
]
FORMATTED = [
    Attribute(type=kind, format=form) for kind, form in product(("date", "datetime"), FORMATS)
]
BLANKS = st.sampled_from(["", " ", "  ", "\u00a0", "\t", "\n"])
DIGITS = st.sampled_from("0123456789٣３²½Ⅷ")
NUMBERS = st.one_of(
    st.integers(-(2**65), 2**65).map(str),
    st.floats().map(repr),
    st.decimals(-(10**20), 10**20, places=4).map(str),
    st.decimals(-2, 2, places=3, allow_nan=False).map(lambda number: str(number).replace(".", ",")),
    st.tuples(
        st.floats(allow_nan=False, allow_infinity=False).map(repr), st.integers(-420, 420)
    ).map(lambda parts: f"{parts[0].partition('e')[0]}E{parts[1]:+}"),
    st.tuples(
        st.text("0123456789", max_size=50),
        st.sampled_from(["", ".", ",", "."]),
        st.text("05", max_size=50),
        st.sampled_from(["", "", "", "e0", "e2", "e-2", "E+19", "e-999999999999999999999"]),
    ).map("".join),
    st.integers(-(2**65), 2**65).map("{}.0".format),
    st.text("0123456789+-.,eE _", max_size=12),
    st.text(DIGITS, max_size=4),
)
WORDS = st.one_of(
    st.sampled_from(
        [
            "true",
            "Yes",
            "T",
            "y",
            "1",
            "FALSE",
            "no",
            "f",
            "N",
            "0",
            "ja",
            "on",
            "tru",
            "İ",
            "ｔrue",
            "NaN",
            "inf",
            "Infinity",
            "-infinity",
            "epoch",
            "EPOCH ",
            "now",
            "today",
            "null",
        ]
    ),
    st.uuids().map(str),
    st.uuids().map(lambda one: one.hex.upper()),
    st.text(max_size=6),
)
PLAIN = (
    st.tuples(BLANKS, st.one_of(NUMBERS, WORDS), BLANKS)
    .map("".join)
    .filter(lambda text: "\0" not in text)
)
OFFSETS = st.sampled_from(
    [
        "",
        "",
        "Z",
        "z",
        "+00",
        "+02:00",
        "-0330",
        "+23:59",
        "+24:00",
        "-12:60",
        "+2",
        " +02",
        " UTC",
        "UTC",
        " utc",
        " Z",
        "  Z",
        " -03:30",
        "+00:19:32",
        "+001932",
        "+05:4530",
        "+01:00:60",
        " CET",
    ]
)
EDGES = st.sampled_from(
    [
        datetime(1, 1, 1),
        datetime(1, 1, 1, 23, 59),
        datetime(1, 1, 2),
        datetime(9999, 12, 31),
        datetime(9999, 12, 31, 23, 59, 59, 999999),
        datetime(9999, 12, 30, 1),
        datetime(1970, 1, 1),
        datetime(1969, 12, 31, 23, 59, 59, 999999),
    ]
)
ISO = st.builds(
    "{}{}".format,
    st.one_of(
        EDGES.map(lambda time: time.isoformat("T", "auto")),
        EDGES.map(lambda time: time.date().isoformat()),
        st.builds(
            "{}{}{}{}".format,
            st.one_of(st.datetimes(), EDGES).map(lambda time: time.isoformat(" ", "seconds")),
            st.sampled_from(".,"),
            st.text("09", max_size=12),
            st.sampled_from(["", "", " "]),
        ),
        st.datetimes().map(lambda time: time.isoformat("T", "seconds").lower()),
        st.sampled_from(
            ["2016-12-31T23:59:60", "2024-05-01T24:00:00", "0000-12-31T23:00:00", "10000-01-01"]
        ),
        st.datetimes().map(lambda time: time.isoformat("T", "auto")),
        st.dates().map(str),
        st.datetimes().map(lambda time: time.isoformat(" ", "minutes")),
        st.text("0123456789-:. T", max_size=19),
    ),
    OFFSETS,
)
