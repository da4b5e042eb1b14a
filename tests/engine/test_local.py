"""The local engine: order, markers, errors, and a worker that is killed."""

import gc
import os
import signal
from pathlib import Path
from typing import Any

import psutil
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
    with pytest.raises(
        BackendError, match=r"dying: worker processes ended twice .*killed \(out of memory\?\)"
    ):
        LocalEngine(2).map(die_always, shards(tmp_path, 2), "dying")


def pid(shard: Shard) -> dict[str, Any]:
    return {"pid": os.getpid()}


def pids(engine: LocalEngine, out: Path) -> set[int]:
    return {result["pid"] for result in engine.map(pid, shards(out, 8), "who")}


def test_workers_stay_from_pass_to_pass_and_end_with_the_engine(tmp_path: Path) -> None:
    engine = LocalEngine(2)
    first, second = pids(engine, tmp_path / "a"), pids(engine, tmp_path / "b")
    assert os.getpid() not in first
    assert len(first | second) <= 2
    alive = [psutil.Process(one) for one in first | second]
    del engine
    gc.collect()
    assert not psutil.wait_procs(alive, timeout=60)[1]


def test_a_worker_that_died_between_passes_costs_nothing(tmp_path: Path) -> None:
    engine = LocalEngine(2)
    first = pids(engine, tmp_path / "a")
    victims = [psutil.Process(one) for one in first]
    for one in victims:
        one.kill()
    psutil.wait_procs(victims, timeout=60)
    assert not first & pids(engine, tmp_path / "b")
    # The one death that is forgiven is still to come.
    (tmp_path / "c").mkdir()
    assert engine.map(die_once, shards(tmp_path / "c", 4), "dying") == [{"value": n} for n in range(4)]


@pytest.mark.parametrize(("count", "workers", "warmed"), [(3, 2, 1), (1, 2, 0), (3, 1, 0)])
def test_caches_are_filled_once_and_only_for_several_workers(
    tmp_path: Path, count: int, workers: int, warmed: int
) -> None:
    calls: list[str] = []
    engine = LocalEngine(workers)
    for _ in range(2):  # the second time nothing is left to do
        engine.map(square, shards(tmp_path, count), "squares", lambda: calls.append("warm"))
    assert len(calls) == warmed
