"""Where a project's parts are, read without the models of the whole configuration, which take longer than a read."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from schemas.document import Document, read_document
from schemas.errors import usage_error
from schemas.mistakes import Mistake, invalid_configuration
from schemas.paths import Paths

FILE = "overtide.yaml"
NEEDED = ("lake", "event_log")
"""The sections that are read here; `overtide validate` and every refresh check all of them."""


@dataclass(frozen=True)
class Settings:
    """What reading and appending need to know of a project."""

    paths: Paths
    history_days: int = 400


def read_settings(folder: Path, environ: Mapping[str, str]) -> Settings:
    """Read the few settings; raise `no_configuration`, or `invalid_configuration` where they are wrong."""
    document = read_document(_text(folder), FILE, environ)
    root = document.value if isinstance(document.value, dict) else {}
    mistakes = [one for one in document.mistakes if _concerns(one)]
    lake, log = (_section(root, name, document) for name in NEEDED)
    places = {"catalog": lake.get("catalog"), "data": lake.get("data"), "log": log.get("path")}
    mistakes += [document.mistake("invalid_value", ("lake", name), "Expected a text.", expected="a text")
                 for name, place in places.items() if place is not None and not isinstance(place, str)]
    days = lake.get("history_days", Settings.history_days)
    if not isinstance(days, int) or days < 1:
        mistakes.append(document.mistake("invalid_value", ("lake", "history_days"), "Expected a number of at least 1.",
                                         expected="a number of at least 1"))
    if mistakes or not root:
        raise invalid_configuration(mistakes or document.mistakes)
    given = {name: str(place) for name, place in places.items() if place is not None}
    return Settings(Paths.of(folder, **given), int(str(days)))


def _concerns(mistake: Mistake) -> bool:
    return mistake.code == "invalid_yaml" or (mistake.target or "").partition(".")[0] in NEEDED


def _section(root: dict[str, object], name: str, document: Document) -> dict[str, object]:
    section = root.get(name) or {}
    if not isinstance(section, dict):
        raise invalid_configuration([document.mistake("invalid_value", (name,), "Expected a section (name: value).")])
    return section


def _text(folder: Path) -> str:
    try:
        return (folder / FILE).read_text(encoding="utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        raise usage_error("no_configuration", f"There is no {FILE} in {folder.resolve()}.", str(folder / FILE),
                          "Go to a project's folder, name one with -C, or make one with `overtide init`.") from None
    except UnicodeDecodeError:
        raise invalid_configuration([Mistake("invalid_yaml", "The file is not UTF-8.", exit_code=2)]) from None
    except OSError as error:
        raise usage_error("no_configuration", f"{folder / FILE} cannot be read: {error.strerror}.", str(folder)) \
            from None
