"""Edits that make rules, scores and contradictions wrong, and what `validate` finds then."""

MATCH = "unification/match/0"

KNOWN = {"fields": "Name", "known_by": 5, "shared_by": 4, "swapped_with": "EMail"}
SCORE = {"fields": [{"fields": "Name"}], "blocks": [{"on": [{"fields": "EMail"}]}], "threshold": 70}

OF_SCORES: dict[str, tuple[list[tuple[str, object]], str, str, str]] = {
    "a rule without an exact condition": (
        [(f"{MATCH}/rules/0/conditions/0/precision", "high")],
        "no_exact_condition",
        "unification.match[0].rules[0]",
        "The rule `EMail, Name` has no exact condition.",
    ),
    "a rule that says nothing": (
        [(f"{MATCH}/rules/0/conditions", [])],
        "missing_setting",
        "unification.match[0].rules[0]",
        "says nothing.",
    ),
    "a rule of conditions with a score": (
        [(f"{MATCH}/rules/0/score", SCORE)],
        "unused_setting",
        "unification.match[0].rules[0].conditions",
        "has conditions and a score.",
    ),
    "an unknown attribute in a score": (
        [(f"{MATCH}/rules/0", {"name": "s", "score": SCORE | {"fields": [{"fields": "Naem"}]}})],
        "unknown_name",
        "unification.match[0].rules[0].score.fields[0].fields",
        "`Naem` is no attribute of",
    ),
    "an unknown attribute in a block": (
        [
            (
                f"{MATCH}/rules/0",
                {"name": "s", "score": SCORE | {"blocks": [{"on": [{"fields": "Ma"}]}]}},
            )
        ],
        "unknown_name",
        "unification.match[0].rules[0].score.blocks[0].on[0].fields",
        "`Ma` is no attribute of",
    ),
    "an unknown attribute to be swapped with": (
        [
            (
                f"{MATCH}/rules/0",
                {
                    "name": "s",
                    "score": SCORE | {"fields": [{"fields": "Name", "swapped_with": "Nane"}]},
                },
            )
        ],
        "unknown_name",
        "unification.match[0].rules[0].score.fields[0].swapped_with",
        "`Nane` is no attribute of",
    ),
    "a value that is known by more than may share it": (
        [
            (
                f"{MATCH}/rules/0",
                {
                    "name": "s",
                    "score": SCORE | {"fields": [KNOWN]},
                },
            )
        ],
        "unused_setting",
        "unification.match[0].rules[0].score.fields[0].known_by",
        "shared by more than 4, so none counts.",
    ),
    "a value that is known wherever it is": (
        [(f"{MATCH}/rules/0/conditions/0/known_by", 1)],
        "invalid_value",
        "unification.match[0].rules[0].conditions[0].known_by",
        "",
    ),
    "half of what is swapped with nothing": (
        [
            (
                f"{MATCH}/rules/0",
                {
                    "name": "s",
                    "score": SCORE | {"fields": [{"fields": "Name", "half_swapped": True}]},
                },
            )
        ],
        "unused_setting",
        "unification.match[0].rules[0].score.fields[0].half_swapped",
        "`half_swapped` has no effect without `swapped_with`.",
    ),
    "what is swapped with itself": (
        [
            (
                f"{MATCH}/rules/0",
                {
                    "name": "s",
                    "score": SCORE | {"fields": [{"fields": "Name", "swapped_with": "Name"}]},
                },
            )
        ],
        "unused_setting",
        "unification.match[0].rules[0].score.fields[0].swapped_with",
        "names what is compared itself",
    ),
    "more that agrees than there is": (
        [(f"{MATCH}/rules/0", {"name": "s", "score": SCORE | {"agreeing": 101}})],
        "invalid_value",
        "unification.match[0].rules[0].score.agreeing",
        "at most 100",
    ),
    "a threshold of more than everything": (
        [(f"{MATCH}/rules/0", {"name": "s", "score": SCORE | {"threshold": 101}})],
        "invalid_value",
        "unification.match[0].rules[0].score.threshold",
        "at most 100",
    ),
    "a contradiction of an unknown attribute": (
        [(f"{MATCH}/rules/0/contradictions", [{"fields": "Birth"}])],
        "unknown_name",
        "unification.match[0].rules[0].contradictions[0].fields",
        "`Birth` is no attribute of",
    ),
}
