"""How many secrets do the transforms find, what do they take for one, and how fast are they?

    python benchmarks/make_corpus.py && nice python benchmarks/transforms.py [--only quality speed hostile] [--seeds 5]

quality: the labelled set of tests/corpus/transforms (made secrets and look-alikes in real files), a table by kind, beside detect-secrets
alone with all its plugins and default filters (from PyPI, in an environment below the cache; said to be missing if it cannot be
had). It reports lines, so it finds a secret when it reports any line that the secret is on, which is kind to it; it has no detector
for mail and IPv6 addresses, and its default filters leave nothing of its IPv4 detector, so its recall is given without those too.
speed: MB of text per CPU second of one core over the shared mixed corpus, by language; detect-secrets on a sample.
hostile: 50 MB on a single line.
Prints Markdown. Trust the ratios; seconds depend on the machine and on what else it does.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from measuring import CACHE, peer_python, table, table_head, table_row

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

from tests.corpus.transforms.labelled import Labelled, make  # noqa: E402
from tests.corpus.transforms.scoring import score  # noqa: E402

PEER, PEER_PACKAGES = "detect-secrets", ["detect-secrets==1.5.0"]
PEER_CANNOT = {"email", "ipv4", "ipv6"}
PEER_PROGRAM = """
import json, os, sys, time
from detect_secrets import SecretsCollection
from detect_secrets.settings import default_settings
found = {}
started = time.process_time()
for path in json.load(sys.stdin):
    secrets = SecretsCollection()
    with default_settings():
        secrets.scan_file(path)
    found[path] = sorted({secret.line_number for _, secret in secrets})
json.dump({"found": found, "cpu_s": time.process_time() - started}, sys.stdout)
"""
"""Run by the peer's interpreter: lines it reports of each file."""

SUFFIX = {
    "python": ".py",
    "c": ".c",
    "javascript": ".js",
    "shell": ".sh",
    "ini": ".ini",
    "yaml": ".yaml",
    "xml": ".xml",
    "text": ".txt",
}
SAMPLE_MB = 5.0
"""What the peer gets of the corpus."""

HOSTILE = (
    "a@",
    "joe@ab.com ",
    "password=",
    "81.2.193.4 ",
    "://a:b@",
    "-----BEGIN PRIVATE KEY-----",
    "-eyJ",
    "api_key=",
    "sk-",
    "/* (c) ",
)


def ask_peer(python: str, files: list[tuple[str, str]]) -> tuple[list[set[int]], float]:
    """Let the peer scan texts, given with their suffixes; lines it reports of each, and CPU seconds after its imports."""
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for number, (suffix, text) in enumerate(files):
            path = Path(folder, f"file{number}{suffix}")
            path.write_text(text, encoding="utf-8", newline="")
            paths.append(str(path))
        done = subprocess.run(
            [python, "-c", PEER_PROGRAM],
            input=json.dumps(paths),
            capture_output=True,
            text=True,
            check=True,
        )
    answer = json.loads(done.stdout)
    return [set(answer["found"][path]) for path in paths], answer["cpu_s"]


# ----------------------------------------------------------------------------------------------------------- quality


def score_peer(python: str, files: list[Labelled]) -> Counter[tuple[bool, str]]:
    """Count labels on whose lines the peer reports something."""
    reported, _ = ask_peer(python, [(SUFFIX[file.language], file.content) for file in files])
    hit: Counter[tuple[bool, str]] = Counter()
    for file, lines in zip(files, reported, strict=True):
        for label in file.planted:
            last = label.line + file.content.count("\n", label.offset, label.offset + label.length)
            # A key in a frame is reported at the frame's first line.
            first = label.line - (label.kind == "private_key")
            hit[label.secret, label.kind] += any(first <= line <= last for line in lines)
    return hit


def quality(python: str | None, seeds: list[int]) -> None:
    """Print recall and false positives by kind."""
    files = [file for seed in seeds for file in make(seed)]
    ours = score(files)
    peer = score_peer(python, files) if python else None
    for secret, title, column in ((True, "secrets", "found"), (False, "look-alikes", "replaced")):
        print("\n" + table_head(title, "planted", column, "", PEER, ""))
        keys = sorted(key for key in ours.total if key[0] is secret)
        for key in keys:
            print(row(key[1], [key], ours.total, ours.hit, peer))
        print(row("**all**", keys, ours.total, ours.hit, peer))
        if secret:
            able = [key for key in keys if key[1] not in PEER_CANNOT]
            print(row("without mail and IP addresses", able, ours.total, ours.hit, peer))
    kinds = Counter(detector for _, detector, _ in ours.others)
    size = sum(len(file.content.encode()) for file in files) / 1e6
    print(
        f"\n{len(files)} files, {size:.1f} MB, seeds {seeds}. Replaced in them beside what was planted: {dict(kinds)}"
    )


def row(
    title: str,
    keys: list[tuple[bool, str]],
    total: Counter[Any],
    ours: Counter[Any],
    peer: Counter[Any] | None,
) -> str:
    """Format a row of the table."""
    count = sum(total[key] for key in keys)
    cells = [title, f"{count}"]
    for hit in (ours, peer):
        found = sum(hit[key] for key in keys) if hit is not None else None
        cells += [f"{found}", f"{found / count:.3f}"] if found is not None else ["-", "-"]
    return table_row(*cells)


# ------------------------------------------------------------------------------------------------------------- speed


def rows(corpus: Path) -> Iterator[tuple[str, str]]:
    """Yield language and text of the corpus."""
    import pyarrow.parquet as pq

    for part in sorted(corpus.glob("part-*.parquet")):
        table = pq.read_table(part, columns=["language", "content"], use_threads=False)
        yield from zip(table["language"].to_pylist(), table["content"].to_pylist(), strict=True)


def speed(python: str | None, corpus: Path) -> None:
    """Print MB per CPU second by language."""
    from codewright.corpus.transforms import transform

    transform("compile what is compiled", "python")
    sizes: Counter[str] = Counter()
    seconds: dict[str, float] = defaultdict(float)
    edits: Counter[str] = Counter()
    sample: list[tuple[str, str]] = []
    sampled, number = 0, 0
    for number, (language, text) in enumerate(rows(corpus)):
        started = time.process_time()
        done = transform(text, language)
        seconds[language] += time.process_time() - started
        size = len(text.encode())
        sizes[language] += size
        edits.update(edit.kind for edit in done.edits)
        if number % 97 == 0 and sampled < SAMPLE_MB * 1e6:
            sample.append((SUFFIX.get(language, ".txt"), text))
            sampled += size
    found = [
        (language, f"{size / 1e6:.1f}", f"{seconds[language]:.2f}", f"{size / 1e6 / seconds[language]:.1f}")
        for language, size in sizes.most_common()
    ]
    whole, all_s = sizes.total() / 1e6, sum(seconds.values())
    every = (f"**all**, {number + 1:,} files", f"{whole:.1f}", f"{all_s:.2f}", f"{whole / all_s:.1f}")
    print("\n" + table(["language", "MB", "CPU s", "MB/s"], [*found, every]), flush=True)
    if python:
        _, cpu_s = ask_peer(python, sample)
        scanned = f"{PEER}, {len(sample):,} of the files"
        print(table_row(scanned, f"{sampled / 1e6:.1f}", f"{cpu_s:.1f}", f"{sampled / 1e6 / cpu_s:.2f}"))
    print(f"\nEdits by kind: {dict(edits.most_common())}")


def hostile(megabytes: float) -> None:
    """Print CPU seconds of texts made to be slow."""
    from codewright.corpus.transforms import transform

    print("\n" + table_head(f"{megabytes:.0f} MB on one line of", "CPU s", "edits"))
    for piece in HOSTILE:
        text = piece * int(megabytes * 1e6 / len(piece))
        started = time.process_time()
        done = transform(text, "c")
        seconds = time.process_time() - started
        print(table_row(f"`{piece}`", f"{seconds:.1f}", f"{len(done.edits):,}"), flush=True)


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--corpus", type=Path, default=CACHE / "corpus")
    parser.add_argument("--cache", type=Path, default=CACHE, help="environment of the peer")
    parser.add_argument("--seeds", type=int, default=5, help="labelled sets; the tests use one")
    parser.add_argument("--hostile-mb", type=float, default=50)
    parser.add_argument(
        "--only", nargs="*", choices=["quality", "speed", "hostile"], default=["quality", "speed"]
    )
    options = parser.parse_args()
    python = peer_python(PEER, PEER_PACKAGES, options.cache)
    if "quality" in options.only:
        quality(python, [2026 + number for number in range(options.seeds)])
    if "speed" in options.only:
        speed(python, options.corpus)
    if "hostile" in options.only:
        hostile(options.hostile_mb)


if __name__ == "__main__":
    main()
