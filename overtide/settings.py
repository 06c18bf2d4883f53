"""Where a project's parts are, read without the models of the whole configuration.

Importing those models takes longer than showing a card.
"""

from collections.abc import Mapping
from pathlib import Path

from overtide.schemas.document import Document, read_file
from overtide.schemas.mistakes import Mistake, invalid_configuration
from overtide.schemas.paths import Paths

PLACES = {"catalog": ("lake", "catalog"), "data": ("lake", "data"), "log": ("event_log", "path")}
NEEDED = ("lake", "event_log")
"""The sections that are read here; `overtide validate` and every refresh check all of them."""


def read_paths(folder: Path, environ: Mapping[str, str]) -> Paths:
    """Return where the lake and the log are.

    Raise `no_configuration` where there is no file, and `invalid_configuration` where it is wrong.
    """
    document = read_file(folder, environ)
    mistakes = [one for one in document.mistakes if _concerns(one)]
    if not isinstance(document.value, dict):
        raise invalid_configuration(mistakes or [_wrong(document, (), "a section (name: value)")])
    places = {name: _setting(document, path) for name, path in PLACES.items()}
    mistakes += [
        _wrong(document, PLACES[name], "a text that is not empty")
        for name, place in places.items()
        if place is not None
        and not (isinstance(place, str) and place)
        and not document.has(PLACES[name])
    ]
    if mistakes:
        raise invalid_configuration(mistakes)
    given = {name: str(place) for name, place in places.items() if place is not None}
    return Paths.of(folder, **given)


def _concerns(mistake: Mistake) -> bool:
    return (
        mistake.code in ("invalid_yaml", "empty")
        or (mistake.target or "").partition(".")[0] in NEEDED
    )


def _setting(document: Document, path: tuple[str, str]) -> object:
    """Return a setting, None where it is not given."""
    assert isinstance(document.value, dict)  # noqa: S101 (looked at before)
    section = document.value.get(path[0])
    if section is None:
        return None
    if not isinstance(section, dict):
        raise invalid_configuration([_wrong(document, path[:1], "a section (name: value)")])
    return section.get(path[1])


def _wrong(document: Document, path: tuple[str, ...], expected: str) -> Mistake:
    return document.mistake("invalid_value", path, f"Expected {expected}.", expected=expected)
