"""What the checks of the sections share: looking names up, and saying what is wrong with them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from overtide.schemas.configuration.entities import Entity
from overtide.schemas.mistakes import Mistake, Path, one_of, shown
from overtide.schemas.names import folded
from overtide.schemas.suggestions import closest
from overtide.schemas.types import type_of

if TYPE_CHECKING:
    from overtide.schemas.document import Document  # at the top it would load YAML


@dataclass
class Checking:
    """One check of a configuration.

    Paths in `broken` hold placeholders and are not spoken of again.
    """

    document: "Document"
    broken: frozenset[Path]
    entities: Mapping[str, Entity]
    """By their full names, as are the `places` at which they are declared."""
    places: Mapping[str, Path]
    unified: Sequence[str]
    aliases: Sequence[str] = ()
    """The lists of aliases, by their names."""
    found: list[Mistake] = field(default_factory=list)

    def add(self, code: str, path: Path, message: str, **more: str | None) -> None:
        """Remember a mistake, unless the place is broken already."""
        if not self.is_broken(path):
            self.found.append(self.document.mistake(code, path, message, **more))

    def note(self, code: str, path: Path, message: str) -> None:
        """Remember something that is allowed but probably not meant."""
        if not self.is_broken(path):
            note = self.document.mistake(code, path, message)
            self.found.append(replace(note, severity="note"))

    def check_words(self, settings: Sequence[str | int]) -> None:
        """Check the lists of words that some settings are.

        `null` without quotes is the word that it looks like; YAML's other ways to write null (`~`
        and nothing) look like no word that could be meant.
        """
        for path in self.document.nulls:
            text = self.document.written[path]
            lists = path[-3:-1]  # the setting itself, or a name in it
            if (
                len(path) > 1
                and not {*map(str, lists)}.isdisjoint(settings)
                and text.lower() != "null"
            ):
                found = f"`{text}`, which is null in YAML" if text else "nothing"
                self.add(
                    "invalid_value",
                    path,
                    f"Expected a text (put it in quotes), found {found}.",
                    expected="a text (put it in quotes)",
                    suggestion=f"'{text}'" if text else None,
                )

    def is_broken(self, path: Path) -> bool:
        """Say whether a placeholder stands at a path, above it or below it."""
        return any(
            path[: len(place)] == place or place[: len(path)] == path for place in self.broken
        )

    def has(self, path: Path) -> bool:
        """Say whether a mistake was found at a place already."""
        return shown(path) in (one.target for one in self.found)

    def unknown(
        self, path: Path, name: str, what: str, known: Iterable[str], fitting: Iterable[str] = ()
    ) -> None:
        """Remember that a name is not one of those that exist.

        Once for its place, whatever it should be.

        One of the `fitting` names is suggested before others that are more alike.
        """
        if self.has(path):
            return
        names = list(known)
        meant = closest(name, fitting) or closest(name, names)
        self.add(
            "unknown_name",
            path,
            f"`{name}` is no {what}.",
            expected=f"one of {one_of(names)}",
            suggestion=meant,
            hint=None if meant else f"There is {one_of(names)}.",
        )

    def entity(self, path: Path, name: str, unified: bool = False) -> Entity | None:
        """Return an entity by its full name.

        Remember it when it does not exist or does not take part.
        """
        if self.is_broken(path):
            return None
        if name not in self.entities:
            told = unified and name in self.unified  # where unification names it
            if not told and not self._entities_broken() and not self._misnamed(name):
                known = self.unified if unified and self._unified_known() else self.entities
                self.unknown(path, name, "entity", known)
            return None
        if unified and name not in self.unified:
            if self._unified_known():
                self.unknown(path, name, "entity that takes part in unification", self.unified)
            return None
        return self.entities[name]

    def _unified_known(self) -> bool:
        """Say whether all unified entities exist.

        Else the one that is meant may be misspelt there.
        """
        return not self.is_broken(("unification", "entities")) and set(self.unified) <= set(
            self.entities
        )

    def _entities_broken(self) -> bool:
        return any(place[:1] in ((), ("sources",)) and len(place) <= 3 for place in self.broken)

    def _misnamed(self, name: str) -> bool:
        """Say whether the entity that is probably meant has a name that it cannot keep."""
        place = self.places.get(closest(name, self.entities) or "", ())
        return bool(place) and (self.has(place) or self.has(place[:2]))

    def attribute(
        self, path: Path, entity: str, name: str, allowed: tuple[str, ...] = ()
    ) -> str | None:
        """Return an attribute's type (None when it is not known).

        Remember a name that does not exist.

        An attribute of a type that is `allowed` was probably meant.
        """
        if entity not in self.entities or self.is_broken(path):
            return None
        place = (*self.places[entity], "attributes")
        if name not in self.entities[entity].attributes:
            if not any(place[: len(above)] == above for above in self.broken):
                attributes = self.entities[entity].attributes
                fitting = [
                    other for other in attributes if self._base_type(entity, other) in allowed
                ]
                self.unknown(path, name, f"attribute of {entity}", attributes, fitting)
            return None
        return (
            None if self.is_broken((*place, name)) else self.entities[entity].attribute(name).type
        )

    def typed(
        self, path: Path, entity: str, name: str, allowed: tuple[str, ...], what: str
    ) -> str | None:
        """Return an attribute's type.

        Remember one whose type is not allowed (`decimal` stands for all of them).
        """
        kind = self.attribute(path, entity, name, allowed)
        if kind is not None and self._base_type(entity, name) not in allowed:
            self.add(
                "wrong_type",
                path,
                f"`{name}` is of type {kind}, but {what}.",
                expected=one_of(allowed),
            )
        return kind

    def _base_type(self, entity: str, name: str) -> str:
        return type_of(self.entities[entity].attribute(name).type).family

    def unique(self, names: Iterable[tuple[str, Path]], what: str) -> None:
        """Remember names that differ at most in the case of A to Z, one name to the lake.

        Once for each place.
        """
        seen: dict[str, str] = {}
        told: set[Path] = set()
        for name, path in names:
            other = seen.get(folded(name))
            seen.setdefault(folded(name), name)
            if other is not None and path not in told:
                told.add(path)
                same = (
                    f"`{name}` is there twice"
                    if other == name
                    else f"`{name}` and `{other}` are one name"
                )
                self.add(
                    "duplicate_name",
                    path,
                    f"{same}: {what} must differ in more than case.",
                    expected="a name of its own",
                )
