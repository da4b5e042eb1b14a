"""How fast are the quality rules, and how many verdicts does each correction of the reference change?

    python benchmarks/make_corpus.py && nice python benchmarks/filters.py [--corpus DIR ...] [--limit-mb N] [--compare N [--minutes N]]

speed: MB of text per CPU second of one process, by language, after the kernels are compiled; reading is not counted. Once with
every measurement, once with `complete=False`, which leaves out parses of documents that are dropped anyway.
corrections: of documents in random order, those whose verdict changes when one correction is added to the reference
(docs/quality.md), and with all of them. Documents that a correction cannot touch are not judged again. Reference mode is measured
on the same documents.
DIR: a dataset of documents, or any folder with source files, as often as wanted; by default the corpus of make_corpus.py, where
it has been made, else what is installed on the machine.
Prints Markdown. Trust the ratios; seconds depend on the machine and on what else it does.
"""

import argparse
import os
import random
import time
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from codewright.core.cache import cache_root
from codewright.core.languages import identify
from codewright.core.records import content_id
from codewright.corpus.quality import (
    RuleBook,
    TextView,
    Verdict,
    javascript,
    measurements,
    python_tree,
    verdicts,
)
from codewright.corpus.quality.doc_types import TEXT, doc_type_of, plain_name
from codewright.corpus.quality.measures import rule_set_name
from codewright.corpus.quality.text_view import Parts
from codewright.corpus.quality.verdicts import CORRECTIONS
from codewright.corpus.rules import code

INSTALLED = ("/usr/lib/python3", "/usr/include", "/usr/share", "/usr/lib/node_modules", "/usr/lib/go")
Row = tuple[str, str, str, str]
"""id, content, path, language."""

MAX_BYTES = 8_000_000

REFERENCE = 0.22
"""MB a second of opc_data_filtering on one core (docs/quality.md)."""


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


def up_to(rows: list[Row], limit_mb: float) -> list[Row]:
    """Take the first documents up to a size."""
    size = 0
    for number, row in enumerate(rows):
        size += len(row[1])
        if size > limit_mb * 1e6:
            return rows[:number]
    return rows


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
    print("| language | files | MB | MB/s | of the reference | MB/s, verdicts only | kept |")
    print("|---|---|---|---|---|---|---|")
    for counted in (size, files, kept, *seconds.values()):
        counted["**all**"] = counted.total()
    for language, amount in size.most_common(25):
        every, quick = (amount / 1e6 / seconds[complete][language] for complete in (True, False))
        share = kept[language] / files[language]
        print(
            f"| {language} | {files[language]} | {amount / 1e6:.1f} | {every:.1f} | {every / REFERENCE:.0f} | {quick:.1f} | {share:.0%} |"
        )
    print(f"\nrules that crashed: {dict(crashes) or 'none'}\n")


def remember_the_last() -> None:
    """Let all books of `compare` share what reference mode takes longest for: the same text gives the same."""
    for module, name in (
        (javascript, "_by_esprima"),
        (python_tree, "python_facts"),
        (code, "comment_tokens"),
    ):
        setattr(module, name, lru_cache(maxsize=1)(getattr(module, name)))
    split, last = verdicts.split_like_reference, {}

    def split_once(view: TextView) -> Parts:
        key = (view.content, view.language)
        if key not in last:
            last.clear()
            last[key] = split(view)
        return last[key]

    verdicts.split_like_reference = split_once


GATED = frozenset(item.name for item in measurements() if item.gated)


def concerns(correction: str, verdict: Verdict, language: str) -> bool:
    """Tell whether a correction can change the reference's verdict at all; what cannot is not judged again."""
    kind, rules = verdict.doc_type, verdict.rule_set
    if correction == "types":
        return doc_type_of(language) != doc_type_of(language, reference=True)
    if rules is None:
        return False
    return {
        "comments": kind != TEXT,  # prose is not split
        "javascript": rules == "code/javascript",
        "names": rules == "code/go",
        "gates": not GATED.isdisjoint(verdict.fired),
        "guards": bool(verdict.crashed),
        "sets": rule_set_name(kind, language, "en") != rules,
    }[correction]


class Changes:
    """Verdicts that one correction changes."""

    def __init__(self) -> None:
        self.judged = self.kept = self.dropped = 0
        self.where = Counter[str]()

    def note(self, old: Verdict, new: Verdict, language: str) -> None:
        """Compare two verdicts."""
        self.judged += 1
        self.kept += new.keep and not old.keep
        self.dropped += old.keep and not new.keep
        self.where[language] += new.keep != old.keep

    def row(self, files: int) -> str:
        """Write a line of the table."""
        most = ", ".join(f"{language} {count}" for language, count in self.where.most_common(4) if count)
        changed = self.kept + self.dropped
        return f"{self.judged} | {self.kept} | {self.dropped} | {changed / files:.3%} | {most or '-'}"


def compare(rows: list[Row], minutes: float) -> None:
    """Print how many verdicts each correction changes, for as many rows as are done in time."""
    remember_the_last()
    reference, fixed = RuleBook("reference"), RuleBook()
    books = {name: RuleBook("reference", corrections=[name]) for name in CORRECTIONS}
    changes = {name: Changes() for name in [*CORRECTIONS, "all"]}
    started, seconds, size, files, kept = time.monotonic(), 0.0, 0, 0, 0
    for row in rows:
        if time.monotonic() - started > minutes * 60:
            break
        before = time.process_time()
        old = judge(reference, row)
        seconds += time.process_time() - before
        size += len(row[1].encode("utf-8", "surrogatepass"))
        files += 1
        kept += old.keep
        language = plain_name(row[3])
        concerned = [name for name in CORRECTIONS if concerns(name, old, language)]
        for name in concerned:
            changes[name].note(old, judge(books[name], row), language)
        if concerned:
            changes["all"].note(old, judge(fixed, row), language)
    print(
        f"reference mode: {files} files, {size / 1e6:.1f} MB, {size / 1e6 / seconds:.2f} MB/s, {kept} kept\n"
    )
    print(
        "| correction | judged again | now kept | now dropped | changed | most in |\n|---|---|---|---|---|---|"
    )
    for name, one in changes.items():
        print(f"| {name} | {one.row(files)} |", flush=True)


def main() -> None:
    """Read the corpus, then measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", action="append", type=Path)
    parser.add_argument("--limit-mb", type=float, default=100, help="0 for no speeds")
    parser.add_argument("--compare", type=int, default=1500, help="documents in the comparison; 0 for none")
    parser.add_argument("--minutes", type=float, default=60, help="compare no longer than this")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    made = cache_root() / "benchmarks" / "corpus"
    folders = options.corpus or ([made] if list(made.glob("part-*.parquet")) else list(map(Path, INSTALLED)))
    rows = [row for folder in folders for row in rows_of(folder)]
    random.Random(options.seed).shuffle(rows)
    if options.limit_mb:
        speed(up_to(rows, options.limit_mb))
    if options.compare:
        compare(rows[: options.compare], options.minutes)


if __name__ == "__main__":
    main()
