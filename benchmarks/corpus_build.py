"""How fast is the corpus stage, before rules and with them? MB/s per CPU second of the whole process tree.

    python benchmarks/corpus_build.py [--source stdlib --source site-packages]

Yardstick in the same run: reading every chosen file once and hashing it with SHA-256 in one plain loop, which no
deduplicator can avoid. Trust the ratios; seconds depend on the machine and on what else it does.
"""

import argparse
import contextlib
import ctypes
import hashlib
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

from codewright.core.manifest import Manifest
from codewright.corpus.listing import resolve_source, walk

PR_SET_CHILD_SUBREAPER = 36
"""prctl(2): orphans below us become our children, so that their CPU time is counted."""


def cpu_seconds() -> float:
    """User and system time of this process and of all children that ended."""
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(item.ru_utime + item.ru_stime for item in usage)


def read_and_hash(sources: list[str]) -> tuple[float, float]:
    """Return (megabytes, CPU seconds) of the yardstick."""
    started, size = cpu_seconds(), 0
    for source in map(resolve_source, sources):
        for found in walk(source.root, source.leave_out):
            if not found.trouble and found.size <= 8_000_000:
                data = (source.root / found.path).read_bytes()
                hashlib.sha256(data).hexdigest()
                size += len(data)
    return size / 1e6, cpu_seconds() - started


def build(sources: list[str], rules: list[str]) -> tuple[float, float, float]:
    """Return (megabytes read, CPU seconds, wall seconds) of one corpus.build run from nothing, start-up included."""
    tree = {
        "name": "bench",
        "stages": [{"corpus.build": {"id": "corpus", "source": sources, "rules": rules}}],
    }
    with tempfile.TemporaryDirectory() as folder:
        recipe, out = Path(folder) / "recipe.yaml", Path(folder) / "run"
        recipe.write_text(yaml.safe_dump(tree))
        started, clock = cpu_seconds(), time.monotonic()
        command = [sys.executable, "-m", "codewright", "run", str(recipe), "--out", str(out), "--quiet"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        wall = time.monotonic() - clock
        with contextlib.suppress(ChildProcessError):
            while True:  # the run's fork server ends after it, and brings its workers' time along
                os.wait()
        seconds = cpu_seconds() - started
        size = Manifest.read(out / "corpus").details["bytes_read"]
    return size / 1e6, seconds, wall


def main() -> None:
    """Print one line a variant."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", action="append")
    sources = parser.parse_args().source or ["stdlib", "site-packages"]
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    read_and_hash(sources)  # warms the page cache for everybody
    size, seconds = read_and_hash(sources)
    base = size / seconds
    print(f"{'read and hash':<14} {size:7.1f} MB  {base:7.1f} MB/s per CPU-s  1.00")
    for name, rules in (("before rules", []), ("with rules", ["text", "python"])):
        size, seconds, wall = build(sources, rules)
        rate = size / seconds
        print(
            f"{name:<14} {size:7.1f} MB  {rate:7.1f} MB/s per CPU-s  {rate / base:.2f}  ({size / wall:.1f} MB/s wall)"
        )


if __name__ == "__main__":
    main()
