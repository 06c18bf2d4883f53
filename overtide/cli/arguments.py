"""What the words of a command name: a customer, or a file to read."""

import re
import sys
from argparse import Namespace
from pathlib import Path

from overtide.cli.output import tell
from overtide.schemas.errors import UsageError

ID_FORM = re.compile("[0-9a-f]{32}")
BOTH = "A customer is named by a CUSTOMER_ID or by --key, not by both."


def named_customer(arguments: Namespace, most: int | None = None) -> tuple[str | None, list[str]]:
    """Return the customer's id, None with --key, and up to `most` further words; raise `usage`."""
    words = list(arguments.words)
    customer_id = None
    if arguments.key is None:
        if not words or not words[0] or (most is None and "=" in words[0]):
            raise UsageError(
                "usage", "No customer is named.", None, "Give a CUSTOMER_ID, or --key ENTITY=PK."
            )
        customer_id = words.pop(0)
    if arguments.key is not None and words and (most == 0 or ID_FORM.fullmatch(words[0])):
        raise UsageError("usage", f"{words[0]!r} is one argument too many.", None, BOTH)
    if most is not None and len(words) > most:
        raise UsageError(
            "usage",
            f"{words[most]!r} is one argument too many.",
            None,
            _too_many(most),
        )
    return customer_id, words


def _too_many(most: int) -> str:
    """Say what to do about more words than a command takes."""
    return (
        "Options begin with two dashes."
        if most == 0
        else "Withdraw one field at a time, or all of the customer's by naming none."
    )


def read_input(file: str) -> str:
    """Return the text of a file or of standard input; raise `unreadable_file`."""
    try:
        return _bytes(file).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(
            "unreadable_file",
            f"{name_of_input(file)} is not UTF-8 (byte {error.start}).",
            None,
            "Write it as UTF-8.",
        ) from None
    except OSError as error:
        raise UsageError(
            "unreadable_file", f"{name_of_input(file)} cannot be read: {error.strerror}.", file
        ) from None


def _bytes(file: str) -> bytes:
    if file != "-":
        return Path(file).read_bytes()
    if sys.stdin is None:
        return b""
    if sys.stdin.isatty():
        tell("Reading standard input; end it with ctrl-D.", sys.stderr)
    return sys.stdin.buffer.read()


def name_of_input(file: str) -> str:
    """Return how a file or standard input is named in a sentence."""
    return "Standard input" if file == "-" else file
