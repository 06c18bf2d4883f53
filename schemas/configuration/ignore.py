"""Values that stand for none."""

from typing import Annotated

from pydantic import Field

from overtide.schemas.configuration.model import Model, Text, Word


class Ignore(Model):
    """Values that stand for none: they are kept, and compare as null."""

    defaults: bool = Field(
        default=True,
        description=(
            "whether the built-in list applies, such as `n/a`, `unknown` and `none@none.com`"
        ),
        examples=[False],
    )
    values: list[Word] = Field(
        default=[],
        description="more values, compared after normalisation, in any case",
        examples=[["shop@shop.org"]],
    )
    values_of: dict[str, list[Word]] = Field(
        default={},
        description="attribute -> more values that are ignored in it alone",
        examples=[{"PostCode": ["99999"]}],
    )
    file: Text | None = Field(
        default=None,
        description="a CSV file of more values within the project, with the column `Value` and, "
        "for those of one attribute alone, `Attribute`",
        examples=["data/bypass.csv"],
    )
    keep: list[Word] = Field(
        default=[],
        description="values of the built-in list that mean something here",
        examples=[["Null", "na"]],
    )
    shared_by: Annotated[int, Field(ge=1)] | None = Field(
        default=None,
        description="every value that more than so many records of the entity share is ignored too",
        examples=[100],
    )

    def joined(self, other: "Ignore") -> "Ignore":
        """Return what is ignored by this or the other, whose `shared_by` goes before this one's."""
        return Ignore(
            defaults=self.defaults and other.defaults,
            values=[*self.values, *other.values],
            values_of={
                name: [*self.values_of.get(name, []), *other.values_of.get(name, [])]
                for name in {**self.values_of, **other.values_of}
            },
            keep=[*self.keep, *other.keep],
            shared_by=self.shared_by if other.shared_by is None else other.shared_by,
        )
