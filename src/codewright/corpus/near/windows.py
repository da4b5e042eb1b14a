"""Pairs that stand near each other: measured while their files are signed, before the text leaves memory.

Releases, copies and forks often lie close together in a corpus that was read source by source. What `measure` finds is what
`compare` would find; a pair measured here is a pair whose text is not read a second time.
"""

from typing import Any

import numpy as np

from codewright.corpus.near import kernels
from codewright.corpus.near.buckets import candidate_pairs, packed, sorted_pairs, unpacked
from codewright.corpus.near.clusters import Floats
from codewright.corpus.near.kernels import Hashes, Ints
from codewright.corpus.near.sets import distinct

ROOM = 20_000_000
"""Shingles kept at most, 160 MB; 128 MB of code have about 15 million."""

FRIENDS = 32
"""Of each file so many similar ones meet each other, too: the pairs that later rounds would ask for."""


_kept = [np.empty(0, np.uint64)]
"""The room of this process, used by one task after the other: memory that is new to a process costs more than what is done with it."""


class Window:
    """Shingles of the last files that were signed."""

    def __init__(
        self, ngram: int, signer: tuple[Hashes, Hashes], banding: tuple[int, int], threshold: float
    ) -> None:
        self._ngram, self._signer, self._banding, self._threshold = ngram, signer, banding, threshold
        if not len(_kept[0]):
            _kept[0] = np.empty(ROOM, np.uint64)
        self._room = _kept[0]
        self._measured: list[tuple[Ints, Floats]] = []
        self._start(0)

    def _start(self, first: int) -> None:
        self._first = first
        self._keys: list[Hashes] = []
        self._begins: list[Ints] = [np.zeros(1, np.int64)]

    def sign(self, data: kernels.Bytes, starts: Ints) -> Hashes:
        """Sign the next documents; returns their keys (bands + 1, documents)."""
        documents = len(starts) - 1
        needed = kernels.room_for(starts, documents)
        used = self._begins[-1][-1]
        if used + needed > len(self._room):
            self._measure()
            used = 0
            if needed > len(self._room):
                self._room = np.empty(needed, np.uint64)
        signatures = np.empty((documents, len(self._signer[0])), np.uint32)
        begins = kernels.sign(data, starts, self._ngram, *self._signer, signatures, self._room[used:])
        keys: Hashes = kernels.band_keys(signatures, np.diff(begins), *self._banding)
        self._keys.append(keys)
        self._begins.append(used + begins[1:])
        return keys

    def measured(self) -> tuple[Ints, Floats]:
        """Return the pairs that were measured, units numbered from 0, sorted; and their Jaccard, 0 for less than the threshold."""
        self._measure()
        pairs, jaccards = zip(*self._measured, strict=True)
        return np.concatenate(pairs), np.concatenate(jaccards)

    def _measure(self) -> None:
        begins = np.concatenate(self._begins)
        keys = np.concatenate(self._keys, axis=1) if self._keys else np.empty((2, 0), np.uint64)
        units = np.arange(len(begins) - 1)
        near = [candidate_pairs(band, units, keys[-1], 0) for band in keys[:-1]]
        pairs = sorted_pairs(np.concatenate(near))
        members = np.unique(pairs)
        flat, sizes = distinct(self._room, kernels.pick(self._room, begins, members, self._room))
        set_begins = np.concatenate(([0], sizes.cumsum()))

        def jaccards(wanted: Ints) -> Any:
            both = np.searchsorted(members, wanted)
            return kernels.jaccards(flat, set_begins, flat, set_begins, both, self._threshold)

        found = jaccards(pairs)
        more = _friends(pairs[found > 0], pairs)
        packs = np.concatenate((packed(pairs), packed(more)))
        order = np.argsort(packs)
        jaccard = np.concatenate((found, jaccards(more)))[order]
        self._measured.append((unpacked(packs[order]) + self._first, jaccard))
        self._start(self._first + len(units))


def _friends(similar: Ints, known: Ints) -> Ints:
    """Return pairs not yet known of files that resemble the same one, each file's first FRIENDS with each other."""
    both = sorted_pairs(np.concatenate((similar, similar[:, ::-1])))
    place = np.arange(len(both)) - np.searchsorted(both[:, 0], both[:, 0])
    near = both[place < FRIENDS]
    found = [np.empty((0, 2), np.int64)]
    for step in range(1, FRIENDS):
        same = near[step:, 0] == near[:-step, 0]
        found.append(np.stack((near[:-step, 1][same], near[step:, 1][same]), axis=1))
    fresh = np.setdiff1d(packed(np.concatenate(found)), packed(known)).astype(np.int64)
    return unpacked(fresh)
