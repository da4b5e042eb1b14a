"""Runs a recipe's stages in order into one folder: skips what is finished, resumes what was killed, never mixes runs.

runs/quickstart/
  run.json            the resolved recipe
  corpus/ model/ ...  one folder a stage, by its id
"""

import contextlib
import errno
import fcntl
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codewright.core.errors import ConfigError, DataError
from codewright.core.io import read_json, write_json
from codewright.core.manifest import LOCK_NAME, WORK_FOLDER, Manifest, is_finished
from codewright.core.progress import Reporter
from codewright.core.text import did_you_mean, human_seconds
from codewright.engine.local import LocalEngine
from codewright.engine.stage import StageContext, StageRun, stage_refs
from codewright.recipe import Recipe, StageSpec

RUN_FILE = "run.json"


@dataclass(frozen=True)
class RunResult:
    """What a run did: ids of the stages executed now, and the manifests of all."""

    executed: list[str]
    manifests: dict[str, Manifest]


def run_recipe(
    recipe: Recipe,
    out: Path,
    *,
    fresh: bool = False,
    redo: Sequence[str] = (),
    reporter: Reporter | None = None,
) -> RunResult:
    """Run what is not finished. fresh: start all over; redo: ids to make again, with all that depends on them.

    Raises: ConfigError when `out` belongs to another recipe, holds foreign files, or is in use by another run;
    whatever a stage raises. Finished stages and shards are kept in every case.
    """
    reporter = reporter or Reporter()
    _check_owner(recipe, out)
    with _lock(out):
        _clear(recipe, out, fresh=fresh, redo=redo)
        write_json(out / RUN_FILE, recipe.to_json())
        preflight(recipe, out)
        executed: list[str] = []
        manifests: dict[str, Manifest] = {}
        for number, spec in enumerate(recipe.stages, 1):
            run = stage_run(recipe, spec, out, reporter)
            if run.is_done():
                manifests[spec.id] = Manifest.read(run.context.out)
                continue
            resumed = " (resuming)" if (run.context.out / WORK_FOLDER).is_dir() else ""
            reporter.say(f"[bold]{number}/{len(recipe.stages)} {spec.id}[/bold]  {spec.key}{resumed}")
            manifests[spec.id] = manifest = run.execute()
            executed.append(spec.id)
            reporter.say(f"  {describe_counts(manifest)}  [dim]{human_seconds(manifest.seconds)}[/dim]")
        return RunResult(executed, manifests)


def stage_run(recipe: Recipe, spec: StageSpec, out: Path, reporter: Reporter) -> StageRun:
    """Prepare one stage of a recipe for its folder under `out`."""
    ids = {item.id for item in recipe.stages}
    inputs = {ref: out / ref if ref in ids else Path(ref) for ref in stage_refs(spec.config)}
    context = StageContext(
        id=spec.id,
        out=out / spec.id,
        inputs=inputs,
        seed=recipe.seed,
        engine=LocalEngine(recipe.workers, reporter),
        reporter=reporter,
        sandbox=recipe.sandbox,
    )
    return StageRun(spec.key, spec.config, spec.load, context)


def run_alone(
    key: str,
    config: Any,
    out: Path,
    workers: int | None,
    reporter: Reporter,
    *,
    seed: int = 0,
    fresh: bool = False,
    sandbox: str = "namespace",
) -> Manifest:
    """Run one stage outside a recipe, straight into `out`; finished work is left as it is, killed work resumed.

    fresh: start all over. Raises: ConfigError when `out` is a file, holds foreign files, another result or the beginning
    of one, or is in use by another run; whatever the stage raises.
    """
    if out.exists() and not out.is_dir():
        raise ConfigError(f"--out {out}: is a file; name a folder")
    if hasattr(config, "check"):
        config.check()
    inputs = {ref: Path(ref) for ref in stage_refs(config)}
    context = StageContext(out.name, out, inputs, seed, LocalEngine(workers, reporter), reporter, sandbox)
    again = "--fresh to make it again"
    run = StageRun(key, config, StageSpec(key, out.name, config).load, context, again)
    if not fresh and run.is_done():
        reporter.say(f"{out}: finished before; {again}")
        return Manifest.read(out)
    with _lock(out):
        started = context.work / "started.json"
        if fresh and (started.exists() or is_finished(out)):
            for item in out.iterdir():
                if item.name != LOCK_NAME:
                    shutil.rmtree(item) if item.is_dir() and not item.is_symlink() else item.unlink()
        elif started.exists() and read_json(started)["fingerprint"] != run.fingerprint():
            raise ConfigError(
                f"{out}: holds unfinished work of other settings or inputs; choose another --out, or {again}"
            )
        elif started.exists():
            reporter.say(f"{out}: going on where it stopped")
        return run.execute()


def preflight(recipe: Recipe, out: Path) -> None:
    """Ask every unfinished stage for what it can know to be wrong, so that a typo in the last costs none of the first."""
    for spec in recipe.stages:
        if not is_finished(out / spec.id) and hasattr(spec.config, "check"):
            try:
                spec.config.check()
            except ConfigError as error:
                raise ConfigError(f"stage '{spec.id}': {error}") from None


def stage_states(recipe: Recipe, out: Path, reporter: Reporter) -> list[str]:
    """Say of each stage how far it is: finished, unfinished, new, or why a run would refuse it."""
    states: list[str] = []
    for spec in recipe.stages:
        run = stage_run(recipe, spec, out, reporter)
        folder = run.context.out
        if not is_finished(folder):
            states.append("unfinished" if (folder / WORK_FOLDER).is_dir() else "new")
            continue
        try:
            run.is_done()
            states.append("finished")
        except ConfigError:
            states.append("changed: needs --redo")
        except DataError:
            states.append("damaged, or its inputs are")
    return states


def recorded_ids(out: Path) -> list[str]:
    """List the stage ids of the recipe that a run's folder was last made with. Raises DataError."""
    recipe: dict[str, Any] = read_json(out / RUN_FILE)
    return [options["id"] for stage in recipe["stages"] for options in stage.values()]


def describe_counts(manifest: Manifest) -> str:
    """Say in one line what came in and where it went."""
    counts = manifest.counts
    if counts is None:
        return "done"
    heldout = manifest.details.get("documents_heldout")
    kept = f"{counts.kept:,} kept" + (f" ({heldout:,} of them held out)" if heldout else "")
    parts = [f"{counts.rows_in:,} in", kept]
    if counts.dropped:
        reasons = sorted(counts.dropped.items(), key=lambda item: (-item[1], item[0]))
        shown = ", ".join(f"{reason} {number:,}" for reason, number in reasons[:4])
        more = f", {len(reasons) - 4} more reasons" if len(reasons) > 4 else ""
        parts.append(f"{sum(counts.dropped.values()):,} dropped ({shown}{more})")
    if counts.quarantined:
        parts.append(f"{counts.quarantined:,} quarantined")
    return ", ".join(parts)


def summary_rows(manifests: dict[str, Manifest]) -> list[list[str]]:
    """Return the rows of the table that ends a run: stage, in, kept, dropped, quarantined, time."""
    rows: list[list[str]] = []
    for id_, manifest in manifests.items():
        counts = manifest.counts
        numbers = (
            [counts.rows_in, counts.kept, sum(counts.dropped.values()), counts.quarantined]
            if counts
            else [None] * 4
        )
        rows.append(
            [id_, *("-" if n is None else f"{n:,}" for n in numbers), human_seconds(manifest.seconds)]
        )
    return rows


def _check_owner(recipe: Recipe, out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise ConfigError(f"--out {out}: is a file; name a folder")
    if not out.is_dir() or not any(item.name != LOCK_NAME for item in out.iterdir()):
        return
    if not (out / RUN_FILE).exists():
        raise ConfigError(f"--out {out}: not empty and not a codewright run; choose another folder")
    owner: Any = read_json(out / RUN_FILE)
    name = owner.get("name") if isinstance(owner, dict) else None
    if name != recipe.name:
        raise ConfigError(
            f"--out {out}: holds a run of recipe '{name}', not '{recipe.name}'; choose another folder"
        )


def _clear(recipe: Recipe, out: Path, *, fresh: bool, redo: Sequence[str]) -> None:
    """Remove the folders of stages to be made again, and of those that depend on them."""
    ids = [spec.id for spec in recipe.stages]
    for id_ in redo:
        if id_ not in ids:
            raise ConfigError(
                f"--redo {id_}: no such stage{did_you_mean(id_, ids)}; stages: {', '.join(ids)}"
            )
    stale = set(ids) if fresh else set(redo)
    for spec in recipe.stages:
        if stale & set(stage_refs(spec.config)):
            stale.add(spec.id)
    if fresh and (out / RUN_FILE).exists():
        # A stage renamed or removed since then leaves its folder behind; the old recipe knows it.
        with contextlib.suppress(DataError, AttributeError, TypeError):
            stale |= set(recorded_ids(out))
    for id_ in stale:
        shutil.rmtree(out / id_, ignore_errors=True)


@contextlib.contextmanager
def _lock(out: Path) -> Iterator[None]:
    """Hold the run's folder for this process; the system lets go of it however the process ends."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise
        raise ConfigError(
            f"--out {out}: cannot be made ({error.strerror}); choose a folder you may write to"
        ) from None
    handle = os.open(out / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(
                f"--out {out}: another codewright run is using this folder; wait for it or stop it"
            ) from None
        yield
    finally:
        os.close(handle)
