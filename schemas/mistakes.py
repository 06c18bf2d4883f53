"""One mistake of a configuration.

Where it is, what stands there, what was expected, and what was probably meant.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from overtide.schemas.errors import ConfigurationError, OvertideError

Path = tuple[str | int, ...]
"""The way to a value in a document: keys of mappings and positions in lists."""


@dataclass
class Mistake(ConfigurationError):  # noqa: N818 (it is what users call it)
    """A mistake of the configuration, or a note that stops nothing (`severity`).

    `target` is the path in the document, `line` counts from 1, `value` is how it is written there.
    """

    file: Final[str] = "overtide.yaml"
    line: Final[int | None] = None
    value: Final[str | None] = None
    expected: Final[str | None] = None
    suggestion: Final[str | None] = None
    severity: Final[Literal["mistake", "note"]] = "mistake"

    def __str__(self) -> str:
        """Return one line for a terminal: file, line, path, then the sentences.

        What was expected is one of them, where nothing else says what to do: neither a hint nor a
        second sentence of the message.
        """
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        note = "note: " if self.severity == "note" else ""
        told, said = self.hint, self.message
        if told is None and self.expected and self.expected not in said and ". " not in said:
            told = f"Expected: {self.expected}."
        text = f"{place}: {note}{self.target + ': ' if self.target else ''}{self.message}"
        return f"{text} {told}" if told else text

    def as_json(self) -> dict[str, object]:
        """Return the mistake as a JSON document."""
        extra = {
            "severity": self.severity,
            "file": self.file,
            "line": self.line,
            "value": self.value,
            "expected": self.expected,
            "suggestion": self.suggestion,
        }
        return super().as_json() | {
            name: value for name, value in extra.items() if value is not None
        }


def invalid_configuration(mistakes: list[Mistake]) -> OvertideError:
    """Return the one error that holds every mistake."""
    count = "1 mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
    file = mistakes[0].file if mistakes else "overtide.yaml"
    return ConfigurationError(
        "invalid_configuration",
        f"{file} has {count}.",
        file,
        details=tuple(mistakes),
    )


def short(name: str, most: int = 80) -> str:
    """Return a name as it is shown in an error: one that nobody would read to its end is cut."""
    return name if len(name) <= most else name[:most] + "…"


def one_of(names: Iterable[str], most: int = 12) -> str:
    """Return names as a text for an error; a long list is cut."""
    listed = list(names)
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(f"`{name}`" for name in listed[:most]) + more if listed else "nothing"


def shown(path: Path) -> str:
    """Return a path as text: `sources.shop.Orders.attributes."Loyalty Tier"`, `match[0].rules`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            plain = step.replace("_", "").replace("-", "").isalnum()
            text += ("." if text else "") + (step if plain else f'"{step}"')
    return text
