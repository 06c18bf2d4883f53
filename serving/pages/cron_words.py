"""Cron expressions in words: the common ones; of others nothing is said rather than half of it."""

from collections.abc import Callable, Sequence

from babel.dates import get_day_names, get_month_names

DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
HOURS, MINUTES = 24, 60
Say = Callable[..., str]
"""Gives the text of a name with its values, in the person's language."""


def cron_words(expression: str, language: str, say: Say) -> str | None:
    """Return when an expression is due in words, None where it is none of the common ones."""
    fields = expression.upper().split()
    if len(fields) != 5:
        return None
    minute, hour, date, month, weekday = fields
    times = _times(minute, hour, say)
    days = _days(date, month, weekday, language, say)
    if (date, month, weekday) == ("*", "*", "*") and (hour == "*" or "/" in hour):
        return times  # every few minutes or hours is every day
    return None if times is None or days is None else f"{days} {times}"


def _times(minute: str, hour: str, say: Say) -> str | None:
    if hour == "*":
        if minute == "*":
            return say("cron.every_minute")
        every = _every(minute, MINUTES)
        if every is not None:
            return say("cron.every_minutes", number=every)
        if _is(minute, MINUTES):
            return say("cron.every_hour", minute=f"{int(minute):02}")
        return None
    every = _every(hour, HOURS)
    if every is not None and _is(minute, MINUTES):
        return say("cron.every_hours", number=every, minute=f"{int(minute):02}")
    hours, minutes = hour.split(","), minute.split(",")
    if not all(_is(one, HOURS) for one in hours) or not all(_is(one, MINUTES) for one in minutes):
        return None
    times = [f"{int(one):02}:{int(other):02}" for one in hours for other in minutes]
    return say("cron.at", times=_listed(times, say))


def _days(date: str, month: str, weekday: str, language: str, say: Say) -> str | None:
    months = _named(month, MONTHS, 1)
    dates = None if date == "*" else date.split(",")
    days = _named(weekday, DAYS, 0)
    if months is None or days is None or (dates and days):
        return None
    if dates and not all(map(_is_number, dates)):
        return None
    if dates:
        said = say("cron.on_dates", dates=_listed([str(int(one)) for one in dates], say))
    elif days:
        names = get_day_names("wide", locale=language)
        ordered = sorted({(one - 1) % 7 for one in days})  # Babel's week begins on Monday
        said = say("cron.on_days", days=_span([names[one] for one in ordered], ordered, say))
    else:
        said = say("cron.every_day")
    if months:
        names = get_month_names("wide", locale=language)
        said += " " + say("cron.in_months", months=_listed([names[one] for one in months], say))
    return said


def _every(field: str, of: int) -> int | None:
    """Return the step of `*/n` where it divides the whole evenly."""
    star, _, step = field.partition("/")
    if star != "*" or not _is_number(step) or int(step) == 0 or of % int(step):
        return None
    return int(step)


def _is(field: str, below: int) -> bool:
    return _is_number(field) and int(field) < below


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _named(field: str, names: Sequence[str], first: int) -> list[int] | None:
    """Return the numbers of a field of names or numbers; of `*` none, None where it is no list."""
    if field == "*":
        return []
    found: list[int] = []
    for part in field.split(","):
        low, dash, high = part.partition("-")
        numbers = [_number(one, names, first) for one in ([low, high] if dash else [low])]
        begin, end = numbers[0], numbers[-1]
        if begin is None or end is None or end < begin:
            return None
        found += range(begin, end + 1)
    return sorted({one % len(names) if first == 0 else one for one in found})


def _number(text: str, names: Sequence[str], first: int) -> int | None:
    if text in names:
        return names.index(text) + first
    most = len(names) if first == 0 else len(names) + first - 1
    return int(text) if _is_number(text) and first <= int(text) <= most else None


def _span(names: Sequence[str], numbers: Sequence[int], say: Say) -> str:
    """Return names as a list, as a span where three or more follow one another."""
    if len(names) > 2 and numbers[-1] - numbers[0] == len(numbers) - 1:
        return say("cron.from_to", first=names[0], last=names[-1])
    return _listed(names, say)


def _listed(names: Sequence[str], say: Say) -> str:
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} {say('cron.and')} {names[-1]}"
