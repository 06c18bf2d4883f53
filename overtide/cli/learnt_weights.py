"""What `match learn` proposes, as people read it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from overtide.cli.output import Output
from overtide.cli.tried_rules import rule_named
from overtide.schemas.wording import counted


def proposal_text(
    proposals: Sequence[Mapping[str, Any]], written: bool, output: Output
) -> Iterator[str]:
    """Give the proposals of all rules, and what to do with them."""
    for one in proposals:
        yield f"The rule {rule_named(one)}"
        if not one["pairs"]:
            yield "  Its blocks bring no two records together: there is nothing to learn from.\n"
            continue
        drawn = "" if one["part"] == 1 else f", {one['part']:.1%} of those in its blocks"
        are = "is" if one["expectedPairs"] == 1 else "are"
        about = f"about {counted(one['expectedPairs'], 'pair')} {are} one person"
        if one["proposed"] is None:
            yield (
                f"  of {counted(one['pairs'], 'pair')}{drawn} {about}: too few to learn from, so "
                "this rule stays as it is\n"
            )
            continue
        yield f"  learnt from {counted(one['pairs'], 'pair')}{drawn}; {about}"
        least, most = one["asGood"]
        yield (
            f"  threshold: {one['threshold']:g} now, {one['proposed']:g} proposed; from {least:g} "
            f"to {most:g} is as good (F1 expected: {one['expectedF1']:.4f})"
        )
        yield output.table(
            ("field", "weight", "proposed", "same of one person", "same by chance"),
            [
                (
                    field["attributes"],
                    f"{field['weight']:g}",
                    f"{field['proposed']:g}",
                    f"{field['sameOfOnePerson']:.2%}",
                    f"{field['sameByChance']:.4%}",
                )
                for field in one["fields"]
            ],
        )
        yield ""
    yield _what_to_do(any(one["proposed"] is not None for one in proposals), written)


def _what_to_do(learnt: bool, written: bool) -> str:
    if not learnt:
        return "There is nothing to write."
    if written:
        return "Written into overtide.yaml: see what they do with `overtide match try`."
    return (
        "`overtide match learn --write` writes these numbers into overtide.yaml, and nothing else."
    )
