"""The local engine: order, markers, errors, and a worker that is killed."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from codewright.core.errors import BackendError, ConfigError
from codewright.engine.engine import Shard, marker_path
from codewright.engine.local import LocalEngine


def shards(out: Path, count: int) -> list[Shard]:
    return [Shard(f"part-{number:05d}", str(out), (), {"n": number}) for number in range(count)]


def square(shard: Shard) -> dict[str, Any]:
    with (Path(shard.out) / f"ran-{shard.name}").open("a") as file:
        file.write("x")
    return {"value": shard.params["n"] ** 2}


def fail_on_two(shard: Shard) -> dict[str, Any]:
    if shard.params["n"] == 2:
        raise ConfigError("two is wrong")
    return {"value": shard.params["n"]}


def die_once(shard: Shard) -> dict[str, Any]:
    flag = Path(shard.out) / "died"
    if shard.params["n"] == 1 and not flag.exists():
        flag.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return {"value": shard.params["n"]}


def die_always(shard: Shard) -> dict[str, Any]:
    os.kill(os.getpid(), signal.SIGKILL)
    return {}


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_the_order_of_shards_and_are_not_made_twice(tmp_path: Path, workers: int) -> None:
    engine = LocalEngine(workers)
    expected = [{"value": number**2} for number in range(5)]
    assert engine.map(square, shards(tmp_path, 5), "squares") == expected
    assert engine.map(square, shards(tmp_path, 5), "squares") == expected
    assert all((tmp_path / f"ran-part-{number:05d}").read_text() == "x" for number in range(5))


def test_an_error_keeps_what_is_done(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="two is wrong"):
        LocalEngine(1).map(fail_on_two, shards(tmp_path, 4), "failing")
    assert marker_path(fail_on_two, shards(tmp_path, 4)[1]).exists()
    assert not marker_path(fail_on_two, shards(tmp_path, 4)[2]).exists()
    with pytest.raises(ConfigError, match="two is wrong"):
        LocalEngine(2).map(fail_on_two, shards(tmp_path, 4), "failing")


def test_a_killed_worker_is_replaced_once(tmp_path: Path) -> None:
    results = LocalEngine(2).map(die_once, shards(tmp_path, 4), "dying")
    assert results == [{"value": number} for number in range(4)]


def test_a_worker_that_always_dies_is_reported(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="killed twice"):
        LocalEngine(2).map(die_always, shards(tmp_path, 2), "dying")
