"""What `match blocks` proposes, as people read it."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from overtide.cli.output import Output
from overtide.schemas.wording import counted


def proposed_text(proposals: Iterable[Mapping[str, Any]], output: Output) -> Iterator[str]:
    """Give the blocks of all rules, to be written into the configuration."""
    for one in proposals:
        yield (
            f"The rule {one['rule']}, of {one['entity']} to {one['to']}: "
            f"{counted(one['records'], 'record')}"
        )
        blocks = one["blocks"]
        if not blocks:
            yield "  No block brings records together without being too large.\n"
            continue
        yield output.table(
            ("share", "records", "to compare", "found with those before"),
            [
                (_shared(block["on"]), block["records"], block["pairs"], f"{block['found']:.1%}")
                for block in blocks
            ],
        )
        yield "\nblocks:"  # in JSON, which is YAML, too
        yield from (f"  - on: {json.dumps(block['on'], ensure_ascii=False)}" for block in blocks)
        yield ""
    yield (
        "Shares are of the pairs of one person, where fields differ as they mostly do; see what "
        "the blocks do with `overtide match try`."
    )


def _shared(parts: Iterable[Mapping[str, Any]]) -> str:
    """Say what the records of a block share."""
    return " + ".join(map(_part, parts))


def _part(part: Mapping[str, Any]) -> str:
    fields = part["fields"]
    if isinstance(fields, dict):
        several = [one if isinstance(one, str) else ", ".join(one) for one in fields.values()]
        named = " / ".join(dict.fromkeys(several))
    else:
        named = fields if isinstance(fields, str) else ", ".join(fields)
    return f"{named} (first {part['letters']})" if "letters" in part else named
