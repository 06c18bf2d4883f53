"""What a condition compares of an entity, as SQL: its attributes joined, normalised, without ignored values."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from schemas.configuration import Attribute, Condition, Entity, Ignore
from schemas.names import quoted
from schemas.values import canonical_text
from transforms.ignored import ignored_texts, is_ignored, lower
from transforms.normalize import How, normalized


@dataclass(frozen=True)
class Compared:
    """One side of a condition: what it compares of the entity `name`, whose rows are the query `rows`."""

    condition: Condition
    name: str
    entity: Entity
    ignore: Ignore
    rows: str = ""

    @property
    def fields(self) -> list[str]:
        """The attributes that are compared, in combination if several."""
        return self.condition.fields_of(self.name)

    @cached_property
    def attributes(self) -> list[Attribute]:
        """The same with their types."""
        return [self.entity.attribute(field) for field in self.fields]

    @property
    def how(self) -> How:
        """How their text is compared; a country of the attribute goes before that of the condition."""
        country = next((one.country for one in self.attributes if one.country), self.condition.country)
        return How(tuple(self.condition.normalize), self.condition.words_sorted, country)

    @cached_property
    def ignored(self) -> list[str]:
        """The texts that are ignored after normalisation, in lower case."""
        return ignored_texts(self.condition, self.attributes, self.ignore, self.how)

    def text(self) -> str:
        """Return the SQL of the normalised text; of several attributes those that are ignored are left out."""
        texts = self._texts()
        if len(texts) > 1:
            kept = [f"CASE WHEN {test} THEN NULL ELSE {text} END" if test != "false" else text
                    for text, test in zip(texts, self._tests(texts), strict=True)]
            texts = [f"nullif(concat_ws(' ', {', '.join(kept)}), '')"]
        return normalized(texts[0], self.how)

    def ignored_attribute(self) -> str:
        """Return the SQL of the first of several attributes that is ignored by itself, null where none is."""
        texts = self._texts()
        tests = self._tests(texts) if len(texts) > 1 else []
        found = [f"CASE WHEN {test} THEN lower(trim({text})) END"
                 for text, test in zip(texts, tests, strict=False) if test != "false"]
        return f"coalesce({', '.join(found)})" if found else "NULL::VARCHAR"

    def is_ignored(self, text: str) -> str:
        """Return the SQL that says whether a normalised text compares as null."""
        most = self.ignore.shared_by if self.condition.ignore else None
        shared = f"SELECT shared FROM (SELECT {self.text()} AS shared FROM ({self.rows})) WHERE shared IS NOT NULL " \
                 f"GROUP BY shared HAVING count(*) > {most}" if most is not None else None
        return is_ignored(text, self.ignored, shared)

    def is_listed(self, value: str) -> bool:
        """Say whether an ignored value is one of the lists, and not only shared by many records."""
        listed = [self.ignored, *(ignored_texts(self.condition, [one], self.ignore, How()) for one in self.attributes)]
        return any(lower(value) in values for values in listed)

    def _texts(self) -> list[str]:
        return [canonical_text(quoted(field), attribute.type)
                for field, attribute in zip(self.fields, self.attributes, strict=True)]

    def _tests(self, texts: Sequence[str]) -> list[str]:
        """Return for each attribute by itself the SQL that says whether it is ignored, as it stands."""
        return [is_ignored(f"trim({text})", ignored_texts(self.condition, [attribute], self.ignore, How()))
                for text, attribute in zip(texts, self.attributes, strict=True)]
