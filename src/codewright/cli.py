"""The command line. One verb per stage comes with each stage; `run` does a whole recipe."""

import errno
import os
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from codewright import __version__, cli_cache, cli_corpus, cli_eval, cli_synth
from codewright.core.errors import CodewrightError, ConfigError
from codewright.core.progress import Reporter

app = typer.Typer(
    no_args_is_help=True, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False,
    help="Build your own code LLM end to end: corpus, synthesis, decontamination, training, scores.",
)  # fmt: skip

RecipeArgument = Annotated[
    Path, typer.Argument(metavar="RECIPE", help="A recipe file, e.g. recipes/quickstart.yaml.")
]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="A.B=C", help="Override a value; repeatable.")
]
OutOption = Annotated[Path | None, typer.Option("--out", metavar="DIR", help="The run's folder [runs/NAME].")]


def _out(recipe_name: str, out: Path | None) -> Path:
    return out if out is not None else Path("runs") / recipe_name


@app.command()
def run(
    recipe: RecipeArgument,
    sets: SetOption = None,
    out: OutOption = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Start over, removing what this run made.")] = False,
    redo: Annotated[list[str] | None, typer.Option("--redo", metavar="ID", help="Make this stage again, and what depends on it.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress, only the result.")] = False,
) -> None:  # fmt: skip
    """Run a recipe; finished stages are skipped, a killed run resumes."""
    from codewright.recipe import load_recipe
    from codewright.results import print_results
    from codewright.runner import run_recipe, summary_rows

    parsed = load_recipe(recipe, sets or [])
    folder = _out(parsed.name, out)
    reporter = Reporter(quiet=quiet)
    result = run_recipe(parsed, folder, fresh=fresh, redo=redo or [], reporter=reporter)
    if not result.executed:
        print(f"nothing to do: all {len(parsed.stages)} stages of {parsed.name} are finished in {folder}")
    header = ["stage", "in", "kept", "dropped", "quarantined", "time"]
    reporter.table(f"{parsed.name} (seed {parsed.seed})", header, summary_rows(result.manifests))
    if result.executed and quiet:
        print(f"done: {len(result.executed)} stages of {parsed.name} in {folder}")
    print_results(folder, result.manifests)


@app.command()
def plan(
    recipe: RecipeArgument,
    sets: SetOption = None,
    out: OutOption = None,
    sample: Annotated[
        int | None,
        typer.Option(
            "--sample", metavar="N", min=1,
            help="Ask teachers for N seeds of each quota and say what their stages will cost; the run finds these replies.",
        ),
    ] = None,
) -> None:  # fmt: skip
    """Show what a run would do: stages, inputs, what is finished already, and what teachers will cost. Executes nothing."""
    from codewright.engine.stage import stage_refs
    from codewright.recipe import load_recipe
    from codewright.results import key_settings
    from codewright.runner import preflight, stage_states

    parsed = load_recipe(recipe, sets or [])
    folder = _out(parsed.name, out)
    preflight(parsed, folder)
    states = stage_states(parsed, folder, Reporter(quiet=True))
    rows = [
        [spec.id, spec.key, ", ".join(stage_refs(spec.config)) or "-", state, key_settings(spec)]
        for spec, state in zip(parsed.stages, states, strict=True)
    ]
    title = f"{parsed.name}: seed {parsed.seed}, sandbox {parsed.sandbox}, into {folder}"
    Reporter(Console(highlight=False, emoji=False)).table(
        title, ["stage", "kind", "reads", "state", "settings"], rows
    )
    if sample is not None:
        from codewright.cli_synth import plan_stages

        plan_stages(parsed, folder, states, sample)


@app.command("list")
def list_() -> None:
    """List stages and plugins: rules, methods, benchmarks, backends."""
    from codewright.results import plugin_rows

    Reporter(Console(highlight=False, emoji=False)).table(
        "what there is", ["kind", "key", "what it is"], plugin_rows()
    )


@app.command()
def doctor(
    recipe: Annotated[
        Path | None, typer.Argument(metavar="[RECIPE]", help="Check what this recipe needs.")
    ] = None,
    sets: SetOption = None,
    out: OutOption = None,
    install: Annotated[
        str | None,
        typer.Option("--install", metavar="LANGUAGES", help="First get these toolchains, e.g. go,php."),
    ] = None,
) -> None:
    """Check that everything a recipe needs is here: isolation, extras, memory, disk. Exit 1 when something is missing."""
    from codewright.doctor import examine, install_toolchains
    from codewright.recipe import load_recipe
    from codewright.runner import preflight

    if install:
        install_toolchains([name.strip() for name in install.split(",") if name.strip()])

    parsed = load_recipe(recipe, sets or []) if recipe else None
    folder = _out(parsed.name, out) if parsed else out or Path()
    if parsed:
        preflight(parsed, folder)
    findings = examine(parsed, folder)
    rows = [[item.name, item.state, item.detail] for item in findings]
    Reporter(Console(highlight=False, emoji=False)).table("doctor", ["what", "state", "detail"], rows)
    if not all(item.ok for item in findings if item.required):
        raise typer.Exit(1)


@app.command()
def why(
    id_: Annotated[
        str,
        typer.Argument(
            metavar="ID", help="A row's id, or a unique beginning of it; or the path of a file that was read."
        ),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The run's folder.")] = Path(
        "runs/quickstart"
    ),
) -> None:
    """Print a row's way: where it came from, what was decided about it, and where it went."""
    from codewright.why import trace

    for line in trace(id_, out):
        print(line)


sandbox_app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Where untrusted code runs: test it, use it."
)
app.add_typer(sandbox_app, name="sandbox")
app.add_typer(cli_corpus.corpus_app, name="corpus")
app.command("card")(cli_corpus.card)
app.command("synth")(cli_synth.synth)
app.add_typer(cli_cache.cache_app, name="cache")
app.add_typer(cli_eval.eval_app, name="eval")
app.command("compare")(cli_eval.compare)
app.command("leaderboard")(cli_eval.leaderboard)

BackendOption = Annotated[str, typer.Option("--backend", help="A sandbox backend; see `codewright list`.")]


@sandbox_app.command("check")
def sandbox_check(backend: BackendOption = "namespace") -> None:
    """Attack the sandbox and print what was contained. Exit 1 when something got through."""
    import asyncio

    from codewright.sandbox.battery import UNISOLATED, Outcome, run_battery
    from codewright.sandbox.pool import open_sandbox

    if backend == UNISOLATED:
        # These attacks are real: unisolated, they would mount over /tmp and fork without end on this machine.
        raise ConfigError(
            "sandbox check: backend unsafe isolates nothing, so there is nothing to test; attacks would hit this machine"
        )

    async def attack() -> list[Outcome]:
        async with open_sandbox(backend, workers=1) as sandbox:
            return await run_battery(sandbox)

    outcomes = asyncio.run(attack())
    rows = [
        [item.area, item.tries, "contained" if item.contained else "GOT THROUGH", item.detail]
        for item in outcomes
    ]
    Reporter(Console(highlight=False, emoji=False)).table(
        f"sandbox {backend}", ["area", "tries to", "outcome", "detail"], rows
    )
    if not all(item.contained for item in outcomes):
        raise typer.Exit(1)


@sandbox_app.command("run")
def sandbox_run(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The program; its extension names the language.")
    ],
    args: Annotated[
        list[str] | None, typer.Argument(metavar="[ARGS]...", help="The program's arguments.")
    ] = None,
    language: Annotated[str | None, typer.Option("--language", help="Instead of the extension's.")] = None,
    backend: BackendOption = "namespace",
    wall: Annotated[float, typer.Option("--wall", min=0.1, help="Seconds it may take.")] = 10.0,
) -> None:
    """Run one program in the sandbox, stdin passed on, and print its Result as JSON. Exit 1 unless it passed."""
    import asyncio
    import json
    from dataclasses import asdict

    from codewright.sandbox.single import run_file

    stdin = "" if sys.stdin.isatty() else sys.stdin.read()
    result = asyncio.run(
        run_file(file, args or [], stdin=stdin, language=language, backend=backend, wall_s=wall)
    )
    print(json.dumps(asdict(result), indent=2, ensure_ascii=False))
    if result.status != "passed":
        raise typer.Exit(1)


def _version(value: bool) -> None:
    if value:
        print(f"codewright {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Options of codewright itself."""


_STOPPED = 130
"""What the shell calls the end by Ctrl-C: 128 + SIGINT."""


def main() -> None:
    """Run the command line; errors end as one line and their exit code, never as a traceback."""
    try:
        app()
    except SystemExit as end:
        if end.code == _STOPPED:
            _fail("stopped; run the same command again to go on from here", _STOPPED)
        raise
    except CodewrightError as error:
        _fail(str(error), error.exit_code)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            where = f" while writing {error.filename}" if error.filename else ""
            _fail(
                f"the disk is full{where}; free some space and run the same command again, finished work is kept",
                2,
            )
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            _fail(f"{error.filename}: {error.strerror}; choose a folder you may write to", 2)
        if error.errno == errno.EPIPE:  # `codewright list | head`: the reader has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(0)
        raise


def _fail(message: str, code: int) -> NoReturn:
    Console(stderr=True, highlight=False, emoji=False, markup=False, soft_wrap=True).print(
        f"error: {message}"
    )
    sys.exit(code)


if __name__ == "__main__":
    main()
