"""The stage `corpus.build`: raw code of any kind in, a deduplicated, filtered corpus with provenance out.

It is the other stages of the corpus in a row: `corpus.ingest`, `corpus.dedup`, `corpus.tokens` (with a tokenizer),
`corpus.transform`, `corpus.filter`, `corpus.sample`; with a budget also `corpus.sample` behind the first, so that a small corpus
costs little whatever the sources hold. Each runs in a folder of its own in scratch, so killed work resumes in the middle of any
of them, and its documents are removed when the next has ended. What they left out, with the reasons, ends in one place, the counts
are those of the whole way, and a card shows it all.
"""

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from codewright.core.config import Share, StageRef, build, dump, strict
from codewright.core.errors import ConfigError
from codewright.core.io import give_name
from codewright.core.manifest import Counts, Manifest, is_finished
from codewright.corpus import dedup, ingest, sample, tokens, transform
from codewright.corpus import filter as filter_
from codewright.corpus.choosing import Target
from codewright.engine.stage import StageContext, StageFunction, StageResult, StageRun

Bytes = Annotated[int, Field(gt=0)]

STAGES_FOLDER = "stages"


@strict
@dataclass(frozen=True)
class Config(ingest.Config):
    """What to read and what to keep: the settings of `corpus.ingest`, and of what follows."""

    index: tuple[StageRef, ...] = ()
    """Earlier outputs of `corpus.dedup`: what resembles their rows is dropped, too."""
    dedup: Mapping[str, Any] = field(default_factory=dict)
    """Settings of `corpus.dedup`, such as {preset: opencoder}; all have defaults."""
    headers: bool = True
    """Whether to remove licence and copyright headers at the top of files."""
    redact: tuple[transform.Kind, ...] = transform.KINDS
    """What to replace by placeholders such as <EMAIL>; an empty list replaces nothing."""
    rules: Literal["fixed", "reference", "none"] = "fixed"
    """`fixed`: the rules of OpenCoder with what is wrong in them corrected; `reference`: as published, slow; or `none`."""
    override: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)
    """Bounds changed for this run: measurement -> {low, high, equal}; null takes a bound away."""
    signals: bool = False
    """Whether to write `signals/part-*.parquet`, all measurements of every document that the rules saw."""
    max_repo_bytes: Bytes | None = None
    """Go on with at most this much of one repository, a seeded sample of its files; None for all."""
    max_bytes: Bytes | None = None
    """Go on with at most this much in all, over repositories in seeded order; None for all."""
    tokenizer: str | None = None
    """Count tokens, too, with this tokenizer.json, folder that holds one, or id of the hub; slow."""
    downsample: Mapping[str, Target] = field(default_factory=dict)
    """Language -> {ratio: x}, {bytes: n} or {tokens: n}: draw it down to that at the end."""
    order: Literal["seeded", "best"] = "seeded"
    """What of a drawn-down language stays: `seeded` by id, or `best`: most stars, newest commit first."""
    heldout: Share = 0.03
    """Share of the kept bytes held out, whole repositories at a time; 0 for none."""
    keep_stages: bool = False
    """Whether to keep what every stage put out, under `stages/`: large, and `stages/dedup` is an index to go on from."""

    def file_digests(self) -> dict[str, str]:
        """Name the sizes of the files that are read, and the tokenizer's content."""
        counted = tokens.tokenizer_digest(self.tokenizer) if self.tokenizer else {}
        return super().file_digests() | counted

    @property
    def stages(self) -> tuple[str, ...]:
        """The names of the stages in order."""
        return tuple(part.name for part in _parts(self))

    def check(self) -> None:
        """Look for the sources, rules, bounds and names. Raises ConfigError."""
        for part in _parts(self):
            if hasattr(part.config, "check"):
                part.config.check()


@dataclass(frozen=True)
class _Part:
    """One of the stages: `reads` is the one whose output it takes."""

    name: str
    config: Any
    run: StageFunction
    reads: str | None
    key: str
    """The kind of stage."""


def _parts(config: Config) -> list[_Part]:
    ingested = ingest.Config(**{item.name: getattr(config, item.name) for item in fields(ingest.Config)})
    for key in ("corpus", "index"):
        if key in config.dedup:
            raise ConfigError(
                f"dedup: '{key}' is no key here" + ("; give it beside `dedup`" * (key == "index"))
            )
    read = [_Part("ingest", ingested, ingest.run, None, "corpus.ingest")]
    if config.max_bytes is not None or config.max_repo_bytes is not None:
        budget = sample.Config(
            "ingest", max_repo_bytes=config.max_repo_bytes, max_bytes=config.max_bytes, heldout=0
        )
        read.append(_Part("budget", budget, sample.run, "ingest", "corpus.sample"))
    options = {**config.dedup, "corpus": read[-1].name, "index": list(config.index)}
    deduped = build(dedup.Config, options, "dedup")
    parts = [*read, _Part("dedup", deduped, dedup.run, read[-1].name, "corpus.dedup")]

    def add(name: str, config: Any, function: StageFunction) -> None:
        parts.append(_Part(name, config, function, parts[-1].name, f"corpus.{name}"))

    if config.tokenizer:
        add("tokens", tokens.Config(parts[-1].name, config.tokenizer), tokens.run)
    if config.headers or config.redact:
        changes = transform.Config(parts[-1].name, config.headers, config.redact, config.tokenizer)
        add("transform", changes, transform.run)
    add("filter", filter_.Config(parts[-1].name, config.rules, config.override, config.signals), filter_.run)
    drawn = sample.Config(parts[-1].name, config.downsample, config.order, heldout=config.heldout)
    add("sample", drawn, sample.run)
    return parts


def run(config: Config, context: StageContext) -> StageResult:
    """Build the corpus. Raises ConfigError for a missing source, or when nothing is left to keep."""
    folder = (context.out if config.keep_stages else context.work) / STAGES_FOLDER
    manifests: dict[str, Manifest] = {}
    for part in _parts(config):
        manifests[part.name] = _run_part(part, folder, context)
        if part.reads and not config.keep_stages:
            _remove_documents(folder / part.reads)
    for name in manifests:
        for split in ("dropped", "quarantine"):
            _hand_on(folder / name / split, context.out / split, name, keep=config.keep_stages)
    bad_facts = Path("quarantine") / "repo-facts.parquet"
    if (folder / "ingest" / bad_facts).exists():
        give_name(folder / "ingest" / bad_facts, context.out / bad_facts)
    _hand_on(folder / "transform" / "audit", context.out / "audit", "", keep=config.keep_stages)
    _hand_on(folder / "filter" / "signals", context.out / "signals", "", keep=config.keep_stages)
    for split in ("", "heldout"):
        _hand_on(folder / "sample" / split, context.out / split, "", keep=config.keep_stages)
    counts = _total(manifests)
    if counts.kept == 0:
        raise ConfigError(f"corpus is empty: all {counts.rows_in} files were left out ({_reasons(counts)})")
    last = manifests["sample"].details
    details = {
        "bytes_read": manifests["ingest"].details["bytes_read"],
        **last,
        "bad_repo_facts": manifests["ingest"].details["bad_repo_facts"],
        "stages": {name: _summary(manifest) for name, manifest in manifests.items()},
    }
    from codewright.corpus.card import Built, write_card  # a template engine, which no plan needs

    with context.reporter.bar("corpus: card", total=1) as advance:
        write_card(Built(context.out, context.id, dump(config), context.seed, counts, details))
        advance()
    return StageResult(counts, details=details)


def _run_part(part: _Part, folder: Path, context: StageContext) -> Manifest:
    """Run one stage unless it has ended."""
    inputs = {part.reads: folder / part.reads} if part.reads else {}
    if part.name == "dedup":
        inputs |= {ref: context.inputs[ref] for ref in part.config.index}
    inner = StageContext(
        part.name, folder / part.name, inputs, context.seed, context.engine, context.reporter, context.sandbox
    )
    if is_finished(inner.out):  # of this very work: the folder around it belongs to one fingerprint
        return Manifest.read(inner.out)
    return StageRun(part.key, part.config, lambda: part.run, inner).execute()


def _remove_documents(folder: Path) -> None:
    """Remove what the next stage has read; the manifest and what was left out stay."""
    for part in _part_files(folder):
        part.unlink()
    for name in ("heldout", "index"):
        shutil.rmtree(folder / name, ignore_errors=True)


def _part_files(folder: Path) -> Iterator[Path]:
    yield from sorted(folder.glob("part-*.parquet"))


def _hand_on(source: Path, target: Path, stage: str, *, keep: bool) -> None:
    """Move Parquet files to where they are to stay, named by their stage; what an earlier try has moved is there already."""
    for path in _part_files(source):
        name = f"part-{stage}-{path.name.removeprefix('part-')}" if stage else path.name
        give_name(path, target / name)
        if not keep:
            path.unlink()


def _total(manifests: Mapping[str, Manifest]) -> Counts:
    """Return the counts of the whole way: what comes into the first, what the last keeps, and all that fell between."""
    parts = [_counts(manifest) for manifest in manifests.values()]
    total = Counts.total(parts)
    return Counts(parts[0].rows_in, parts[-1].kept, total.dropped, total.quarantined)


def _counts(manifest: Manifest) -> Counts:
    if manifest.counts is None:
        raise AssertionError(f"{manifest.stage}: a stage of the corpus counts what it does")
    return manifest.counts


def _summary(manifest: Manifest) -> dict[str, Any]:
    """Return what a stage of the way did, for tables and cards."""
    return {"counts": _counts(manifest).to_json(), "seconds": manifest.seconds, **manifest.details}


def _reasons(counts: Counts) -> str:
    parts = [f"{number} {reason}" for reason, number in sorted(counts.dropped.items())]
    return ", ".join([*parts, f"{counts.quarantined} quarantined"] if counts.quarantined else parts)
