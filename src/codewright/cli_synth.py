"""The verb `synth METHOD`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from codewright.core.errors import ConfigError
from codewright.core.progress import Reporter

if TYPE_CHECKING:
    from codewright.recipe import Recipe


def synth(
    method: Annotated[str, typer.Argument(metavar="METHOD", help="A file under synthesis/methods; see `codewright list`.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the rows go.")],
    start: Annotated[Path | None, typer.Option("--from", metavar="PATH", help="A finished corpus, or for methods that start from instruction rows a dataset or a file of them.")] = None,
    model: Annotated[str | None, typer.Option("--model", metavar="MODEL", help="The teacher: openai:NAME, a model folder or an id of the hub.")] = None,
    rows: Annotated[int | None, typer.Option("--rows", min=1, metavar="N", help="How many rows to make.")] = None,
    quotas: Annotated[str | None, typer.Option("--quotas", metavar="LANGUAGE=N,...", help="Rows by language, instead of --rows.")] = None,
    option: Annotated[list[str] | None, typer.Option("--option", metavar="KEY=VALUE", help="One of the method's own settings; repeatable.")] = None,
    base_url: Annotated[str | None, typer.Option("--base-url", metavar="URL", help="Where an openai: model is served.")] = None,
    concurrency: Annotated[int | None, typer.Option("--concurrency", min=1, help="Requests a served teacher gets at once.")] = None,
    batch: Annotated[bool, typer.Option("--batch", help="Ask through the server's Batch API: at half the price, in up to a day.")] = False,
    max_requests: Annotated[int | None, typer.Option("--max-requests", min=0, help="Stop before more, over all resumes.")] = None,
    max_tokens: Annotated[int | None, typer.Option("--max-tokens", min=0, help="Stop before more tokens, in and out.")] = None,
    max_money: Annotated[float | None, typer.Option("--max-money", min=0, help="Stop before more money, at the prices given.")] = None,
    price_in: Annotated[float, typer.Option("--price-in", min=0, help="Of a million tokens in.")] = 0.0,
    price_out: Annotated[float, typer.Option("--price-out", min=0, help="Of a million tokens out.")] = 0.0,
    cache: Annotated[Path | None, typer.Option("--cache", metavar="FILE", help="Where replies are kept; the user's own without it.")] = None,
    plan: Annotated[int | None, typer.Option("--plan", min=1, metavar="N", help="Only say what it will cost, from the first N seeds; their replies stay in the cache.")] = None,
    sandbox: Annotated[str, typer.Option("--sandbox", help="Where code is run: a sandbox backend.")] = "namespace",
    seed: Annotated[int, typer.Option("--seed")] = 0,
    fresh: Annotated[bool, typer.Option("--fresh", help="Start all over; replies that were paid come from the cache.")] = False,
    workers: Annotated[int | None, typer.Option("--workers", min=1, help="Processes; one per core.")] = None,
) -> None:  # fmt: skip
    """Make instruction rows by a method, from code, a teacher model, or neither; every finished row is on disk at once."""
    import yaml

    from codewright.core.config import build
    from codewright.runner import describe_counts, run_alone
    from codewright.synthesis.driver import Config

    given: dict[str, Any] = {
        "method": method, **_seeds(method, start), "rows": rows, "model": model, "base_url": base_url,
        "concurrency": concurrency, "batch": batch, "options": {}, "quotas": {}, "cache": str(cache) if cache else None,
        "budget": {"requests": max_requests, "tokens": max_tokens, "money": max_money},
        "prices": {"tokens_in": price_in, "tokens_out": price_out},
    }  # fmt: skip
    for text in option or []:
        name, value = _pair(text, "--option")
        given["options"][name] = yaml.safe_load(value)
    for text in filter(None, (quotas or "").split(",")):
        name, value = _pair(text, "--quotas")
        given["quotas"][name] = yaml.safe_load(value)
    config = build(Config, given, f"synth {method}")
    if plan is not None:
        _plan(config, plan, seed, sandbox)
        return
    manifest = run_alone("synth", config, out, workers, Reporter(), seed=seed, fresh=fresh, sandbox=sandbox)
    print(f"{describe_counts(manifest)}; in {out}")


def _seeds(method: str, start: Path | None) -> dict[str, str]:
    """Say which setting `--from` stands for. Raises ConfigError when nothing is there, or something of another kind."""
    from codewright.core.manifest import Dataset
    from codewright.core.plugins import load_plugin
    from codewright.recipe import REF_KINDS, fits
    from codewright.synthesis.driver import METHODS_PACKAGE

    if start is None:
        return {}
    setting = "rows_from" if load_plugin(METHODS_PACKAGE, method).SEEDS == "rows" else "corpus"
    if setting == "rows_from" and start.is_file():
        return {"rows_file": str(start)}
    kind = Dataset(start).manifest.stage
    if not fits(kind, setting):
        raise ConfigError(
            f"--from {start}: made by {kind}; method {method} needs {' or '.join(REF_KINDS[setting])}"
        )
    return {setting: str(start)}


def _plan(config: Any, sample: int, seed: int, sandbox: str) -> None:
    from rich.console import Console

    from codewright.engine.local import LocalEngine
    from codewright.engine.stage import StageContext, stage_refs
    from codewright.synthesis.planning import estimate

    config.check()
    if config.model is None:
        raise ConfigError(f"--plan: method {config.method} asks no teacher, so it costs nothing")
    quiet = Reporter(quiet=True)
    inputs = {ref: Path(ref) for ref in stage_refs(config)}
    context = StageContext("plan", Path(), inputs, seed, LocalEngine(None, quiet), quiet, sandbox)
    found = estimate(config, context, sample)
    rows = [
        ["sampled", f"{found.seeds_sampled:,} seeds, {found.rows_sampled:,} rows"],
        ["rows", f"{found.rows:,}"],
        ["seeds", f"{found.seeds:,}"],
        ["requests", f"{found.requests:,}"],
        ["tokens", f"{found.tokens_in:,} in, {found.tokens_out:,} out (within {found.error:.0%}, 95 %)"],
        ["money", f"{found.money:,.2f}" if found.money else "no prices given (--price-in, --price-out)"],
    ]
    Reporter(Console(highlight=False, emoji=False)).table(
        f"{config.method}: the whole run", ["what", "estimate"], rows
    )


def plan_stages(recipe: "Recipe", out: Path, states: list[str], sample: int) -> None:
    """Say what the teachers' stages of a recipe will cost: those whose inputs are finished, and what the others wait for.

    states: of its stages, as `runner.stage_states` says them.
    """
    from rich.console import Console

    from codewright.core.manifest import is_finished
    from codewright.runner import stage_run
    from codewright.synthesis.planning import estimate

    rows, money = [], 0.0
    for spec, state in zip(recipe.stages, states, strict=True):
        if spec.key != "synth" or spec.config.model is None:
            continue
        context = stage_run(recipe, spec, out, Reporter(quiet=True)).context
        waits = [name for name, folder in context.inputs.items() if not is_finished(folder)]
        if waits or is_finished(context.out):
            rows.append([spec.id, *["-"] * 4, f"waits for {', '.join(waits)}" if waits else state])
            continue
        found = estimate(spec.config, context, sample)
        money += found.money
        tokens = f"{found.tokens_in:,} in, {found.tokens_out:,} out, ±{found.error:.0%}"
        sampled = f"{found.rows_sampled:,} rows of {found.seeds_sampled:,} seeds"
        cost = f"{found.money:,.2f}" if found.money else "no `prices:`"
        rows.append([spec.id, sampled, f"{found.rows:,}", f"{found.requests:,}", tokens, cost])
    if not rows:
        raise ConfigError(f"--sample: no stage of {recipe.name} asks a teacher, so it costs nothing")
    rows.append(["all of these", "", "", "", "", f"{money:,.2f}"])
    Reporter(Console(highlight=False, emoji=False)).table(
        "what teachers will cost", ["stage", "sampled", "rows", "requests", "tokens (95 %)", "money"], rows
    )


def _pair(text: str, where: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name.strip():
        raise ConfigError(f"{where} {text}: expected NAME=VALUE")
    return name.strip(), value
