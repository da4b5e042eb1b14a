"""The verbs `corpus ...`."""

from pathlib import Path
from typing import Annotated

import typer

from codewright.core.errors import ConfigError
from codewright.core.progress import Reporter

corpus_app = typer.Typer(no_args_is_help=True, help="What goes into a corpus, and why.")


@corpus_app.command("explain")
def explain(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file of any kind.")],
) -> None:
    """Say what is decided about a file: its language, which step named it, and by what."""
    from rich.console import Console

    from codewright.core.languages import identify

    try:
        if not file.is_file():
            raise ConfigError(f"{file}: {'not a file' if file.exists() else 'no such file'}")
        content = file.read_bytes().decode("utf-8", "replace")
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read ({error.strerror})") from None
    found = identify(file.name, content)
    rows = [["language", found.language or "unknown", _printable(f"{found.step}: {found.detail}")]]
    reporter = Reporter(Console(highlight=False, emoji=False))
    reporter.table(_printable(file.name).replace("[", r"\["), ["what", "decided", "why"], rows)


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
    keep_stages: Annotated[bool, typer.Option("--keep-stages", help="Keep what each stage put out, under DIR/stages.")] = False,
    seed: Annotated[int, typer.Option("--seed")] = 0,
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
        "heldout": heldout, "keep_stages": keep_stages,
    }  # fmt: skip
    reporter = Reporter()
    config = build(Config, given, "corpus build")
    manifest = run_alone("corpus.build", config, out, workers, reporter, seed=seed)
    rows = []
    for name in config.stages:
        stage = manifest.details["stages"][name]
        counts = Counts.from_json(stage["counts"])
        numbers = (counts.rows_in, counts.kept, sum(counts.dropped.values()), counts.quarantined)
        rows.append([name, *(f"{number:,}" for number in numbers), human_seconds(stage["seconds"])])
    reporter.table("", ["stage", "in", "kept", "dropped", "quarantined", "time"], rows)
    print(f"{describe_counts(manifest)}; in {out}")


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
    manifest = run_alone("corpus.dedup", config, out, workers, reporter)
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
