"""The verbs `corpus ...`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from codewright.core.errors import ConfigError
from codewright.core.progress import Reporter
from codewright.core.text import one_line

if TYPE_CHECKING:
    from codewright.corpus.contents import Kept
    from codewright.corpus.members import Skip, Trouble
    from codewright.corpus.quality import RuleBook, Verdict

corpus_app = typer.Typer(no_args_is_help=True, help="What goes into a corpus, and why.")


@corpus_app.command("explain")
def explain(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file of any kind.")],
    rules: Annotated[str, typer.Option("--mode", "--rules", help="fixed or reference.")] = "fixed",
) -> None:
    """Say what is decided about a file: its language and which step named it, every measurement, its bounds, the verdict."""
    from rich.console import Console

    from codewright.core.languages import identify
    from codewright.corpus.contents import Kept
    from codewright.corpus.members import Trouble
    from codewright.corpus.quality import RuleBook

    try:
        if not file.is_file():
            raise ConfigError(f"{file}: {'not a file' if file.exists() else 'no such file'}")
        data = file.read_bytes()
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read ({error.strerror})") from None
    book = RuleBook(rules)
    name = file.name.encode("utf-8", "replace").decode()
    read = _read(name, data)
    content = (read.content if isinstance(read, Kept) else data).decode("utf-8", "replace")
    found = identify(name, content)
    verdict = book.judge(content, name=name, language=read.language) if isinstance(read, Kept) else None
    rows = [["language", found.language or "unknown", _printable(f"{found.step}: {found.detail}")]]
    if isinstance(read, Kept) and verdict:
        why = ", ".join(verdict.fired) or ("no rule fires" if verdict.keep else "not a kind that is kept")
        rows.append(["reading", "kept", _printable(f"licence {read.license}") if read.license else ""])
        rows.append(["rule set", verdict.rule_set or "none", f"doc type {verdict.doc_type}"])
        rows.append(["verdict", "kept" if verdict.keep else "dropped", why])
    elif not isinstance(read, Kept):
        fate = "quarantined" if isinstance(read, Trouble) else "dropped"
        rows.append(["reading", fate, _printable(f"{read.reason} {read.detail}".strip())])
    reporter = Reporter(Console(highlight=False, emoji=False))
    reporter.table(_printable(file.name).replace("[", r"\["), ["what", "decided", "why"], rows)
    if verdict and verdict.rule_set:
        _measurements(reporter, book, verdict)


def _read(name: str, data: bytes) -> "Kept | Skip | Trouble":
    """Do what `corpus.ingest` does with a file by default."""
    from codewright.corpus.contents import Wanted, document_of
    from codewright.corpus.ingest import Config
    from codewright.corpus.members import Gate, Member, Options, Piece

    config = Config(("",))
    refused = Gate(Options(config.max_file_bytes, config.shard_bytes)).refuse(name, len(data))
    piece = Piece("folder", "", "", "", "", len(data))
    return refused or document_of(Member(name, data), piece, Wanted(None, config.leave_out, config.notebooks))


def _measurements(reporter: Reporter, book: "RuleBook", verdict: "Verdict") -> None:
    rows = []
    for rule in book.sets[verdict.rule_set or ""].rules:
        value = verdict.measurements.get(rule.name)
        said = (
            "fires"
            if rule.name in verdict.fired
            else "spared by its draw"
            if rule.name in verdict.spared
            else ""
        )
        said = _printable(f"crashed: {verdict.crashed[rule.name]}") if rule.name in verdict.crashed else said
        rows.append([rule.name, "-" if value is None else f"{value:.6g}", str(rule.bounds), said])
    reporter.table("", ["measurement", "value", "fires", ""], rows)


def _printable(text: str) -> str:
    """Show what a terminal would obey, or no encoding can write, as `?`: names and contents are a stranger's."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


@corpus_app.command("build")
def build_(
    inputs: Annotated[list[str], typer.Argument(metavar="INPUT...", help="Folders, git repositories, archives, tables, patterns for them; stdlib, site-packages.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the corpus goes.")],
    languages: Annotated[str | None, typer.Option("--languages", metavar="A,B", help="Only these; all without it.")] = None,
    licenses: Annotated[str | None, typer.Option("--licenses", metavar="A,B", help="Only what these SPDX ids (or permissive) allow.")] = None,
    unknown_license: Annotated[bool, typer.Option("--unknown-license", help="With --licenses: keep what states none.")] = False,
    repo_facts: Annotated[list[Path] | None, typer.Option("--repo-facts", metavar="FILE", help="Stars, forks, licences, commit times by repository (.csv, .tsv, .jsonl); repeatable.")] = None,
    preset: Annotated[str, typer.Option("--preset", help="Of near deduplication: default or opencoder.")] = "default",
    threshold: Annotated[float, typer.Option("--threshold", help="Least Jaccard similarity of a copy.")] = 0.7,
    index: Annotated[list[Path] | None, typer.Option("--index", metavar="DIR", help="An earlier `stages/dedup`: drop what resembles it, too; repeatable.")] = None,
    max_bytes: Annotated[int | None, typer.Option("--max-bytes", min=1, help="A seeded sample of so much.")] = None,
    max_repo_bytes: Annotated[int | None, typer.Option("--max-repo-bytes", min=1, help="At most so much of one repository.")] = None,
    heldout: Annotated[float, typer.Option("--heldout", help="Share held out, whole repositories.")] = 0.03,
    headers: Annotated[bool, typer.Option("--headers/--keep-headers", help="Remove licence headers, or keep them.")] = True,
    redact: Annotated[str | None, typer.Option("--redact", metavar="A,B", help="What becomes a placeholder, empty for nothing; all without it: email, ip_address, key, password.")] = None,
    rules: Annotated[str, typer.Option("--rules", "--mode", help="Quality rules: fixed, reference or none.")] = "fixed",
    override: Annotated[Path | None, typer.Option("--override", metavar="FILE", help="YAML: measurement -> {low, high, equal}.")] = None,
    signals: Annotated[bool, typer.Option("--signals", help="Write all measurements to DIR/signals.")] = False,
    tokenizer: Annotated[str | None, typer.Option("--tokenizer", metavar="T", help="Count tokens, too: tokenizer.json, a folder, or an id of the hub.")] = None,
    keep_stages: Annotated[bool, typer.Option("--keep-stages", help="Keep what each stage put out, under DIR/stages.")] = False,
    seed: Annotated[int, typer.Option("--seed")] = 0,
    fresh: Annotated[bool, typer.Option("--fresh", help="Start all over.")] = False,
    workers: Annotated[int | None, typer.Option("--workers", min=1, help="Processes; one per core.")] = None,
) -> None:  # fmt: skip
    """Turn raw code of any kind into a deduplicated, filtered corpus."""
    from codewright.core.config import build
    from codewright.core.manifest import Counts, Dataset
    from codewright.core.text import human_seconds
    from codewright.corpus.build import Config
    from codewright.runner import describe_counts, run_alone

    for dataset in index or []:
        Dataset(dataset)
    given = {
        "source": inputs, "languages": _names(languages), "licenses": _names(licenses), "unknown_license": unknown_license,
        "repo_facts": [str(path) for path in repo_facts or []], "dedup": {"preset": preset, "threshold": threshold},
        "index": [str(path) for path in index or []], "max_bytes": max_bytes, "max_repo_bytes": max_repo_bytes,
        "heldout": heldout, "keep_stages": keep_stages, "headers": headers, "rules": rules,
        "override": _mapping(override), "signals": signals, "tokenizer": tokenizer,
    }  # fmt: skip
    if redact is not None:
        given["redact"] = _names(redact)
    reporter = Reporter()
    config = build(Config, given, "corpus build")
    manifest = run_alone("corpus.build", config, out, workers, reporter, seed=seed, fresh=fresh)
    rows = []
    for name in config.stages:
        stage = manifest.details["stages"][name]
        counts = Counts.from_json(stage["counts"])
        numbers = (counts.rows_in, counts.kept, sum(counts.dropped.values()), counts.quarantined)
        rows.append([name, *(f"{number:,}" for number in numbers), human_seconds(stage["seconds"])])
    reporter.table("", ["stage", "in", "kept", "dropped", "quarantined", "time"], rows)
    print(f"{describe_counts(manifest)}; in {out}, see {out / 'card.html'}")


@corpus_app.command("filter")
def filter_(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A corpus: a finished dataset of documents. With --explain also any folder of source files.")],
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Where the result goes.")] = None,
    explain: Annotated[Path | None, typer.Option("--explain", metavar="DIR", help="Write DIR/signals.parquet: all measurements of every file.")] = None,
    mode: Annotated[str, typer.Option("--mode", "--rules", help="fixed or reference.")] = "fixed",
    override: Annotated[Path | None, typer.Option("--override", metavar="FILE", help="YAML: measurement -> {low, high, equal}.")] = None,
    signals: Annotated[bool, typer.Option("--signals", help="Write all measurements to the result's signals/, too.")] = False,
    seed: Annotated[int, typer.Option("--seed")] = 0,
    fresh: Annotated[bool, typer.Option("--fresh", help="Start all over.")] = False,
    workers: Annotated[int | None, typer.Option("--workers", min=1, help="Processes; one per core.")] = None,
) -> None:  # fmt: skip
    """Drop what the quality rules refuse, and say of each file which rules fired with which values."""
    from codewright.core.config import build
    from codewright.core.manifest import Dataset
    from codewright.corpus import explain as explain_
    from codewright.corpus import filter as filtering
    from codewright.runner import describe_counts, run_alone

    if out is None and explain is None:
        raise ConfigError(
            "corpus filter: name --out DIR for what is kept, --explain DIR for all measurements, or both"
        )
    given = {"override": _mapping(override)}
    jobs: list[tuple[str, Any, Path]] = []
    if explain:
        config = build(explain_.Config, {"root": str(folder), "mode": mode, **given}, "corpus filter")
        jobs.append(("corpus.explain", config, explain))
    if out:
        Dataset(folder)
        filtered = {"corpus": str(folder), "rules": mode, "signals": signals, **given}
        jobs.append(("corpus.filter", build(filtering.Config, filtered, "corpus filter"), out))
    for key, config, target in jobs:
        manifest = run_alone(key, config, target, workers, Reporter(), seed=seed, fresh=fresh)
        print(f"{describe_counts(manifest)}; in {target}")


def _mapping(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    import yaml

    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"--override {path}: cannot be read as YAML ({one_line(error, 200)})") from None
    if not isinstance(found, dict):
        raise ConfigError(f"--override {path}: expected measurement: {{low: x, high: y}}")
    return found


def _names(text: str | None) -> list[str] | None:
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]


@corpus_app.command("dedup")
def dedup(
    folder: Annotated[Path | None, typer.Argument(metavar="[DIR]", help="A corpus: a finished dataset of documents.")] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Where the result goes.")] = None,
    index: Annotated[list[Path] | None, typer.Option("--index", metavar="DIR", help="An earlier result: drop what resembles it, too; repeatable. With --find, where to look.")] = None,
    find: Annotated[Path | None, typer.Option("--find", metavar="FILE", help="Only say what this file is a copy of.")] = None,
    preset: Annotated[str, typer.Option("--preset", help="default (25 bands of 10) or opencoder (16 of 128).")] = "default",
    bands: Annotated[int | None, typer.Option("--bands", help="Instead of the preset's.")] = None,
    rows: Annotated[int | None, typer.Option("--rows", help="Rows a band, instead of the preset's.")] = None,
    permutations: Annotated[int | None, typer.Option("--permutations", help="Length of signatures, instead of the preset's.")] = None,
    threshold: Annotated[float, typer.Option("--threshold", help="Least Jaccard similarity of a copy.")] = 0.7,
    level: Annotated[str, typer.Option("--level", help="file, or repo: whole repositories.")] = "file",
    cluster: Annotated[str, typer.Option("--cluster", help="greedy, or connected (chains can join unlike files).")] = "greedy",
    fresh: Annotated[bool, typer.Option("--fresh", help="Start all over.")] = False,
    workers: Annotated[int | None, typer.Option("--workers", min=1, help="Processes; one per core.")] = None,
) -> None:  # fmt: skip
    """Remove copies and near copies from a corpus, or say what a file is a copy of."""
    if find is not None:
        _find(find, index or [])
        return
    if folder is None or out is None:
        raise ConfigError("corpus dedup: name a corpus and --out DIR, or --find FILE and --index DIR")
    from codewright.core.config import build
    from codewright.core.manifest import Dataset
    from codewright.corpus.dedup import Config
    from codewright.runner import describe_counts, run_alone

    for dataset in (folder, *(index or [])):
        Dataset(dataset)
    given = {
        "corpus": str(folder), "index": [str(path) for path in index or []], "preset": preset, "bands": bands, "rows": rows,
        "permutations": permutations, "threshold": threshold, "level": level, "cluster": cluster,
    }  # fmt: skip
    config = build(Config, given, "corpus dedup")
    banding = config.banding
    reporter = Reporter()
    reporter.say(f"{banding.bands} bands of {banding.rows}: the knee is at Jaccard {banding.knee:.3f}")
    curve = [[f"{jaccard:g}", f"{chance:.4f}"] for jaccard, chance in banding.curve()]
    reporter.table("", ["Jaccard", "chance to meet"], curve)
    manifest = run_alone("corpus.dedup", config, out, workers, reporter, fresh=fresh)
    print(f"{describe_counts(manifest)}; in {out}")


def _find(file: Path, indexes: list[Path]) -> None:
    from rich.console import Console

    from codewright.corpus.near.find import find

    if not indexes:
        raise ConfigError("corpus dedup --find: name at least one --index DIR, an output of corpus dedup")
    matches = sorted(
        (match for folder in indexes for match in find(file, folder)), key=lambda match: -match.jaccard
    )
    if not matches:
        print(f"{file}: resembles nothing there")
        return
    table = [
        [f"{match.jaccard:.3f}", "yes" if match.is_copy else "no", match.shown, match.id[:16]]
        for match in matches
    ]
    Reporter(Console(highlight=False, emoji=False)).table(str(file), ["Jaccard", "copy", "of", "id"], table)


@corpus_app.command("dedup-rows")
def dedup_rows(
    folders: Annotated[list[Path], typer.Argument(metavar="DIR...", help="Finished datasets of instruction rows; an earlier one's rows stay.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the result goes.")],
    problem: Annotated[float, typer.Option("--problem", metavar="T", min=0, max=1, help="Least Jaccard similarity of two problems that are one; 0: do not look at them.")] = 0.7,
    solution: Annotated[float, typer.Option("--solution", metavar="T", min=0, max=1, help="The same for solutions.")] = 0.7,
    shared_seed: Annotated[bool, typer.Option("--shared-seed", help="Keep one only of the rows made from the same seeds.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Start all over.")] = False,
    workers: Annotated[int | None, typer.Option("--workers", min=1, help="Processes; one per core.")] = None,
) -> None:  # fmt: skip
    """Remove instruction rows whose problem or solution is nearly that of a row that stays."""
    from codewright.core.config import build
    from codewright.core.manifest import Dataset
    from codewright.corpus.row_dedup import Config
    from codewright.recipe import REF_KINDS, fits
    from codewright.runner import describe_counts, run_alone

    for folder in folders:
        kind = Dataset(folder).manifest.stage
        if not fits(kind, "rows"):
            raise ConfigError(f"{folder}: made by {kind}; needed: {' or '.join(REF_KINDS['rows'])}")
    given = {
        "rows": [str(folder) for folder in folders], "shared_seed": shared_seed,
        "problem": {"threshold": problem} if problem else None, "solution": {"threshold": solution} if solution else None,
    }  # fmt: skip
    config = build(Config, given, "corpus dedup-rows")
    manifest = run_alone("corpus.dedup_rows", config, out, workers, Reporter(), fresh=fresh)
    print(f"{describe_counts(manifest)}; in {out}")
    for name, short in manifest.details["too_short"].items():
        if short:
            how = "were compared for equality only" if name == "problem" else "were not compared"
            print(f"{short:,} {name}s of fewer than five words {how}")


def card(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="What `corpus build` made.")],
) -> None:
    """Write a corpus's card again: card.md and card.html, what it holds, what was left out and why."""
    from codewright.corpus.card import CARD_NAMES, Built, write_card

    write_card(Built.read(folder))
    print(", ".join(str(folder / name) for name in CARD_NAMES))
