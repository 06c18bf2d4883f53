"""What a condition compares of an entity, as SQL.

Its attributes joined, normalised, without ignored values.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from overtide.schemas.configuration import Attribute, Condition, Entity, Ignore
from overtide.schemas.names import quoted
from overtide.schemas.types import type_of
from overtide.transforms.ignored import define_lookup, ignored_texts, lookup, lower
from overtide.transforms.normalize import How, define_normal, normalized

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True)
class Compared:
    """One side of a condition.

    What it compares of the entity `name`, whose rows are the query `rows`.
    """

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
        """How their text is compared.

        A country of the attribute goes before that of the condition.
        """
        country = next(
            (one.country for one in self.attributes if one.country), self.condition.country
        )
        return How(tuple(self.condition.normalize), self.condition.words_sorted, country)

    @cached_property
    def ignored(self) -> list[str]:
        """The texts that are ignored after normalisation, in lower case."""
        return ignored_texts(self.condition, self.attributes, self.ignore, self.how)

    @cached_property
    def ignored_alone(self) -> list[list[str]]:
        """The texts that are ignored of each of several attributes by itself, as it stands."""
        return (
            [
                ignored_texts(self.condition, [attribute], self.ignore, How())
                for attribute in self.attributes
            ]
            if len(self.fields) > 1
            else []
        )

    def define(self, connection: "DuckDBPyConnection") -> None:
        """Let the SQL of the other methods run on a connection."""
        define_normal(connection)
        for values in (self.ignored, *self.ignored_alone):
            define_lookup(connection, values)

    def text(self) -> str:
        """Return the SQL of the normalised text.

        Of several attributes those that are ignored are left out.
        """
        texts = self._texts()
        kept = [
            f"CASE WHEN {lookup(values)}(trim({text})) THEN NULL ELSE {text} END"
            if values
            else text
            for text, values in zip(texts, self.ignored_alone, strict=False)
        ]
        return normalized(
            f"nullif(concat_ws(' ', {', '.join(kept)}), '')" if kept else texts[0], self.how
        )

    def ignored_attribute(self) -> str:
        """Return the SQL of the first attribute that is ignored by itself, null if none is.

        It is one of several attributes.
        """
        found = [
            f"CASE WHEN {lookup(values)}(trim({text})) THEN lower(trim({text})) END"
            for text, values in zip(self._texts(), self.ignored_alone, strict=False)
            if values
        ]
        return f"coalesce({', '.join(found)})" if found else "NULL::VARCHAR"

    def is_ignored(self, text: str) -> str:
        """Return the SQL that says whether a normalised text compares as null."""
        most = self.ignore.shared_by if self.condition.ignore else None
        shared = (
            f"SELECT shared FROM (SELECT {self.text()} AS shared FROM ({self.rows})) WHERE shared "
            "IS NOT NULL "
            f"GROUP BY shared HAVING count(*) > {most}"
        )
        tests = [
            *([f"{lookup(self.ignored)}({text})"] if self.ignored else []),
            *([f"{text} IN ({shared})"] if most is not None else []),
        ]
        return " OR ".join(tests) or "false"

    def is_listed(self, value: str) -> bool:
        """Say whether an ignored value is one of the lists, and not only shared by many records."""
        return any(lower(value) in values for values in (self.ignored, *self.ignored_alone))

    def _texts(self) -> list[str]:
        return [
            type_of(attribute.type).text_sql(quoted(field))
            for field, attribute in zip(self.fields, self.attributes, strict=True)
        ]
