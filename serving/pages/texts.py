"""What the pages say, in every language: one file each in `texts/`, by names of what is said."""

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from importlib import resources


class Texts:
    """All texts; `{name}` in one stands for a value."""

    @cached_property
    def _all(self) -> Mapping[str, Mapping[str, str]]:
        folder = resources.files("overtide.serving.pages").joinpath("texts")
        return {
            file.name.removesuffix(".json"): json.loads(file.read_text("utf-8"))
            for file in sorted(folder.iterdir(), key=lambda one: one.name)
            if file.name.endswith(".json")
        }

    @property
    def languages(self) -> Sequence[str]:
        """The languages there are texts of, as ISO 639 has them."""
        return list(self._all)

    def names(self, language: str) -> frozenset[str]:
        """Return the names of all texts of a language."""
        return frozenset(self._all[language])

    def text(self, language: str, name: str, values: Mapping[str, object]) -> str:
        """Return a text with its values."""
        return self._all[language][name].format_map(values)

    def has(self, language: str, name: str) -> bool:
        """Say whether there is such a text."""
        return name in self._all[language]
