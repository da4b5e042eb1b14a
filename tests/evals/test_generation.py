"""Generation: one answer a sample, the same whatever was killed, batched or served; nothing asked twice."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from codewright.core.errors import BackendError, ConfigError
from codewright.core.journal import Journal
from codewright.core.records import Answer, Message, Problem
from codewright.core.rng import stable_hash
from codewright.evals import generation
from codewright.evals.benchmark import Benchmark, load_benchmark
from codewright.evals.generation import describe, generate_answers
from codewright.models.backends.scripted import ScriptedModel
from codewright.models.model import Model, Reply, Sampling, open_model
from tests.models.endpoint import Asked, Said, all_at_once, error, reply, serving
from tests.models.served import transformers_serve
from tests.models.tiny_model import save_tiny_model

SAMPLING = Sampling(max_tokens=24, temperature=0.8, seed=7)
WORK = {"run": "test"}


def drills(count: int) -> list[Problem]:
    return load_benchmark("drills").problems(None)[:count]


def ask(
    model: Model,
    path: Path,
    problems: Sequence[Problem],
    *,
    n: int = 2,
    form: Any = "chat",
    sampling: Sampling = SAMPLING,
    benchmark: Benchmark | None = None,
    progress: list[int] | None = None,
) -> list[Answer]:
    """Generate into a journal, return the answers, checked to stand in order beside their problems."""
    benchmark = benchmark or load_benchmark("drills")
    journal = Journal(path, WORK)
    asking = generate_answers(
        benchmark, problems, model, form=form, n=n, sampling=sampling, journal=journal,
        on_progress=(progress if progress is not None else []).append,
    )  # fmt: skip
    try:
        pairs = asyncio.run(asking)
    finally:
        journal.close()
    assert [(pair[0].task_id, pair[1].sample_index) for pair in pairs] == [
        (problem.task_id, index) for problem in problems for index in range(n)
    ]
    assert all(problem.task_id == answer.task_id for problem, answer in pairs)
    return [answer for _, answer in pairs]


def echo(prompt: str, sampling: Sampling) -> str:
    """A model whose reply depends on prompt and seed alone."""
    return f"Sure.\n```python\nx = {stable_hash(prompt, sampling.seed)}\n```"


class Counted(ScriptedModel):
    """A scripted model that counts what it is asked, and fails for good after so many calls."""

    def __init__(self, calls_before_failing: int | None = None) -> None:
        super().__init__(echo, "counted")
        self.calls: list[list[str]] = []
        self.left = calls_before_failing

    async def complete(self, texts: Sequence[str], sampling: Sampling) -> list[Reply]:
        if self.left == 0:
            raise BackendError("counted: the server is gone")
        self.left = None if self.left is None else self.left - 1
        self.calls.append(list(texts))
        return await super().complete(texts, sampling)


def test_answers_hold_what_was_asked_said_and_taken_out(tmp_path: Path) -> None:
    progress: list[int] = []
    problems = drills(3)
    answers = ask(Counted(), tmp_path / "j", problems, progress=progress)
    first = answers[0]
    assert first.prompt == problems[0].meta["instruction"]
    assert first.form == "chat"
    assert first.finish_reason == "stop"
    assert first.response == echo(first.prompt, replace(SAMPLING, seed=stable_hash(SAMPLING.seed, 0)))
    found = load_benchmark("drills").extract(problems[0], first.response, "chat")
    assert (first.solution, first.how) == (found.solution, found.how)
    assert first.response.split("\n")[2] in first.solution
    assert answers[1].response == echo(first.prompt, replace(SAMPLING, seed=stable_hash(SAMPLING.seed, 1)))
    assert sum(progress) == 6


def test_completions_stop_where_the_benchmark_says_and_continue_the_prompt(tmp_path: Path) -> None:
    seen: list[Sampling] = []

    def script(prompt: str, sampling: Sampling) -> str:
        seen.append(sampling)
        return "    return 1\n\n\nprint(2)\n"

    module = ModuleType("stopping")
    module.__dict__.update(vars(load_benchmark("drills").module), STOPS=("\nclass",))
    benchmark = Benchmark("stopping", "", module)
    [answer] = ask(
        ScriptedModel(script), tmp_path / "j", drills(1), n=1, form="completion", benchmark=benchmark,
        sampling=replace(SAMPLING, stop=("\nif",)),
    )  # fmt: skip
    assert seen[0].stop == ("\nif", "\nclass")
    assert answer.solution.startswith(drills(1)[0].prompt)
    assert "print" not in answer.solution
    assert answer.form == "completion"


def test_batches_hold_at_most_so_many_and_no_prompt_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generation, "BATCH", 4)
    problems = drills(7)
    problems += [replace(problems[0], task_id="twin")]
    model = Counted()
    answers = ask(model, tmp_path / "j", problems, n=2)
    assert [len(call) for call in model.calls] == [4, 4, 4, 4]
    problems = [problems[0], problems[-1], *problems[1:3]]
    model = Counted()
    again = ask(model, tmp_path / "k", problems, n=2)
    assert [len(call) for call in model.calls] == [1, 3, 1, 3]
    by_task = {(answer.task_id, answer.sample_index): answer for answer in answers}
    assert again == [by_task[answer.task_id, answer.sample_index] for answer in again]


@pytest.mark.parametrize("calls", [0, 1, 4])
def test_a_failed_run_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, calls: int
) -> None:
    monkeypatch.setattr(generation, "BATCH", 4)
    problems = drills(9)
    whole = ask(Counted(), tmp_path / "whole", problems)
    with pytest.raises(BackendError, match="the server is gone"):
        ask(Counted(calls), tmp_path / "j", problems)
    model = Counted()
    progress: list[int] = []
    assert ask(model, tmp_path / "j", problems, progress=progress) == whole
    asked = sum(len(call) for call in model.calls)
    assert asked == 18 - sum([4, 4, 1, 4, 4, 1][:calls])
    assert sum(progress) == 18
    finished = Counted()
    assert ask(finished, tmp_path / "j", problems) == whole
    assert not finished.calls


def test_a_row_that_a_kill_cut_off_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generation, "BATCH", 1)
    problems = drills(5)
    whole = ask(Counted(), tmp_path / "j", problems, n=1)
    data = (tmp_path / "j").read_bytes()
    ends = [place for place, byte in enumerate(data) if byte == ord("\n")]
    for cut in (ends[2], ends[2] + 1, ends[2] + 30, ends[4] - 1, ends[1] // 2, 3):
        (tmp_path / "j").write_bytes(data[:cut])
        model = Counted()
        assert ask(model, tmp_path / "j", problems, n=1) == whole
        kept = max(0, data[:cut].count(b"\n") - 2)
        assert len(model.calls) == 5 - kept


def test_a_journal_of_other_settings_is_refused_and_names_them(tmp_path: Path) -> None:
    path = tmp_path / "j"
    ask(Counted(), path, drills(3))
    before = path.read_bytes()
    others: list[tuple[str, dict[str, Any]]] = [
        ("temperature was 0.8, is 0.1", {"sampling": replace(SAMPLING, temperature=0.1)}),
        ("seed was 7, is 8", {"sampling": replace(SAMPLING, seed=8)}),
        ("form was 'chat', is 'completion'", {"form": "completion"}),
        ("prompts was ", {"problems": drills(4)}),
        ("model was 'counted', is 'scripted'", {"model": ScriptedModel(echo)}),
    ]
    for said, change in others:
        options = {"model": Counted(), "problems": drills(3), **change}
        with pytest.raises(ConfigError, match=said) as caught:
            ask(options.pop("model"), path, options.pop("problems"), **options)
        assert "\n" not in str(caught.value)
    assert path.read_bytes() == before
    more = Counted()
    ask(more, path, drills(3), n=3)  # more samples of the same are no other settings
    assert len(more.calls) == 1


def test_a_form_that_the_model_does_not_have_leaves_nothing_in_the_way(tmp_path: Path) -> None:
    base = open_model(str(save_tiny_model(tmp_path / "base", positions=256, chat=False)))
    with pytest.raises(ConfigError, match="--form completion"):
        ask(base, tmp_path / "j", drills(2))
    assert len(ask(base, tmp_path / "j", drills(2), form="completion")) == 4


def two_steps() -> Benchmark:
    """A benchmark that asks for an explanation, then for code from it; of every second problem it wants no code."""

    def follow_up(problem: Problem, said: str) -> tuple[Message, ...] | None:
        return (Message("user", f"Write the code of: {said}"),) if problem.meta["number"] != "1" else None

    module = ModuleType("two_steps")
    module.__dict__.update(chat=lambda problem: (Message("user", problem.prompt),), follow_up=follow_up)
    return Benchmark("two_steps", "", module)


def explain(prompt: str, sampling: Sampling) -> str:
    return f"```\n{stable_hash(prompt, sampling.seed)}\n```"


def test_two_steps_are_asked_in_turn_and_resumed_in_between(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generation, "BATCH", 2)
    problems = [Problem("b", f"t{k}", f"Explain {k}.", "", "", "", meta={"number": str(k)}) for k in range(3)]
    benchmark = two_steps()
    progress: list[int] = []
    whole = ask(ScriptedModel(explain), tmp_path / "j", problems, benchmark=benchmark, progress=progress)
    assert sum(progress) == 6
    seed = replace(SAMPLING, seed=stable_hash(SAMPLING.seed, 0))
    explained = explain("Explain 0.", seed)
    assert whole[0].prompt == f"Write the code of: {explained}"
    assert whole[0].response == explain(whole[0].prompt, seed)
    assert whole[2].response == explain("Explain 1.", seed)
    lines = (tmp_path / "j").read_bytes().splitlines(keepends=True)
    steps = Counter(json.loads(line)["step"] for line in lines[2:])
    assert steps == {0: 6, 1: 4}
    for kept in range(2, len(lines)):
        (tmp_path / "j").write_bytes(b"".join(lines[:kept]))
        counted: list[str] = []

        def script(prompt: str, sampling: Sampling, counted: list[str] = counted) -> str:
            counted.append(prompt)
            return explain(prompt, sampling)

        assert ask(ScriptedModel(script), tmp_path / "j", problems, benchmark=benchmark) == whole
        assert len(counted) == len(lines) - kept
    with pytest.raises(ConfigError, match="second question"):
        ask(ScriptedModel(explain), tmp_path / "k", problems, benchmark=benchmark, form="completion")


def test_the_local_model_answers_alike_in_any_batch_and_after_any_kill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = open_model(str(save_tiny_model(tmp_path / "model", positions=512)))
    problems = drills(6)
    whole = ask(model, tmp_path / "whole", problems)
    assert len({answer.response for answer in whole}) == 12
    monkeypatch.setattr(generation, "BATCH", 1)
    assert ask(model, tmp_path / "single", problems) == whole
    monkeypatch.setattr(generation, "BATCH", 5)
    lines = (tmp_path / "whole").read_bytes().splitlines(keepends=True)
    (tmp_path / "cut").write_bytes(b"".join(lines[:2] + lines[4:9]))
    assert ask(model, tmp_path / "cut", problems) == whole


def test_describe_says_the_style(tmp_path: Path) -> None:
    folder = save_tiny_model(tmp_path / "model")
    model = open_model(str(folder))
    said = describe(model, "chat")
    assert (said["form"], said["model"]) == ("chat", f"hf:{folder}")
    assert said["chat_template"]["rendered"].startswith("<|im_start|>user\n")
    assert "chat_template" not in describe(model, "completion")
    served = open_model("openai:x", "http://localhost:1/v1")
    assert describe(served, "chat") == {
        "form": "chat", "model": "openai:x", "base_url": "http://localhost:1/v1", "chat_template": "the server's own",
    }  # fmt: skip
    assert "chat_template" not in describe(served, "completion")
    assert json.loads(json.dumps(said)) == said


def answer(asked: Asked) -> Said:
    """A server whose reply depends on prompt and seed alone, after a moment."""
    seed = asked.body.get("seed", 0)
    return replace(reply(asked, f"```python\nx = {stable_hash(asked.prompt, seed)}\n```"), after_s=0.02)


def requests(asked: Sequence[Asked]) -> Counter[tuple[str, int]]:
    return Counter((one.prompt, one.body["seed"]) for one in asked)


def test_a_server_gets_single_requests_up_to_the_concurrency(tmp_path: Path) -> None:
    problems = drills(20)
    with serving(all_at_once(6, answer)) as endpoint:
        model = open_model("openai:tiny", endpoint.url, concurrency=6)
        progress: list[int] = []
        answers = ask(model, tmp_path / "j", problems, progress=progress)
        assert endpoint.most_in_flight == 6
        assert len(endpoint.asked) == 40
        assert max(requests(endpoint.asked).values()) == 1
        endpoint.behaviour = answer
        alone = open_model("openai:tiny", endpoint.url, concurrency=1)
        assert ask(alone, tmp_path / "k", problems) == answers
    assert progress == [1] * 40


def test_a_server_that_fails_for_good_loses_nothing_that_came_back(tmp_path: Path) -> None:
    problems = drills(20)
    with serving(answer) as endpoint:
        whole = ask(open_model("openai:tiny", endpoint.url, 4), tmp_path / "whole", problems)
        endpoint.asked.clear()
        endpoint.behaviour = lambda asked: (
            answer(asked) if asked.number < 15 else error(429, "paid up", "insufficient_quota")
        )
        with pytest.raises(BackendError, match="paid up"):
            ask(open_model("openai:tiny", endpoint.url, 4), tmp_path / "j", problems)
        rows = (tmp_path / "j").read_bytes().count(b"\n") - 2
        assert rows == 15  # the failed ones end the run, those under way come home first
        assert len(endpoint.asked) <= 15 + 4
        endpoint.asked.clear()
        endpoint.behaviour = answer
        model = open_model("openai:tiny", endpoint.url, 4)
        resumed = ask(model, tmp_path / "j", problems)
        assert len(endpoint.asked) == 40 - rows
    assert resumed == whole


KILLED = """
import asyncio, sys
from pathlib import Path
from codewright.core.journal import Journal
from codewright.evals.benchmark import load_benchmark
from codewright.evals.generation import generate_answers
from codewright.models.model import Sampling, open_model

benchmark = load_benchmark("drills")
journal = Journal(Path(sys.argv[1]), {"run": "test"})
model = open_model("openai:tiny", sys.argv[2], 5)
sampling = Sampling(max_tokens=24, temperature=0.8, seed=7)
asyncio.run(generate_answers(
    benchmark, benchmark.problems(None)[:30], model, form="chat", n=2, sampling=sampling, journal=journal
))
"""


def test_a_killed_run_pays_at_most_what_was_under_way(tmp_path: Path) -> None:
    """SIGKILL at three moments of one run; the server counts."""
    problems = drills(30)
    path = tmp_path / "j"
    killed: list[int] = []
    with serving(answer) as endpoint:
        whole = ask(open_model("openai:tiny", endpoint.url, 5), tmp_path / "whole", problems)
        endpoint.asked.clear()
        for moment in (7, 23, 41):
            process = subprocess.Popen(
                [sys.executable, "-c", KILLED, str(path), endpoint.url], env={**os.environ}
            )

            def kill_then(asked: Asked, process: Any = process, moment: int = moment) -> Said:
                if asked.number >= moment and process.poll() is None:
                    process.send_signal(signal.SIGKILL)
                return answer(asked)

            endpoint.behaviour = kill_then
            assert process.wait(timeout=120) == -signal.SIGKILL
            killed.append(path.read_bytes().count(b"\n"))
        endpoint.behaviour = answer
        assert ask(open_model("openai:tiny", endpoint.url, 5), path, problems) == whole
        twice = sum(count - 1 for count in requests(endpoint.asked).values())
    assert killed == sorted(killed)
    assert (
        killed[-1] >= 2 + 41 - 3 * 5
    )  # two rows say what it is about; each kill may lose what was under way
    assert len(endpoint.asked) == 60 + twice
    assert twice <= 3 * 5


@pytest.mark.slow
def test_a_real_server_gives_the_answers_that_the_model_gives_here(tmp_path: Path) -> None:
    """Greedily, through `transformers serve`; also when the run through the server was cut off."""
    folder = save_tiny_model(tmp_path / "model", positions=512)
    problems, greedy = drills(24), Sampling(max_tokens=40)
    local = open_model(str(folder))
    with transformers_serve(folder, tmp_path / "log") as url:
        served = open_model(f"openai:{folder}", url, concurrency=4)
        for form in ("chat", "completion"):
            here = ask(local, tmp_path / f"here-{form}", problems, n=1, form=form, sampling=greedy)
            path = tmp_path / f"there-{form}"
            assert ask(served, path, problems, n=1, form=form, sampling=greedy) == here
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
            assert ask(served, path, problems, n=1, form=form, sampling=greedy) == here
            assert len({answer.response for answer in here}) > 12
