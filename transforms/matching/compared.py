"""What a condition compares of an entity: attributes joined, normalised, without ignored values."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, reduce

import pyarrow as pa
import pyarrow.compute as pc

from overtide.schemas.configuration.comparisons import Comparison
from overtide.schemas.configuration.entities import Attribute, Entity
from overtide.schemas.configuration.ignore import Ignore
from overtide.transforms.matching.ignored import are_listed, ignored_texts, lower, trimmed
from overtide.transforms.normalize import Aliases, How, normal_texts


@dataclass(frozen=True)
class Compared:
    """One side of a condition: what it compares of the entity `name`."""

    condition: Comparison
    name: str
    entity: Entity
    ignore: Ignore
    aliases: Aliases = ()
    """Those of the lists that the condition names."""

    @property
    def fields(self) -> list[str]:
        """The attributes that are compared, in combination if several."""
        return self.condition.fields_of(self.name)

    @cached_property
    def attributes(self) -> dict[str, Attribute]:
        """The same with their types."""
        return {field: self.entity.attribute(field) for field in self.fields}

    @cached_property
    def how(self) -> How:
        """How their text is compared.

        A country of the attribute goes before that of the condition.
        """
        country = next(
            (one.country for one in self.attributes.values() if one.country),
            self.condition.country,
        )
        steps = tuple(self.condition.normalize)
        return How(steps, self.condition.words_sorted, country, self.aliases)

    @property
    def key(self) -> tuple[object, ...]:
        """What two conditions share that compare the same of an entity."""
        return (*self.ignoring, self.condition.known_by)

    @property
    def ignoring(self) -> tuple[object, ...]:
        """What two conditions share that ignore the same of an entity."""
        return (
            *self.fields,
            self.how,
            self.condition.ignore,
            self.condition.all_parts,
            self.shared_by,
        )

    @cached_property
    def ignored(self) -> list[str]:
        """The texts that are ignored after normalisation, in lower case."""
        return ignored_texts(self.condition, self.attributes, self.ignore, self.how)

    @cached_property
    def ignored_alone(self) -> list[list[str]]:
        """The texts that are ignored of each of several attributes by itself, as it stands."""
        return (
            [
                ignored_texts(self.condition, {field: attribute}, self.ignore, How())
                for field, attribute in self.attributes.items()
            ]
            if len(self.fields) > 1
            else []
        )

    def values(self, texts: Sequence[pa.Array]) -> tuple[pa.Array, pa.Array]:
        """Return what is compared of the texts of the attributes, and what of them is ignored.

        Of several attributes those that are ignored are left out, and the first of them is told.
        """
        kept, alone = self._alone(texts)
        joined = reduce(_whole if self.condition.all_parts else _joined, kept)
        found = normal_texts(joined, self.how)
        listed = pc.fill_null(are_listed(found, self.ignored), False)
        return pc.if_else(listed, None, found), pc.if_else(listed, found, alone)

    def _alone(self, texts: Sequence[pa.Array]) -> tuple[list[pa.Array], pa.Array]:
        """Return the texts without those that are ignored by themselves, and the first of these."""
        kept, told = list(texts), pa.nulls(len(texts[0]), pa.string())
        for place, values in enumerate(self.ignored_alone):
            plain = pc.utf8_lower(trimmed(texts[place]))
            listed = pc.fill_null(are_listed(plain, values), False)
            kept[place] = pc.if_else(listed, None, texts[place])
            told = pc.coalesce(told, pc.if_else(listed, plain, None))
        return kept, told

    @property
    def shared_by(self) -> int | None:
        """How many records may share a value that is not ignored, None where any number may."""
        if not self.condition.ignore:
            return None
        own = self.condition.shared_by
        return self.ignore.shared_by if own is None else own

    def is_listed(self, value: str) -> bool:
        """Say whether an ignored value is one of the lists, and not only shared by many records."""
        return any(lower(value) in values for values in (self.ignored, *self.ignored_alone))


def _joined(one: pa.Array, other: pa.Array) -> pa.Array:
    """Return two texts joined by a blank, or the one that is there."""
    return pc.coalesce(pc.binary_join_element_wise(one, other, " "), one, other)


def _whole(one: pa.Array, other: pa.Array) -> pa.Array:
    """Return two texts joined by a blank, null where one is not there."""
    return pc.binary_join_element_wise(one, other, " ")
