"""The commands that change something: updates, withdrawals and activities."""

from argparse import Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from overtide.cli.arguments import name_of_input, named_customer, read_input
from overtide.cli.output import Output, refusal_text
from overtide.project import Project
from overtide.schemas.errors import DONE, FAILED, InvalidValueError, UsageError
from overtide.schemas.events import Outcome
from overtide.schemas.strict_json import parse_json, parse_lines
from overtide.schemas.types import type_of
from overtide.serving.acceptance import STATUS, answer_document

if TYPE_CHECKING:
    from overtide.serving.acceptance import Answer


def update(project: Project, arguments: Namespace, output: Output) -> int:
    """Change fields of a customer for a while."""
    customer_id, words = named_customer(arguments)
    answer = project.update(
        customer_id,
        assigned(words, _types(project)),
        key=arguments.key,
        valid_until=arguments.valid_until,
        **_terms(arguments),
    )
    output.confirm(answer_document(answer), lambda: f"{accepted(answer)}.")
    return DONE


def _types(project: Project) -> dict[str, str]:
    generation = project.reader.current()
    return (
        {}
        if generation is None
        else {name: field.type for name, field in generation.profile_fields.items()}
    )


def assigned(words: Sequence[str], types: dict[str, str]) -> dict[str, Any]:
    """Return the fields of `field=text` and `field:=JSON`; raise `usage` for anything else."""
    fields: dict[str, Any] = {}
    for word in words:
        name, separator, text = word.partition("=")
        if not separator or name in ("", ":"):
            raise UsageError(
                "usage", f"{word!r} sets no field.", word, "Write field=text or field:=JSON."
            )
        is_json = name.endswith(":")
        name = name.removesuffix(":")
        if name in fields:
            raise UsageError("usage", f"The field {name} is given twice.", name, "Give it once.")
        fields[name] = (
            _json_value(name, text)
            if is_json
            else type_of(types.get(name, "string")).from_word(text)
        )
    return fields


def _json_value(name: str, text: str) -> Any:  # noqa: ANN401 - whatever JSON holds
    try:
        return parse_json(text)
    except InvalidValueError as error:
        raise InvalidValueError(
            error.code,
            f"{name}: {error.message}",
            name,
            f"Write texts as {name}=text, or in JSON's quotes.",
        ) from None


def withdraw(project: Project, arguments: Namespace, output: Output) -> int:
    """End changes early."""
    customer_id, words = named_customer(arguments, 1)
    answer = project.withdraw(
        customer_id, words[0] if words else None, key=arguments.key, **_terms(arguments)
    )
    output.confirm(answer_document(answer), lambda: f"{accepted(answer)}.")
    return DONE


def post(project: Project, arguments: Namespace, output: Output) -> int:
    """Add activities, and say what became of each row."""
    answers = project.post(
        arguments.entity,
        _records(arguments.file),
        atomic=arguments.atomic,
        valid_until=arguments.valid_until,
        **_terms(arguments),
    )
    refused = sum(answer.refusal is not None for answer in answers)
    rows = [answer_document(answer, number) for number, answer in enumerate(answers)]
    document = {"accepted": len(answers) - refused, "refused": refused, "rows": rows}
    texts = list(map(_row_text, range(len(answers)), answers))
    output.confirm(
        document,
        lambda: "\n".join([*texts, f"{len(answers) - refused:,} accepted, {refused:,} refused."]),
    )
    if output.quiet and not output.as_json:
        for text, answer in zip(texts, answers, strict=True):
            if answer.refusal is not None:
                output.complain(text)
    return FAILED if refused else DONE


def _records(file: str) -> list[object]:
    """Return the records of a file or of standard input; raise `empty_input` where it is empty."""
    text = read_input(file)
    if not text.strip():
        raise UsageError(
            "empty_input",
            f"{name_of_input(file)} is empty: there is nothing to post.",
            None,
            "Give JSON or JSON lines; an empty list, [], posts nothing.",
        )
    return parse_lines(text)


def _row_text(number: int, answer: "Answer") -> str:
    return f"row {number + 1}: " + (
        accepted(answer)
        if answer.refusal is None
        else f"refused ({answer.refusal.code}): {refusal_text(answer.refusal)}"
    )


def accepted(answer: "Answer") -> str:
    """Return an acceptance as a sentence without its full stop."""
    document = answer_document(answer)
    until = f", valid until {document['validUntil']}" if "validUntil" in document else ""
    how = (
        "accepted before"
        if answer.repeated
        else "accepted, held until its customer is known"
        if answer.status == STATUS[Outcome.HELD]
        else "accepted"
    )
    return f"{how} as event {document['eventId']}{until}"


def _terms(arguments: Namespace) -> dict[str, str | None]:
    return {
        "event_time": arguments.event_time,
        "caller": arguments.caller,
        "idempotency_key": arguments.idempotency_key,
    }
