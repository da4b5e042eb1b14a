"""The verbs `cache ...`: what replies of models are kept, out of the cache, and away."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from codewright.core.errors import ConfigError
from codewright.core.progress import Reporter

if TYPE_CHECKING:
    from codewright.models.reply_cache import ModelTotal, ReplyCache

cache_app = typer.Typer(
    no_args_is_help=True, help="Replies of models that are kept, so that nothing is paid twice."
)

FileOption = Annotated[
    Path | None,
    typer.Option("--file", metavar="FILE", help="A cache of a run's own [the user's cache folder]."),
]
ModelOption = Annotated[
    str | None, typer.Option("--model", metavar="M", help="Only this model's, as `cache list` names it.")
]


@cache_app.command("list")
def list_(file: FileOption = None) -> None:
    """Show how much is kept of each model."""
    from codewright.core.text import human_bytes

    cache = _open(file)
    totals = cache.summary() if cache else []
    if cache is None or not totals:
        print(f"no replies are kept in {_place(file)}")
        return
    requests = sum(total.request_bytes for total in totals)
    replies = sum(total.reply_bytes for total in totals)
    _table(f"replies in {cache.path}".replace("[", r"\["), totals)
    print(
        f"{human_bytes(cache.size_bytes())} on disk: requests {human_bytes(requests)}, replies {human_bytes(replies)}"
    )


@cache_app.command("export")
def export(
    model: ModelOption = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Where to, .gz and .zst compress [stdout].")] = None,
    file: FileOption = None,
) -> None:  # fmt: skip
    """Write requests and replies as JSON Lines."""
    import json

    from codewright.core.io import write_jsonl

    cache = _open(file)
    if cache is None:
        raise ConfigError(f"cache export: no replies are kept in {_place(file)}")
    _check_model(cache, model)
    if out is None:
        for row in cache.export(model):
            sys.stdout.write(json.dumps(row, sort_keys=True) + "\n")
        sys.stdout.flush()
        return
    if out.is_dir():
        raise ConfigError(f"--out {out}: is a folder; name a file")
    if out.exists() and out.samefile(cache.path):
        raise ConfigError(f"--out {out}: is the cache itself; name another file")
    written = 0

    def counted() -> Iterator[dict[str, Any]]:
        nonlocal written
        for row in cache.export(model):
            written += 1
            yield row

    write_jsonl(out, counted())
    print(f"{_replies(written)}; in {out}")


@cache_app.command("prune")
def prune(
    model: ModelOption = None,
    older_than: Annotated[float | None, typer.Option("--older-than", min=0, metavar="DAYS", help="Only what was made before.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All of it.")] = False,
    file: FileOption = None,
) -> None:  # fmt: skip
    """Remove replies, which cost money when they are wanted again, and shrink the file."""
    from codewright.core.text import human_bytes

    chosen = model is not None or older_than is not None
    if chosen == everything:
        raise ConfigError(
            "cache prune: say what goes: --model M, --older-than DAYS or both of them, or --all"
        )
    cache = _open(file)
    if cache is not None:
        _check_model(cache, model)
    pruned = cache.prune(model, older_than) if cache else None
    if pruned is None or not pruned.gone:
        print(f"nothing to remove in {_place(file)}")
        return
    _table("removed", pruned.gone)
    count = sum(total.replies for total in pruned.gone)
    freed = (
        f"{human_bytes(pruned.freed_bytes)} freed"
        if pruned.compacted
        else "the file was not shrunk, as others use it or the disk is full: the next prune does it"
    )
    print(f"{_replies(count)} removed; {freed}")


def _replies(count: int) -> str:
    return "1 reply" if count == 1 else f"{count:,} replies"


def _place(file: Path | None) -> Path:
    from codewright.models.reply_cache import default_cache_path

    return file or default_cache_path()


def _open(file: Path | None) -> "ReplyCache | None":
    """Open the cache; None where none was ever made, unless it was named."""
    from codewright.models.reply_cache import ReplyCache

    path = _place(file)
    if path.exists():
        return ReplyCache(path)
    if file is not None:
        raise ConfigError(f"--file {file}: no such file")
    return None


def _check_model(cache: "ReplyCache", model: str | None) -> None:
    from codewright.core.text import did_you_mean

    known = [total.model for total in cache.summary()]
    if model is not None and model not in known:
        raise ConfigError(
            f"--model {model}: no replies of it are kept{did_you_mean(model, known)}; `codewright cache list` shows all"
        )


_HEADER = ["model", "replies", "tokens in", "tokens out", "size", "first", "last"]


def _table(title: str, totals: "list[ModelTotal]") -> None:
    """Print a table on stdout, wider than the terminal rather than with names cut short: --model wants them whole."""
    from rich.cells import cell_len
    from rich.console import Console

    rows = [_row(total) for total in totals]
    columns = zip(_HEADER, *rows, strict=True)
    needed = sum(max(map(cell_len, column)) + 3 for column in columns) + 1
    console = Console(highlight=False, emoji=False)
    console.width = max(console.width, needed)
    Reporter(console).table(title, _HEADER, rows)


def _row(total: "ModelTotal") -> list[str]:
    from datetime import UTC, datetime

    from codewright.core.text import human_bytes

    dates = [datetime.fromtimestamp(made, UTC).date().isoformat() for made in (total.first, total.last)]
    numbers = (total.replies, total.prompt_tokens, total.completion_tokens)
    size = human_bytes(total.reply_bytes + total.request_bytes)
    return [total.model, *(f"{number:,}" for number in numbers), size, *dates]
