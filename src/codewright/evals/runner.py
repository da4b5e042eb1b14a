"""The stage `eval.run`: a model answers the problems, the sandbox judges, scores come with 95 % intervals.

Also measured: bits per byte on the corpus's held-out repositories, and the share of answers that are valid functions.
Answers are generated and judged in chunks; a killed run goes on at the chunk.
"""

import ast
import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from codewright.core.config import StageRef, strict
from codewright.core.errors import ConfigError
from codewright.core.extract.python_pieces import parse_python
from codewright.core.io import read_jsonl, read_parquet, write_json, write_jsonl, write_parquet
from codewright.core.manifest import WORK_FOLDER, Counts, Dataset, part_name
from codewright.core.records import ANSWER_SCHEMA, PROBLEM_SCHEMA, Answer, Form, Problem, to_table
from codewright.core.rng import stable_hash
from codewright.engine.engine import Shard
from codewright.engine.local import LocalEngine
from codewright.engine.stage import StageContext, StageResult
from codewright.evals.benchmark import load_benchmark
from codewright.evals.judging import judge_answer, run_in
from codewright.evals.metrics import bits_per_byte, share_with_interval
from codewright.evals.problems import PLUGIN_KEY
from codewright.models.model import LikelihoodModel, Model, Reply, Sampling, open_model
from codewright.sandbox.lazy import LazySandbox

CHUNK = 82
"""Problems per chunk: half of HumanEval, so that a kill costs seconds and batches stay full."""


@strict
@dataclass(frozen=True)
class Config:
    """Which model, on what, how."""

    model: StageRef
    """A training stage, or the folder of one."""
    problems: StageRef
    """An `eval.problems` stage."""
    forms: tuple[Form, ...] = ("chat", "completion")
    """How to ask: through the chat template, or as text to complete."""
    max_tokens: int = 64
    """New tokens per answer."""
    temperature: float = 0.0
    """0 is greedy."""
    heldout: StageRef | None = None
    """The corpus whose held-out repositories bits per byte are measured on; None to leave it out."""
    heldout_bytes: int = 120_000
    """At most this much held-out text, whole files in seeded order."""


def run(config: Config, context: StageContext) -> StageResult:
    """Generate, judge, score. Raises ConfigError for an unusable model or a corpus without held-out documents."""
    shards = _plan(config, context)
    # One process generates: the model's own threads use the cores, and it is loaded once.
    LocalEngine(1, context.reporter).map(generate_chunk, shards, "answers")
    judged = context.engine.map(judge_chunk, shards, "verdicts")
    verdicts = [row for shard in shards for _, row in read_jsonl(_verdict_path(shard))]
    write_jsonl(context.out / "verdicts.jsonl", verdicts)
    scores: dict[str, Any] = {"pass_at_1": _pass_at_1(verdicts)}
    scores["valid_functions"] = _valid_functions(context.out, shards)
    if config.heldout is not None:
        scores["bits_per_byte"] = _heldout_bits(config, config.heldout, context)
    write_json(context.out / "scores.json", scores)
    isolation = next((result["isolation"] for result in judged if result["isolation"]), None)
    return StageResult(Counts(len(verdicts), len(verdicts)), isolation, {"scores": scores})


def _plan(config: Config, context: StageContext) -> list[Shard]:
    problems = [
        Problem.from_dict(row) for row in context.dataset(config.problems).rows(columns=PROBLEM_SCHEMA.names)
    ]
    groups: dict[str, list[int]] = {}
    for index, problem in enumerate(problems):
        groups.setdefault(problem.benchmark, []).append(index)
    shards: list[Shard] = []
    inputs = (str(context.inputs[config.problems]), str(model_folder(context.inputs[config.model])))
    for indices in groups.values():
        for form in config.forms:
            for start in range(0, len(indices), CHUNK):
                params = {
                    "rows": indices[start : start + CHUNK],
                    "form": form,
                    "max_tokens": config.max_tokens,
                    "temperature": config.temperature,
                    "seed": context.seed,
                    "sandbox": context.sandbox,
                }
                shards.append(Shard(part_name(len(shards)), str(context.out), inputs, params))
    return shards


def model_folder(stage: Path) -> Path:
    """Return the Hugging Face folder a training stage saved. Raises ConfigError when there is none."""
    folder = stage / "model"
    if not (folder / "config.json").is_file():
        raise ConfigError(f"{folder}: no model here (no config.json); name a training stage")
    return folder


@lru_cache(maxsize=1)
def _model(folder: str) -> Model:
    return open_model(f"hf:{folder}")


def _problems(shard: Shard) -> list[Problem]:
    rows = list(Dataset(Path(shard.inputs[0])).rows(columns=PROBLEM_SCHEMA.names))
    return [Problem.from_dict(rows[index]) for index in shard.params["rows"]]


def generate_chunk(shard: Shard) -> dict[str, Any]:
    """Let the model answer one chunk of problems in one form."""
    problems = _problems(shard)
    form = shard.params["form"]
    sampling = Sampling(
        max_tokens=shard.params["max_tokens"],
        temperature=shard.params["temperature"],
        seed=stable_hash(shard.params["seed"], shard.name) % 2**31,
    )
    model = _model(shard.inputs[1])
    if form == "chat":
        chats = [load_benchmark(p.meta[PLUGIN_KEY]).chat(p) for p in problems]
        asked = ["\n\n".join(turn.content for turn in chat) for chat in chats]
        replies = asyncio.run(model.generate(chats, sampling))
    else:
        asked = [problem.prompt for problem in problems]
        replies = asyncio.run(model.complete(asked, sampling))
    rows = zip(problems, asked, replies, strict=True)
    answers = [_answer(problem, form, text, reply) for problem, text, reply in rows]
    write_parquet(Path(shard.out) / shard.name, to_table(answers, ANSWER_SCHEMA))
    return {"answers": len(answers)}


def _answer(problem: Problem, form: Form, asked: str, reply: Reply) -> Answer:
    found = load_benchmark(problem.meta[PLUGIN_KEY]).extract(problem, reply.text, form)
    return Answer(
        problem.benchmark,
        problem.task_id,
        0,
        form,
        asked,
        reply.text,
        found.solution,
        reply.finish_reason,
        found.how,
    )


def _verdict_path(shard: Shard) -> Path:
    return Path(shard.out) / WORK_FOLDER / "verdicts" / shard.name.replace(".parquet", ".jsonl")


def judge_chunk(shard: Shard) -> dict[str, Any]:
    """Execute one chunk of answers in the sandbox."""
    return asyncio.run(_judge(shard))


async def _judge(shard: Shard) -> dict[str, Any]:
    rows = read_parquet(Path(shard.out) / shard.name).to_pylist()
    answers = [Answer.from_dict(row) for row in rows]
    async with LazySandbox(shard.params["sandbox"]) as sandbox:
        pairs = zip(_problems(shard), answers, strict=True)
        run = run_in(sandbox.run)
        judging = (judge_answer(load_benchmark(p.meta[PLUGIN_KEY]), p, answer, run) for p, answer in pairs)
        verdicts = await asyncio.gather(*judging)
    write_jsonl(_verdict_path(shard), (verdict.as_row() for verdict in verdicts))
    return {"isolation": sandbox.isolation}


def _pass_at_1(verdicts: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Group verdicts into {benchmark: {form: share with interval, statuses, forgeable passes}}."""
    grouped: dict[str, dict[str, list[Mapping[str, Any]]]] = {}
    for row in verdicts:
        grouped.setdefault(row["benchmark"], {}).setdefault(row["form"], []).append(row)
    return {
        benchmark: {
            form: {
                **asdict(share_with_interval(sum(row["passed"] for row in rows), len(rows))),
                "statuses": dict(sorted(Counter(row["status"] for row in rows).items())),
                "forgeable_passes": sum(row["passed"] and row["forgeable"] for row in rows),
            }
            for form, rows in forms.items()
        }
        for benchmark, forms in grouped.items()
    }


def _valid_functions(out: Path, shards: list[Shard]) -> dict[str, Any]:
    answers = [
        Answer.from_dict(row) for shard in shards for row in read_parquet(out / shard.name).to_pylist()
    ]
    forms = sorted({answer.form for answer in answers})
    counted = {
        form: [is_valid_function(answer.solution) for answer in answers if answer.form == form]
        for form in forms
    }
    return {form: asdict(share_with_interval(sum(valid), len(valid))) for form, valid in counted.items()}


def is_valid_function(source: str) -> bool:
    """Tell whether source parses as Python and defines, at its top level, a function that does more than document itself."""
    tree = parse_python(source)
    if tree is None:
        return False
    functions = [node for node in tree.body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    return any(len(node.body) > (ast.get_docstring(node) is not None) for node in functions)


def _heldout_bits(config: Config, corpus: str, context: StageContext) -> dict[str, Any]:
    """Measure bits per byte on whole held-out files, a seeded choice of them."""
    rows = list(context.dataset(corpus).rows("heldout", ["id", "content", "repo"]))
    if not rows:
        raise ConfigError(
            f"stage '{context.id}': '{corpus}' holds no held-out documents; raise its `heldout:`"
        )
    rows.sort(key=lambda row: (stable_hash(context.seed, "heldout-bits", row["id"]), row["id"]))
    chosen: list[dict[str, Any]] = []
    size = 0
    for row in rows:
        length = len(row["content"].encode("utf-8"))
        if length and (size + length <= config.heldout_bytes or not chosen):
            chosen.append(row)
            size += length
    model = _model(str(model_folder(context.inputs[config.model])))
    if not isinstance(model, LikelihoodModel):
        raise ConfigError(
            f"stage '{context.id}': this model's probabilities cannot be read; leave `heldout:` out"
        )
    scored = asyncio.run(model.log_likelihood([row["content"] for row in chosen]))
    nats = -sum(log_likelihood for log_likelihood, _ in scored)
    return {
        "value": round(bits_per_byte(nats, size), 4),
        "bytes": size,
        "files": len(chosen),
        "repositories": len({row["repo"] for row in chosen}),
    }
