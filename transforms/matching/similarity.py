"""How much alike texts are, in ten-thousandths: (n - d) / n, rounded down.

n is the length of the longer text and d the number of edits between both, in code points: letters
inserted, removed, substituted or, as one edit, transposed with their neighbour (the distance called
optimal string alignment).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from rapidfuzz.distance import OSA
from rapidfuzz.process import cpdist

from overtide.schemas.configuration.scores import WHOLE

Codes = NDArray[np.int32]
"""Places of texts in `Texts.distinct`, -1 where there is none."""
Points = NDArray[np.int64]
"""Similarities or scores in ten-thousandths."""


@dataclass(frozen=True)
class Texts:
    """Distinct texts, to which codes point."""

    distinct: pa.Array
    threads: int = 1

    @cached_property
    def _lengths(self) -> NDArray[np.int64]:
        return np.asarray(pc.utf8_length(self.distinct), dtype=np.int64)

    @cached_property
    def _letters(self) -> NDArray[np.uint64]:
        """Which letters each text has, a bit for each of ASCII by its number modulo 64.

        An edit changes two of them at most. Of other texts nothing is known.
        """
        texts = self.distinct.cast(pa.large_string())
        if not len(texts):
            return np.zeros(0, np.uint64)
        ends = np.frombuffer(texts.buffers()[1], np.int64)[texts.offset :][: len(texts) + 1]
        data = texts.buffers()[2]
        written = np.frombuffer(data or b"", np.uint8)[: ends[-1]]
        bits = np.append(np.uint64(1) << (written & 63).astype(np.uint64), np.uint64(0))
        found = np.bitwise_or.reduceat(bits, ends[:-1])
        return np.where(ends[1:] > ends[:-1], found, np.uint64(0))

    @cached_property
    def _plain(self) -> NDArray[np.bool_]:
        return np.asarray(pc.equal(pc.binary_length(self.distinct), self._lengths))

    def points(self, left: Codes, right: Codes, percent: int) -> Points:
        """Return how much alike texts are, 0 where that is less than so many percent.

        No code is -1.
        """
        same = left == right
        found = np.where(same, WHOLE, 0)
        if percent == 100:
            return found
        longer = np.maximum(self._lengths[left], self._lengths[right])
        most = longer * (100 - percent) // 100
        places = np.flatnonzero(~same & self._may_be_near(left, right, most))
        if not len(places):
            return found
        longer, most = longer[places], most[places]
        distance = self._distances(left[places], right[places], int(most.max()))
        found[places] = np.where(distance <= most, (longer - distance) * WHOLE // longer, 0)
        return found

    def _may_be_near(self, left: Codes, right: Codes, most: Points) -> NDArray[np.bool_]:
        """Say which texts may be at most so many edits apart, by their lengths and letters."""
        lengths = np.abs(self._lengths[left] - self._lengths[right]) <= most
        letters = np.bitwise_count(self._letters[left] ^ self._letters[right]) <= 2 * most
        near: NDArray[np.bool_] = lengths & (letters | ~(self._plain[left] & self._plain[right]))
        return near

    def _distances(self, left: Codes, right: Codes, most: int) -> Points:
        """Return how many edits texts are apart; what is more than `most` is at least one more."""
        texts, others = (self.distinct.take(pa.array(one)).to_pylist() for one in (left, right))
        found = cpdist(
            texts,
            others,
            scorer=OSA.distance,
            score_cutoff=most,
            dtype=np.int32,
            workers=self.threads,
        )
        return np.asarray(found, dtype=np.int64)


def points_alike(left: pa.ChunkedArray, right: pa.ChunkedArray) -> pa.Array:
    """Return how much alike each pair of texts is, in ten-thousandths; none is null."""
    both = pa.chunked_array([*left.chunks, *right.chunks], pa.string()).combine_chunks()
    encoded = both.dictionary_encode()
    codes = np.asarray(encoded.indices)
    return pa.array(Texts(encoded.dictionary).points(codes[: len(left)], codes[len(left) :], 1))
