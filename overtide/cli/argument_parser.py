"""A parser of arguments that says what was probably meant, and the syntax of one command."""

import argparse
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from overtide.schemas.errors import UsageError
from overtide.schemas.suggestions import did_you_mean

GLOBAL = ("-C", "--json", "-q", "--quiet", "-v", "--verbose", "--version")


class Once(argparse.Action):
    """Takes the value of an option, once: of two values one would be lost without a word."""

    def __call__(
        self,
        _parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        """Keep the value; raise when there is one already."""
        if (
            option_string is not None
            and getattr(namespace, self.dest, self.default) is not self.default
        ):
            raise argparse.ArgumentError(self, "given more than once")
        setattr(namespace, self.dest, values)


class Parser(argparse.ArgumentParser):
    """A parser that raises `usage` instead of leaving, with what was probably meant."""

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - argparse's own
        options |= {"allow_abbrev": False, "formatter_class": argparse.RawDescriptionHelpFormatter}
        super().__init__(*arguments, **options)
        self.register("action", None, Once)

    def error(self, message: str) -> NoReturn:
        """Raise what argparse found wrong."""
        raise UsageError(
            "usage",
            f"{message[0].upper()}{message[1:]}.",
            None,
            self._hint(message) or f"`{self.prog} --help` shows how it is used.",
        )

    def print_help(self, file: Any = None) -> None:  # noqa: ANN401 - as argparse takes it
        """Print the help; unlike argparse's own, raise where it cannot be written."""
        print(self.format_help(), end="", file=file, flush=True)

    def _hint(self, message: str) -> str | None:
        valued = re.search(r"argument (--[\w-]+): expected one argument", message)
        if valued:
            return f"Write {valued.group(1)}=VALUE where the value begins with a dash."
        wrong = re.search(r"unrecognized arguments: (-\S+)", message)
        if wrong is None:
            return None
        name = wrong.group(1).partition("=")[0]
        if name in GLOBAL:
            return f"{name} is a global option: write it before the command."
        hint = did_you_mean(
            name, [option for action in self._actions for option in action.option_strings]
        )
        return hint if hint.startswith("Did") else None


@dataclass(frozen=True)
class Syntax:
    """A command as its help shows it.

    `text` is a line about it, `usage` how it is called, `add` gives a parser its arguments, and
    `more` is what else one must know.
    """

    text: str
    usage: str
    add: Callable[[Parser], None]
    more: str = ""
