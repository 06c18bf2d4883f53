"""What a command prints: one JSON document, or texts and tables that people read."""

import io
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TextIO

from overtide.schemas.errors import OvertideError
from overtide.schemas.mistakes import Mistake
from overtide.schemas.plain_values import plain_value

WIDEST = 48
"""Characters of a table's cell on a terminal; elsewhere cells are never cut."""
OPTIONS = {
    "asOf": "--as-of",
    "knownAt": "--known-at",
    "eventTime": "--event-time",
    "validUntil": "--valid-until",
    "idempotencyKey": "--idempotency-key",
    "caller": "--caller",
}
"""Parameters of a request, as they are called on the command line."""
BOLD, DIM, GREEN, RESET = "\033[1m", "\033[2m", "\033[32m", "\033[0m"


@dataclass(frozen=True)
class Output:
    """How a command prints.

    `as_json` is for programs, `quiet` leaves out what is not a result, and `verbose` adds traces.
    The `warnings` stand in every document.
    """

    as_json: bool = False
    quiet: bool = False
    verbose: bool = False
    warnings: list[OvertideError] = field(default_factory=list)

    @property
    def coloured(self) -> bool:
        """Whether standard output is a terminal that wants colours (https://no-color.org)."""
        return (
            not self.as_json
            and sys.stdout.isatty()
            and not os.environ.get("NO_COLOR")
            and os.environ.get("TERM") != "dumb"
        )

    def result(self, document: object, text: Callable[[], str]) -> None:
        """Print what was asked for, as JSON or as text; a reader may have enough before its end."""
        try:
            print(json_text(self._warned(document)) if self.as_json else text(), flush=True)
        except BrokenPipeError:
            discard(sys.stdout)

    def confirm(self, document: object, text: Callable[[], str]) -> None:
        """Print what was done: like a result, but nothing with `-q` and without `--json`.

        It is done whatever becomes of the answer: where standard output takes none, standard error
        says so.
        """
        if not self.as_json and self.quiet:
            return
        try:
            print(json_text(self._warned(document)) if self.as_json else text(), flush=True)
        except OSError as error:
            discard(sys.stdout)
            tell(
                (
                    "overtide: This is done, but standard output does not take the answer "
                    f"({error.strerror}): {text()}"
                ),
                sys.stderr,
            )

    def note(self, text: str) -> None:
        """Tell what happens meanwhile, on standard error."""
        if not self.quiet:
            tell(text, sys.stderr)

    def warn(self, warning: OvertideError) -> None:
        """Say on standard error and in the JSON document what is amiss with the project."""
        self.warnings.append(warning)
        tell(f"overtide: {warning.code}: {refusal_text(warning)}", sys.stderr)

    def _warned(self, document: object) -> object:
        """Return a document with the warnings, if there are any and it has none of its own."""
        if not self.warnings or not isinstance(document, dict):
            return document
        return {"warnings": [warning.as_json() for warning in self.warnings], **document}

    def error(self, error: OvertideError) -> None:
        """Print a refusal as JSON on standard output, or as text on standard error."""
        text = f"overtide: {refusal_text(error)}"
        if self.as_json:
            if not tell(json_text(self._warned({"error": error.as_json()})), sys.stdout):
                tell(text, sys.stderr)
        else:
            self.complain(text)

    def complain(self, text: str) -> None:
        """Say on standard error what went wrong; where that takes nothing, on standard output."""
        if not tell(text, sys.stderr):
            tell(text, sys.stdout)

    def styled(self, text: str, style: str) -> str:
        """Return a text in a style where colours are wanted."""
        return f"{style}{text}{RESET}" if self.coloured and text else text

    def table(
        self, headers: Sequence[str], rows: Iterable[Sequence[object]], marked: Iterable[int] = ()
    ) -> str:
        """Return rows as aligned columns under their headers, in green those that are `marked`."""
        terminal = not self.as_json and sys.stdout.isatty()
        widest = max(WIDEST, shutil.get_terminal_size().columns // 3) if terminal else None
        cells = [[_cell(value, widest) for value in row] for row in rows]
        widths = [max(map(len, column)) for column in zip(headers, *cells, strict=True)]
        green = set(marked)
        lines = [self.styled(_line(headers, widths), BOLD)]
        lines += [
            self.styled(_line(row, widths), GREEN if number in green else RESET)
            for number, row in enumerate(cells)
        ]
        return "\n".join(lines)


def tell(text: str, stream: TextIO) -> bool:
    """Write a line and return whether the stream took it.

    A full disk or a closed pipe stops nothing that a command does.
    """
    try:
        print(text, file=stream, flush=True)
    except OSError:
        discard(stream)
        return False
    return True


def discard(stream: TextIO) -> None:
    """Send what a stream could not write, and all that follows, nowhere.

    Else Python would try again at its own end, and fail.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def refusal_text(error: OvertideError) -> str:
    """Return what is wrong with what, and what to do, with a line for each detail."""
    target = OPTIONS.get(error.target or "", error.target or "")
    named = not target or target in error.message or isinstance(error, Mistake)
    first = str(error) if named else f"{target}: {error}"
    return "\n  ".join([first, *map(refusal_text, error.details)])


def prepare_streams(as_json: bool) -> None:
    """Prepare standard output and standard error for whatever a command prints.

    A closed stream swallows it, letters that a terminal lacks are escaped, JSON is UTF-8.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w"))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if as_json and isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _cell(value: object, widest: int | None) -> str:
    plain = plain_value(value)
    text = (
        ""
        if plain is None
        else plain
        if isinstance(plain, str)
        else json.dumps(plain, ensure_ascii=False)
    )
    if not text.isprintable():
        text = "".join(letter if letter.isprintable() else " " for letter in text)
    return text[: widest - 1] + "…" if widest is not None and len(text) > widest else text


def json_text(document: object) -> str:
    """Return a document as JSON; instants, decimals, dates and integers beyond 2^53 are text."""
    return json.dumps(plain_value(document), ensure_ascii=False, allow_nan=False)
