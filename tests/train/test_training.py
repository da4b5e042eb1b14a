"""Both loops: they learn, their counts add up, their folders load, and a killed run ends with the same bytes."""

import json
import math
import multiprocessing
import shutil
import signal
import time
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from codewright.core.config import build
from codewright.core.errors import ConfigError
from codewright.core.io import read_parquet
from codewright.core.manifest import Dataset, Manifest
from codewright.core.records import DOCUMENT_SCHEMA, SAMPLE_SCHEMA
from codewright.train.config import SftConfig
from codewright.train.optimizer import build_optimizers
from codewright.train.pretrain import build_model
from codewright.train.sft import masked_loss
from tests.train.conftest import TINY, TINY_SFT, Train, document, make_dataset, sample, stage_run

WEIGHTS = "model/model.safetensors"


def curve(out: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]


def sft_config(**changes: object) -> dict[str, object]:
    return {"rows": ["rows"], "base": "base", "replay": "corpus", **TINY_SFT, **changes}


@pytest.fixture(scope="module")
def sft_inputs(rows: Path, base_stage: Path, corpus: Path) -> dict[str, Path]:
    return {"rows": rows, "base": base_stage, "corpus": corpus}


@pytest.fixture(scope="module")
def sft_stage(tmp_path_factory: pytest.TempPathFactory, sft_inputs: dict[str, Path], train: Train) -> Path:
    out = tmp_path_factory.mktemp("stages") / "sft"
    train("sft", sft_config(), out, sft_inputs)
    return out


def test_pretraining_lowers_the_loss_and_says_what_it_did(base_stage: Path) -> None:
    points = curve(base_stage)
    assert [point["step"] for point in points] == list(range(1, 11))
    assert [point["tokens"] for point in points] == [128 * step for step in range(1, 11)]
    assert points[0]["loss"] == pytest.approx(math.log(400), rel=0.05)
    assert points[-1]["loss"] < points[0]["loss"] - 0.3
    details = Manifest.read(base_stage).details
    assert details["final_loss"] == points[-1]["loss"]
    assert (details["steps"], details["tokens"], details["metrics"]) == (10, 1280, "metrics.jsonl")
    assert details["dtype"] in {"bf16", "fp32"}


@pytest.mark.parametrize("stage", ["base_stage", "sft_stage"])
def test_saved_folders_load_with_auto_classes(stage: str, request: pytest.FixtureRequest) -> None:
    folder = request.getfixturevalue(stage) / "model"
    model = AutoModelForCausalLM.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert type(model).__name__ == "LlamaForCausalLM"
    assert model.get_input_embeddings().weight is model.get_output_embeddings().weight
    assert model.num_parameters() == Manifest.read(folder.parent).details["parameters"]
    ids = tokenizer("def f(x):", return_tensors="pt")
    assert torch.isfinite(model(**ids).logits).all()
    assert set(model.generation_config.eos_token_id) == set(
        tokenizer.convert_tokens_to_ids(["<|endoftext|>", "<|im_end|>"])
    )


def test_fine_tuning_changes_the_model_and_accounts_for_every_row(
    tmp_path: Path, sft_inputs: dict[str, Path], rows: Path, train: Train
) -> None:
    samples = [sample(f"say {number}", "word " * number) for number in range(1, 41)] + [sample("a", "b")] * 2
    other = make_dataset(tmp_path / "more", samples, SAMPLE_SCHEMA)
    config = sft_config(rows=["rows", "more"], max_tokens=60, tokens=None, epochs=1.0)
    manifest = train("sft", config, tmp_path / "out", {**sft_inputs, "more": other})
    counts = manifest.counts
    assert counts is not None
    assert counts.rows_in == 240 + 42 == counts.kept + sum(counts.dropped.values())
    assert counts.dropped["duplicate"] == 1
    assert counts.dropped["too_long"] > 5
    lost = list(Dataset(tmp_path / "out").rows("dropped"))
    assert len(lost) == sum(counts.dropped.values())
    assert {row["reason"] for row in lost} == {"duplicate", "too_long"}
    trained = read_parquet(tmp_path / "out" / "rows.parquet").to_pylist()
    known = {row["id"] for row in Dataset(rows).rows()} | {row.id for row in samples}
    too_long = {row["id"] for row in lost if row["reason"] == "too_long"}
    assert {row["id"] for row in trained} == known - too_long
    assert {row["times"] for row in trained} == {1}
    assert max(row["tokens"] for row in trained) <= 60
    before, after = (
        AutoModelForCausalLM.from_pretrained(folder / "model").model.norm.weight
        for folder in (sft_inputs["base"], tmp_path / "out")
    )
    assert not torch.equal(before, after)


def test_rows_that_no_step_reached_are_not_listed(
    tmp_path: Path, sft_inputs: dict[str, Path], train: Train
) -> None:
    manifest = train("sft", sft_config(tokens=1024), tmp_path / "out", sft_inputs)
    trained = read_parquet(tmp_path / "out" / "rows.parquet").to_pylist()
    assert manifest.counts is not None
    assert 0 < len(trained) == manifest.details["rows_trained"] < manifest.counts.kept
    assert (
        sum(row["tokens"] for row in trained) + manifest.details["replayed_tokens"]
        == manifest.details["tokens"]
    )


def test_a_row_of_another_shape_goes_to_quarantine(
    tmp_path: Path, sft_inputs: dict[str, Path], train: Train
) -> None:
    other = make_dataset(tmp_path / "documents", [document("x = 1\n" * 30)], DOCUMENT_SCHEMA)
    config = sft_config(rows=["rows", "documents"], tokens=512)
    manifest = train("sft", config, tmp_path / "out", {**sft_inputs, "documents": other})
    assert manifest.counts is not None
    assert (manifest.counts.quarantined, manifest.counts.rows_in) == (1, 241)
    [lost] = Dataset(tmp_path / "out").rows("quarantine")
    assert lost["reason"] == "not_a_sample"


def test_replay_is_part_of_the_gradient(
    tmp_path: Path, sft_stage: Path, sft_inputs: dict[str, Path], train: Train
) -> None:
    train(
        "sft", sft_config(replay=None), tmp_path / "out", {key: sft_inputs[key] for key in ("rows", "base")}
    )
    assert (tmp_path / "out" / WEIGHTS).read_bytes() != (sft_stage / WEIGHTS).read_bytes()
    assert Manifest.read(tmp_path / "out").details["replayed_tokens"] == 0
    assert Manifest.read(sft_stage).details["replayed_tokens"] == 10 * 4 * 32


def test_the_masked_loss_is_the_mean_over_learned_tokens_whatever_the_padding(base_stage: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(base_stage / "model")
    ids_BT = torch.tensor([[20, 30, 40, 50, 60], [21, 31, 41, 3, 3]])
    learned_BT = torch.tensor([[0, 0, 1, 0, 1], [0, 1, 1, 0, 0]], dtype=torch.bool)
    expected = []
    for ids, learned in (([20, 30, 40, 50, 60], [2, 4]), ([21, 31, 41], [1, 2])):
        logits_TV = model(input_ids=torch.tensor([ids])).logits[0].log_softmax(-1)
        expected += [-logits_TV[place - 1, ids[place]].item() for place in learned]
    assert masked_loss(model, ids_BT, learned_BT).item() == pytest.approx(sum(expected) / 4, rel=1e-5)


@pytest.mark.parametrize("name", ["muon", "adamw"])
def test_optimizers_hold_every_parameter_once(tokenizer_stage: Path, name: str) -> None:
    config = build(SftConfig, {"rows": ["r"], "base": "b", "optimizer": name, "weight_decay": 0.1}, "test")

    pretrain = stage_run("pretrain", {"corpus": "c", "tokenizer": "t", **TINY}, Path("unused"), {}).config
    model = build_model(pretrain, AutoTokenizer.from_pretrained(tokenizer_stage / "model"))
    groups = [group for optimizer in build_optimizers(model, config) for group in optimizer.param_groups]
    held = [id(parameter) for group in groups for parameter in group["params"]]
    assert sorted(held) == sorted(id(parameter) for parameter in model.parameters())
    decayed = {id(parameter) for group in groups if group["weight_decay"] for parameter in group["params"]}
    assert decayed == {id(p) for n, p in model.named_parameters() if ".layers." in n and p.dim() == 2}


def run_stage(name: str, config: dict[str, object], out: Path, inputs: dict[str, Path]) -> None:
    stage_run(name, config, out, inputs).execute()


def kill_during(name: str, config: dict[str, object], out: Path, inputs: dict[str, Path], rows: int) -> None:
    """Run a stage in a process of its own and SIGKILL it once it has logged this many rows."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["codewright.train.sft"])  # torch is imported once for all of them
    process = context.Process(target=run_stage, args=(name, config, out, inputs))
    process.start()
    deadline = time.monotonic() + 120
    metrics = out / "metrics.jsonl"
    while not (metrics.exists() and metrics.read_bytes().count(b"\n") >= rows):
        assert process.is_alive(), "the stage ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.002)
    process.kill()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert not (out / "manifest.json").exists()


@pytest.mark.parametrize("name", [pytest.param("pretrain", marks=pytest.mark.languages), "sft"])
def test_killed_twice_and_resumed_ends_with_the_same_bytes(
    name: str, tmp_path: Path, tokenizer_stage: Path, sft_inputs: dict[str, Path], train: Train
) -> None:
    inputs = (
        {"corpus": sft_inputs["corpus"], "tokenizer": tokenizer_stage} if name == "pretrain" else sft_inputs
    )
    config = {"corpus": "corpus", "tokenizer": "tokenizer", **TINY} if name == "pretrain" else sft_config()
    config |= {"tokens": 40 * (128 if name == "pretrain" else 512), "checkpoint_steps": 4}
    train(name, config, tmp_path / "whole", inputs)
    for rows in (6, 15):
        kill_during(name, config, tmp_path / "killed", inputs, rows)
    train(name, config, tmp_path / "killed", inputs)
    assert (tmp_path / "killed" / WEIGHTS).read_bytes() == (tmp_path / "whole" / WEIGHTS).read_bytes()
    expected, found = (
        [{**row, "seconds": 0} for row in curve(tmp_path / out)] for out in ("whole", "killed")
    )
    assert found == expected
    seconds = [row["seconds"] for row in curve(tmp_path / "killed")]
    assert seconds == sorted(seconds)
    assert not (tmp_path / "killed" / ".work").exists()


def test_another_seed_gives_another_model(
    tmp_path: Path, corpus: Path, tokenizer_stage: Path, base_stage: Path, train: Train
) -> None:
    inputs = {"corpus": corpus, "tokenizer": tokenizer_stage}
    config = {"corpus": "corpus", "tokenizer": "tokenizer", **TINY}
    train("pretrain", config, tmp_path / "same", inputs)
    train("pretrain", config, tmp_path / "other", inputs, seed=8)
    assert (tmp_path / "same" / WEIGHTS).read_bytes() == (base_stage / WEIGHTS).read_bytes()
    assert (tmp_path / "other" / WEIGHTS).read_bytes() != (base_stage / WEIGHTS).read_bytes()


def test_bad_input_is_one_line(
    tmp_path: Path, corpus: Path, tokenizer_stage: Path, sft_inputs: dict[str, Path], train: Train
) -> None:
    pretrain = {"corpus": "corpus", "tokenizer": "tokenizer", **TINY}
    small = make_dataset(tmp_path / "small", [document("x = 1\n")], DOCUMENT_SCHEMA)
    empty = make_dataset(tmp_path / "empty", [], DOCUMENT_SCHEMA)
    no_rows = make_dataset(tmp_path / "no_rows", [], SAMPLE_SCHEMA)
    cases = [
        ("pretrain", pretrain, {"corpus": small, "tokenizer": tokenizer_stage}, "one window needs 33"),
        ("pretrain", pretrain, {"corpus": empty, "tokenizer": tokenizer_stage}, "no documents"),
        ("pretrain", pretrain, {"corpus": corpus, "tokenizer": small}, "no tokenizer.json"),
        (
            "pretrain",
            {**pretrain, "heads": 5},
            {"corpus": corpus, "tokenizer": tokenizer_stage},
            "multiple of heads",
        ),
        ("sft", sft_config(), {**sft_inputs, "base": tokenizer_stage}, "no config.json"),
        ("sft", sft_config(), {**sft_inputs, "rows": no_rows}, "no rows to train on"),
        ("sft", sft_config(), {**sft_inputs, "corpus": small}, "one window needs 33"),
        ("sft", sft_config(epochs=2.0), sft_inputs, "either tokens or epochs"),
    ]
    for number, (name, config, inputs, message) in enumerate(cases):
        with pytest.raises(ConfigError, match=message) as caught:
            train(name, config, tmp_path / str(number), inputs)
        assert "\n" not in str(caught.value)


def test_damaged_weights_are_one_line(
    tmp_path: Path, sft_inputs: dict[str, Path], base_stage: Path, train: Train
) -> None:

    broken = shutil.copytree(base_stage, tmp_path / "broken")
    weights = broken / WEIGHTS
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ConfigError, match="cannot be loaded") as caught:
        train("sft", sft_config(), tmp_path / "out", {**sft_inputs, "base": broken})
    assert "\n" not in str(caught.value)


def test_a_diverging_run_stops(tmp_path: Path, corpus: Path, tokenizer_stage: Path, train: Train) -> None:
    config = {"corpus": "corpus", "tokenizer": "tokenizer", **TINY, "peak_lr": 1e30, "muon_lr": 1e30}
    with pytest.raises(ConfigError, match="lower peak_lr"):
        train("pretrain", config, tmp_path / "out", {"corpus": corpus, "tokenizer": tokenizer_stage})
