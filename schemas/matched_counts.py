"""How the records of an entity fared in matching, as documents tell it."""

from typing import Any


def percent_of(part: int | None, whole: int) -> float | None:
    """Return a part in percent, with one digit; None where it is not known."""
    if part is None:
        return None
    return round(100 * part / whole, 1) if whole else 0.0


def entity_counts(name: str, records: int, customers: int, matched: int | None) -> dict[str, Any]:
    """Return the records of an entity: its own duplicates, and those matched with other entities.

    None where it is not known how many were `matched`.
    """
    return {
        "entity": name,
        "records": records,
        "customers": customers,
        "duplicates": records - customers,
        "matched": matched,
        "unmatched": None if matched is None else records - matched,
        "percent": percent_of(matched, records),
    }
