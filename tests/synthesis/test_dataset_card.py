"""The dataset card: its header as the hub reads it, numbers that are the dataset's, and names that cannot break it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from codewright.core.errors import ConfigError
from codewright.core.manifest import Counts
from codewright.synthesis.dataset_card import DatasetFacts, facts_of, hub_licenses, write_dataset_card

FACTS = DatasetFacts(
    name="pairs",
    method="comment_code",
    counts=Counts(1300, 1200, {"too_long": 90, "duplicate": 8, "never": 0}, 2),
    languages={"python": 700, "go": 500},
    tasks={"write": 1200},
    verdicts={"passed": 900, "failed": 100, "no tests": 200},
    forgeable=3,
    isolation="namespace",
    seeds=640,
    seed_licenses={"MIT": 400, "GPL-2.0-or-later WITH Classpath-exception-2.0": 30, "": 200, "PSF-2.0": 10},
    teachers={"openai:gpt-4o": 1200},
    cost_usd=3.456,
    seed=7,
    settings={"method": "comment_code", "options": {"per_document": 4}},
)


def card(folder: Path, facts: DatasetFacts) -> tuple[dict[str, Any], str]:
    write_dataset_card(folder, facts)
    _, header, body = (folder / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    return yaml.safe_load(header), body


def test_the_header_is_what_the_hub_reads(tmp_path: Path) -> None:
    header, _ = card(tmp_path, FACTS)
    assert header == {
        "pretty_name": "pairs",
        "language": ["code"],
        "license": ["gpl-2.0", "mit", "other", "unknown"],
        "task_categories": ["text-generation"],
        "size_categories": ["1K<n<10K"],
        "tags": ["code", "instruction-tuning", "synthetic", "codewright"],
    }


def test_the_numbers_are_all_there(tmp_path: Path) -> None:
    _, body = card(tmp_path, FACTS)
    for line in (
        "1,200 instruction rows by the method comment\\_code, from 640 seeds.",
        "The teacher: openai:gpt-4o (1,200 rows); the rows cost 3.46 USD.",
        "900 of 1,200 rows (75.0\u00a0%) passed their tests in the sandbox (namespace); in 3 of all rows",
        "| failed | 100 |",
        "| python | 700 |",
        "| GPL-2.0-or-later WITH Classpath-exception-2.0 | 30 |",
        "| none stated | 200 |",
        "| too\\_long | 90 | 6.9\u00a0% |",
        "| quarantined | 2 | 0.2\u00a0% |",
        "| stay | 1,200 | 92.3\u00a0% |",
        "Seed 7.",
        '    "per_document": 4',
    ):
        assert line in body
    assert "never" not in body
    assert "\n\n\n" not in body


def test_a_dataset_without_teacher_tests_and_seeds(tmp_path: Path) -> None:
    facts = replace(
        FACTS,
        teachers={},
        cost_usd=0.0,
        verdicts={"no tests": 1200},
        seed_licenses={},
        seeds=0,
        isolation=None,
    )
    header, body = card(tmp_path, facts)
    assert "license" not in header
    assert "synthetic" not in header["tags"]
    assert "No teacher model was asked." in body
    assert "No row carries tests; nothing was executed." in body
    assert "Licences" not in body
    empty = replace(facts, counts=Counts(0, 0), languages={}, tasks={}, verdicts={})
    assert card(tmp_path, empty)[0]["size_categories"] == ["n<1K"]


def test_no_name_breaks_the_card(tmp_path: Path) -> None:
    bad = 'a": [1]\n---\n# <script>|`x`\u202e\ud800'
    facts = replace(
        FACTS, name=bad, method=bad, languages={bad: 1}, tasks={bad: 1}, teachers={bad: 1}, seed_licenses={bad: 1},
        counts=Counts(3, 1, {bad: 2}), verdicts={bad: 1, "passed": 0}, settings={"note": "```\n# out\n" + bad},
    )  # fmt: skip
    header, body = card(tmp_path, facts)
    assert header["tags"][0] == "code"
    assert set(header["license"]) <= {"other", "unknown"}
    prose = body.split("## Settings")[0]
    assert "<script>" not in prose.replace("\\<script\\>", "")
    assert "\u202e" not in body
    assert all(line.count("|") - line.count("\\|") in {0, 3, 4} for line in prose.splitlines())
    assert "\n# out" not in body.split("````json")[0]


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ("MIT", ["mit"]),
        ("Apache-2.0 OR MIT", ["apache-2.0", "mit"]),
        ("(LGPL-3.0-only AND BSD-3-Clause)", ["bsd-3-clause", "lgpl-3.0"]),
        ("GPL-3.0+", ["gpl-3.0"]),
        ("Apache-2.0 WITH LLVM-exception", ["apache-2.0"]),
        ("LicenseRef-ours", ["other"]),
        ("", ["unknown"]),
    ],
)
def test_licences_in_the_hubs_words(expression: str, names: list[str]) -> None:
    assert hub_licenses([expression]) == names


def test_facts_of_a_real_dataset(run_stages: Callable[..., Any], source: Path, tmp_path: Path) -> None:
    (source / "alpha" / "LICENSE").write_text("SPDX-License-Identifier: MIT\n")
    (source / "alpha" / "maths.py").write_text(
        "# SPDX-License-Identifier: MIT\n" + (source / "alpha" / "maths.py").read_text()
    )
    corpus = {"corpus.build": {"id": "corpus", "source": [str(source)], "rules": "none", "heldout": 0}}
    out = tmp_path / "run"
    run_stages(
        [corpus, {"synth": {"id": "rows", "method": "docstring", "corpus": "corpus"}}], out=out, workers=1
    )
    facts = facts_of(out / "rows", out / "corpus")
    assert facts.counts.kept == sum(facts.languages.values()) == sum(facts.verdicts.values()) > 0
    assert facts.verdicts["passed"] > 0
    assert facts.languages == {"python": facts.counts.kept}
    assert facts.seeds == sum(facts.seed_licenses.values()) > 0
    assert "MIT" in facts.seed_licenses
    assert facts.settings["method"] == "docstring"
    write_dataset_card(out / "rows", facts)
    assert (
        f"{facts.counts.kept} instruction rows by the method docstring"
        in (out / "rows" / "README.md").read_text()
    )
    with pytest.raises(ConfigError, match="a dataset card is of instruction rows"):
        facts_of(out / "corpus")
