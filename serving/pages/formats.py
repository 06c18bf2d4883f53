"""Values as people read them, in their language and in the zone of their clock."""

import datetime as dt
from collections.abc import Callable, Mapping
from decimal import Decimal

from babel.dates import format_date, format_datetime, format_skeleton, format_time
from babel.numbers import format_compact_decimal, format_decimal, format_percent
from markupsafe import Markup

from overtide.serving.pages.preferences import Preferences

EMPTY = "–"
"""What is shown where there is no value."""
UNITS = ("B", "kB", "MB", "GB", "TB")
THOUSAND = 1000


def exact_instant(text: str) -> dt.datetime | None:
    """Return an instant with an offset that a text tells, None where it tells none."""
    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


def local(preferences: Preferences, instant: dt.datetime) -> dt.datetime:
    """Return an instant on the person's clock; in UTC at an edge of the calendar, beyond it."""
    try:
        return instant.astimezone(preferences.zone)
    except OverflowError:
        return instant.astimezone(dt.UTC)


def moment(preferences: Preferences, text: object) -> str | Markup:
    """Return an instant in the person's zone, with the exact one to be seen on hover."""
    if text is None:
        return EMPTY
    found = exact_instant(str(text))
    if found is None:
        return str(text)
    shown = format_datetime(local(preferences, found), "medium", locale=preferences.locale)
    return _hovered(str(text), shown)


def brief(preferences: Preferences, text: object) -> str | Markup:
    """Return an instant of the last days or of the next ones without its year and seconds."""
    found = exact_instant(str(text))
    if found is None:
        return EMPTY if text is None else str(text)
    here = local(preferences, found)
    day_shown = format_skeleton("MMMd", here, locale=preferences.locale)
    return _hovered(
        str(text), f"{day_shown}, {format_time(here, 'short', locale=preferences.locale)}"
    )


def _hovered(exact: str, shown: str) -> Markup:
    return Markup('<time datetime="{exact}" title="{exact}">{shown}</time>').format(
        exact=exact, shown=shown
    )


def month(preferences: Preferences, text: str) -> str:
    """Return the month of a date, or of an instant for the person, such as `March 2024`."""
    found = exact_instant(text)
    if found is None:
        return _dated(preferences, text, "LLLL yyyy")
    return format_date(local(preferences, found).date(), "LLLL yyyy", locale=preferences.locale)


def day(preferences: Preferences, text: object) -> str:
    """Return a calendar date, which is the same in every zone."""
    return _dated(preferences, str(text), "medium")


def _dated(preferences: Preferences, text: str, form: str) -> str:
    try:
        return format_date(dt.date.fromisoformat(text), form, locale=preferences.locale)
    except ValueError:
        return text


def number(preferences: Preferences, value: object) -> str:
    """Return a number with the language's separators, all its digits kept."""
    if value is None:
        return EMPTY
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return str(value)
    # `repr` of a float is the shortest text that means it; more digits would be made up.
    exact = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if not exact.is_finite():
        return str(value)
    return format_decimal(exact, locale=preferences.locale, decimal_quantization=False)


def compact(preferences: Preferences, value: float) -> str:
    """Return a large number shortly, such as `1.2M`."""
    return format_compact_decimal(value, locale=preferences.locale, fraction_digits=1)


def percent(preferences: Preferences, value: float) -> str:
    """Return a share of 1 as percent."""
    return format_percent(value, locale=preferences.locale)


def size(preferences: Preferences, value: object) -> str:
    """Return bytes in the largest unit of a thousand that is below them."""
    if not isinstance(value, int | float):
        return EMPTY
    shown, unit = float(value), 0
    while shown >= THOUSAND and unit < len(UNITS) - 1:
        shown, unit = shown / THOUSAND, unit + 1
    digits = "#,##0.#" if unit else "#,##0"
    return f"{format_decimal(shown, digits, locale=preferences.locale)} {UNITS[unit]}"


FILTERS: Mapping[str, Callable[..., str]] = {
    "moment": moment,
    "brief": brief,
    "month": month,
    "day": day,
    "number": number,
    "compact": compact,
    "percent": percent,
    "size": size,
}
"""Filters of templates; each gets the person's preferences first."""
