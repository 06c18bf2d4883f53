"""What the values of an entity look like: counts, extremes, quantiles, moments, a histogram.

Computed from the lake when it is asked for, exactly; only the quantiles of numbers interpolate.
"""

from typing import Any

from overtide.schemas.names import literal, quoted
from overtide.schemas.table import SCHEMA
from overtide.serving.odata.entity_sets import EntitySet, Property
from overtide.serving.service import Ask

MOST_VALUES = 100
"""Values whose counts are shown, the most frequent ones."""
BINS = 20
QUANTILES = {
    "p0D1": 0.001,
    "p1": 0.01,
    "p5": 0.05,
    "p25": 0.25,
    "p50": 0.5,
    "p75": 0.75,
    "p95": 0.95,
    "p99": 0.99,
    "p99D9": 0.999,
}
MOMENTS = {
    "mean": "avg",
    "standardDeviation": "stddev_pop",
    "variance": "var_pop",
    "skewness": "skewness",
    "kurtosis": "kurtosis",
}
"""Members of the product's Moments, and DuckDB's functions."""


def entity_profile(ask: Ask, rows: EntitySet, corrupt: str | None) -> dict[str, Any]:
    """Return the counts of an entity; `corrupt` is the table of its rows that are set aside."""
    ((count,),) = ask(f"SELECT count(*) FROM {SCHEMA}.{quoted(rows.name)}")
    aside = ask(f"SELECT count(*) FROM {SCHEMA}.{quoted(corrupt)}")[0][0] if corrupt else 0
    return {"qualifiedEntityName": rows.name, "rowCount": count, "quarantineRowCount": aside}


def attribute_profile(
    ask: Ask, rows: EntitySet, one: Property, corrupt: str | None
) -> dict[str, Any]:
    """Return an AttributeDataProfile, but for its date."""
    table, column = f"{SCHEMA}.{quoted(rows.name)}", one.sql
    text = one.kind.text_sql(column)
    ((count, there, unique, least, greatest),) = ask(
        f"""SELECT count(*), count({column}), count(DISTINCT {column}),
            min({column}), max({column}) FROM {table}"""
    )
    values = ask(
        f"""SELECT {text}, count(*) AS n FROM {table} WHERE {column} IS NOT NULL
            GROUP BY ALL ORDER BY n DESC, 1 LIMIT {MOST_VALUES}"""
    )
    errors = _errors(ask, corrupt, one.column)
    return {
        "qualifiedEntityName": rows.name,
        "attributeName": one.name,
        "count": count,
        "missingCount": count - there,
        "errorCount": errors,
        "uniqueValueCount": unique,
        "isSuggestedPrimaryKey": count > 0 and unique == count,
        "min": _written(least),
        "max": _written(greatest),
        "valueCounts": [{"value": value, "count": number} for value, number in values],
        "checkIfExactStats": True,
        **(_numbers(ask, table, column) if one.kind.is_number and there else {}),
    }


def _errors(ask: Ask, corrupt: str | None, attribute: str) -> int:
    """Return how many values of an attribute are none of its type; details name it first."""
    if corrupt is None:
        return 0
    first, later = literal(f"{attribute}: "), literal(f"; {attribute}: ")
    ((found,),) = ask(
        f"""SELECT count(*) FROM {SCHEMA}.{quoted(corrupt)} WHERE "IsKept" AND (
            starts_with("CorruptionDetails", {first}) OR contains("CorruptionDetails", {later}))"""
    )
    return int(found)


def _numbers(ask: Ask, table: str, column: str) -> dict[str, Any]:
    number = f"CAST({column} AS DOUBLE)"
    shares = ", ".join(map(str, QUANTILES.values()))
    functions = ", ".join(f"{function}({number})" for function in MOMENTS.values())
    ((quantiles, *moments),) = ask(
        f"SELECT quantile_cont({number}, [{shares}]), {functions} FROM {table}"
    )
    return {
        "quantiles": dict(zip(QUANTILES, quantiles, strict=True)),
        "moments": dict(zip(MOMENTS, moments, strict=True)),
        "histogram": _histogram(ask, table, number),
    }


def _histogram(ask: Ask, table: str, number: str) -> list[dict[str, float]]:
    """Return bins of equal width from the least value to the greatest."""
    rows = ask(
        f"""WITH n AS (SELECT {number} AS v FROM {table} WHERE {number} IS NOT NULL),
            e AS (SELECT min(v) AS low, max(v) AS high FROM n)
            SELECT low, high, least({BINS - 1}, CAST(floor(
                CASE WHEN high = low THEN 0 ELSE (v - low) / (high - low) * {BINS} END) AS INTEGER)
            ) AS bin, count(*) FROM n, e GROUP BY ALL ORDER BY bin"""
    )
    return [
        {
            "lowerBound": low + (high - low) * number / BINS,
            "upperBound": low + (high - low) * (number + 1) / BINS,
            "count": float(count),
        }
        for low, high, number, count in rows
    ]


def _written(value: object) -> object:
    return value if isinstance(value, bool | int | float | None) else str(value)
