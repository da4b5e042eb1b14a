"""Recipes: one YAML file that lists stages; parsed into frozen dataclasses, every wrong key an error.

    name: quickstart
    seed: 17
    stages:
      - corpus.build: {id: corpus, source: [stdlib]}
      - synth: {id: drills, method: drills, rows: 1000}

A stage's `id` defaults to its kind. A field that takes a stage (`corpus:`, `rows:`, `base:` ...) holds the id of an
earlier stage, or the folder of a finished dataset from another run.
"""

import importlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from codewright.core.config import build, dump
from codewright.core.errors import ConfigError
from codewright.core.manifest import Manifest, is_finished
from codewright.core.plugins import extra_with
from codewright.core.text import did_you_mean, one_line
from codewright.engine.stage import StageFunction, ref_fields

STAGES: dict[str, tuple[str, str]] = {
    "corpus.ingest": ("codewright.corpus.ingest:Config", "codewright.corpus.ingest:run"),
    "corpus.build": ("codewright.corpus.build:Config", "codewright.corpus.build:run"),
    "corpus.dedup": ("codewright.corpus.dedup:Config", "codewright.corpus.dedup:run"),
    "corpus.tokens": ("codewright.corpus.tokens:Config", "codewright.corpus.tokens:run"),
    "corpus.transform": ("codewright.corpus.transform:Config", "codewright.corpus.transform:run"),
    "corpus.filter": ("codewright.corpus.filter:Config", "codewright.corpus.filter:run"),
    "corpus.sample": ("codewright.corpus.sample:Config", "codewright.corpus.sample:run"),
    "corpus.dedup_rows": ("codewright.corpus.row_dedup:Config", "codewright.corpus.row_dedup:run"),
    "corpus.explain": ("codewright.corpus.explain:Config", "codewright.corpus.explain:run"),
    "synth": ("codewright.synthesis.driver:Config", "codewright.synthesis.driver:run"),
    "eval.problems": ("codewright.evals.problems:Config", "codewright.evals.problems:run"),
    "decontam.run": ("codewright.decontam.run:Config", "codewright.decontam.run:run"),
    "train.tokenizer": ("codewright.train.config:TokenizerConfig", "codewright.train.tokenizer:run"),
    "train.pretrain": ("codewright.train.config:PretrainConfig", "codewright.train.pretrain:run"),
    "train.sft": ("codewright.train.config:SftConfig", "codewright.train.sft:run"),
    "eval.run": ("codewright.evals.runner:Config", "codewright.evals.runner:run"),
    "report": ("codewright.report.page:Config", "codewright.report.page:run"),
}
"""Stage kind -> (config class, function). The config modules import nothing heavy; functions load when they run."""

_CORPUS = (
    "corpus.build",
    "corpus.dedup",
    "corpus.tokens",
    "corpus.transform",
    "corpus.filter",
    "corpus.sample",
)
_DOCUMENTS = ("corpus.ingest", *_CORPUS)
_MODELS = ("train.pretrain", "train.sft")
REF_KINDS = {
    "corpus": _DOCUMENTS,
    "heldout": _CORPUS,
    "replay": _CORPUS,
    "index": ("corpus.dedup",),
    "rows": ("synth", "decontam.run", "corpus.dedup_rows"),
    "rows_from": ("synth", "decontam.run", "corpus.dedup_rows"),
    "problems": ("eval.problems",),
    "against": ("eval.problems",),
    "tokenizer": ("train.tokenizer",),
    "base": _MODELS,
    "model": _MODELS,
}
"""Which kinds of stage a reference field of that name can read; a field that is not here reads any."""

_TOP_KEYS = ("name", "seed", "sandbox", "workers", "stages")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class StageSpec:
    """One stage of a recipe: its kind, its id (also its folder's name), its config."""

    key: str
    id: str
    config: Any

    def load(self) -> StageFunction:
        """Import and return the stage's function. Raises ConfigError when an extra is missing."""
        function: StageFunction = load_symbol(STAGES[self.key][1], self.key)
        return function


@dataclass(frozen=True)
class Recipe:
    """A whole run. `sandbox` is the backend key, `workers` the processes (None: one per core)."""

    name: str
    seed: int
    sandbox: str
    workers: int | None
    stages: tuple[StageSpec, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the resolved recipe, defaults included; stored beside every run."""
        stages = [{spec.key: {"id": spec.id, **dump(spec.config)}} for spec in self.stages]
        return {
            "name": self.name,
            "seed": self.seed,
            "sandbox": self.sandbox,
            "workers": self.workers,
            "stages": stages,
        }


def load_symbol(spec: str, stage: str) -> Any:
    """Import `module:name`. Raises ConfigError naming the extra when a third-party package is missing."""
    module, name = spec.split(":")
    try:
        return getattr(importlib.import_module(module), name)
    except ModuleNotFoundError as error:
        if error.name and error.name.startswith("codewright"):
            raise
        raise ConfigError(
            f"stage {stage} needs the package '{error.name}': pip install 'codewright[{extra_with(error.name or '')}]'"
        ) from None


class _OneOfEachKey(yaml.SafeLoader):
    """YAML's safe loader, which would let the last of two equal keys win without a word."""

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        """Build a mapping. Raises YAMLError when a key stands there twice."""
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"key '{key}' stands there twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


def load_recipe(path: Path, sets: Sequence[str] = ()) -> Recipe:
    """Read a recipe file. sets: `a.b=c` overrides, where a is a stage id or a top-level key.

    Raises: ConfigError with the file, the place and the remedy; nothing is imported or executed for it but configs.
    """
    if not path.is_file():
        raise ConfigError(f"{path}: no such recipe file")
    try:
        tree = yaml.load(path.read_text(encoding="utf-8"), Loader=_OneOfEachKey)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid YAML ({one_line(error, 200)})") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
    if not isinstance(tree, dict):
        raise ConfigError(f"{path}: expected a mapping with the keys {', '.join(_TOP_KEYS)}")
    return parse_recipe(tree, str(path), sets)


def parse_recipe(tree: dict[str, Any], where: str, sets: Sequence[str] = ()) -> Recipe:
    """Turn a parsed recipe into typed stages; see `load_recipe`."""
    for key in tree:
        if key not in _TOP_KEYS:
            raise ConfigError(
                f"{where}: unknown key '{key}'{did_you_mean(str(key), _TOP_KEYS)}; known: {', '.join(_TOP_KEYS)}"
            )
    raw = _raw_stages(tree.get("stages"), where)
    top = {key: value for key, value in tree.items() if key != "stages"}
    for assignment in sets:
        _apply(assignment, top, raw)
    name, seed = top.get("name"), top.get("seed", 0)
    if not isinstance(name, str) or not _ID.fullmatch(name):
        raise ConfigError(f"{where}: 'name' is missing or not a plain word")
    if not isinstance(seed, int) or isinstance(seed, bool):
        raise ConfigError(f"{where}: 'seed' must be a whole number, found {seed!r}")
    workers = top.get("workers")
    if workers is not None and (not isinstance(workers, int) or workers < 1):
        raise ConfigError(f"{where}: 'workers' must be a whole number from 1, found {workers!r}")
    stages: list[StageSpec] = []
    for key, id_, values in raw:
        config_class = load_symbol(STAGES[key][0], key)
        config = build(config_class, values, f"{where}, stage '{id_}'")
        _check_refs(config, id_, {spec.id: spec.key for spec in stages}, where)
        stages.append(StageSpec(key, id_, config))
    return Recipe(name, seed, str(top.get("sandbox", "namespace")), workers, tuple(stages))


def _raw_stages(value: Any, where: str) -> list[tuple[str, str, dict[str, Any]]]:
    if not isinstance(value, list) or not value:
        raise ConfigError(
            f"{where}: 'stages' must be a list of stages, e.g. `- corpus.build: {{source: [stdlib]}}`"
        )
    found: list[tuple[str, str, dict[str, Any]]] = []
    for number, item in enumerate(value, 1):
        if isinstance(item, str):
            item = {item: {}}  # noqa: PLW2901 - the short form of a stage without options
        if not isinstance(item, dict) or len(item) != 1:
            raise ConfigError(f"{where}: stage {number} must be one `kind: {{options}}`")
        key, options = next(iter(item.items()))
        if key not in STAGES:
            raise ConfigError(
                f"{where}: stage {number}: unknown stage '{key}'{did_you_mean(str(key), STAGES)}; known: {', '.join(STAGES)}"
            )
        values = dict(options or {}) if isinstance(options, Mapping) or options is None else None
        if values is None:
            raise ConfigError(f"{where}: stage {number} ({key}): options must be a mapping")
        id_ = values.pop("id", key)
        if not isinstance(id_, str) or not _ID.fullmatch(id_):
            raise ConfigError(
                f"{where}: stage {number} ({key}): id {id_!r} must be letters, digits, '.', '_' or '-'"
            )
        if id_ in {other for _, other, _ in found}:
            raise ConfigError(
                f"{where}: stage {number} ({key}): the id '{id_}' is taken; give it another `id:`"
            )
        found.append((key, id_, values))
    return found


def _apply(assignment: str, top: dict[str, Any], raw: list[tuple[str, str, dict[str, Any]]]) -> None:
    """Apply one `--set a.b=c`; c is read as YAML."""
    path, equals, text = assignment.partition("=")
    if not equals or not path:
        raise ConfigError(
            f"--set {assignment}: expected NAME=VALUE, e.g. --set drills.rows=100 or --set seed=3"
        )
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"--set {assignment}: not valid YAML ({one_line(error, 120)})") from None
    if path in _TOP_KEYS and path != "stages":
        top[path] = value
        return
    # Ids may hold dots (`corpus.build`), so the longest id that fits wins.
    for _, id_, values in sorted(raw, key=lambda item: -len(item[1])):
        if path.startswith(f"{id_}."):
            *folders, leaf = path[len(id_) + 1 :].split(".")
            target = values
            for folder in folders:
                target = target.setdefault(folder, {})
                if not isinstance(target, dict):
                    raise ConfigError(f"--set {assignment}: '{folder}' is not a mapping")
            target[leaf] = value
            return
    ids = [id_ for _, id_, _ in raw]
    if path in ids:
        raise ConfigError(
            f"--set {assignment}: '{path}' is a stage; name one of its settings, e.g. {path}.KEY=..."
        )
    raise ConfigError(
        f"--set {assignment}: no stage or key named '{path.split('.', 1)[0]}'"
        f"{did_you_mean(path.split('.', 1)[0], [*ids, *_TOP_KEYS])}; stages: {', '.join(ids)}"
    )


def fits(kind: str, setting: str) -> bool:
    """Tell whether a setting that names a dataset reads what this kind of stage makes; of kinds that are none of ours, all do."""
    return setting not in REF_KINDS or kind not in STAGES or kind in REF_KINDS[setting]


def _check_refs(config: Any, id_: str, earlier: Mapping[str, str], where: str) -> None:
    """Check that every stage reference exists and is of a kind its field can read."""
    for name in ref_fields(type(config)):
        value = getattr(config, name)
        for ref in [value] if isinstance(value, str) else value or ():
            if ref in earlier:
                kind = earlier[ref]
            elif is_finished(Path(ref)):
                kind = Manifest.read(Path(ref)).stage
            else:
                raise ConfigError(
                    f"{where}, stage '{id_}': {name}: '{ref}' is neither an earlier stage{did_you_mean(ref, earlier)} "
                    "nor the folder of a finished dataset"
                )
            if not fits(kind, name):
                raise ConfigError(
                    f"{where}, stage '{id_}': {name}: '{ref}' is a {kind} stage; needed: {' or '.join(REF_KINDS[name])}"
                )
