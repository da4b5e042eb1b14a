"""How a stage runs: one folder, one frozen config, a manifest at the end; finished work is skipped, killed work resumed."""

import shutil
import time
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from codewright.core.config import StageRef, dump
from codewright.core.errors import ConfigError, DataError
from codewright.core.io import read_json, sweep_temporary, write_json
from codewright.core.manifest import (
    LOCK_NAME,
    WORK_FOLDER,
    Counts,
    Dataset,
    Manifest,
    fingerprint,
    installed_versions,
    is_finished,
)
from codewright.core.progress import Reporter
from codewright.engine.engine import Engine


@dataclass(frozen=True)
class StageResult:
    """What a stage hands back for its manifest; see `Manifest` for the fields."""

    counts: Counts | None
    isolation: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class StageContext:
    """What a stage is given besides its config.

    out: the stage's own folder, where it writes. inputs: what each stage reference in the config points to.
    sandbox: the backend key for code that is executed.
    """

    id: str
    out: Path
    inputs: Mapping[str, Path]
    seed: int
    engine: Engine
    reporter: Reporter
    sandbox: str = "namespace"

    @property
    def work(self) -> Path:
        """Scratch that survives a kill and is removed when the stage ends."""
        return self.out / WORK_FOLDER

    def dataset(self, ref: str) -> Dataset:
        """Open the finished dataset a stage reference points to."""
        return Dataset(self.inputs[ref])


# A config may offer three methods. `check() -> None` raises ConfigError for what can be known before any work (missing
# files, unknown plugins); it is asked before a run's first stage. `file_digests() -> dict[str, str]` names files from
# outside the run whose contents decide the output. `deciding() -> dict[str, Any]`: the settings that decide it, where some, such
# as a budget, do not; without it all do.

StageFunction = Callable[[Any, StageContext], StageResult]


def stage_refs(config: Any) -> list[str]:
    """List the stage references a config holds, in field order."""
    refs: list[str] = []
    for name, hint in typing.get_type_hints(type(config), include_extras=True).items():
        value = getattr(config, name)
        if value is not None and _is_ref(hint):
            refs.extend([value] if isinstance(value, str) else value)
    return refs


def ref_fields(cls: type) -> list[str]:
    """List the fields of a config class that hold stage references."""
    hints = typing.get_type_hints(cls, include_extras=True)
    return [item.name for item in fields(cls) if _is_ref(hints[item.name])]


def _is_ref(hint: Any) -> bool:
    if hint == StageRef:
        return True
    if typing.get_origin(hint) in (tuple, typing.Union, types.UnionType):
        return any(_is_ref(part) for part in typing.get_args(hint))
    return False


@dataclass(frozen=True)
class StageRun:
    """One stage, ready to run: `key` names the kind (`corpus.build`), `function` does the work."""

    key: str
    config: Any
    function: Callable[[], StageFunction]
    """Imports and returns the stage's function; called only when the stage really runs."""
    context: StageContext
    again: str = ""
    """How to have it made again, for messages; that of a recipe's stage if empty."""

    def fingerprint(self) -> str:
        """Hash of all that decides the output; needs the inputs to be finished."""
        inputs = {ref: Manifest.read(path).fingerprint for ref, path in sorted(self.context.inputs.items())}
        if hasattr(self.config, "file_digests"):
            inputs |= self.config.file_digests()
        return fingerprint(self.key, _deciding(self.config), self.context.seed, inputs)

    def is_done(self) -> bool:
        """Tell whether this very work is finished. Raises ConfigError when other work stands in the folder."""
        out = self.context.out
        if not is_finished(out):
            return False
        if Manifest.read(out).fingerprint != self.fingerprint():
            again = self.again or f"--redo {self.context.id} to make it and what follows again"
            raise ConfigError(f"{out}: was made with {self._difference()}; choose another --out, or {again}")
        return True

    def _difference(self) -> str:
        old = Manifest.read(self.context.out)
        new = _deciding(self.config)
        changed = [key for key in new if old.config.get(key) != new.get(key)]
        if old.stage != self.key:
            return f"stage {old.stage}, not {self.key}"
        if changed:
            key = sorted(changed)[0]
            return f"{key}: {old.config.get(key)!r}, not {new.get(key)!r}"
        return (
            f"seed {old.seed}, not {self.context.seed}"
            if old.seed != self.context.seed
            else "inputs that changed since"
        )

    def execute(self) -> Manifest:
        """Run the stage to its manifest, resuming what a killed run of the same work left."""
        context = self.context
        mark = self.fingerprint()
        _prepare(context.out, mark)
        started = time.monotonic()
        before = read_json(context.work / "started.json")["seconds"]
        result = self._run(started, before)
        manifest = Manifest(
            stage=self.key,
            id=context.id,
            config=dump(self.config),
            fingerprint=mark,
            inputs={ref: Manifest.read(path).fingerprint for ref, path in context.inputs.items()},
            counts=result.counts,
            seed=context.seed,
            isolation=result.isolation,
            seconds=round(before + time.monotonic() - started, 3),
            versions=installed_versions(),
            details=result.details,
        )
        manifest.write(context.out)
        shutil.rmtree(context.work, ignore_errors=True)
        return manifest

    def _run(self, started: float, before: float) -> StageResult:
        try:
            return self.function()(self.config, self.context)
        except BaseException:
            # Time spent is not lost with an error or Ctrl-C; after SIGKILL the last stretch is.
            if self.context.work.is_dir():
                state = read_json(self.context.work / "started.json")
                write_json(
                    self.context.work / "started.json",
                    state | {"seconds": before + time.monotonic() - started},
                )
            raise


def _deciding(config: Any) -> dict[str, Any]:
    found: dict[str, Any] = config.deciding() if hasattr(config, "deciding") else dump(config)
    return found


def _prepare(out: Path, mark: str) -> None:
    """Make the folder ready: empty for new work, as it was left for the same work resumed."""
    started = out / WORK_FOLDER / "started.json"
    found = [item for item in out.iterdir() if item.name != LOCK_NAME] if out.exists() else []
    if found:
        try:
            same = read_json(started).get("fingerprint") == mark
        except DataError:
            same = False
            if not (out / WORK_FOLDER).is_dir():
                raise ConfigError(
                    f"{out}: not empty and not made by codewright; choose another --out"
                ) from None
        if same:
            sweep_temporary(out)
            return
        for item in found:  # unfinished work of other settings: of no use to anyone
            shutil.rmtree(item) if item.is_dir() and not item.is_symlink() else item.unlink()
    write_json(started, {"fingerprint": mark, "seconds": 0.0})
