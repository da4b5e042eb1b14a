"""The stage `corpus.build`: files in, a deduplicated, filtered corpus with provenance out.

Passes, with a barrier between: list (frozen), read and hash (per shard), choose among exact duplicates and hold out
repositories (all at once, on ids only), filter and write (per shard). Shards are sized by bytes, so memory is bounded
by the shard and the output does not depend on the number of workers.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from codewright.core.config import Names, Share, strict
from codewright.core.errors import ConfigError
from codewright.core.io import read_parquet, write_parquet
from codewright.core.languages import known_languages, language_of
from codewright.core.manifest import WORK_FOLDER, Counts, part_name, part_number
from codewright.core.records import DOCUMENT_SCHEMA, LOST_SCHEMA, Document, Lost, content_id, to_table
from codewright.core.text import did_you_mean
from codewright.corpus.exact import choose_copies
from codewright.corpus.filtering import judge, load_rules
from codewright.corpus.listing import FileEntry, choose_heldout, list_files, resolve_source, select
from codewright.engine.engine import Shard
from codewright.engine.stage import StageContext, StageResult

CRASH_LIMIT = 0.001
"""Share of documents on which rules may crash before the run stops (docs/extending.md)."""

_INDEX_COLUMNS = ["id", "path", "repo", "stars", "committed_at"]
"""What the choice among copies needs; kept beside the documents so that contents are not read for it."""

_LISTING = "part-listing.parquet"
"""What the listing alone left out, beside the shards' own files."""

_FILES = "listing.parquet"
"""In scratch: the frozen list of files to read, and the shard of each."""

_LISTING_SCHEMA = pa.schema(
    [
        ("root", pa.string()),
        ("path", pa.string()),
        ("repo", pa.string()),
        ("size", pa.int64()),
        ("license", pa.string()),
        ("url", pa.string()),
        ("shard", pa.int32()),
    ]
)


Bytes = Annotated[int, Field(gt=0)]


@strict
@dataclass(frozen=True)
class Config:
    """What to read and what to keep."""

    source: Names
    """Folders, or `stdlib` and `site-packages` for the code every machine has."""
    languages: tuple[str, ...] | None = None
    """Only these languages (lower case); None keeps every known one."""
    rules: tuple[str, ...] = ("text", "python")
    """Rule files to apply; an empty list applies none."""
    override: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Bounds changed for this run: rule name -> {low, high}."""
    max_file_bytes: Bytes = 8_000_000
    """Larger files are dropped unread. OpenCoder (arXiv 2411.04905, section 2.1) uses 8 MB."""
    max_repo_bytes: Bytes | None = None
    """At most this much of one repository, a seeded sample of its files; None for all."""
    max_bytes: Bytes | None = None
    """At most this much in all, over repositories in seeded order; None for all."""
    heldout: Share = 0.03
    """Share of the kept bytes held out, whole repositories at a time; 0 for none."""
    shard_bytes: Bytes = 4_000_000
    """Source bytes per shard."""

    def check(self) -> None:
        """Look for the sources, rules, bounds and languages. Raises ConfigError."""
        for spec in self.source:
            resolve_source(spec)
        load_rules(self.rules, self.override)
        known = known_languages()
        for name in self.languages or ():
            if name not in known:
                raise ConfigError(
                    f"languages: no language '{name}'{did_you_mean(name.lower(), known)} (Linguist's names in lower case)"
                )


def run(config: Config, context: StageContext) -> StageResult:
    """Build the corpus. Raises ConfigError for a missing source, or when nothing is left to keep."""
    shards, listed_out = _list(config, context)
    if not shards:
        raise ConfigError(
            f"source {', '.join(config.source)}: no source file found (of {listed_out} files listed)"
        )

    def parts(**params: Any) -> list[Shard]:
        return [Shard(part_name(number), str(context.out), (), params) for number in range(shards)]

    read = context.engine.map(read_shard, parts(), "corpus: read")
    _choose(context)
    override = {name: dict(bounds) for name, bounds in config.override.items()}
    filtered = context.engine.map(
        filter_shard, parts(rules=list(config.rules), override=override), "corpus: filter"
    )
    counts = Counts.total(Counts.from_json(result["counts"]) for result in [*read, *filtered])
    counts = _with_listing(counts, context)
    _check_crashes(filtered)
    if counts.kept == 0:
        raise ConfigError(f"corpus is empty: all {counts.rows_in} files were left out ({_reasons(counts)})")
    languages: Counter[str] = Counter()
    repositories: Counter[str] = Counter()
    for result in filtered:
        languages.update(result["bytes_by_language"])
        repositories.update(result["bytes_by_repo"])
    # Of the bytes that are kept: a file the rules refuse must not decide what is held out.
    held = sorted(choose_heldout(dict(repositories), config.heldout, context.seed))
    split = context.engine.map(split_shard, parts(heldout=held), "corpus: write")
    heldout = sum(result["heldout"] for result in split)
    details = {
        "bytes_read": sum(result["bytes"] for result in read),
        "bytes_kept": sum(languages.values()),
        "bytes_by_language": dict(languages.most_common()),
        "documents_heldout": heldout,
        "documents_train": counts.kept - heldout,
    }
    return StageResult(counts, details=details)


def _list(config: Config, context: StageContext) -> tuple[int, int]:
    """List and choose files, freeze the listing; returns (number of shards, files left out by listing)."""
    frozen = context.work / _FILES
    if frozen.exists():  # written last below
        numbers = read_parquet(frozen, ["shard"]).column("shard").to_pylist()
        left_out = context.out / "dropped" / _LISTING
        return max(numbers, default=-1) + 1, len(read_parquet(left_out, ["id"])) if left_out.exists() else 0
    sources = [resolve_source(spec) for spec in config.source]
    listed = [entry for source in sources for entry in list_files(source)]
    troubled = [Lost("", entry.trouble, "", entry.shown) for entry in listed if entry.trouble]
    if troubled:
        write_parquet(context.out / "quarantine" / _LISTING, to_table(troubled, LOST_SCHEMA))
    entries = [entry for entry in listed if not entry.trouble]
    selection = select(
        entries,
        seed=context.seed,
        languages=frozenset(config.languages) if config.languages is not None else None,
        max_file_bytes=config.max_file_bytes,
        max_repo_bytes=config.max_repo_bytes,
        max_bytes=config.max_bytes,
    )
    lost = [Lost("", reason, f"{entry.size} bytes", entry.shown) for entry, reason in selection.left_out]
    if lost:
        write_parquet(context.out / "dropped" / _LISTING, to_table(lost, LOST_SCHEMA))
    rows: list[dict[str, Any]] = []
    shard = filled = 0
    for entry in selection.chosen:
        if filled and filled + entry.size > config.shard_bytes:
            shard, filled = shard + 1, 0
        filled += entry.size
        rows.append({**entry.__dict__, "shard": shard})
    write_parquet(frozen, pa.Table.from_pylist(rows, schema=_LISTING_SCHEMA))
    return (shard + 1 if rows else 0), len(lost)


def read_shard(shard: Shard) -> dict[str, Any]:
    """Read and hash the files of one shard; what cannot be decoded goes to quarantine."""
    out = Path(shard.out)
    number = part_number(shard.name)
    listing = read_parquet(out / WORK_FOLDER / _FILES)
    rows = listing.filter(pc.field("shard") == number).drop_columns(["shard"]).to_pylist()
    documents: list[Document] = []
    dropped: list[Lost] = []
    quarantined: list[Lost] = []
    size = 0
    for row in rows:
        entry = FileEntry(**row)
        try:
            data = (Path(entry.root) / entry.path).read_bytes()
            content = data.decode("utf-8")
        except UnicodeDecodeError as error:
            reason = f"not UTF-8 at byte {error.start}: {error.reason}"
            quarantined.append(Lost(content_id(data), "undecodable", reason, entry.shown))
            continue
        except OSError as error:
            quarantined.append(Lost("", "unreadable", str(error.strerror), entry.shown))
            continue
        size += len(data)
        if not data.strip():
            dropped.append(Lost(content_id(data), "empty", "", entry.shown))
            continue
        if "\0" in content:
            quarantined.append(Lost(content_id(data), "binary", "holds NUL bytes", entry.shown))
            continue
        documents.append(
            Document(
                id=content_id(data),
                content=content,
                path=entry.path,
                repo=entry.repo,
                language=language_of(entry.path) or "",
                license=entry.license,
                url=entry.url,
            )
        )
    table = to_table(documents, DOCUMENT_SCHEMA)
    write_parquet(out / WORK_FOLDER / "read" / shard.name, table)
    write_parquet(out / WORK_FOLDER / "index" / shard.name, table.select(_INDEX_COLUMNS))
    if dropped:
        write_parquet(
            out / "dropped" / f"part-empty-{number:05d}.parquet",
            to_table(dropped, LOST_SCHEMA),
        )
    if quarantined:
        write_parquet(out / "quarantine" / shard.name, to_table(quarantined, LOST_SCHEMA))
    # Documents that go on are counted where they end: in the filter pass.
    lost = len(dropped) + len(quarantined)
    return {"bytes": size, "counts": Counts(lost, 0, {"empty": len(dropped)}, len(quarantined)).to_json()}


def _choose(context: StageContext) -> None:
    """Decide, on ids alone, which of equal files stays; write it per shard."""
    done = context.work / "chosen.parquet"
    if done.exists():
        return
    rows: list[dict[str, Any]] = []
    for number, part in enumerate(sorted((context.work / "index").glob("part-*.parquet"))):
        rows.extend(
            {**row, "part": number, "index": at} for at, row in enumerate(read_parquet(part).to_pylist())
        )
    kept_by_id = choose_copies(rows)
    table = pa.table(
        {
            "part": [row["part"] for row in rows],
            "index": [row["index"] for row in rows],
            "copy_of": [_copy_of(row, kept_by_id[row["id"]]) for row in rows],
        },
        schema=pa.schema([("part", pa.int32()), ("index", pa.int32()), ("copy_of", pa.string())]),
    )
    write_parquet(done, table)


def _copy_of(row: Mapping[str, Any], kept: Mapping[str, Any]) -> str | None:
    same = (row["part"], row["index"]) == (kept["part"], kept["index"])
    return None if same else f"{kept['repo']}:{kept['path']}"


def filter_shard(shard: Shard) -> dict[str, Any]:
    """Drop copies and what the rules refuse in one shard; the others go on to be split."""
    out = Path(shard.out)
    number = part_number(shard.name)
    chosen = read_parquet(out / WORK_FOLDER / "chosen.parquet").filter(pc.field("part") == number)
    decisions = {row["index"]: row for row in chosen.to_pylist()}
    rules = load_rules(shard.params["rules"], shard.params["override"])
    kept: list[Document] = []
    dropped: list[Lost] = []
    quarantined: list[Lost] = []
    languages: Counter[str] = Counter()
    repositories: Counter[str] = Counter()
    for index, row in enumerate(read_parquet(out / WORK_FOLDER / "read" / shard.name).to_pylist()):
        doc = Document.from_dict(row)
        shown = f"{doc.repo}:{doc.path}"
        decision = decisions[index]
        if decision["copy_of"]:
            dropped.append(Lost(doc.id, "duplicate", f"same bytes as {decision['copy_of']}", shown))
            continue
        verdict = judge(doc, rules)
        if verdict.crashed:
            quarantined.append(
                Lost(doc.id, f"rule_crashed:{verdict.crashed}", verdict.error, shown, doc.content)
            )
        elif verdict.fired:
            fired = ", ".join(f"{name}={value:g}" for name, value in verdict.fired.items())
            dropped.append(Lost(doc.id, f"rule:{next(iter(verdict.fired))}", fired, shown, doc.content))
        else:
            kept.append(doc)
            size = len(doc.content.encode("utf-8"))
            languages[doc.language] += size
            repositories[doc.repo] += size
    write_parquet(out / WORK_FOLDER / "kept" / shard.name, to_table(kept, DOCUMENT_SCHEMA))
    if dropped:
        write_parquet(out / "dropped" / shard.name, to_table(dropped, LOST_SCHEMA))
    if quarantined:
        write_parquet(
            out / "quarantine" / f"part-rules-{number:05d}.parquet", to_table(quarantined, LOST_SCHEMA)
        )
    reasons = Counter(lost.reason for lost in dropped)
    counts = Counts(len(kept) + len(dropped) + len(quarantined), len(kept), reasons, len(quarantined))
    return {
        "counts": counts.to_json(),
        "bytes_by_repo": dict(repositories),
        "bytes_by_language": dict(languages),
        "crashed": dict(Counter(lost.reason for lost in quarantined)),
    }


def split_shard(shard: Shard) -> dict[str, Any]:
    """Write the kept documents of one shard, those of held-out repositories apart."""
    out = Path(shard.out)
    table = read_parquet(out / WORK_FOLDER / "kept" / shard.name)
    held = pc.is_in(table.column("repo"), pa.array(shard.params["heldout"], pa.string()))
    heldout = table.filter(held)
    for folder, part in (("", table.filter(pc.invert(held))), ("heldout", heldout)):
        if len(part):
            write_parquet(out / folder / shard.name, part)
    return {"heldout": len(heldout)}


def _with_listing(counts: Counts, context: StageContext) -> Counts:
    """Add what the listing alone left out, or could not take."""
    left_out, troubled = (context.out / folder / _LISTING for folder in ("dropped", "quarantine"))
    reasons: Counter[str] = Counter()
    if left_out.exists():
        reasons.update(read_parquet(left_out, ["reason"]).column("reason").to_pylist())
    quarantined = len(read_parquet(troubled, ["id"])) if troubled.exists() else 0
    total = sum(reasons.values()) + quarantined
    return Counts.total([counts, Counts(total, 0, reasons, quarantined)])


def _check_crashes(filtered: list[dict[str, Any]]) -> None:
    crashed: Counter[str] = Counter()
    for result in filtered:
        crashed.update(result["crashed"])
    seen = sum(result["counts"]["in"] for result in filtered)
    # One crash in a small corpus is a bad document; it takes more than that to call the rule broken.
    if sum(crashed.values()) > max(1, CRASH_LIMIT * seen):
        worst, times = crashed.most_common(1)[0]
        raise ConfigError(
            f"{worst.removeprefix('rule_crashed:')}: this rule crashed on {times} of {seen} documents "
            "(see quarantine/); mend it or leave its file out of `rules`"
        )


def _reasons(counts: Counts) -> str:
    parts = [f"{number} {reason}" for reason, number in sorted(counts.dropped.items())]
    return ", ".join([*parts, f"{counts.quarantined} quarantined"] if counts.quarantined else parts)
