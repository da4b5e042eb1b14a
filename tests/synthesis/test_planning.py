"""What a run will cost, said from its first seeds: within a fifth of what it then does cost, and nothing is paid twice."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from codewright.core.manifest import Dataset
from tests.models.endpoint import Asked, Said, reply, serving
from tests.synthesis.test_served_teacher import Synth, answer, corpus, times_asked  # noqa: F401

Make = Callable[..., Synth]


def long_and_short(asked: Asked) -> Said:
    """Replies of very varied length: a tenth is ten times as long."""
    said = json.loads(answer(asked).body)
    text = said["choices"][0]["message"]["content"] or ""
    return reply(asked, text + "\n\nmore words " * (300 if len(asked.prompt) % 10 == 0 else 0))


@pytest.mark.parametrize("behaviour", [answer, long_and_short])
def test_the_estimate_is_near_what_the_run_costs(
    behaviour: Callable[[Asked], Said],
    corpus: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    with serving(behaviour) as server:
        synth = Synth(corpus, tmp_path, server)
        said = synth.run(150, "--plan", 48, "--price-in", 1, "--price-out", 2)
        assert said.returncode == 0, said.stderr
        assert not synth.out.exists()
        sampled = len(server.asked)
        assert 30 <= sampled <= 48
        assert synth.run(150, "--price-in", 1, "--price-out", 2).returncode == 0
        assert max(times_asked(server).values()) == 1
    details = Dataset(synth.out).manifest.details
    words = said.stdout.replace("│", " ").replace(",", "").split()
    tokens_in, tokens_out = (int(words[words.index(name) - 1]) for name in ("in", "out"))
    bodies = [asked.body for asked in server.asked]
    real_in = sum(len(body["messages"][-1]["content"].split()) for body in bodies)
    assert real_in * 0.8 <= tokens_in <= real_in * 1.2
    real = details["spent"]["tokens_in"] + details["spent"]["tokens_out"]
    first = sum(
        json.loads(behaviour(asked).body)["usage"][kind]
        for asked in server.asked[:sampled]
        for kind in ("prompt_tokens", "completion_tokens")
    )
    assert tokens_in + tokens_out == pytest.approx(real + first, rel=0.2)
