"""Writes the dataset card `README.md` beside instruction rows: what is in them, from which seeds, by whom, and what left.

The header is what the hub reads (huggingface.co/docs/hub/datasets-cards). Equal datasets give equal cards.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import Environment

from codewright.core.errors import ConfigError
from codewright.core.io import read_parquet, write_text
from codewright.core.manifest import Counts, Dataset
from codewright.core.markdown import markdown_environment, size_category
from codewright.engine.stage import StageResult
from codewright.synthesis.outcomes import NO_TESTS

CARD_NAME = "README.md"

_HUB_LICENSES = """
apache-2.0 mit afl-3.0 artistic-2.0 bsl-1.0 bsd-2-clause bsd-3-clause bsd-3-clause-clear c-uda cc0-1.0 cc-by-2.0 cc-by-2.5
cc-by-3.0 cc-by-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nd-4.0 cc-by-nc-nd-3.0
cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 cdla-sharing-1.0 cdla-permissive-1.0 cdla-permissive-2.0 wtfpl
ecl-2.0 epl-1.0 epl-2.0 etalab-2.0 eupl-1.1 eupl-1.2 agpl-3.0 gpl-2.0 gpl-3.0 lgpl-2.1 lgpl-3.0 isc lppl-1.3c ms-pl mpl-2.0
osl-3.0 postgresql ofl-1.1 ncsa unlicense zlib
"""
_HUB_KNOWS = frozenset(_HUB_LICENSES.split())
"""Source: huggingface.co/docs/hub/repositories-licenses; those of its identifiers that are an SPDX id in lower case."""

_NOT_SHOWN = frozenset({"base_url", "concurrency", "batch", "cache", "budget", "rows_file"})
"""Settings that say where a teacher is served, not what was made: a card is published."""

_OPERATORS = frozenset({"and", "or", "with"})


@dataclass(frozen=True)
class DatasetFacts:
    """What a card says of a dataset.

    seeds: distinct ones of the rows that stay. seed_licenses: SPDX expression, or empty for none stated -> seeds.
    verdicts: the sandbox's word, `NO_TESTS` among them -> rows. teachers: model -> rows. cost_usd: of all rows that stay.
    """

    name: str
    method: str
    counts: Counts
    languages: Mapping[str, int] = field(default_factory=dict)
    tasks: Mapping[str, int] = field(default_factory=dict)
    verdicts: Mapping[str, int] = field(default_factory=dict)
    forgeable: int = 0
    isolation: str | None = None
    seeds: int = 0
    seed_licenses: Mapping[str, int] = field(default_factory=dict)
    teachers: Mapping[str, int] = field(default_factory=dict)
    cost_usd: float = 0.0
    seed: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict)


def facts_of(folder: Path, corpus: Path | None = None) -> DatasetFacts:
    """Gather the facts of a finished dataset of instruction rows.

    corpus: the one its seeds are documents of, where their licences stand.
    Raises: ConfigError when the folder holds something else. DataError when a file of it is damaged.
    """
    made = Dataset(folder).manifest
    if made.counts is None or not {"method", "options"} <= made.config.keys():
        raise ConfigError(f"{folder}: made by {made.stage}; a dataset card is of instruction rows (synth)")
    return gather_facts(
        folder,
        StageResult(made.counts, made.isolation),
        corpus,
        name=made.id,
        config=made.config,
        seed=made.seed,
    )


def gather_facts(
    folder: Path, made: StageResult, corpus: Path | None, *, name: str, config: Mapping[str, Any], seed: int
) -> DatasetFacts:  # fmt: skip
    """Gather the facts of rows whose manifest is not written yet; arguments as in it."""
    if made.counts is None:
        raise AssertionError(f"{name}: a stage that makes rows counts them")
    columns: dict[str, Counter[str]] = {column: Counter() for column in ("language", "task")}
    verdicts, teachers = Counter[str](), Counter[str]()
    seeds: set[str] = set()
    forgeable, cost = 0, 0.0
    for part in sorted(folder.glob("part-*.parquet")):
        for row in read_parquet(part, ["language", "task", "origin", "verdict"]).to_pylist():
            for column, found in columns.items():
                found[row[column]] += 1
            verdict, origin = row["verdict"], row["origin"]
            verdicts[verdict["status"] if verdict else NO_TESTS] += 1
            forgeable += bool(verdict and verdict["forgeable"])
            seeds.update(origin["seeds"] or ())
            cost += origin["cost_usd"] or 0.0
            if origin["teacher"]:
                teachers[origin["teacher"]] += 1
    return DatasetFacts(
        name=name,
        method=config["method"],
        counts=made.counts,
        languages=columns["language"],
        tasks=columns["task"],
        verdicts=verdicts,
        forgeable=forgeable,
        isolation=made.isolation,
        seeds=len(seeds),
        seed_licenses=_licenses_of(seeds, corpus) if corpus else {},
        teachers=teachers,
        cost_usd=cost,
        seed=seed,
        settings=_shown(config),
    )


def _shown(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings without what belongs to one machine: a corpus is named by its folder alone."""
    shown = {key: value for key, value in config.items() if key not in _NOT_SHOWN}
    if shown.get("corpus"):
        shown["corpus"] = Path(shown["corpus"]).name
    return shown


def _licenses_of(seeds: set[str], corpus: Path) -> Counter[str]:
    dataset = Dataset(corpus)
    found = Counter[str]()
    for part in [*dataset.parts(), *dataset.parts("heldout")]:
        for row in read_parquet(part, ["id", "license"]).to_pylist():
            if row["id"] in seeds:
                found[row["license"] or ""] += 1
    return found


def write_dataset_card(folder: Path, facts: DatasetFacts) -> None:
    """Write `README.md` into a dataset's folder, atomically."""
    page = {
        "facts": facts,
        "licenses": hub_licenses(facts.seed_licenses),
        "size_category": size_category(facts.counts.kept),
        "verified": facts.verdicts.get("passed", 0),
        "with_tests": sum(facts.verdicts.values()) - facts.verdicts.get(NO_TESTS, 0),
        "settings": json.dumps(dict(facts.settings), indent=2, sort_keys=True, default=str),
    }
    write_text(folder / CARD_NAME, _environment().get_template("dataset_card.md.j2").render(page))


def hub_licenses(expressions: Iterable[str]) -> list[str]:
    """Translate SPDX expressions to the hub's identifiers, sorted: `other` for what it does not list, `unknown` for none stated."""
    found: set[str] = set()
    for expression in expressions:
        words = re.sub(r"\bWITH\s+\S+", "", expression, flags=re.IGNORECASE)
        names = {word.lower() for word in re.findall(r"[\w.+-]+", words)} - _OPERATORS
        found |= {_hub_license(name) for name in names} or {"unknown"}
    return sorted(found)


def _hub_license(name: str) -> str:
    bare = re.sub(r"(?:-only|-or-later|\+)$", "", name)
    return bare if bare in _HUB_KNOWS else "other"


def _environment() -> Environment:
    made = markdown_environment("codewright.synthesis")
    made.filters["ranked"] = _ranked
    return made


def _ranked(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
