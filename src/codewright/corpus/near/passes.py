"""The passes of `corpus.dedup` in order: what each shard is told, and what goes from one pass to the next."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from codewright.core.config import build
from codewright.core.errors import ConfigError
from codewright.core.io import write_json
from codewright.core.manifest import Manifest
from codewright.corpus.dedup import Config
from codewright.corpus.near import clusters, kernels
from codewright.corpus.near.buckets import candidate_pairs
from codewright.corpus.near.clusters import Floats
from codewright.corpus.near.comparing import compare_shard
from codewright.corpus.near.deciding import Compare, decide
from codewright.corpus.near.kernels import Ints
from codewright.corpus.near.sets import RANGES, gather_shard, save_pairs
from codewright.corpus.near.signing import (
    KEY_FILES,
    ROWS_PER_BUCKET,
    ROWS_PER_TASK,
    bucket_shard,
    sign_shard,
)
from codewright.corpus.near.units import Part, Source, index_files, list_sources, load, ranges
from codewright.corpus.near.writing import filter_shard, index_shard
from codewright.corpus.parts import kept_documents, summed
from codewright.engine.engine import Shard
from codewright.engine.stage import StageContext, StageResult

BUCKET_TASKS = 8
"""Tasks that bands are dealt to at least, so that small corpora keep some cores busy, too."""


@dataclass(frozen=True)
class Range:
    """The units `first` to `end` (exclusive) of a source, a task's worth, and the parts that hold their rows."""

    name: str
    tier: int
    first: int
    end: int
    parts: list[Part]

    def shard(self, context: StageContext, **params: Any) -> Shard:
        """Return the shard of a pass over this range."""
        parts = [list(astuple(part)) for part in self.parts]
        return Shard(
            self.name, str(context.out), (), {"first": self.first, "end": self.end, "parts": parts, **params}
        )


@dataclass(frozen=True)
class Met:
    """What `meet` leaves: the ranges that were signed, their bytes, how many pairs met in a band, and how to compare pairs."""

    fresh: list[Range]
    bytes_read: int
    candidates: int
    compare: Compare


def remove_copies(config: Config, context: StageContext) -> StageResult:
    """Run all passes; see `codewright.corpus.dedup`."""
    config.check()
    earlier = [context.inputs[ref] for ref in config.index]
    for folder in earlier:
        check_index(folder, config)
    sources = list_sources(
        [*earlier, context.inputs[config.corpus]], config.level == "repo", context.work / "units"
    )
    if sources[-1].end >= 2**31:
        raise ConfigError(
            f"corpus {context.inputs[config.corpus]}: {sources[-1].end:,} documents with those of the indexes; "
            "2,147,483,647 can be numbered: split the corpus by language"
        )
    if not any(source.parts for source in sources if source.tier):
        raise ConfigError(f"corpus {context.inputs[config.corpus]}: holds no documents")
    met = meet(config, context, sources, earlier)
    decisions = decide(config.cluster, context, sources, met.compare)
    written = _filter(context, sources)
    _index(context, met.fresh)
    counts, documents = kept_documents(written)
    details = {
        "bytes_read": met.bytes_read,
        **summed(written),
        **documents,
        "pairs_candidate": met.candidates,
        "pairs_similar": decisions.pairs,
        "rounds": decisions.rounds,
        "knee": round(config.banding.knee, 4),
        "curve": config.banding.curve(),
    }
    return StageResult(counts, details=details)


def meet(config: Config, context: StageContext, sources: list[Source], earlier: Sequence[Path] = ()) -> Met:
    """Run the passes up to the candidate pairs; what is similar and who goes is the caller's to ask and to decide.

    sources: some of tier 1 or 2, numbered from 0. earlier: the indexes that those of tier 0 stand for.
    """
    cut = [(source.tier, *found) for source in sources for found in ranges(source, config.shard_bytes)]
    every = [Range(f"range-{number:05d}", *found) for number, found in enumerate(cut)]
    fresh = [part for part in every if part.tier]
    bands, ngram = config.banding, config.ngram
    signing = {"permutations": bands.permutations, "bands": bands.bands, "rows": bands.rows, "ngram": ngram}
    write_json(context.work / RANGES, [(part.name, part.first, part.end) for part in every])
    signed = context.engine.map(
        sign_shard,
        [part.shard(context, threshold=config.threshold, **signing) for part in fresh],
        "dedup: sign",
        warm_up,
    )
    candidates = _bucket(config, context, fresh, list(earlier))

    def compare(number: int, pairs: Path) -> tuple[Ints, Floats]:
        return _compare(config, context, every, number, pairs)

    return Met(fresh, sum(result["bytes"] for result in signed), candidates, compare)


def warm_up() -> None:
    """Compile every kernel, or load it from the cache."""
    kernels.warm_up()
    pairs = candidate_pairs(np.ones(2, np.uint64), np.arange(2), np.arange(2, dtype=np.uint64), 0)
    for cluster in (clusters.greedy, clusters.connected):
        cluster(pairs, np.ones(1), np.arange(2), 0)


def check_index(folder: Path, config: Config) -> None:
    """Check that an earlier output was signed as this one is to be. Raises ConfigError."""
    manifest = Manifest.read(folder)
    if manifest.stage != "corpus.dedup":
        raise ConfigError(f"index {folder}: made by {manifest.stage}; needed: an output of corpus.dedup")
    earlier = build(Config, manifest.config, f"index {folder}")
    for name in ("banding", "ngram", "level"):
        ours, theirs = getattr(config, name), getattr(earlier, name)
        if ours != theirs:
            raise ConfigError(
                f"index {folder}: made with {name} {theirs}, not {ours}; use the same, or make it again"
            )


def _bucket(config: Config, context: StageContext, fresh: list[Range], earlier: list[Path]) -> int:
    """Find candidate pairs; returns how many there were in all bands."""
    files: list[tuple[str, str, int]] = []
    units = 0
    for folder in earlier:
        for keys, order, _, count in index_files(folder):
            files.append((str(keys), str(order), units))
            units += count
    old = units
    for part in fresh:
        keys = context.work / "keys" / f"{part.name}.npy"
        files.append((str(keys), str(context.work / "order" / keys.name), part.first))
        units += part.end - part.first
    write_json(context.work / KEY_FILES, files)
    cuts = 1 << max(0, units // ROWS_PER_BUCKET).bit_length()
    width = 2**64 // cuts
    bands = config.banding.bands
    together = max(1, min(ROWS_PER_TASK * cuts // units, -(-bands // BUCKET_TASKS)))
    groups = [list(range(at, min(at + together, bands))) for at in range(0, bands, together)]
    shards = []
    for group in [*groups, [bands]]:
        for cut in range(cuts):
            params = {"bands": group, "low": cut * width, "high": (cut + 1) * width - 1, "old": old}
            params["exact"] = group == [bands]
            shards.append(Shard(f"band-{group[0]:04d}-{cut:04d}", str(context.out), (), params))
    found = context.engine.map(bucket_shard, shards, "dedup: bucket")
    return sum(result["pairs"] for result in found)


def _compare(
    config: Config, context: StageContext, every: list[Range], number: int, pairs: Path
) -> tuple[Ints, Floats]:
    """Measure the pairs of a folder; returns those that reach the threshold and their Jaccard similarity."""
    edges = f"edges-{number}"
    gathering = comparing = every
    if number:
        asked = np.ascontiguousarray(load(pairs / "pairs.npy").T)
        save_pairs(context.work, pairs.name, "pairs", asked)
        places = np.searchsorted([part.first for part in every], asked, side="right") - 1
        gathering = [every[place] for place in np.unique(places).tolist()]
        comparing = [every[place] for place in np.unique(places[:, 0]).tolist()]

    def shard(part: Range) -> Shard:
        params = {"pairs": pairs.name, "edges": edges, "round": number, "name": part.name}
        whole = part.shard(context, ngram=config.ngram, threshold=config.threshold, **params)
        return replace(whole, name=f"{part.name}-{number}")

    label = f", round {number + 1}" if number else ""
    context.engine.map(gather_shard, [shard(part) for part in gathering], f"dedup: gather{label}")
    shards = [shard(part) for part in comparing]
    context.engine.map(compare_shard, shards, f"dedup: compare{label}")
    found = np.concatenate([load(context.work / edges / f"{shard.name}.npy") for shard in shards], axis=1)
    return np.ascontiguousarray(found[:2].T).astype(np.int64), found[2]


def _filter(context: StageContext, sources: list[Source]) -> list[dict[str, Any]]:
    shards = []
    for source in sources:
        for part in source.parts if source.tier else ():
            split = "" if source.tier == 1 else "heldout"
            name = Path(part.path).stem
            params = {"part": list(astuple(part)), "split": split}
            shards.append(Shard(f"{split}{name}", str(context.out), (part.path,), params))
    return context.engine.map(filter_shard, shards, "dedup: filter")


def _index(context: StageContext, fresh: list[Range]) -> None:
    """Keep the keys of what stays."""
    shards = [part.shard(context) for part in fresh]
    context.engine.map(index_shard, shards, "dedup: index")
