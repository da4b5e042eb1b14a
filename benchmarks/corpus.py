"""How fast is near deduplication, how much does it find, and does time grow with the corpus and nothing else?

    python benchmarks/make_corpus.py && nice python benchmarks/corpus.py [--only speed quality scaling] [--sizes 0.25 1 4] [--plot FILE.svg]

speed: `corpus.dedup` end to end from Parquet in a process of its own with one worker, at 256 permutations (25 bands of 10) and at
2048 (16 of 128), in turn with its peers: datatrove's four MinHash stages (14 x 8, its defaults, on a sample), and rensa fed with
strings, as its own documentation does it (words by regex, 5-grams joined, 32 x 8). MB of text per CPU second, user and system, from
after the imports to the last cluster; for ours writing the result is given apart. Peers come from PyPI into environments below
the cache; one that cannot be installed is said to be missing. Releases of a package follow each other in the corpus; ours also runs
over its files in the order of their hashes, where nothing lies near what it resembles.
quality: 20,000 pairs, half of them near the threshold, measured in plain Python (words by regex, tuples as shingles).
scaling: renamed variants of the corpus with small edits, so that nothing dies in exact deduplication; at every size each file comes in
the same number of versions, so that nothing but the size differs. Time and memory are drawn, too.
Prints Markdown. Trust the ratios; seconds depend on the machine and on what else it does.
"""

import argparse
import json
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from measuring import CACHE, cpu_seconds, peak_bytes, peer_python, table

PEERS = {
    "rensa": ["rensa==0.5.0", "pyarrow"],
    "datatrove": ["datatrove[io,processing]==0.10.1", "spacy", "pyarrow"],
}
VARIANTS = {"rensa": ["rensa"], "datatrove": ["datatrove, words by regex", "datatrove, its own words"]}
WORDS = re.compile(r"\w+", re.ASCII)
OUR_WORDS = re.compile(rb"[A-Za-z0-9_\x80-\xff]+")
NEAR = (0.65, 0.85)
"""Similarities about the threshold of .75 that recall is asked for."""

PAIRS = 20_000


def contents(corpus: Path, limit_mb: float) -> list[str]:
    """Read texts from Parquet up to a size, every n-th part so that a sample is like the whole."""
    import pyarrow.parquet as pq

    parts = sorted(corpus.glob("part-*.parquet"))
    found: list[str] = []
    size = 0
    for part in parts[:: 5 if limit_mb < 1000 else 1]:
        for text in pq.read_table(part, columns=["content"], use_threads=False).column("content").to_pylist():
            if size >= limit_mb * 1e6:
                return found
            found.append(text)
            size += len(text.encode())
    return found


# ----------------------------------------------------------------------------------------------------- the contenders


def run_ours(corpus: Path, out: Path, options: dict[str, Any]) -> dict[str, Any]:
    """Run the stage with one worker; CPU seconds of its passes apart."""
    import pyarrow.compute  # noqa: F401 - imports are not measured

    from codewright.core.config import build
    from codewright.core.progress import Reporter
    from codewright.corpus.dedup import Config
    from codewright.corpus.near.passes import warm_up
    from codewright.engine.local import LocalEngine
    from codewright.runner import run_alone

    warm_up()
    passes: dict[str, float] = {}
    original = LocalEngine.map

    def measured(
        self: LocalEngine, task: Any, shards: Any, label: str, warm_up: Any = None
    ) -> list[dict[str, Any]]:
        started = cpu_seconds()
        results = original(self, task, shards, label, warm_up)
        passes[label.split(", ", maxsplit=1)[0]] = (
            passes.get(label.split(", ", maxsplit=1)[0], 0.0) + cpu_seconds() - started
        )
        return results

    LocalEngine.map = measured  # type: ignore[method-assign]
    started, clock = cpu_seconds(), time.monotonic()
    config = build(Config, {"corpus": str(corpus), **options}, "benchmark")
    manifest = run_alone("corpus.dedup", config, out, 1, Reporter(quiet=True))
    total = cpu_seconds() - started
    writing = passes["dedup: filter"] + passes["dedup: index"]
    return {
        "mb": manifest.details["bytes_read"] / 1e6,
        "cpu_s": total - writing,
        "writing_s": writing,
        "wall_s": time.monotonic() - clock,
        "rss_mb": peak_bytes() / 1e6,
        "dropped": sum(manifest.counts.dropped.values()) if manifest.counts else 0,
        "passes": {name.removeprefix("dedup: "): round(value, 2) for name, value in passes.items()},
    }


def run_rensa(corpus: Path, limit_mb: float) -> dict[str, Any]:
    """Do what rensa's documentation does, from strings: shingles, signatures, LSH, the first of each bucket stays."""
    from rensa import RMinHash, RMinHashLSH

    started = cpu_seconds()
    lsh = RMinHashLSH(threshold=0.7, num_perm=256, num_bands=32)
    size = dropped = 0
    for number, text in enumerate(contents(corpus, limit_mb)):
        size += len(text.encode())
        words = WORDS.findall(text)
        minhash = RMinHash(num_perm=256, seed=1)
        minhash.update([" ".join(words[at : at + 5]) for at in range(max(1, len(words) - 4))])
        if any(minhash.jaccard(lsh_minhashes[other]) >= 0.7 for other in lsh.query(minhash)):
            dropped += 1
            continue
        lsh_minhashes[number] = minhash
        lsh.insert(number, minhash)
    return {"mb": size / 1e6, "cpu_s": cpu_seconds() - started, "dropped": dropped}


lsh_minhashes: dict[int, Any] = {}


def run_datatrove(corpus: Path, limit_mb: float, by_regex: bool) -> dict[str, Any]:
    """Run datatrove's signature, bucket and cluster stages from Parquet, with its own words (spaCy) or ours."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.dedup import MinhashDedupBuckets, MinhashDedupCluster, MinhashDedupSignature
    from datatrove.pipeline.dedup.minhash import MinhashConfig
    from datatrove.pipeline.readers import ParquetReader
    from datatrove.utils.word_tokenizers import WordTokenizer

    class RegexWords(WordTokenizer):
        def word_tokenize(self, text: str) -> list[str]:
            return WORDS.findall(text)

        def sent_tokenize(self, text: str) -> list[str]:
            return [text]

        def span_tokenize(self, text: str) -> list[tuple[int, int]]:
            return [(0, len(text))]

    texts = contents(corpus, limit_mb)
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        (base / "in").mkdir()
        rows = {
            "text": pa.array(texts, pa.large_string()),
            "id": [str(number) for number in range(len(texts))],
        }
        pq.write_table(pa.table(rows), base / "in" / "part.parquet")
        words = RegexWords() if by_regex else "en"
        config = MinhashConfig(n_grams=5, num_buckets=14, hashes_per_bucket=8)
        stages = [
            [
                ParquetReader(f"{base}/in"),
                MinhashDedupSignature(f"{base}/signatures", config=config, language=words),
            ],
            [MinhashDedupBuckets(f"{base}/signatures", f"{base}/buckets", config=config)],
            [MinhashDedupCluster(f"{base}/buckets", f"{base}/remove", config=config)],
        ]
        started = cpu_seconds()
        for number, pipeline in enumerate(stages):
            tasks = config.num_buckets if number == 1 else 1
            LocalPipelineExecutor(pipeline, tasks=tasks, workers=1, logging_dir=f"{base}/log{number}").run()
        seconds = cpu_seconds() - started
    return {"mb": sum(len(text.encode()) for text in texts) / 1e6, "cpu_s": seconds}


SAMPLE_MB = {"rensa": 100.0, "datatrove, words by regex": 20.0, "datatrove, its own words": 5.0}
"""What peers get of the corpus; they would take minutes over all of it, and MB/s is what counts."""


def serve(options: argparse.Namespace) -> None:
    """Be one contender, once, and print what it cost."""
    if options.serve.startswith("{"):
        settings = json.loads(options.serve)
        with tempfile.TemporaryDirectory() as folder:
            out = Path(settings.pop("keep", f"{folder}/out"))
            found = run_ours(options.corpus, out, settings)
    else:
        size = SAMPLE_MB[options.serve]
        if options.serve == "rensa":
            found = run_rensa(options.corpus, size)
        else:
            found = run_datatrove(options.corpus, size, "regex" in options.serve)
    print("RESULT " + json.dumps(found), flush=True)


def contend(python: str, what: str, corpus: Path) -> dict[str, Any]:
    """Run a contender in a process of its own."""
    command = [python, __file__, "--serve", what, "--corpus", str(corpus)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    if not lines:
        raise SystemExit(f"{what}: {done.stderr[-2000:]}")
    return dict(json.loads(lines[-1].removeprefix("RESULT ")))


# ------------------------------------------------------------------------------------------------------------- speed


def speed(corpus: Path, cache: Path, repetitions: int, scratch: Path | None) -> None:
    """Print MB/s per CPU second of everybody, in turn; ratios are medians over the rounds, which each had their own luck."""
    from corpus_scaling import by_hash

    ours = {"codewright, 256 (25 x 10)": "{}", "codewright, 2048 (16 x 128)": '{"preset": "opencoder"}'}
    scattered = "codewright, 256, files in the order of their hashes"
    ours[scattered] = "{}"
    runs: dict[str, tuple[str, str]] = {name: (sys.executable, what) for name, what in ours.items()}
    for name, packages in PEERS.items():
        python = peer_python(name, packages, cache)
        if python is not None:
            runs |= {variant: (python, variant) for variant in VARIANTS[name]}
    rounds: dict[str, list[dict[str, Any]]] = {name: [] for name in runs}
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        by_hash(corpus, Path(folder))
        for _ in range(repetitions):
            for name, (python, what) in runs.items():
                rounds[name].append(contend(python, what, Path(folder) if name == scattered else corpus))
    best = {name: min(found, key=lambda one: one["cpu_s"] / one["mb"]) for name, found in rounds.items()}
    rate = {name: one["mb"] / one["cpu_s"] for name, one in best.items()}
    first = next(iter(ours))
    rows = []
    for name, one in best.items():
        every = ", ".join(f"{found['mb'] / found['cpu_s']:.1f}" for found in rounds[name])
        writing = f"{one['mb'] / (one['cpu_s'] + one['writing_s']):.0f}" if "writing_s" in one else ""
        peak = f"{one['rss_mb']:.0f}" if "rss_mb" in one else ""
        ratios = [
            mine["mb"] / mine["cpu_s"] * other["cpu_s"] / other["mb"]
            for mine, other in zip(rounds[first], rounds[name], strict=True)
        ]
        ratio = f"{statistics.median(ratios):.1f} x"
        rows.append((name, f"{one['mb']:.0f}", f"{rate[name]:.1f}", every, ratio, writing, peak))
    names = ("", "MB", "MB/s per CPU-s", "rounds", "ours at 256 is", "with writing", "peak MB")
    print(table(names, rows) + "\n")
    for name in ours:
        print(f"{name}, CPU seconds by pass: {best[name]['passes']}; {best[name]['dropped']} dropped")


# ----------------------------------------------------------------------------------------------------------- quality


def likely_pairs(texts: list[bytes]) -> list[tuple[int, int, float]]:
    """Find (nearly) all pairs of Jaccard .5 and more: 42 bands of 6 over permutations of their own let J = .65 meet at 96 %."""
    import numpy as np

    from codewright.corpus.near import kernels
    from codewright.corpus.near.buckets import candidate_pairs, sorted_pairs
    from codewright.corpus.near.sets import distinct

    data = np.frombuffer(b"".join(texts), np.uint8)
    starts = np.concatenate(([0], np.cumsum([len(text) for text in texts])))
    drawn = np.random.default_rng(99).integers(0, 2**64, size=(2, 256), dtype=np.uint64)
    signatures = np.empty((len(texts), 256), np.uint32)
    hashes = np.empty(kernels.room_for(starts, len(texts)), np.uint64)
    begins = kernels.sign(data, starts, 5, drawn[0] | np.uint64(1), drawn[1].copy(), signatures, hashes)
    keys = kernels.band_keys(signatures, np.diff(begins), 42, 6)
    units, alone = np.arange(len(texts)), np.arange(len(texts), dtype=np.uint64)
    found = sorted_pairs(np.concatenate([candidate_pairs(keys[band], units, alone, 0) for band in range(42)]))
    flat, sizes = distinct(hashes, begins)
    begins = np.concatenate(([0], sizes.cumsum()))
    similar = kernels.jaccards(flat, begins, flat, begins, found, 0.5)
    return [(int(a), int(b), float(j)) for (a, b), j in zip(found, similar, strict=True) if j]


def true_jaccard(left: bytes, right: bytes) -> float:
    """Measure a pair in plain Python: words by regex, tuples of five."""
    sets = []
    for text in (left, right):
        words = OUR_WORDS.findall(text)
        sets.append(set(zip(*(words[at:] for at in range(min(5, len(words)))), strict=False)))
    return len(sets[0] & sets[1]) / len(sets[0] | sets[1]) if sets[0] | sets[1] else 0.0


def quality(corpus: Path) -> None:
    """Print, of sampled pairs, how many the stage resolved (not both files stay) and how true its claims are."""
    from codewright.core.manifest import Dataset

    rows = list(Dataset(corpus).rows(columns=["repo", "path", "content"]))
    texts = [row["content"].encode() for row in rows]
    names = [f"{row['repo']}:{row['path']}" for row in rows]
    pairs = likely_pairs(texts)
    near = [pair for pair in pairs if NEAR[0] <= pair[2] < NEAR[1]]
    rest = [pair for pair in pairs if not NEAR[0] <= pair[2] < NEAR[1]]
    rng = random.Random(2026)
    strata = [(one, rng.sample(one, min(PAIRS // 2, len(one)))) for one in (near, rest)]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        contend(sys.executable, json.dumps({"keep": str(out)}), corpus)
        dropped = {row["path"]: row["detail"] for row in Dataset(out).rows("dropped")}
    sizes = " and ".join(f"{len(sample):,} of {len(every):,}" for every, sample in strata)
    print(f"Sampled pairs: {sizes} (from {NEAR[0]} to {NEAR[1]}; other pairs of .5 and more)\n")
    bins: dict[float, list[int]] = {}
    found = total = 0.0
    for every, sample in strata:
        for a, b, _ in sample:
            jaccard = true_jaccard(texts[a], texts[b])
            resolved = names[a] in dropped or names[b] in dropped
            cell = bins.setdefault(min(int(jaccard * 20 + 1e-9) / 20, 0.95), [0, 0])
            cell[0] += resolved
            cell[1] += 1
            if jaccard >= 0.75:
                total += len(every) / len(sample)
                found += resolved * len(every) / len(sample)
    bounds = [
        (f"{low:.2f}", f"{count:,}", f"{gone / count:.3f}") for low, (gone, count) in sorted(bins.items())
    ]
    print(table(["exact Jaccard from", "pairs", "of which one file at most stays"], bounds))
    print(f"\nRecall at J >= .75, each pair counting for those it was sampled from: {found / total:.4f}")
    claims = sorted(dropped.items())
    place = {name: number for number, name in enumerate(names)}
    true = 0
    for name, detail in claims:
        jaccard = true_jaccard(texts[place[name]], texts[place[detail.split(" with ", 1)[1]]])
        true += jaccard >= 0.7
    print(
        f"Precision: {true:,} of {len(claims):,} dropped files have J >= .7 with the file they name: {true / len(claims):.4f}"
    )


def main() -> None:
    """Serve as one contender, or measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--corpus", type=Path, default=CACHE / "corpus")
    parser.add_argument("--cache", type=Path, default=CACHE, help="environments of the peers")
    parser.add_argument(
        "--scratch", type=Path, help="where variants are written, about 8 GB for the usual sizes"
    )
    parser.add_argument("--plot", type=Path, default=Path("scaling.svg"), help="what scaling draws")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--sizes", nargs="*", type=float, default=[0.25, 1.0, 4.0], help="GB")
    parser.add_argument(
        "--only", nargs="*", choices=["speed", "quality", "scaling"], default=["speed", "quality", "scaling"]
    )
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options)
        return
    if "speed" in options.only:
        speed(options.corpus, options.cache, options.repetitions, options.scratch)
    if "quality" in options.only:
        quality(options.corpus)
    if "scaling" in options.only:
        from corpus_scaling import draw, scaling

        def ours(folder: Path) -> dict[str, Any]:
            return contend(sys.executable, "{}", folder)

        found = scaling(options.corpus, options.sizes, options.scratch, options.repetitions, ours)
        draw(found, options.plot)


if __name__ == "__main__":
    main()
