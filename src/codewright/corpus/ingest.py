"""The stage `corpus.ingest`: folders, repositories, archives and tables in, documents with their provenance out.

Passes, with a barrier between: cut the sources into pieces (frozen), read each piece, name the licences of the repositories
that were seen, join and write. A piece is read as a stream and written in parts of `shard_bytes`, so a worker's memory is
bounded by that, whatever an archive holds. The rows, one part behind the other, depend neither on the number of workers
nor on `shard_bytes`. Every member of every source is a row: a document, or dropped or in quarantine with the reason.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from codewright.core.config import Names, strict
from codewright.core.errors import ConfigError
from codewright.core.io import atomic_write, read_json, read_parquet, write_json, write_parquet
from codewright.core.languages import check_language
from codewright.core.manifest import LOCK_NAME, WORK_FOLDER, Counts, part_name, part_number
from codewright.core.records import DOCUMENT_SCHEMA, LOST_SCHEMA, Lost, to_table
from codewright.corpus import repo_facts
from codewright.corpus.contents import Kept, Wanted, document_of, to_scratch
from codewright.corpus.licenses import PERMISSIVE, allowed, normalized
from codewright.corpus.members import Member, Options, Piece, Skip, Trouble, shown
from codewright.corpus.parts import added, by_language, summed
from codewright.corpus.repo_join import (
    LicenseTexts,
    Unit,
    detect_licenses,
    license_shards,
    read_joined,
    texts_path,
    units_path,
    write_joined,
)
from codewright.corpus.rows import check_columns
from codewright.corpus.sources import cut, members_of, places_of
from codewright.engine.engine import Shard
from codewright.engine.stage import StageContext, StageResult

_LOST_ROW_BYTES = 500
"""What a dropped member counts in a part's size: an archive may hold a million that are empty."""

_LISTING = "part-listing.parquet"

Bytes = Annotated[int, Field(gt=0)]


@strict
@dataclass(frozen=True)
class Config:
    """What to read and what of it to keep."""

    source: Names
    """Folders, git repositories, archives, tables, or patterns for them (`wheels/*.whl`); `stdlib` and `site-packages`."""
    languages: tuple[str, ...] | None = None
    """Only these languages (lower case); None keeps every known one."""
    licenses: tuple[str, ...] | None = None
    """Only what these licences (SPDX ids in any case, or `permissive`) allow; None keeps all."""
    unknown_license: bool = False
    """Whether to keep, where `licenses` are given, documents whose licence nobody states."""
    leave_out: tuple[Literal["vendored", "minified", "generated"], ...] = (
        "vendored",
        "minified",
        "generated",
    )
    """Kinds of files to drop."""
    notebooks: bool = True
    """Whether to turn notebooks into scripts; false drops them."""
    repo_facts: tuple[str, ...] = ()
    """Tables (.csv, .tsv, .jsonl) of stars, forks, licences and commit times by repository."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Where tables call things otherwise: our name (content, path, repo, license ...) -> the table's column."""
    revision: str = "HEAD"
    """Which revision of git repositories to read."""
    max_file_bytes: Bytes = 8_000_000
    """Larger files are dropped unread. OpenCoder (arXiv 2411.04905, section 2.1) uses 8 MB."""
    shard_bytes: Bytes = 32_000_000
    """Source bytes per part; a worker holds a few times as much."""

    def check(self) -> None:
        """Look for sources, tables, and names that are none. Raises ConfigError."""
        for spec in self.source:
            places_of(spec)
        check_columns(self.columns)
        for name in self.languages or ():
            check_language(name, "languages")
        self.permitted()
        for path in self.repo_facts:
            if not Path(path).is_file():
                raise ConfigError(f"repo_facts: {path}: no such file")

    def permitted(self) -> list[str] | None:
        """Return the licences to keep as SPDX spells them, or None for all. Raises ConfigError for a name that is none."""
        if self.licenses is None:
            return None
        names: set[str] = set()
        for name in self.licenses:
            spdx = normalized(name)
            if name == "permissive":
                names |= PERMISSIVE
            elif spdx is None:
                raise ConfigError(
                    f"licenses: '{name}' is no SPDX id, e.g. MIT, Apache-2.0 (or `permissive` for all such)"
                )
            else:
                names.add(spdx)
        return sorted(names)

    def file_digests(self) -> dict[str, str]:
        """Name the sizes of the files that are read: other files are other work."""
        roots = [Path(place.root) for spec in self.source for place in places_of(spec)]
        files = sorted({path for path in [*roots, *map(Path, self.repo_facts)] if path.is_file()})
        return {f"file {path}": f"{path.stat().st_size} bytes" for path in files}


def run(config: Config, context: StageContext) -> StageResult:
    """Read everything. Raises ConfigError when a source is missing, or nothing is left to keep."""
    tasks, troubles = _plan(config, context)
    out = str(context.out)
    params = {
        "wanted": asdict(Wanted(config.languages, config.leave_out, config.notebooks)),
        "options": asdict(_options(config, context)),
        "shard_bytes": config.shard_bytes,
    }
    shards = [Shard(part_name(number), out, (), params) for number in range(tasks)]
    read = context.engine.map(read_pieces, shards, "ingest: read")
    known = context.engine.map(detect_licenses, license_shards(context.out, tasks), "ingest: licences")
    bad_facts = _join(config, context, tasks)
    if bad_facts:
        context.reporter.say(
            f"  {bad_facts} rows of repo_facts are no good; see quarantine/repo-facts.parquet"
        )
    filters = {"permitted": config.permitted(), "unknown_license": config.unknown_license}
    parts = [(task, part) for task, result in enumerate(read) for part in result["parts"]]
    shards = [
        Shard(part_name(number), out, (), {"task": task, "part": part, **filters})
        for number, (task, part) in enumerate(parts)
    ]
    written = context.engine.map(write_part, shards, "ingest: write")
    listing = Counts(troubles, 0, {}, troubles)
    counts = Counts.total([listing, *(Counts.from_json(result["counts"]) for result in [*read, *written])])
    if counts.kept == 0:
        raise ConfigError(
            f"source {', '.join(config.source)}: no document kept of {counts.rows_in} files ({_reasons(context.out)})"
        )
    return StageResult(counts, details=_details(read, written, known, bad_facts))


def _reasons(out: Path) -> str:
    reasons: Counter[str] = Counter()
    for folder in ("dropped", "quarantine"):
        for part in sorted((out / folder).glob("part-*.parquet")):
            reasons.update(read_parquet(part, ["reason"]).column("reason").to_pylist())
    return ", ".join(f"{number} {reason}" for reason, number in reasons.most_common()) or "nothing there"


def _details(
    read: list[dict[str, Any]], written: list[dict[str, Any]], known: list[dict[str, Any]], bad_facts: int
) -> dict[str, Any]:
    return {
        "bytes_read": sum(result["bytes"] for result in read),
        **summed(written),
        "documents_by_license": added(written, "documents_by_license"),
        "repositories_with_license": sum(result["known"] for result in known),
        "bad_repo_facts": bad_facts,
    }


def _options(config: Config, context: StageContext) -> Options:
    return Options(
        config.max_file_bytes,
        config.shard_bytes,
        dict(config.columns),
        config.revision,
        config.languages,
        str(_output(context.out)),
    )


def _output(out: Path) -> Path:
    """Return the folder of the whole run, which may lie within a source: the one that is held by a lock."""
    folders = [out.resolve(), *out.resolve().parents]
    return next((folder for folder in folders if (folder / LOCK_NAME).exists()), folders[0])


def _plan(config: Config, context: StageContext) -> tuple[int, int]:
    """Cut the sources and freeze the tasks; returns (number of tasks, sources that cannot be read)."""
    frozen = context.work / "plan.json"
    if frozen.exists():  # written last below
        plan = read_json(frozen)
        return plan["tasks"], plan["troubles"]
    options = _options(config, context)
    tasks = filled = 0
    run_of: list[Piece] = []
    troubles: list[Lost] = []

    def close() -> None:
        write_json(context.work / "tasks" / f"{tasks:05d}.json", [asdict(piece) for piece in run_of])
        run_of.clear()

    for place in (place for spec in config.source for place in places_of(spec)):
        pieces = cut(place, options)
        if isinstance(pieces, Trouble):
            troubles.append(Lost("", pieces.reason, pieces.detail, shown(place.path)))
            continue
        for piece in pieces:
            if run_of and filled + piece.num_bytes > config.shard_bytes:
                close()
                tasks, filled = tasks + 1, 0
            run_of.append(piece)
            filled += piece.num_bytes
    if run_of:
        close()
        tasks += 1
    if troubles:
        write_parquet(context.out / "quarantine" / _LISTING, to_table(troubles, LOST_SCHEMA))
    write_json(frozen, {"tasks": tasks, "troubles": len(troubles)})
    return tasks, len(troubles)


class _Parts:
    """Writes what a task reads in parts of bounded size, kept documents apart from the others."""

    def __init__(self, out: Path, task: int, shard_bytes: int) -> None:
        self._out, self._task, self._shard_bytes = out, task, shard_bytes
        self._kept: list[Kept] = []
        self._dropped: list[Lost] = []
        self._troubled: list[Lost] = []
        self._filled = self._number = 0
        self.written: list[int] = []
        self.bytes = 0
        self.counts = Counts(0, 0)
        self.units: dict[Unit, None] = {}

    def take(self, piece: Piece, verdict: Kept | Skip | Trouble) -> None:
        """Add one member, and write the part that it fills."""
        if isinstance(verdict, Kept):
            self._kept.append(verdict)
            self.units[verdict.place, verdict.repo] = None
            self._filled += len(verdict.content)
        else:
            shown = f"{piece.path}:{verdict.path}" if verdict.path else piece.path
            lost = Lost(
                "", verdict.reason, verdict.detail, shown.encode("utf-8", "backslashreplace").decode()
            )
            (self._dropped if isinstance(verdict, Skip) else self._troubled).append(lost)
            self._filled += _LOST_ROW_BYTES
        if self._filled >= self._shard_bytes:
            self.flush()

    def flush(self) -> None:
        """Write what is held."""
        name = f"part-{self._task:05d}-{self._number:05d}.parquet"
        if self._kept:
            _write_scratch(_scratch_path(self._out, self._task, self._number), to_scratch(self._kept))
            self.written.append(self._number)
        for folder, rows in (("dropped", self._dropped), ("quarantine", self._troubled)):
            if rows:
                columns = {field_: [getattr(row, field_) for row in rows] for field_ in LOST_SCHEMA.names}
                write_parquet(self._out / folder / name, pa.table(columns, schema=LOST_SCHEMA))
        # Documents that go on are counted where they end: when they are written.
        reasons = Counter(lost.reason for lost in self._dropped)
        lost = len(self._dropped) + len(self._troubled)
        self.counts = Counts.total([self.counts, Counts(lost, 0, reasons, len(self._troubled))])
        self._kept, self._dropped, self._troubled = [], [], []
        self._filled = 0
        self._number += 1


def read_pieces(shard: Shard) -> dict[str, Any]:
    """Read the pieces of one task into parts."""
    out, task = Path(shard.out), part_number(shard.name)
    options, wanted = Options(**shard.params["options"]), Wanted(**shard.params["wanted"])
    parts = _Parts(out, task, shard.params["shard_bytes"])
    texts = LicenseTexts()
    size = 0
    for item in read_json(out / WORK_FOLDER / "tasks" / f"{task:05d}.json"):
        piece = Piece(**item)
        for member in members_of(piece, options):
            if isinstance(member, Member):
                size += len(member.data)
                texts.look_at(member, piece)
                parts.take(piece, document_of(member, piece, wanted))
            else:
                parts.take(piece, member)
    parts.flush()
    texts.write(texts_path(out, task))
    places, repos = zip(*parts.units, strict=True) if parts.units else ((), ())
    units = pa.table({"place": pa.array(places, pa.string()), "repo": pa.array(repos, pa.string())})
    write_parquet(units_path(out, task), units)
    return {"parts": parts.written, "bytes": size, "counts": parts.counts.to_json()}


def _scratch_path(out: Path, task: int, part: int) -> Path:
    return out / WORK_FOLDER / "read" / f"{task:05d}-{part:05d}.arrow"


def _write_scratch(path: Path, table: pa.Table) -> None:
    # Arrow's own format: read once and thrown away, so speed counts and size does not.
    with atomic_write(path) as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)


def _join(config: Config, context: StageContext, tasks: int) -> int:
    """Join licences and facts to the repositories; returns the number of rows of `repo_facts` that are no good."""
    done = context.work / "joined.json"
    if not done.exists():
        facts, lost = repo_facts.load([Path(path) for path in config.repo_facts])
        if lost:  # rows of a table, not files of the corpus: beside the counts
            write_parquet(context.out / "quarantine" / "repo-facts.parquet", to_table(lost, LOST_SCHEMA))
        write_joined(context.out, tasks, facts)
        write_json(done, {"bad": len(lost)})
    return int(read_json(done)["bad"])


def write_part(shard: Shard) -> dict[str, Any]:
    """Complete the documents of one part with what is known of their repositories, and drop those of other licences."""
    out, params = Path(shard.out), shard.params
    with pa.memory_map(str(_scratch_path(out, params["task"], params["part"]))) as scratch:
        table = _completed(pa.ipc.open_file(scratch).read_all(), read_joined(out, params["task"]))
    permitted = None if params["permitted"] is None else frozenset(params["permitted"])
    licenses = table.column("license").to_pylist()
    verdicts = {name: _refuse(name, permitted, params["unknown_license"]) for name in set(licenses)}
    mask = pa.array([not verdicts[name] for name in licenses])
    final = table.filter(mask) if any(verdicts.values()) else table
    refused = table.drop_columns(["content"]).filter(pc.invert(mask))
    if len(final):
        write_parquet(out / shard.name, final)
    dropped = [
        Lost(
            row["id"],
            verdicts[row["license"]],
            row["license"] or "",
            f"{dict(row['meta'])['source']}:{row['path']}",
        )
        for row in refused.to_pylist()
    ]
    if dropped:
        name = f"part-license-{part_number(shard.name):05d}.parquet"
        write_parquet(out / "dropped" / name, to_table(dropped, LOST_SCHEMA))
    return {
        "counts": Counts(len(table), len(final), Counter(lost.reason for lost in dropped)).to_json(),
        **by_language(final),
        "documents_by_license": dict(
            Counter(name or "unknown" for name in final.column("license").to_pylist())
        ),
    }


def _completed(table: pa.Table, joined: Mapping[Unit, Mapping[str, Any]]) -> pa.Table:
    """Fill what documents do not say themselves, column by column, and leave out the scratch's own column."""
    units = zip(table.column("place").to_pylist(), table.column("repo").to_pylist(), strict=True)
    known = [joined[unit] for unit in units]
    table = table.select(DOCUMENT_SCHEMA.names)
    for at, field_ in enumerate(DOCUMENT_SCHEMA):
        if field_.name in {"license", "stars", "committed_at", "url"}:
            own = table.column(field_.name).to_pylist()
            values = [mine or facts[field_.name] or mine for mine, facts in zip(own, known, strict=True)]
            table = table.set_column(at, field_, pa.array(values, field_.type))
        elif field_.name == "meta" and any(facts["forks"] is not None for facts in known):
            metas = [
                sorted({**dict(mine), "forks": str(facts["forks"])}.items())
                if facts["forks"] is not None
                else mine
                for mine, facts in zip(table.column("meta").to_pylist(), known, strict=True)
            ]
            table = table.set_column(at, field_, pa.array(metas, field_.type))
    return table


def _refuse(license_: str | None, permitted: frozenset[str] | None, keep_unknown: bool) -> str:
    if permitted is None:
        return ""
    if license_ is None:
        return "" if keep_unknown else "unknown_license"
    return "" if allowed(license_, permitted) else "other_license"
