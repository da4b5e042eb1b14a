"""The passes of `corpus.dedup` in order: what each shard is told, and what goes from one pass to the next."""

from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from codewright.core.config import build
from codewright.core.errors import ConfigError
from codewright.core.io import write_json
from codewright.core.manifest import Counts, Manifest
from codewright.corpus.dedup import Config
from codewright.corpus.near.clusters import Floats
from codewright.corpus.near.comparing import RANGES, compare_shard, gather_shard
from codewright.corpus.near.deciding import decide
from codewright.corpus.near.kernels import Ints, warm_up
from codewright.corpus.near.signing import KEY_FILES, ROWS_PER_BUCKET, bucket_shard, sign_shard
from codewright.corpus.near.units import Part, Source, index_files, list_sources, load, ranges
from codewright.corpus.near.writing import filter_shard, index_shard
from codewright.engine.engine import Shard
from codewright.engine.stage import StageContext, StageResult


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


def remove_copies(config: Config, context: StageContext) -> StageResult:
    """Run all passes; see `codewright.corpus.dedup`."""
    config.check()
    earlier = [context.inputs[ref] for ref in config.index]
    for folder in earlier:
        check_index(folder, config)
    sources = list_sources(
        [*earlier, context.inputs[config.corpus]], config.level == "repo", context.work / "units"
    )
    cut = [(source.tier, *found) for source in sources for found in ranges(source, config.shard_bytes)]
    every = [Range(f"range-{number:05d}", *found) for number, found in enumerate(cut)]
    fresh = [part for part in every if part.tier]
    if not fresh:
        raise ConfigError(f"corpus {context.inputs[config.corpus]}: holds no documents")
    bands, ngram = config.banding, config.ngram
    warm_up()  # workers find the kernels compiled, and do not each do it
    signing = {"permutations": bands.permutations, "bands": bands.bands, "rows": bands.rows, "ngram": ngram}
    signed = context.engine.map(sign_shard, [part.shard(context, **signing) for part in fresh], "dedup: sign")
    candidates = _bucket(config, context, fresh, earlier)
    context.engine.map(gather_shard, [part.shard(context, ngram=ngram) for part in every], "dedup: gather")

    def compare(number: int, pairs: Path) -> tuple[Ints, Floats]:
        return _compare(config, context, every, number, pairs)

    decisions = decide(config.cluster, context, sources, compare)
    written = _filter(context, sources)
    _index(context, fresh)
    counts = Counts.total(Counts.from_json(result["counts"]) for result in written)
    heldout = sum(result["heldout"] for result in written)
    details = {
        "bytes_read": sum(result["bytes"] for result in signed),
        "documents_heldout": heldout,
        "documents_train": counts.kept - heldout,
        "pairs_candidate": candidates,
        "pairs_similar": decisions.pairs,
        "rounds": decisions.rounds,
        "knee": round(bands.knee, 4),
        "curve": bands.curve(),
    }
    return StageResult(counts, details=details)


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
    shards = []
    for band in range(config.banding.bands + 1):
        for cut in range(cuts):
            params = {
                "band": band,
                "low": cut * width,
                "high": (cut + 1) * width - 1,
                "old": old,
            }
            params["exact"] = band == config.banding.bands
            shards.append(Shard(f"band-{band:04d}-{cut:04d}", str(context.out), (), params))
    found = context.engine.map(bucket_shard, shards, "dedup: bucket")
    return sum(result["pairs"] for result in found)


def _compare(
    config: Config, context: StageContext, every: list[Range], number: int, pairs: Path
) -> tuple[Ints, Floats]:
    """Measure the pairs of a folder; returns those that reach the threshold and their Jaccard similarity."""
    edges = f"edges-{number}"
    params = {"pairs": pairs.name, "edges": edges, "threshold": config.threshold}
    write_json(context.work / RANGES, [(part.name, part.first, part.end) for part in every])
    shards = [
        Shard(
            f"{part.name}-{number}",
            str(context.out),
            (),
            params | {"name": part.name, "first": part.first, "end": part.end},
        )
        for part in every
    ]
    context.engine.map(compare_shard, shards, f"dedup: compare, round {number + 1}")
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
