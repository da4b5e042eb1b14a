"""What the command line prints about plans, plugins and finished runs."""

import ast
import importlib.util
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from codewright.core.manifest import Manifest
from codewright.core.plugins import list_plugins
from codewright.engine.stage import ref_fields
from codewright.recipe import STAGES, StageSpec

_PLUGIN_FOLDERS = {
    "rules": "codewright.corpus.rules",
    "method": "codewright.synthesis.methods",
    "benchmark": "codewright.evals.benchmarks",
    "model backend": "codewright.models.backends",
    "sandbox backend": "codewright.sandbox.backends",
}


def plugin_rows() -> list[list[str]]:
    """Return (kind, key, first docstring line) of every stage and plugin; reads files, imports none of them."""
    rows = [["stage", key, _headline(spec[1].split(":")[0])] for key, spec in STAGES.items()]
    for kind, package in _PLUGIN_FOLDERS.items():
        rows.extend([kind, key, _headline(f"{package}.{key}")] for key in list_plugins(package))
    return rows


def _headline(module: str) -> str:
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        return ""
    docstring = ast.get_docstring(ast.parse(Path(spec.origin).read_text(encoding="utf-8"))) or ""
    return docstring.split("\n", 1)[0]


def key_settings(spec: StageSpec) -> str:
    """Return the settings of a stage that differ from its defaults, stage references left out."""
    config = spec.config
    refs = ref_fields(type(config))
    shown = [
        f"{item.name}={_short(getattr(config, item.name))}"
        for item in fields(config)
        if item.name not in refs
        and getattr(config, item.name) != item.default
        and getattr(config, item.name) != {}
    ]
    return ", ".join(shown)


def _short(value: Any) -> str:
    return "+".join(map(str, value)) if isinstance(value, tuple) else str(value)


def score_lines(manifests: Mapping[str, Manifest]) -> list[str]:
    """Return one line per score of every `eval.run`: share, 95 % interval, n."""
    lines: list[str] = []
    for id_, manifest in manifests.items():
        if manifest.stage != "eval.run":
            continue
        scores = manifest.details["scores"]
        for benchmark, forms in scores["pass_at_1"].items():
            for form, score in forms.items():
                interval = f"[{score['low']:.3f}, {score['high']:.3f}]"
                forged = f", {score['forgeable_passes']} forgeable" if score["forgeable_passes"] else ""
                lines.append(
                    f"{id_:>8}  {benchmark} pass@1 {form:<10}  {score['share']:.3f}  95% {interval}  n={score['n']}{forged}"
                )
        for form, score in scores["valid_functions"].items():
            lines.append(f"{id_:>8}  valid functions {form:<10}  {score['share']:.3f}  n={score['n']}")
        if "bits_per_byte" in scores:
            bits = scores["bits_per_byte"]
            lines.append(
                f"{id_:>8}  bits per byte  {bits['value']:.3f}  (held-out packages: {bits['repositories']})"
            )
    return lines


def print_results(folder: Path, manifests: Mapping[str, Manifest]) -> None:
    """Print scores and the report's path on stdout."""
    for line in score_lines(manifests):
        print(line)
    for id_, manifest in manifests.items():
        if manifest.stage == "report":
            print(f"report: {folder / id_ / 'report.html'}")
