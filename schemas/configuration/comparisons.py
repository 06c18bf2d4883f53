"""What rules compare: attributes of two records, normalised, nearly or exactly the same."""

from typing import Annotated, Literal

from pydantic import Field

from overtide.schemas.configuration.checking import Checking
from overtide.schemas.configuration.model import Country, Model
from overtide.schemas.configuration.sources import check_country
from overtide.schemas.mistakes import Path
from overtide.schemas.normalizations import words_are_sorted
from overtide.schemas.types import KEYS, listed, type_of

Normalization = Literal[
    "numerals",
    "symbols",
    "lower",
    "phone",
    "name",
    "address",
    "organization",
    "ascii",
    "whitespace",
    "email",
]
Precision = (
    Literal["low", "medium", "high", "exact"]
    | Annotated[int, Field(ge=1, le=100, strict=True, description="the least score in percent")]
)


class Comparison(Model):
    """What is compared: attributes joined by a blank, normalised."""

    fields: str | list[str] | dict[str, str | list[str]] = Field(
        description="an attribute (or a list, compared in combination) when it has the same name "
        "in both entities, else a mapping from entity to that",
        examples=[
            "EMail",
            ["FirstName", "LastName"],
            {"Shop_Contacts": "FullName", "Loyalty_Members": "Name"},
        ],
    )
    normalize: list[Normalization] = Field(
        default=[],
        description="what is made equal before values are compared",
        examples=[["lower", "whitespace", "email"]],
    )
    aliases: str | list[str] = Field(
        default=[],
        description="lists of `unification.aliases` whose words become those that they stand for, "
        "after normalisation",
        examples=["Names", ["Names", "Towns"]],
    )
    ignore_word_order: bool | None = Field(
        default=None,
        description="whether words are sorted first; by default only with the `name` normalisation",
        examples=[True],
    )
    country: Country | None = Field(
        default=None,
        description="for `phone`: whose numbers those without a country code are, where the "
        "attribute says nothing",
        examples=["NL"],
    )
    ignore: bool = Field(
        default=True, description="whether ignored values compare as null here", examples=[False]
    )
    shared_by: Annotated[int, Field(ge=1)] | None = Field(
        default=None,
        description="a value that more than so many records of an entity share compares as null "
        "here; goes before the entity's own number",
        examples=[100],
    )
    known_by: Annotated[int, Field(ge=2)] | None = Field(
        default=None,
        description="a value that fewer records of an entity have compares as null here: of two "
        "names that both are known neither is a typing error of the other",
        examples=[5],
    )
    all_parts: bool = Field(
        default=False,
        description="of several attributes in combination: whether all must be there, else the "
        "combination is null",
        examples=[True],
    )

    def fields_of(self, entity: str) -> list[str]:
        """Return the attributes of this entity that are compared in combination."""
        names = self.fields[entity] if isinstance(self.fields, dict) else self.fields
        return [names] if isinstance(names, str) else list(names)

    @property
    def alias_lists(self) -> list[str]:
        """The lists of aliases that apply, the first first."""
        return [self.aliases] if isinstance(self.aliases, str) else list(self.aliases)

    @property
    def words_sorted(self) -> bool:
        """Whether the words are sorted before they are compared."""
        if self.ignore_word_order is None:
            return words_are_sorted(self.normalize)
        return self.ignore_word_order


NAMED = {"low": 30, "medium": 60, "high": 80, "exact": 100}


def percent_of(precision: Precision) -> int:
    """Return a precision in percent: low 30, medium 60, high 80, exact 100."""
    return NAMED[precision] if isinstance(precision, str) else precision


class Condition(Comparison):
    """Two values are compared, and scored against the precision."""

    precision: Precision = Field(
        default="exact",
        description="low (30 %), medium (60 %), high (80 %), exact, or a whole number of percent",
        examples=["high", 85],
    )

    @property
    def percent(self) -> int:
        """The least score in percent."""
        return percent_of(self.precision)


def check_comparison(
    checking: Checking,
    path: Path,
    condition: Comparison,
    entities: list[str],
    percent: int,
    setting: str = "fields",
) -> None:
    """Check what is compared of one or two entities, with the least score that it must have.

    `setting` is where the attributes are named.
    """
    where = (*path, setting)
    if isinstance(condition.fields, dict) and not _sides(
        checking, where, list(condition.fields), entities
    ):
        return
    _country(checking, path, condition)
    _aliases(checking, path, condition)
    _counted(checking, path, condition)
    found = [_kinds(checking, where, condition, entity) for entity in entities]
    known = [[kind for kind in kinds if kind is not None] for kinds in found]
    if known == found and all(known):
        _compared(checking, path, condition, known, percent)


def _country(checking: Checking, path: Path, condition: Comparison) -> None:
    if (
        condition.country is not None
        and "phone" not in condition.normalize
        and not checking.is_broken(path)
    ):
        checking.add(
            "unused_setting",
            (*path, "country"),
            "Only the normalisation `phone` asks for a country.",
            expected="no country, or phone among `normalize`",
        )
    check_country(checking, (*path, "country"), condition.country)


def _aliases(checking: Checking, path: Path, condition: Comparison) -> None:
    """Check that the lists of aliases exist."""
    for number, name in enumerate(condition.alias_lists):
        here = (*path, "aliases", *(() if isinstance(condition.aliases, str) else (number,)))
        if name not in checking.aliases:
            checking.unknown(here, name, "list of unification.aliases", checking.aliases)


def _counted(checking: Checking, path: Path, condition: Comparison) -> None:
    """Check that there are numbers of records whose values count."""
    most, least, here = condition.shared_by, condition.known_by, (*path, "known_by")
    if not condition.ignore or most is None or least is None or checking.is_broken(path):
        return
    if least > most and not checking.has(here):  # what is swapped with another is checked twice
        checking.add(
            "unused_setting",
            here,
            f"A value that {least} records have is shared by more than {most}, so none counts.",
            expected="a `known_by` that is no more than `shared_by`",
        )


def _sides(checking: Checking, path: Path, named: list[str], entities: list[str]) -> bool:
    unknown = [name for name in named if name not in entities]
    for name in unknown:
        checking.unknown((*path, name), name, "entity of this rule", entities)
    for entity in entities:
        if entity not in named and not unknown:
            checking.add(
                "missing_setting",
                path,
                f"The fields of {entity} are missing.",
                expected=f"the fields of {' and '.join(entities)}",
            )
    return set(named) == set(entities)


def _kinds(checking: Checking, path: Path, condition: Comparison, entity: str) -> list[str | None]:
    """Return the types of the fields of one side, and remember what is wrong with their names."""
    side = (*path, entity) if isinstance(condition.fields, dict) else path
    names = condition.fields_of(entity)
    if not names and not checking.has(side):
        checking.add(
            "missing_setting",
            side,
            "A condition compares at least one attribute.",
            expected="an attribute",
        )
    value = condition.fields[entity] if isinstance(condition.fields, dict) else condition.fields
    return [
        checking.attribute((*side, number) if isinstance(value, list) else side, entity, name)
        for number, name in enumerate(names)
    ]


def _compared(
    checking: Checking,
    path: Path,
    condition: Comparison,
    kinds: list[list[str]],
    percent: int,
) -> None:
    everything = {kind for side in kinds for kind in side}
    joined = all(type_of(kind).is_key for kind in everything)
    if percent < 100 and not all(type_of(kind).is_text for kind in everything):
        checking.add(
            "wrong_type",
            path,
            f"Only strings can be nearly the same, not {_types(everything)}.",
            expected="precision exact, or attributes of type string",
        )
    elif (condition.normalize or condition.aliases) and not joined:
        setting = "normalize" if condition.normalize else "aliases"
        what = "be normalised" if condition.normalize else "have aliases"
        checking.add(
            "wrong_type",
            (*path, setting),
            f"Only texts can {what}, not {_types(everything)}.",
            expected=f"no `{setting}`, or attributes of type string",
        )
    elif max(map(len, kinds)) > 1:
        if not joined:
            checking.add(
                "wrong_type",
                path,
                f"Only texts can be compared in combination, not {_types(everything)}.",
                expected=f"attributes of type {listed(KEYS)}",
            )
    elif len(everything) > 1:
        checking.add(
            "wrong_type",
            path,
            f"Values of different types are compared: {_types(everything)}.",
            expected="attributes of one type",
        )


def _types(kinds: set[str]) -> str:
    return " and ".join(sorted(kinds))
