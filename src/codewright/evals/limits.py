"""How long an answer may run: by the reference's own time on this machine, so that a slow machine gives the same score.

CPU time decides; the wall limit only ends what sleeps, and is wide, so that a busy machine changes no verdict.
"""

import asyncio
from collections.abc import Mapping

from codewright.evals.benchmark import Run
from codewright.sandbox.job import Job, Limits

FACTOR = 10.0
"""CPU time of an answer to that of the reference. evalplus allows 4 (arXiv 2305.01210, section 3), per test and in wall time of
a machine nobody else uses; an answer of another kind than the reference may well take five times as long."""

FLOOR_CPU_S = 4.0
"""What every answer may take at least, on the machine where NOMINAL_S was measured."""

NOMINAL_S = 0.1
"""CPU seconds of CALIBRATION in the sandbox on one core of a server of 2024 (AMD EPYC), Python 3.11."""

CALIBRATION = "total = 0\nfor number in range(1_500_000):\n    total += number % 7\n"
_REPEATS = 3

REFERENCE_LIMITS = Limits(wall_s=300.0, cpu_s=60.0)
"""For references: nothing is known of their time yet."""

_WALL_PER_CPU = 4.0
_WALL_MORE_S = 10.0


async def measure_slowness(run: Run) -> float:
    """Return how much slower this machine is than the one FLOOR_CPU_S was chosen on; never below 1.

    run: bound to any limits. The quickest of some runs counts, since other load only adds.
    """
    job = Job("script", {"main.py": CALIBRATION}, limits=REFERENCE_LIMITS)
    results = await asyncio.gather(*(run(job) for _ in range(_REPEATS)))
    return max(1.0, min(result.cpu_s for result in results) / NOMINAL_S)


def limits_for(reference_s: float | None, slowness: float) -> Limits:
    """Return the limits of a problem whose reference took this much CPU time; None where it has no reference."""
    cpu_s = round(FLOOR_CPU_S * slowness + FACTOR * (reference_s or 0.0), 2)
    return Limits(cpu_s=cpu_s, wall_s=round(_WALL_PER_CPU * cpu_s + _WALL_MORE_S, 2))


def describe_limits(slowness: float, more: Mapping[str, str] | None = None) -> dict[str, object]:
    """Return the rule for scores.json. more: what the benchmark itself limits besides."""
    return {
        "cpu_s": f"{FLOOR_CPU_S:g} x slowness + {FACTOR:g} x the reference's",
        "wall_s": f"{_WALL_PER_CPU:g} x cpu_s + {_WALL_MORE_S:g}",
        **(more or {}),
        "slowness": round(slowness, 2),
    }
