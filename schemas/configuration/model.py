"""What all sections of `overtide.yaml` are made of.

The documents are strict: an unknown key is an error.
"""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

Text = Annotated[str, Field(min_length=1)]
Word = Annotated[Text, BeforeValidator(lambda value: "null" if value is None else value)]
"""A text; YAML takes the word null for a value of its own."""
LISTS_OF_WORDS = ("null_words", "true_words", "false_words", "values", "values_of", "keep")
"""The settings that are lists of them."""
COUNTRY = "^[A-Z]{2}$"
Country = Annotated[
    str,
    BeforeValidator(lambda value: "NO" if value is False else value),
    Field(pattern=COUNTRY),
]
"""A country by ISO 3166; YAML takes Norway's NO for false."""


class Model(BaseModel):
    """Base of all sections: unknown keys are refused and values cannot be changed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def __getstate__(self) -> dict[Any, Any]:
        """Return what a pickle holds.

        As a copy: while Beam pickles a section, a thread that reads ahead may add what it computes
        of it.
        """
        return super().__getstate__() | {"__dict__": dict(self.__dict__)}
