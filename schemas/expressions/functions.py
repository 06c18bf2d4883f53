"""The functions of expressions: what each takes and gives, and its SQL."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from overtide.schemas.expressions.kinds import Compiled, none_if, once, one_text
from overtide.schemas.values import trimmed_sql

Parts = Sequence[Compiled]


@dataclass(frozen=True)
class Function:
    """A function: the kinds it takes (the last one for all that follow; None: all of one kind)."""

    apply: Callable[[Parts], Compiled]
    takes: str
    """What it takes, in words, and what it gives."""
    kinds: tuple[str, ...] | None
    least: int
    most: int | None
    literals: tuple[int, ...] = ()
    """The places of values that must stand there as they are."""


def _sql(template: str, kind: str = "text") -> Callable[[Parts], Compiled]:
    """Return what fills the parts' SQL into a template, `*` for all of them."""

    def apply(parts: Parts) -> Compiled:
        every = ", ".join(f"{{{place}}}" for place in range(len(parts)))
        return Compiled(template.replace("*", every).format(*(part.sql for part in parts)), kind)

    return apply


def _trim(name: str) -> Callable[[Parts], Compiled]:
    def apply(parts: Parts) -> Compiled:
        if len(parts) == 1 and name == "trim":
            return Compiled(once(parts[0].sql, trimmed_sql), "text")
        return Compiled(f"{name}({', '.join(part.sql for part in parts)})", "text")

    return apply


def _same(name: str) -> Callable[[Parts], Compiled]:
    def apply(parts: Parts) -> Compiled:
        return replace(parts[0], sql=f"{name}({', '.join(part.sql for part in parts)})")

    return apply


def _nullif(parts: Parts) -> Compiled:
    return replace(parts[0], sql=none_if(parts[0].sql, parts[1].sql))


def _replaced(parts: Parts) -> Compiled:
    """Replace parts of a text, pair after pair."""
    text, pairs = parts[0].sql, [part.sql for part in parts[1:]]
    for old, new in zip(pairs[::2], pairs[1::2], strict=False):
        text = f"replace({text}, {old}, {new})"
    return Compiled(text, "text")


def _replaced_values(parts: Parts) -> Compiled:
    """Replace whole values by a list; others stay."""
    pairs = [part.sql for part in parts[1:]]
    whens = zip(pairs[::2], pairs[1::2], strict=False)
    cases = " ".join(f"WHEN {old} THEN {new}" for old, new in whens)
    return Compiled(
        once(parts[0].sql, lambda given: f"CASE {given} {cases} ELSE {given} END"), "text"
    )


def _concat_ws(parts: Parts) -> Compiled:
    between, *texts = (one_text(part) for part in parts)
    return Compiled(f"concat_ws({between}, {', '.join(texts)})", "text")


def _extracted(parts: Parts) -> Compiled:
    text, pattern, *group = (part.sql for part in parts)
    return Compiled(f"regexp_extract({text}, {pattern}, ({(*group, '0')[0]})::INTEGER)", "text")


def _round(parts: Parts) -> Compiled:
    number = parts[0]
    digits = int(parts[1].sql.split("'")[1]) if len(parts) > 1 else 0
    if number.kind == "integer":
        return number
    if number.kind == "double":
        return Compiled(f"round({number.sql}, {min(digits, 17)})", "double")
    scale = min(digits, number.scale)
    return Compiled(f"round({number.sql}, {scale})::DECIMAL(38, {scale})", "decimal", scale)


def _whole(name: str) -> Callable[[Parts], Compiled]:
    def apply(parts: Parts) -> Compiled:
        number = parts[0]
        if number.kind == "decimal":
            return Compiled(f"{name}({number.sql})::DECIMAL(38, 0)", "decimal")
        return number if number.kind == "integer" else replace(number, sql=f"{name}({number.sql})")

    return apply


TEXT, NUMBER, WHOLE = "text", "number", "integer"
FUNCTIONS: dict[str, Function] = {
    "concat": Function(_sql("concat(*)"), "texts, of which nulls are left out", (TEXT,), 1, None),
    "concat_ws": Function(
        _concat_ws, "what stands between, and texts, of which nulls are left out", (TEXT,), 2, None
    ),
    "lower": Function(_sql("lower({0})"), "a text", (TEXT,), 1, 1),
    "upper": Function(_sql("upper({0})"), "a text", (TEXT,), 1, 1),
    "trim": Function(_trim("trim"), "a text, and the characters to trim", (TEXT,), 1, 2),
    "ltrim": Function(_trim("ltrim"), "a text, and the characters to trim", (TEXT,), 1, 2),
    "rtrim": Function(_trim("rtrim"), "a text, and the characters to trim", (TEXT,), 1, 2),
    "length": Function(_sql("length({0})", WHOLE), "a text", (TEXT,), 1, 1),
    "substring": Function(
        _sql("substring(*)"), "a text, a place from 1, and a length", (TEXT, WHOLE), 2, 3
    ),
    "left": Function(_sql("left({0}, {1})"), "a text and a length", (TEXT, WHOLE), 2, 2),
    "right": Function(_sql("right({0}, {1})"), "a text and a length", (TEXT, WHOLE), 2, 2),
    "split_part": Function(
        _sql("split_part({0}, {1}, {2})"),
        "a text, what separates, and which part, from 1",
        (TEXT, TEXT, WHOLE),
        3,
        3,
    ),
    "replace": Function(
        _replaced, "a text, and pairs of what goes and what comes for it", (TEXT,), 3, None
    ),
    "replace_values": Function(
        _replaced_values,
        "a text, and pairs of a whole value and what comes for it",
        (TEXT,),
        3,
        None,
    ),
    "starts_with": Function(_sql("starts_with({0}, {1})", "truth"), "two texts", (TEXT,), 2, 2),
    "ends_with": Function(_sql("ends_with({0}, {1})", "truth"), "two texts", (TEXT,), 2, 2),
    "contains": Function(_sql("contains({0}, {1})", "truth"), "two texts", (TEXT,), 2, 2),
    "regexp_extract": Function(
        _extracted,
        "a text, a regular expression, and the number of a group",
        (TEXT, TEXT, WHOLE),
        2,
        3,
        (1, 2),
    ),
    "regexp_replace": Function(
        _sql("regexp_replace({0}, {1}, {2}, 'g')"),
        "a text, a regular expression, and what comes for it",
        (TEXT,),
        3,
        3,
        (1, 2),
    ),
    "regexp_matches": Function(
        _sql("regexp_matches({0}, {1})", "truth"),
        "a text and a regular expression",
        (TEXT,),
        2,
        2,
        (1,),
    ),
    "coalesce": Function(_same("coalesce"), "values of one kind", None, 1, None),
    "greatest": Function(_same("greatest"), "values of one kind", None, 1, None),
    "least": Function(_same("least"), "values of one kind", None, 1, None),
    "nullif": Function(_nullif, "two values of one kind", None, 2, 2),
    "abs": Function(_same("abs"), "a number", (NUMBER,), 1, 1),
    "round": Function(
        _round, "a number, and the places behind the point", (NUMBER, WHOLE), 1, 2, (1,)
    ),
    "floor": Function(_whole("floor"), "a number", (NUMBER,), 1, 1),
    "ceil": Function(_whole("ceil"), "a number", (NUMBER,), 1, 1),
    "year": Function(_sql("year({0})", WHOLE), "a date", ("date",), 1, 1),
    "month": Function(_sql("month({0})", WHOLE), "a date", ("date",), 1, 1),
    "day": Function(_sql("day({0})", WHOLE), "a date", ("date",), 1, 1),
}
