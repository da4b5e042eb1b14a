"""A small finished run with real schemas, whose rows, names and reasons hold what breaks careless pages."""

import json
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from codewright.core.io import write_json, write_jsonl, write_parquet
from codewright.core.manifest import Counts, Manifest, part_name
from codewright.core.progress import Reporter
from codewright.core.records import (
    ANSWER_SCHEMA,
    DOCUMENT_SCHEMA,
    LOST_SCHEMA,
    PROBLEM_SCHEMA,
    SAMPLE_SCHEMA,
    Answer,
    Document,
    Lost,
    Message,
    Origin,
    Problem,
    RowVerdict,
    Sample,
    Tests,
    Verdict,
    content_id,
    to_table,
)
from codewright.engine.local import LocalEngine
from codewright.engine.stage import StageContext
from codewright.report.page import Config, run

NASTY = (
    "</script></pre><script>document.title='pwned'</script><img src=http://127.0.0.1:9/x onerror=alert(1)>\n"
    "\x00\x1b[31m\x7f\x85 \u202edesrever\u202c \ufeff {{ 7 * 7 }} {% raw %} &lt;&amp; 👩‍💻🇮🇸 שלום 日本語\n"
    + "x"
    * 10_000
)
FORMS = ("chat", "completion")
IDS = ("corpus", "docstring", "drills", "problems", "clean", "tokenizer", "base", "model", "before", "after")


def finish(folder: Path, stage: str, counts: Counts | None, **fields: Any) -> None:
    """Write the manifest that ends a stage."""
    Manifest(
        stage=stage,
        id=folder.name,
        config=fields.get("config", {}),
        fingerprint=content_id(folder.name),
        inputs=fields.get("inputs", {}),
        counts=counts,
        seed=17,
        isolation=fields.get("isolation"),
        seconds=fields.get("seconds", 3.25),
        versions={"codewright": "0.1.0", "python": "3.11.7", "pyarrow": "25.0.1"},
        details=fields.get("details", {}),
    ).write(folder)


def make_corpus(folder: Path) -> None:
    docs = [
        Document(
            content_id(str(at)), f"x = {at}\n", f"m{at}.py", f"repo-{at % 5}" + "y" * (at % 5) * 30, "python"
        )
        for at in range(40)
    ]
    write_parquet(folder / part_name(0), to_table(docs[:30], DOCUMENT_SCHEMA))
    write_parquet(folder / "heldout" / part_name(0), to_table(docs[30:], DOCUMENT_SCHEMA))
    reasons = {
        "duplicate": 500, "other_language": 10_395, "rule:frac_chars_alphabet": 67, "rule:frac_lines_distinct": 1,
        "rule:frac_lines_pass": 90, "rule:has_syntax_error": 8, "rule:max_chars_line": 16, "unknown_language": 2167,
    }  # fmt: skip
    counts = Counts(40 + sum(reasons.values()) + 12_847 + 4, 12_887, reasons, 4)
    details = {
        "bytes_read": 226_124_322,
        "bytes_kept": 218_530_330,
        "bytes_by_language": {"python": 210_000_000, "c": 8_000_000, "<b>javascript": 530_330},
        "documents_heldout": 10,
        "documents_train": 12_877,
    }
    config = {"source": ["stdlib", "site-packages"], "languages": ["python"], "note": NASTY[:300]}
    finish(folder, "corpus.build", counts, details=details, config=config, seconds=22.467)


def make_samples(count: int) -> list[Sample]:
    """Rows in both forms; every seventh one nasty."""
    rows = []
    for at in range(count):
        body = NASTY if at % 7 == 0 else f"def f(x):\n    return x + {at}\n"
        tests = Tests(body, f"assert f(2) == {at + 2}\nassert f(-3) == {at - 3}\n", "f") if at % 3 else None
        rows.append(
            Sample.make(
                (Message("user", f"Add {at} to x, then return it."), Message("assistant", body)),
                task="write" if at % 5 else "explain",
                method="drills" if at % 2 else "docstring",
                language="python",
                form=FORMS[at % 2],
                origin=Origin(seeds=(f"drills:{at}",), place=f"add/{at}"),
                tests=tests,
                verdict=RowVerdict("passed", "namespace", at % 4 == 1) if tests else None,
            )
        )
    return rows


def make_synth(folder: Path, rows: list[Sample]) -> None:
    write_parquet(folder / part_name(0), to_table(rows, SAMPLE_SCHEMA))
    verdicts = Counter(row.verdict.status if row.verdict else "no tests" for row in rows)
    details = {"verdicts": dict(verdicts), "tasks": dict(Counter(f"{row.task} ({row.form})" for row in rows))}
    counts = Counts(len(rows) + 12, len(rows), {"duplicate": 7, "tests_failed": 3, "<i>tests_timeout": 1}, 1)
    finish(folder, "synth", counts, isolation="namespace", details=details, config={"method": folder.name})


def make_problems(count: int) -> list[Problem]:
    prompts = [f'def f(x):\n    """Add {at} to x, then double it."""\n' for at in range(count)]
    prompts[0] = NASTY
    return [
        Problem("drills", f"drills/{at}", prompt, "f", "    return 0\n", "assert f(0) == 0\n")
        for at, prompt in enumerate(prompts)
    ]


def make_clean(folder: Path, rows: list[Sample]) -> None:
    write_parquet(folder / part_name(0), to_table(rows, SAMPLE_SCHEMA))
    lost = []
    for at in range(5):
        text = f"Please add {at} to x, then double it. Return the result. " + (NASTY if at == 3 else "")
        record = {"messages": [{"role": "user", "content": text}, {"role": "assistant", "content": "pass"}]}
        reason = "contaminated:ngram" if at % 2 else "contaminated:sampled"
        lost.append(
            Lost(
                content_id(text),
                reason,
                f"drills drills/{at % 3}",
                row=json.dumps(record, ensure_ascii=False),
            )
        )
    write_parquet(folder / "dropped" / part_name(0), to_table(lost, LOST_SCHEMA))
    counts = Counts(len(rows) + 5, len(rows), Counter(row.reason for row in lost))
    finish(folder, "decontam.run", counts, details={"problems_hit": 3}, config={"against": "problems"})


def make_training(folder: Path, stage: str, top: float) -> None:
    rows = []
    for step in range(5, 131, 5):
        lr = 3e-3 * min(1, step / 10, (131 - step) / 40)
        loss = top * math.exp(-step / 60) + 0.4 + 0.05 * math.sin(step)
        rows.append({"step": step, "tokens": step * 3072, "loss": loss, "lr": lr, "seconds": step / 3})
    write_jsonl(folder / "metrics.jsonl", rows)
    details = {
        "parameters": 2_163_840,
        "tokens": 399_360,
        "steps": 130,
        "epochs": 0.42,
        "dtype": "bf16",
        "metrics": "metrics.jsonl",
    }
    finish(folder, stage, None, seconds=74.2, config={"tokens": 400_000}, details=details)


def _share(hits: int, n: int) -> dict[str, Any]:
    half = 1.96 * math.sqrt(max(hits, 1) / n * (1 - hits / n) / n)
    return {
        "n": n,
        "hits": hits,
        "share": hits / n,
        "low": max(0, hits / n - half),
        "high": min(1, hits / n + half),
    }


def make_eval(
    folder: Path, problems: list[Problem], model: str, passing: Mapping[str, int], bits: float
) -> None:
    verdicts, answers = [], []
    for form in FORMS:
        for at, problem in enumerate(problems):
            passed = at < passing[form]
            text = NASTY if at % 9 == 0 else f"    return x * 2 + {at}\n"
            reason = "length" if at % 6 == 5 else "stop"
            answers.append(
                Answer(problem.benchmark, problem.task_id, 0, form, problem.prompt, text, text, reason)
            )
            status = "passed" if passed else ("failed", "error", "timeout")[at % 3]
            detail = "" if passed else f"AssertionError: {NASTY[:200]}"
            verdicts.append(
                Verdict(
                    "drills",
                    problem.task_id,
                    0,
                    form,
                    "python",
                    status,
                    passed,
                    "namespace",
                    False,
                    0.1,
                    detail,
                )
            )
    write_parquet(folder / part_name(0), to_table(answers, ANSWER_SCHEMA))
    write_jsonl(folder / "verdicts.jsonl", map(asdict, verdicts))
    n = len(problems)
    statuses = {form: Counter(v.status for v in verdicts if v.form == form) for form in FORMS}
    scores = {
        "pass_at_1": {
            "drills": {
                form: {**_share(passing[form], n), "statuses": dict(statuses[form]), "forgeable_passes": 0}
                for form in FORMS
            }
        },
        "valid_functions": {form: _share(n // 2 + passing[form] // 2, n) for form in FORMS},
        "bits_per_byte": {"value": bits, "bytes": 118_204, "files": 14, "repositories": 3},
    }
    write_json(folder / "scores.json", scores)
    config = {"model": model, "problems": "problems"}
    finish(
        folder, "eval.run", Counts(len(verdicts), len(verdicts)), isolation="namespace", details={"scores": scores},
        config=config, seconds=31.5,
    )  # fmt: skip


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    """A finished run of every kind of stage, without its report."""
    root = tmp_path / "run"
    samples, problems = make_samples(60), make_problems(40)
    make_corpus(root / "corpus")
    make_synth(root / "docstring", samples[::2])
    make_synth(root / "drills", samples[1::2])
    write_parquet(root / "problems" / part_name(0), to_table(problems, PROBLEM_SCHEMA))
    sources = {"drills": {"problems": len(problems), "sha256": content_id("drills")}}
    finish(root / "problems", "eval.problems", Counts(40, 40), details={"benchmarks": sources}, seconds=0.4)
    make_clean(root / "clean", samples)
    finish(root / "tokenizer", "train.tokenizer", None, details={"vocab_size": 2048, "bytes_per_token": 3.61})
    make_training(root / "base", "train.pretrain", 6.0)
    make_training(root / "model", "train.sft", 1.5)
    make_eval(root / "before", problems, "base", {"chat": 0, "completion": 1}, 2.312)
    make_eval(root / "after", problems, "model", {"chat": 31, "completion": 19}, 2.431)
    return root


def report(root: Path, ids: tuple[str, ...] = IDS, **fields: Any) -> Path:
    """Run the stage `report` over stages of a run; returns the page."""
    reporter = Reporter(quiet=True)
    inputs = {id_: root / id_ for id_ in ids}
    engine = LocalEngine(1, reporter)
    run(Config(stages=ids, **fields), StageContext("report", root / "report", inputs, 17, engine, reporter))
    return root / "report" / "report.html"
