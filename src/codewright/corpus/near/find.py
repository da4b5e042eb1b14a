"""What is this file a copy of? Looks one file up in the index that `corpus.dedup` leaves beside its output."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from codewright.core.config import build
from codewright.core.errors import ConfigError
from codewright.core.io import read_parquet
from codewright.core.manifest import Dataset
from codewright.core.records import content_id
from codewright.corpus.dedup import Config
from codewright.corpus.near import kernels
from codewright.corpus.near.kernels import Ints
from codewright.corpus.near.sets import distinct
from codewright.corpus.near.signing import exact_key
from codewright.corpus.near.units import index_files, list_sources, load, read_texts


@dataclass(frozen=True)
class Match:
    """A file of the corpus that shares a band with the one asked for; `is_copy` if it reaches the index's threshold."""

    jaccard: float
    is_copy: bool
    shown: str
    id: str


def find(file: Path, folder: Path) -> list[Match]:
    """Return what resembles a file in an output of `corpus.dedup`, most similar first. Raises ConfigError."""
    if not file.is_file():
        raise ConfigError(f"--find {file}: {'not a file' if file.exists() else 'no such file'}")
    manifest = Dataset(folder).manifest
    if manifest.stage != "corpus.dedup" or manifest.config["level"] != "file":
        raise ConfigError(f"--index {folder}: needed: an output of corpus.dedup at level file")
    config = build(Config, manifest.config, f"index {folder}")
    content = file.read_bytes()
    data, starts = np.frombuffer(content, np.uint8), np.array([0, len(content)])
    id_ = content_id(content)
    units = _candidates(folder, config, data, starts, id_)
    mine, sizes = _sets(data, starts, np.array([0]), config.ngram)
    begins = np.array([0, sizes[0]])
    matches: list[Match] = []
    for source in list_sources([folder], False, folder):
        for part in source.parts:
            rows = units[(units >= part.first) & (units < part.first + part.rows)] - part.first
            if not len(rows):
                continue
            facts = read_parquet(part.path, ["id", "repo", "path"]).take(rows).to_pylist()
            theirs, their_sizes = _sets_of(part.path, rows, config.ngram)
            pairs = np.stack((np.zeros(len(rows), np.int64), np.arange(len(rows))), axis=1)
            their_begins = np.concatenate(([0], their_sizes.cumsum()))
            similar = kernels.jaccards(mine, begins, theirs, their_begins, pairs, 0.0)
            for row, jaccard in zip(facts, similar.tolist(), strict=True):
                value = 1.0 if row["id"] == id_ else jaccard
                matches.append(
                    Match(value, value >= config.threshold, f"{row['repo']}:{row['path']}", row["id"])
                )
    return sorted(matches, key=lambda match: (-match.jaccard, match.shown))


def _candidates(folder: Path, config: Config, data: kernels.Bytes, starts: Ints, id_: str) -> Ints:
    banding = config.banding
    signer = kernels.permutations(banding.permutations)
    signature = np.empty((1, len(signer[0])), np.uint32)
    room = np.empty(kernels.room_for(starts, 1), np.uint64)
    begins = kernels.sign(data, starts, config.ngram, *signer, signature, room)
    keys = kernels.band_keys(signature, np.diff(begins), banding.bands, banding.rows)[:, 0]
    keys[-1] = exact_key(id_)
    found: list[Ints] = [np.empty(0, np.int64)]
    for keys_path, order_path, first, _ in index_files(folder):
        stored, order = load(keys_path), load(order_path)
        for band, key in enumerate(keys):
            low, high = np.searchsorted(stored[band], key), np.searchsorted(stored[band], key, side="right")
            if key != kernels.EMPTY_KEY:
                found.append(order[band, low:high].astype(np.int64) + first)
    return np.unique(np.concatenate(found))


def _sets_of(path: str, rows: Ints, ngram: int) -> tuple[kernels.Hashes, Ints]:
    sets, sizes = [np.empty(0, np.uint64)], [np.empty(0, np.int64)]
    for at, data, starts, _ in read_texts(path):
        here = rows[(rows >= at) & (rows < at + len(starts) - 1)] - at
        flat, found = _sets(data, starts, here, ngram)
        sets.append(flat)
        sizes.append(found)
    return np.concatenate(sets), np.concatenate(sizes)


def _sets(data: kernels.Bytes, starts: Ints, rows: Ints, ngram: int) -> tuple[kernels.Hashes, Ints]:
    room = np.empty(kernels.room_for(starts, len(rows)), np.uint64)
    return distinct(room, kernels.shingles_of_rows(data, starts, rows, ngram, room))
