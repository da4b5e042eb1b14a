"""The contract between stages and whatever runs their shards.

A task is a plain top-level function from one `Shard` to a small JSON result; it writes its files atomically under
`shard.out`. When it returns, the engine stores the result in the shard's marker, and a shard with a marker is not
done again. So the same function runs in a process pool, as a Ray task, or as one line of a Slurm job array.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from codewright.core.io import read_json, write_json
from codewright.core.manifest import WORK_FOLDER


@dataclass(frozen=True)
class Shard:
    """One unit of work. `inputs` are paths to read, `out` the stage's folder, `params` plain JSON values."""

    name: str
    out: str
    inputs: tuple[str, ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)


Task = Callable[[Shard], dict[str, Any]]

WarmUp = Callable[[], None]
"""Fills caches on disk that all workers read, such as compiled kernels, so that they do not each do it."""


class Engine(Protocol):
    """Runs tasks over shards; `map` is a barrier and returns the results in the order of the shards."""

    workers: int

    def map(
        self, task: Task, shards: Sequence[Shard], label: str, warm_up: WarmUp | None = None
    ) -> list[dict[str, Any]]:
        """Run every shard that has no marker. `warm_up` is called once before several workers start. Raises what a task raises; BackendError when a worker process dies twice."""
        ...


def marker_path(task: Task, shard: Shard) -> Path:
    """Return where a shard's completion marker stands."""
    return Path(shard.out) / WORK_FOLDER / "done" / task.__name__ / f"{shard.name}.json"


def run_shard(task: Task, shard: Shard) -> dict[str, Any]:
    """Run one shard unless its marker exists, and leave the marker; what every engine calls in its workers."""
    marker = marker_path(task, shard)
    if marker.exists():
        result: dict[str, Any] = read_json(marker)
        return result
    result = task(shard)
    write_json(marker, result)
    return result
