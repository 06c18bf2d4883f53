"""The word lists applied to whole columns of plain ASCII texts.

What `overtide.transforms.words` does, in Arrow.

Arrow looks all words of a batch up at once and lets other threads work meanwhile. What is more than
looking single words up (several words in a row, points between letters, ends of words, legal forms)
is done by `words`, text by text.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from overtide.transforms import words

FUNCTIONS: dict[str, Callable[[str], str]] = {
    "name": words.name,
    "address": words.address,
    "organization": words.organization,
}
BETWEEN = f"[{re.escape(words.BETWEEN)}]+"


@dataclass(frozen=True)
class Listed:
    """A normalisation by a list.

    Known words and what becomes of them, and what shows that more is to be done.
    """

    known: pa.Array
    become: pa.Array
    special: pa.Array
    """Words that begin several in a row, or end a legal form."""
    pattern: str | None
    """What texts hold in which letters with points or ends of words are to be replaced."""
    alone: Callable[[str], str]
    """The same for one text."""

    @classmethod
    @cache
    def of(cls, step: str) -> "Listed":
        """Return the lists of a normalisation."""
        found = words.replaced(*words.LISTS[step])
        special = {
            *found.several,
            *(frozenset().union(*words.borders()) if step == "organization" else ()),
        }
        ends = f"|(?:{'|'.join(words.endings())})\\b" if step == "address" else ""
        return cls(
            pa.array(found.single, pa.string()),
            pa.array(found.single.values(), pa.string()),
            pa.array(sorted(special), pa.string()),
            None if step == "name" else words.DOTTED.pattern + ends,
            FUNCTIONS[step],
        )

    def apply(self, texts: pa.Array) -> pa.Array:
        """Return each text with its words replaced."""
        lowered = pc.ascii_lower(texts)
        split = pc.ascii_split_whitespace(pc.replace_substring_regex(lowered, BETWEEN, " "))
        single, ends = split.flatten(), np.asarray(split.offsets) - split.offsets[0].as_py()
        become = pc.coalesce(self.become.take(pc.index_in(single, self.known)), single)
        kept = pc.not_equal(become, "")
        lists = pa.ListArray.from_arrays(
            pa.array(_before(kept, ends), pa.int32()), become.filter(kept)
        )
        return self._with_special(
            texts,
            lowered,
            pc.binary_join(lists, " "),
            np.diff(_before(pc.is_in(single, self.special), ends)) > 0,
        )

    def _with_special(
        self,
        texts: pa.Array,
        lowered: pa.Array,
        found: pa.Array,
        special: NDArray[np.bool_],
    ) -> pa.Array:
        if self.pattern is not None:
            special |= np.asarray(pc.match_substring_regex(lowered, self.pattern))
        if not special.any():
            return found
        mask = pa.array(special)
        again = pa.array([self.alone(text) for text in texts.filter(mask).to_pylist()], pa.string())
        return pc.replace_with_mask(found, mask, again)


def _before(marked: pa.Array, places: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many are marked before each place."""
    counts: NDArray[np.int64] = np.concatenate([[0], np.cumsum(np.asarray(marked))])
    return counts[places]
