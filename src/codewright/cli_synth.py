"""The verb `synth METHOD`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from codewright.core.errors import ConfigError
from codewright.core.progress import Reporter


def synth(
    method: Annotated[str, typer.Argument(metavar="METHOD", help="A file under synthesis/methods; see `codewright list`.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the rows go.")],
    corpus: Annotated[Path | None, typer.Option("--from", metavar="CORPUS", help="A finished corpus, for methods that start from documents.")] = None,
    model: Annotated[str | None, typer.Option("--model", metavar="MODEL", help="The teacher: openai:NAME, a model folder or an id of the hub.")] = None,
    rows: Annotated[int | None, typer.Option("--rows", min=1, metavar="N", help="How many rows to make.")] = None,
    quotas: Annotated[str | None, typer.Option("--quotas", metavar="LANGUAGE=N,...", help="Rows by language, instead of --rows.")] = None,
    option: Annotated[list[str] | None, typer.Option("--option", metavar="KEY=VALUE", help="One of the method's own settings; repeatable.")] = None,
    base_url: Annotated[str | None, typer.Option("--base-url", metavar="URL", help="Where an openai: model is served.")] = None,
    concurrency: Annotated[int | None, typer.Option("--concurrency", min=1, help="Requests a served teacher gets at once.")] = None,
    sandbox: Annotated[str, typer.Option("--sandbox", help="Where code is run: a sandbox backend.")] = "namespace",
    seed: Annotated[int, typer.Option("--seed")] = 0,
    fresh: Annotated[bool, typer.Option("--fresh", help="Start all over; replies that were paid come from the cache.")] = False,
    workers: Annotated[int | None, typer.Option("--workers", min=1, help="Processes; one per core.")] = None,
) -> None:  # fmt: skip
    """Make instruction rows by a method, from code, a teacher model, or neither; every finished row is on disk at once."""
    import yaml

    from codewright.core.config import build
    from codewright.core.manifest import Dataset
    from codewright.runner import describe_counts, run_alone
    from codewright.synthesis.driver import Config

    if corpus is not None:
        Dataset(corpus)
    given: dict[str, Any] = {
        "method": method, "corpus": str(corpus) if corpus else None, "rows": rows, "model": model, "base_url": base_url,
        "concurrency": concurrency, "options": {}, "quotas": {},
    }  # fmt: skip
    for text in option or []:
        name, value = _pair(text, "--option")
        given["options"][name] = yaml.safe_load(value)
    for text in filter(None, (quotas or "").split(",")):
        name, value = _pair(text, "--quotas")
        given["quotas"][name] = yaml.safe_load(value)
    config = build(Config, given, f"synth {method}")
    manifest = run_alone("synth", config, out, workers, Reporter(), seed=seed, fresh=fresh, sandbox=sandbox)
    print(f"{describe_counts(manifest)}; in {out}")


def _pair(text: str, where: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name.strip():
        raise ConfigError(f"{where} {text}: expected NAME=VALUE")
    return name.strip(), value
