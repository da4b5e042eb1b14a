"""How fast are the quality rules, and how many verdicts does each correction of the reference change?

    python benchmarks/make_corpus.py && nice python benchmarks/filters.py [--corpus DIR ...] [--limit-mb N] [--compare N]

speed: MB of text per CPU second of one process, by language, after the kernels are compiled; reading is not counted. Once with
every measurement, once with `complete=False`, which leaves out parses of documents that are dropped anyway.
corrections: on a sample, documents whose verdict changes when one correction is added to the reference (docs/quality.md), and
with all of them; `names` counts on languages as we name them. Reference mode is measured on the same sample.
DIR: a dataset of documents, or any folder with source files, as often as wanted; by default the corpus of make_corpus.py, where
it has been made, else what is installed on the machine.
Prints Markdown. Trust the ratios; seconds depend on the machine and on what else it does.
"""

import argparse
import os
import random
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from codewright.core.cache import cache_root
from codewright.core.languages import identify
from codewright.core.records import content_id
from codewright.corpus.quality import RuleBook, Verdict
from codewright.corpus.quality.verdicts import CORRECTIONS

INSTALLED = ("/usr/lib/python3", "/usr/include", "/usr/share", "/usr/lib/node_modules", "/usr/lib/go")
Row = tuple[str, str, str, str]
"""id, content, path, language."""

MAX_BYTES = 8_000_000


def rows_of(folder: Path) -> Iterator[Row]:
    """Read a dataset of documents, or the source files below a folder."""
    parts = sorted(folder.glob("part-*.parquet"))
    if parts:
        import pyarrow.parquet as pq

        for part in parts:
            columns = ["id", "content", "path", "language"]
            for row in pq.read_table(part, columns=columns, use_threads=False).to_pylist():
                yield row["id"], row["content"], row["path"], row["language"]
        return
    for root, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(root, name)
            if path.is_symlink() or not path.is_file() or path.stat().st_size > MAX_BYTES:
                continue
            try:
                content = path.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError):
                continue
            language = identify(str(path), content).language
            if language and "\0" not in content:
                yield content_id(content), content, str(path.relative_to(folder)), language


def sample_of(rows: Iterable[Row], limit_mb: float, seed: int) -> list[Row]:
    """Take documents in random order up to a size."""
    shuffled = list(rows)
    random.Random(seed).shuffle(shuffled)
    taken: list[Row] = []
    size = 0
    for row in shuffled:
        size += len(row[1])
        if size > limit_mb * 1e6:
            break
        taken.append(row)
    return taken


def judge(book: RuleBook, row: Row) -> Verdict:
    """Judge one row."""
    return book.judge(row[1], name=row[2], language=row[3], doc_id=row[0])


def speed(rows: list[Row]) -> None:
    """Print MB a CPU second by language: with every measurement, and without parsing what is dropped anyway."""
    book = RuleBook()
    for row in rows[:300]:  # compiles kernels and loads tables
        judge(book, row)
    seconds: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
    size, files, kept, crashes = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    for row in rows:
        for complete in (True, False):
            started = time.process_time()
            verdict = book.judge(row[1], name=row[2], language=row[3], doc_id=row[0], complete=complete)
            seconds[complete][row[3]] += time.process_time() - started  # type: ignore[assignment]
        size[row[3]] += len(row[1].encode("utf-8", "surrogatepass"))
        files[row[3]] += 1
        kept[row[3]] += verdict.keep
        crashes.update(verdict.crashed.values())
    print("| language | files | MB | MB/s | MB/s, verdicts only | kept |\n|---|---|---|---|---|---|")
    for language, amount in size.most_common(25):
        rates = " | ".join(f"{amount / 1e6 / seconds[complete][language]:.1f}" for complete in (True, False))
        share = kept[language] / files[language]
        print(f"| {language} | {files[language]} | {amount / 1e6:.1f} | {rates} | {share:.0%} |")
    rates = " | ".join(
        f"**{size.total() / 1e6 / seconds[complete].total():.2f}**" for complete in (True, False)
    )
    print(
        f"| **all** | {files.total()} | {size.total() / 1e6:.1f} | {rates} | {kept.total() / files.total():.0%} |"
    )
    print(f"\nrules that crashed: {dict(crashes) or 'none'}\n")


def compare(rows: list[Row]) -> None:
    """Print how many verdicts each correction changes."""
    reference = RuleBook("reference")
    started = time.process_time()
    before = [judge(reference, row) for row in rows]
    seconds = time.process_time() - started
    size = sum(len(row[1].encode("utf-8", "surrogatepass")) for row in rows)
    kept = sum(verdict.keep for verdict in before)
    print(
        f"reference mode: {len(rows)} files, {size / 1e6:.1f} MB, {size / 1e6 / seconds:.2f} MB/s, {kept} kept\n"
    )
    print("| correction | now kept | now dropped | most in |\n|---|---|---|---|")
    for name in [*CORRECTIONS, "all"]:
        book = RuleBook() if name == "all" else RuleBook("reference", corrections=[name])
        added, removed, where = 0, 0, Counter[str]()
        for row, old in zip(rows, before, strict=True):
            new = judge(book, row)
            added += new.keep and not old.keep
            removed += old.keep and not new.keep
            where[row[3]] += new.keep != old.keep
        most = ", ".join(f"{language} {count}" for language, count in where.most_common(4) if count)
        print(f"| {name} | {added} | {removed} | {most or '-'} |", flush=True)


def main() -> None:
    """Read the corpus, then measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", action="append", type=Path)
    parser.add_argument("--limit-mb", type=float, default=100)
    parser.add_argument("--compare", type=int, default=1500, help="documents in the comparison; 0 for none")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    made = cache_root() / "benchmarks" / "corpus"
    folders = options.corpus or ([made] if list(made.glob("part-*.parquet")) else list(map(Path, INSTALLED)))
    rows = sample_of((row for folder in folders for row in rows_of(folder)), options.limit_mb, options.seed)
    speed(rows)
    if options.compare:
        compare(rows[: options.compare])


if __name__ == "__main__":
    main()
