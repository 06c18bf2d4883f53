"""What `match explain` says of two records, as people read it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from overtide.cli.output import Output
from overtide.schemas.wording import counted

OUTCOMES = {
    "joined": "joins them",
    "contradicted": "does not join them: a contradiction keeps them apart",
    "no_block_in_common": "does not compare them: they have no block in common",
    "too_little_in_common": "does not join them: too few of the fields have a value in both",
    "too_little_alike": "does not join them: what is alike has too little of the weight (agreeing)",
    "not_distinguished": "does not join them: they are alike in nothing that distinguishes",
    "too_different": "does not join them: they are too different",
    "block_too_large": "does not compare them: every block that they share has too many records "
    "(limits.block_size)",
    "earlier_rule": "would join them, but an earlier rule came first",
    "better_link": "would join them, but best_only keeps a better link of one of them",
    "cut_by_contradiction": "would join them, but records that others join to them contradict each "
    "other, and this link is the weakest",
    "cut_by_decision": "would join them, but a `never` decision leaves this link out",
}


def explanation_text(found: Mapping[str, Any], output: Output) -> Iterator[str]:
    """Give why two records are one customer, or why not."""
    one, other = (f"{record['entity']}={record['key']}" for record in found["records"])
    yield f"{one} and {other} are {'' if found['together'] else 'not '}one customer."
    if found["tooLarge"]:
        yield (
            f"Links lead from one to the other, but their customer would have "
            f"{counted(found['tooLarge'], 'record')} (limits.cluster_size): it is not merged."
        )
    if found["decision"]:
        yield f"A person decided: {found['decision']}."
    for pair in found["never"]:
        ends = " and ".join(f"{end['entity']}={end['key']}" for end in pair)
        yield f"Never together by a decision, and together without it: {ends}."
    if len(found["chain"]) > 1:
        yield "They are joined through others:"
    for link in found["chain"]:
        ends = " - ".join(f"{end['entity']}={end['key']}" for end in link["records"])
        yield f"  {ends}  {link['rule']}, {link['score']} %"
    for cluster in found["clusters"]:
        yield from _cluster(cluster, found["together"])
    if not found["rules"]:
        yield "No rule compares these two entities with each other."
    for rule in found["rules"]:
        yield from _rule(rule, (one, other), output)
    if found["nearest"]:
        missed = next(one["missed"] for one in found["rules"] if one["rule"] == found["nearest"])
        of = f" It misses by {', '.join(missed)}." if missed else ""
        yield f"\nNearest comes the rule {found['nearest']}.{of}"


def _cluster(cluster: Mapping[str, Any], one_customer: bool) -> Iterator[str]:
    """Give whether both customers are of one cluster, and by which links; of one they are."""
    if one_customer:
        return
    if cluster["tooLarge"]:
        yield (
            f"{cluster['name']}: their cluster would have "
            f"{counted(cluster['tooLarge'], 'customer')} (limits.cluster_size): it is none."
        )
        return
    yield f"{cluster['name']}: {'one cluster' if cluster['together'] else 'different clusters'}."
    for link in cluster["chain"]:
        yield f"  {' - '.join(link['customers'])}  {link['rule']}, {link['score']} %"


def _rule(rule: Mapping[str, Any], named: Sequence[str], output: Output) -> Iterator[str]:
    yield f"\nThe rule {rule['rule']} {OUTCOMES[rule['outcome']]}{_score(rule)}."
    for block in rule["blocks"]:
        yield f"  block {block['block']}: {_block(block)}"
    headers = ("compared", *named, "as compared", "", "alike", "needed", "")
    yield output.table(headers, [_comparison(one) for one in rule["comparisons"]])


def _score(rule: Mapping[str, Any]) -> str:
    if rule["threshold"] is None or rule["score"] is None:
        return ""
    return (
        f" (score {rule['score']:g} of at least {rule['threshold']:g}; both have "
        f"{rule['weightPresent']:g} % of the weight)"
    )


def _block(block: Mapping[str, Any]) -> str:
    values = ["none" if value is None else f"`{', '.join(value)}`" for value in block["values"]]
    if not block["shared"]:
        return f"{values[0]} and {values[1]}"
    large = ", too many" if block["tooLarge"] else ""
    return f"{values[0]} of both, {counted(block['records'], 'record')}{large}"


def _comparison(one: Mapping[str, Any]) -> list[object]:
    before = [", ".join(value or "" for value in side.values()) for side in one["before"]]
    after = [
        "" if value is None and gone is None else f"ignored: {gone}" if value is None else value
        for value, gone in zip(one["after"], one["ignored"], strict=True)
    ]
    similar = "" if one["similarity"] is None else f"{one['similarity']:g} %"
    weight = "" if one["weight"] is None else f", weight {one['weight']:g}"
    role = f"{one['role']} " if one["role"] in ("contradiction", "distinguishing") else ""
    return [
        f"{role}{one['attributes']}{weight}",
        *before,
        *after,
        f"{similar}{' swapped' if one['swapped'] else ''}",
        f"{one['needed']} %",
        _verdict(one),
    ]


def _verdict(one: Mapping[str, Any]) -> str:
    if one["role"] == "contradiction":
        return "no contradiction" if one["holds"] else "contradicts"
    if one["similarity"] is None:
        return "does not count" if one["role"] == "field" else "missing"
    if one["role"] == "distinguishing":
        return "distinguishes" if one["holds"] else "not enough"
    if one["role"] == "field":
        return "counts" if one["holds"] else "counts as 0"
    return "holds" if one["holds"] else "fails"
