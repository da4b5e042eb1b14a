"""The stage `corpus.explain`: every file of a folder, or document of a corpus, with all its measurements in one table.

`signals.parquet` holds a row a file that was measured: path (relative to the folder), language, doc_type, rule_set, keep, fired, and
a column a measurement. What cannot be measured is listed with the reason under `dropped/` and `quarantine/`, as is what the rules refuse.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pyarrow.parquet as pq

from codewright.core.config import strict
from codewright.core.errors import ConfigError
from codewright.core.io import atomic_write, read_parquet, write_parquet
from codewright.core.manifest import WORK_FOLDER, Counts, Dataset, is_finished, part_name
from codewright.core.records import LOST_SCHEMA, Lost, content_id, to_table
from codewright.corpus.contents import Kept, Wanted, document_of
from codewright.corpus.filter import Judging, check_crashes, signal_schema, warm_up
from codewright.corpus.ingest import Config as IngestConfig
from codewright.corpus.listing import walk
from codewright.corpus.members import Member, Options, Piece, Skip, Trouble
from codewright.corpus.parts import added, rows_of, shards_of
from codewright.corpus.readers import folder as folder_reader
from codewright.engine.engine import Shard
from codewright.engine.stage import StageContext, StageResult

SIGNALS_NAME = "signals.parquet"
_SHARD_BYTES = 16_000_000
_VERSION_CONTROL = frozenset({".git", ".hg", ".svn"})


@strict
@dataclass(frozen=True)
class Config:
    """What to measure, and by which rules."""

    root: str
    """A folder of source files, of which nothing is left out as vendored, minified or generated; or a finished corpus."""
    mode: Literal["fixed", "reference"] = "fixed"
    """`reference`: as published, languages by name alone; slow. `fixed`: with what is wrong in it corrected."""
    override: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)
    """Bounds changed for this run: measurement -> {low, high, equal}; null takes a bound away."""

    def check(self) -> None:
        """Look for the folder and the bounds. Raises ConfigError."""
        from codewright.corpus.quality import RuleBook

        if not Path(self.root).is_dir():
            raise ConfigError(
                f"{self.root}: {'not a folder' if Path(self.root).exists() else 'no such folder'}"
            )
        RuleBook(self.mode, self.override)


def run(config: Config, context: StageContext) -> StageResult:
    """Measure everything. Raises ConfigError when there is nothing, or when rules crash on more than a few."""
    shards = list(_shards(config, context))
    if not shards:
        raise ConfigError(f"{config.root}: holds no files")
    done = context.engine.map(explain_shard, shards, "corpus: measure", warm_up)
    counts = Counts.total(Counts.from_json(result["counts"]) for result in done)
    crashed = added(done, "crashed")
    check_crashes(crashed, counts.rows_in)
    with (
        atomic_write(context.out / SIGNALS_NAME) as file,
        pq.ParquetWriter(file, signal_schema(), compression="zstd") as writer,
    ):
        for shard in shards:
            part = context.work / "signals" / shard.name
            if part.exists():
                writer.write_table(read_parquet(part))
    return StageResult(counts, details={"rules_crashed": crashed, "mode": config.mode})


def _shards(config: Config, context: StageContext) -> Iterator[Shard]:
    override = {name: dict(bounds) for name, bounds in config.override.items()}
    params = {"mode": config.mode, "override": override, "seed": context.seed, "root": config.root}
    root = Path(config.root)
    if is_finished(root):
        yield from shards_of(Dataset(root), context.out, **params)
        return
    pieces = folder_reader.cut_files(walk(root, avoid=context.out, skipped=_VERSION_CONTROL), _SHARD_BYTES)
    for number, files in enumerate(pieces):
        yield Shard(part_name(number), str(context.out), (), {**params, "files": files})


def explain_shard(shard: Shard) -> dict[str, Any]:
    """Measure the files or rows of one shard."""
    from codewright.corpus.quality import RuleBook

    out, params = Path(shard.out), shard.params
    book = RuleBook(params["mode"], params["override"], params["seed"])
    judged = Judging(book, signals=True)
    lost: dict[str, list[Lost]] = {"dropped": [], "quarantine": []}
    for row in rows_of(read_parquet(Path(shard.inputs[0]))) if shard.inputs else _rows(params, lost):
        judged.take(row)
    lost["dropped"] += judged.dropped
    for split, found in lost.items():
        if found:
            write_parquet(out / split / shard.name, to_table(found, LOST_SCHEMA))
    judged.write_signals(out / WORK_FOLDER / "signals" / shard.name)
    reasons = Counter(one.reason for one in lost["dropped"])
    kept, bad = sum(judged.keep), len(lost["quarantine"])
    counts = Counts(kept + reasons.total() + bad, kept, reasons, bad)
    return {"counts": counts.to_json(), "crashed": dict(judged.crashed)}


def _rows(params: Mapping[str, Any], lost: Mapping[str, list[Lost]]) -> Iterator[dict[str, Any]]:
    """Read files; what cannot be measured goes to `lost`."""
    wanted = Wanted(None, (), notebooks=True)
    options = Options(IngestConfig(("",)).max_file_bytes, _SHARD_BYTES)
    piece = Piece(
        "folder",
        params["root"],
        "",
        params["root"],
        "",
        0,
        {"files": params["files"], "facts": {}, "license": None},
    )
    for member in folder_reader.members(piece, options):
        found: Kept | Skip | Trouble | dict[str, Any]
        if not isinstance(member, Member):
            found = member
        elif params["mode"] == "reference":
            found = _as_the_reference_reads(member, params["root"])
        else:
            found = document_of(member, piece, wanted)
        if isinstance(found, dict):
            yield found
        elif isinstance(found, Kept):
            text = found.content.decode()
            yield {
                "id": found.id,
                "repo": "",
                "path": found.path,
                "language": found.language,
                "content": text,
                "meta": {"source": params["root"]},
            }
        else:
            split = "quarantine" if isinstance(found, Trouble) else "dropped"
            place = f"{params['root']}:{found.path}"
            lost[split].append(Lost("", found.reason, found.detail, place))


def _as_the_reference_reads(member: Member, root: str) -> dict[str, Any] | Skip:
    """UTF-8, and named by its name. What is not UTF-8 makes the reference stop; its published verdicts have U+FFFD there."""
    from codewright.corpus.quality.reference_names import reference_language

    content = member.data.decode("utf-8", "replace")
    language = reference_language(member.path)
    if language is None:
        return Skip(member.path, "unknown_language", "its name is not in the reference's maps")
    return {
        "id": content_id(content), "repo": "", "path": member.path, "language": language, "content": content, "meta": {"source": root},
        "size": len(member.data),
    }  # fmt: skip
