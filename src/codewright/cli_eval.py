"""The verbs `eval run` and `eval doctor`, and `compare` and `leaderboard` over their folders."""

import asyncio
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from codewright.core.errors import ConfigError
from codewright.core.progress import Reporter
from codewright.core.records import Form

eval_app = typer.Typer(
    no_args_is_help=True, help="Scores one can believe: references first, verdicts in the sandbox, intervals."
)

BenchmarksArgument = Annotated[
    str,
    typer.Argument(metavar="BENCHMARK[,BENCHMARK]", help="e.g. humaneval_plus or humanevalpack:fix_tests."),
]
DataOption = Annotated[
    str | None, typer.Option("--data", metavar="PATH", help="The benchmark's file, or a folder that holds it [cache, else fetched].")
]  # fmt: skip
LanguagesOption = Annotated[
    str | None, typer.Option("--languages", metavar="A,B", help="Of a benchmark in several, only these.")
]
SandboxOption = Annotated[
    str, typer.Option("--sandbox", metavar="BACKEND", help="What isolates the programs.")
]
WorkersOption = Annotated[int | None, typer.Option("--workers", metavar="N", help="[one per core]")]


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in (text or "").split(",") if name.strip())


_OF_MODELS = ("base_url", "n", "temperature", "top_p", "max_tokens", "form", "concurrency")


def _refuse_of_the_other(context: typer.Context, answers: Path | None) -> None:
    """Refuse options that would do nothing: how to ask a model, with answers; which field to read, with a model."""
    useless = _OF_MODELS if answers is not None else ("field",)
    # By name: typer may come with a click of its own, whose enum is another.
    given = [
        f"--{name.replace('_', '-')}"
        for name in useless
        if getattr(context.get_parameter_source(name), "name", "") == "COMMANDLINE"
    ]
    if given:
        what = "--model, not --answers" if answers is not None else "--answers, not --model"
        raise ConfigError(f"{', '.join(given)}: belongs to {what}; leave it out")


@eval_app.command("run")
def run(
    context: typer.Context,
    benchmarks: BenchmarksArgument,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the evaluation goes; of several benchmarks, DIR/NAME.")],
    answers: Annotated[Path | None, typer.Option("--answers", metavar="FILE", help="Answers made elsewhere, .jsonl or .jsonl.gz.")] = None,
    model: Annotated[str | None, typer.Option("--model", metavar="MODEL", help="A model folder or hub id, or openai:NAME.")] = None,
    base_url: Annotated[str | None, typer.Option("--base-url", metavar="URL", help="Of an OpenAI-compatible server.")] = None,
    data: DataOption = None,
    field: Annotated[str | None, typer.Option("--field", help="Which field of the answers' rows to use [the first there is of program, response, completion, solution].")] = None,
    languages: LanguagesOption = None,
    n: Annotated[int, typer.Option("--n", min=1, help="Answers a problem.")] = 1,
    temperature: Annotated[float, typer.Option("--temperature", min=0.0, help="0 is greedy.")] = 0.0,
    top_p: Annotated[float, typer.Option("--top-p", min=0.0, max=1.0)] = 1.0,
    max_tokens: Annotated[int, typer.Option("--max-tokens", min=1, help="New tokens an answer.")] = 1024,
    form: Annotated[Form, typer.Option("--form", help="chat: through the chat template; completion: as text to continue.")] = "chat",
    concurrency: Annotated[int, typer.Option("--concurrency", min=1, help="Requests a server gets at once.")] = 16,
    limit: Annotated[int | None, typer.Option("--limit", min=1, metavar="N", help="Only the first N problems.")] = None,
    partial: Annotated[bool, typer.Option("--partial", help="Score although answers are missing.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Score although references fail here.")] = False,
    seed: Annotated[int, typer.Option("--seed")] = 0,
    sandbox: SandboxOption = "namespace",
    workers: WorkersOption = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress, only the result.")] = False,
) -> None:  # fmt: skip
    """Score answers, or a model, on benchmarks."""
    from codewright.evals.evaluate import ModelSettings, evaluate_all
    from codewright.evals.session import Options

    items = _names(benchmarks)
    if (answers is None) == (model is None):
        raise ConfigError("give either --answers FILE or --model MODEL")
    _refuse_of_the_other(context, answers)
    if len(items) != 1 and (answers or not items):
        raise ConfigError("an answers file belongs to one benchmark: name just one")
    options = Options(
        data=data, languages=_names(languages), limit=limit, partial=partial, force=force, seed=seed,
        sandbox=sandbox, workers=workers or _cores(),
    )  # fmt: skip
    settings = None
    if model is not None:
        settings = ModelSettings(model, base_url, form, n, temperature, top_p, max_tokens, concurrency)
    reporter = Reporter(quiet=quiet)
    folders = evaluate_all(items, out, options, reporter, answers=answers, field=field, model=settings)
    _print_scores(folders, reporter)


@eval_app.command("doctor")
def doctor(
    benchmarks: Annotated[str | None, typer.Argument(metavar="[BENCHMARK,...]", help="[all]")] = None,
    data: DataOption = None,
    languages: LanguagesOption = None,
    answers: Annotated[Path | None, typer.Option("--answers", metavar="FILE", help="Rows with `passed: true` serve as references, for a benchmark that has none.")] = None,
    sandbox: SandboxOption = "namespace",
    workers: WorkersOption = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Run references again that are known to pass here.")] = False,
) -> None:  # fmt: skip
    """Run the reference solutions of benchmarks on this machine, name those that fail and why."""
    from codewright.evals.checkup import check_up, print_checkup
    from codewright.evals.session import Options

    options = Options(
        data=data, languages=_names(languages), sandbox=sandbox, workers=workers or _cores(), fresh=fresh
    )
    rows: Any = asyncio.run(check_up(_names(benchmarks), options, Reporter(), answers))
    status = print_checkup(rows)
    if status:
        raise typer.Exit(status)


_ENDS = {"length": "ended at --max-tokens or the model's context", "refusal": "refused by the model"}


def _print_scores(folders: list[Path], reporter: Reporter) -> None:
    from codewright.evals.results import coverage_of, load_results, score_rows
    from codewright.report.evaluation import write_evaluation_report

    header = ["language", "verdict", "k", "score, %", "95 % interval", "tasks"]
    for folder in folders:
        (found,) = load_results(folder)
        scores = found.scores
        write_evaluation_report(folder)
        of = f", only {coverage_of(scores)}" if scores["partial"] else ""
        title = f"{scores['benchmark']} ({scores['data']['release']}): {found.model}{of}"
        reporter.table(title, header, score_rows(scores, found.columns))
        for line in _remarks(scores):
            reporter.say(f"  {line}")
        print(f"{scores['benchmark']} {_headline(scores, found.columns)}{of}; see {folder / 'report.html'}")


def _headline(scores: Any, columns: list[str]) -> str:
    """Say the benchmark's own score first; that of the base tests alone comes after it, by name."""
    from codewright.evals.results import score_rows

    said: list[str] = []
    for column in sorted(columns, key=lambda name: name == "base"):
        _, _, k, share, interval, _ = score_rows(scores, [column])[0]
        said.append(f"{f'{column} tests' if said else k} {share} % ({interval})")
    return ", ".join(said)


def _remarks(scores: Any) -> list[str]:
    """Say what a reader of the score has to know."""
    from codewright.evals.results import counted

    source, extraction = scores["answers"], scores["extraction"]
    statuses = ", ".join(f"{count} {status}" for status, count in scores["statuses"].items())
    lines = [f"verdicts: {statuses}; isolation: {scores['isolation']}"]
    if "rows_in" in source:
        lines.append(_count_rows(source))
    ends = extraction.get("finish_reasons", {})
    lines += [f"{counted(ends[end], 'answer')} {words}" for end, words in _ENDS.items() if end in ends]
    if extraction["failed"]:
        lines.append(f"no code was found in {counted(extraction['failed'], 'answer')}")
    if extraction["empty"]:
        lines.append(f"{counted(extraction['empty'], 'answer')} empty")
    if scores["forgeable_passes"]:
        lines.append(
            f"{counted(scores['forgeable_passes'], 'pass')} could have been forged (tests ran in the program's own process)"
        )
    lines.append(_say_references(scores["references"]))
    if scores["forced"]:
        lines.append(f"FORCED: {scores['forced']}")
    return [line.replace("[", r"\[") for line in lines]


def _count_rows(source: Any) -> str:
    from codewright.evals.answers import describe_left_out
    from codewright.evals.results import counted

    parts = [f"{source['kept']:,} used", f"{source['quarantined']:,} put aside"]
    if source["quarantined"]:
        parts[1] += " (quarantine/answers.jsonl)"
    left_out = source.get("left_out") or {}
    if left_out:
        parts.append(f"{sum(left_out.values()):,} not asked for ({describe_left_out(left_out)})")
    rows = counted(source["rows_in"], "row")
    return f"answers: {rows} = {' + '.join(parts)}; {source['missing']:,} missing; field: {source['field']}"


def _say_references(references: Any) -> str:
    from codewright.evals.results import counted

    if not references["checked"]:
        return f"references: none published for {counted(references['unchecked'], 'problem')}"
    without = counted(references["unchecked"], "problem") + " without one"
    return (
        f"references: {references['passed']} of {references['checked']} pass here ({references['kind']})"
        + (f"; {without}" if references["unchecked"] else "")
    )


def compare(
    a: Annotated[Path, typer.Argument(metavar="DIR_A", help="An evaluation's folder.")],
    b: Annotated[Path, typer.Argument(metavar="DIR_B", help="Another one, of the same tasks.")],
    common: Annotated[bool, typer.Option("--common", help="Compare the tasks that both have.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print data instead of tables.")] = False,
    seed: Annotated[int, typer.Option("--seed", help="Of the bootstrap.")] = 0,
) -> None:
    """Say whether two evaluations differ: paired tests on the same tasks, and what flipped."""
    import json

    from rich.console import Console

    from codewright.evals.compare import compare_folders, print_comparison

    comparisons = compare_folders(a, b, common_only=common, seed=seed)
    if as_json:
        print(json.dumps([one.as_dict() for one in comparisons], indent=2))
        return
    for one in comparisons:
        print_comparison(one, Console(highlight=False, emoji=False))


def leaderboard(
    folders: Annotated[list[Path], typer.Argument(metavar="DIR...", help="Evaluations' folders.")],
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Write Markdown, CSV and HTML here.")] = None,
    by_language: Annotated[bool, typer.Option("--by-language", help="A column for each language.")] = False,
) -> None:  # fmt: skip
    """Put evaluations into one table."""
    from codewright.evals.leaderboard import make_leaderboard, to_markdown, write_leaderboard

    board = make_leaderboard(folders, by_language=by_language)
    if out is None:
        print(to_markdown(board))
        return
    for path in write_leaderboard(board, out):
        print(path)
