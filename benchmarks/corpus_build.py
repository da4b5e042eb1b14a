"""What does `corpus build` cost, from packages as they come to the corpus? MB of text per CPU second, by stage, and memory.

    python benchmarks/make_corpus.py && nice python benchmarks/corpus_build.py [--limit N] [--rules none fixed] [--workers 1]

Read are the packages that make_corpus.py fetches (wheels, npm tarballs, Debian sources), every file of every known language, with the
settings that the command has by default; `--source` names something else, such as the corpus that make_corpus.py makes. A small
build comes first and fills the caches of compiled code. CPU seconds are user and system, of all processes, start-up
included; a stage's are those from the end of the one before to its own. MB are for `ingest` all that it unpacked, images and binaries, too;
for the other stages the text of the documents that came in; for the whole the text that `ingest` handed on, which is the
lower of the two figures. Yardstick: one plain loop that unpacks the packages' source files and hashes them.
Prints Markdown. Wanted: 3 MB/s per CPU second for the whole, and less than 1 GB in every worker.
"""

import argparse
import hashlib
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from make_corpus import fetch, members
from measuring import CACHE, Cost, cpu_seconds, run_codewright, table, tree_seconds

from codewright.core.manifest import MANIFEST_NAME, WORK_FOLDER, Manifest
from codewright.corpus.build import STAGES_FOLDER, Config

PACKED = {".whl", ".tgz", ".dsc"}
"""Endings of what is handed to the command; a .dsc stands for the tarballs beside it."""

OURS = Path(__file__).resolve().parents[1] / "src" / "codewright"
"""What the small build reads."""

Row = tuple[str, ...]

COLUMNS = ("stage", "MB read", "CPU s", "MB/s per CPU-s", "wall s", "in", "kept", "dropped", "quarantined")
START, END = "start-up", "putting together"
REASONS = 8
"""Shown of each stage, those of most files."""

WANTED = 3.0
WANTED_PEAK_MB = 1000


def spread(packages: list[tuple[str, Path]], limit: int | None) -> list[tuple[str, Path]]:
    """Take so many packages of all registries, evenly."""
    count = min(limit or len(packages), len(packages))
    return [packages[number * len(packages) // count] for number in range(count)]


def archives(packages: list[tuple[str, Path]]) -> list[Path]:
    """Return the archives of packages. Exits where a package has none."""
    found = []
    for name, folder in packages:
        files = sorted(path for path in folder.iterdir() if path.suffix in PACKED)
        if not files:
            raise SystemExit(f"{name}: no archive in {folder}")
        found += files
    return found


def unpack_and_hash(packages: list[tuple[str, Path]]) -> tuple[float, float]:
    """Return (megabytes, CPU seconds) of the yardstick."""
    started, size = cpu_seconds(), 0
    for _, folder in packages:
        for _, data in members(folder):
            hashlib.sha256(data).hexdigest()
            size += len(data)
    return size / 1e6, cpu_seconds() - started


class StageClock:
    """Notes, when a stage of a running build has ended, what the build has used so far."""

    def __init__(self, out: Path) -> None:
        self._stages = out / WORK_FOLDER / STAGES_FOLDER
        self._started = time.monotonic()
        self.ends: dict[str, tuple[float, float]] = {}
        """Name -> CPU and wall seconds since the start."""

    def look(self, pid: int) -> None:
        """Look for what has ended since the last time."""
        names = [START] if self._stages.exists() else []
        names += sorted(path.parent.name for path in self._stages.glob(f"*/{MANIFEST_NAME}"))
        new = [name for name in names if name not in self.ends]
        if new:
            now = tree_seconds(pid), time.monotonic() - self._started
            self.ends |= dict.fromkeys(new, now)

    def spans(self, names: Iterable[str], cost: Cost) -> dict[str, tuple[float, float]]:
        """Return CPU and wall seconds of start-up, stages in order and end; what ended unseen did so with the whole."""
        whole = (cost.cpu_s, cost.wall_s)
        found, before = {}, (0.0, 0.0)
        for name in (START, *names, END):
            end = self.ends.get(name, whole)
            found[name] = (end[0] - before[0], end[1] - before[1])
            before = end
        return found


def build(
    sources: list[str], rules: str, workers: int | None, scratch: Path | None
) -> tuple[Manifest, Cost, dict[str, tuple[float, float]]]:
    """Run the command from nothing; its manifest, its cost, and CPU and wall seconds by stage."""
    options = ["--rules", rules, *(["--workers", str(workers)] if workers else [])]
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        out = Path(folder) / "corpus"
        clock = StageClock(out)
        cost = run_codewright("corpus", "build", *sources, "--out", str(out), *options, watch=clock.look)
        manifest = Manifest.read(out)
    return manifest, cost, clock.spans(Config(tuple(sources)).stages, cost)


def stage_rows(manifest: Manifest, cost: Cost, spans: dict[str, tuple[float, float]]) -> list[Row]:
    """Return one row of the table for each stage, and one for the whole."""
    rows: list[Row] = []
    stages: dict[str, Any] = manifest.details["stages"]
    handed = 0
    for name, (cpu, wall) in spans.items():
        if name in stages:
            stage = stages[name]
            size = stage.get("bytes_read", handed)
            handed = stage["bytes_kept"]
            rows.append((name, *_figures(size, cpu, wall), *_numbers(stage["counts"])))
        else:
            rows.append((name, "", f"{cpu:.1f}", "", f"{wall:.1f}", "", "", "", ""))
    assert manifest.counts is not None
    whole = _figures(text_bytes(manifest), cost.cpu_s, cost.wall_s)
    rows.append(("**the whole**", *whole, *_numbers(manifest.counts.to_json())))
    return rows


def text_bytes(manifest: Manifest) -> int:
    """Return the bytes of text that `ingest` handed on: what is text of what was read, and of a known language."""
    return int(manifest.details["stages"]["ingest"]["bytes_kept"])


def _figures(size: int, cpu: float, wall: float) -> Row:
    rate = f"{size / 1e6 / cpu:.1f}" if cpu > 0 else "-"
    return f"{size / 1e6:.1f}", f"{cpu:.1f}", rate, f"{wall:.1f}"


def _numbers(counts: dict[str, Any]) -> Row:
    numbers = (counts["in"], counts["kept"], sum(counts["dropped"].values()), counts["quarantined"])
    return tuple(f"{number:,}" for number in numbers)


def show(manifest: Manifest, cost: Cost, spans: dict[str, tuple[float, float]]) -> None:
    """Print what a build cost and what it did."""
    print(table(COLUMNS, stage_rows(manifest, cost, spans)))
    for name in spans:
        if name not in manifest.details["stages"]:
            continue
        dropped = Counter(manifest.details["stages"][name]["counts"]["dropped"])
        reasons = ", ".join(f"{reason} {number:,}" for reason, number in dropped.most_common(REASONS))
        if dropped:
            print(f"\n{name}, {len(dropped)} reasons for dropping: {reasons}")
    text, unpacked = (
        size / 1e6 / cost.cpu_s for size in (text_bytes(manifest), manifest.details["bytes_read"])
    )
    worker = (
        f"its largest worker {cost.worker_peak_bytes / 1e6:.0f} MB"
        if cost.worker_peak_bytes
        else "no workers"
    )
    print(
        f"\nThe whole: {text:.2f} MB of text per CPU second (wanted: {WANTED:g}), {unpacked:.2f} MB of all that was unpacked."
        f" Peak memory: the command's own process {cost.peak_bytes / 1e6:.0f} MB, {worker}"
        f" (wanted: less than {WANTED_PEAK_MB} MB).\n",
        flush=True,
    )


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "--source", action="append", help="instead of the packages, whatever `corpus build` reads; repeatable"
    )
    parser.add_argument(
        "--packages", type=Path, default=CACHE / "packages", help="where make_corpus.py keeps them"
    )
    parser.add_argument("--limit", type=int, help="only so many of the packages, from all registries")
    parser.add_argument(
        "--rules", nargs="*", default=["fixed"], help="fixed, reference or none; one run each"
    )
    parser.add_argument("--workers", type=int, help="of the command; its own choice unless given")
    parser.add_argument(
        "--scratch", type=Path, help="where the builds are written, about as large as the text"
    )
    return parser.parse_args()


def main() -> None:
    """Measure and print."""
    options = parse()
    packages = [] if options.source else spread(fetch(options.packages), options.limit)
    sources = options.source or [str(path) for path in archives(packages)]
    if packages:
        size, seconds = unpack_and_hash(packages)
        print(
            f"{len(packages)} packages. Yardstick, unpacking and hashing: {size:.0f} MB,"
            f" {size / seconds:.0f} MB/s per CPU second\n",
            flush=True,
        )
    for rules in options.rules:
        build([str(OURS)], rules, options.workers, options.scratch)
        print(f"`corpus build --rules {rules}`, {options.workers or 'as many as cores'} workers\n")
        show(*build(sources, rules, options.workers, options.scratch))


if __name__ == "__main__":
    main()
