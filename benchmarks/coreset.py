"""How fast is k-center-greedy against the loop over scikit-learn's `pairwise_distances`, which WaveCoder's code runs?

    nice python benchmarks/coreset.py [--points 50000] [--width 384] [--picks 2000] [--rounds 2] [--only spread topics]

All get the same float32 points from a file, the same first pick, and take turns. The loop runs over float64, as WaveCoder's does (it
turns vectors into lists and back), and must pick the same, or this ends with an error; and over float32, where it rounds distances
that differ to the same number and picks some rows in another order: how many picks are others is printed. Seconds are of the picking alone: points are read and functions compiled before. CPU seconds are of all threads.
spread: unit vectors in every direction alike, where nothing can be left out for good reason; topics: around 300 directions, as
embeddings of code may lie. The peer gets an environment of its own from PyPI.
Prints Markdown. `--points 5000 --picks 200` takes seconds.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from measuring import CACHE, Contender, cpu_seconds, peer_python, say, table

OURS, PEER, PEER_SHORT = "codewright", "scikit-learn, float64", "scikit-learn, float32"
PEER_PACKAGES = ["scikit-learn==1.9.1", "numpy==2.4.6"]

TOPICS = 300
TOPIC_WEIGHT = 1.5
"""How far a topic's direction outweighs a point's own: cosines of about 0.7 within a topic."""

SEED = 2026


def make_points(kind: str, points: int, width: int) -> Any:
    """Draw unit vectors, float32 (points, width)."""
    import numpy as np

    rng = np.random.Generator(np.random.PCG64(SEED))
    drawn = rng.standard_normal((points, width), dtype=np.float32)
    if kind == "topics":
        directions = rng.standard_normal((TOPICS, width), dtype=np.float32)
        drawn += np.float32(TOPIC_WEIGHT) * directions[rng.integers(0, TOPICS, points)]
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def pick_by_loop(points: Any, k: int, first: int) -> Any:
    """Do what google/active-learning's kcenter_greedy.py does, which WaveCoder took over: one column of distances a pick."""
    import numpy as np
    from sklearn.metrics import pairwise_distances

    picks = [first]
    nearest = pairwise_distances(points, points[[first]])
    while len(picks) < k:
        picks.append(int(np.argmax(nearest)))
        nearest = np.minimum(nearest, pairwise_distances(points, points[picks[-1:]]))
    return np.array(picks)


def serve(name: str) -> None:
    """Be a contender: read orders (file, k, first), pick, answer."""
    import numpy as np

    if name == OURS:
        from codewright.synthesis.coreset import k_center_greedy as pick
    else:
        pick = pick_by_loop
    pick(np.ones((3, 2), np.float32), 2, 0)
    say({"ready": name})
    for line in sys.stdin:
        file, k, first = json.loads(line)
        points = np.load(file).astype(np.float64 if name == PEER else np.float32)
        cpu, wall = cpu_seconds(), time.monotonic()
        picks = pick(points, k, first)
        say(
            {
                "cpu": cpu_seconds() - cpu,
                "wall": time.monotonic() - wall,
                "picks": [int(row) for row in picks],
            }
        )


def compare(kind: str, options: argparse.Namespace, contenders: dict[str, Contender]) -> None:
    """Let them take turns over one kind of points; print what each took, and how many times ours that is."""
    import numpy as np

    costs: dict[str, list[tuple[float, float]]] = {name: [] for name in contenders}
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder, "points.npy"))
        np.save(file, make_points(kind, options.points, options.width))
        picked: dict[str, list[int]] = {}
        for _ in range(options.rounds):
            for name, contender in contenders.items():
                answer = contender.ask([file, options.picks, 0])
                costs[name].append((answer["cpu"], answer["wall"]))
                picked[name] = answer["picks"]
                if name in {OURS, PEER} and answer["picks"] != picked[OURS]:
                    raise SystemExit(f"{kind}: {name} picked other rows than {OURS}")
    middle = {
        name: [statistics.median(column) for column in zip(*found, strict=True)]
        for name, found in costs.items()
    }
    rows = []
    for name, (cpu, wall) in middle.items():
        ours_cpu, ours_wall = middle[OURS]
        rounds = ", ".join(f"{one:.2f}" for one, _ in costs[name])
        others = len(set(picked[OURS]) - set(picked[name]))
        moved = sum(a != b for a, b in zip(picked[OURS], picked[name], strict=True))
        rows.append([
            name, f"{cpu:.2f}", rounds, f"{wall:.2f}", f"{cpu / ours_cpu:.1f} x", f"{wall / ours_wall:.1f} x",
            others, moved,
        ])  # fmt: skip
    print(f"\n{kind}, {options.picks} of {options.points} x {options.width}:\n")
    names = [
        "",
        "CPU-s",
        "rounds",
        "wall s",
        "CPU, of ours",
        "wall, of ours",
        "other rows picked",
        "at other places",
    ]
    print(table(names, rows), flush=True)


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--points", type=int, default=50_000)
    parser.add_argument("--width", type=int, default=384)
    parser.add_argument("--picks", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--only", nargs="*", choices=["spread", "topics"], default=["spread", "topics"])
    parser.add_argument("--cache", type=Path, default=CACHE, help="environment of the peer")
    parser.add_argument("--serve", choices=[OURS, PEER, PEER_SHORT], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve)
        return
    peer = peer_python("scikit-learn", PEER_PACKAGES, options.cache)
    pythons = {OURS: sys.executable, PEER: peer, PEER_SHORT: peer}
    contenders = {
        name: Contender([python, __file__, "--serve", name]) for name, python in pythons.items() if python
    }
    for kind in options.only:
        compare(kind, options, contenders)
    for contender in contenders.values():
        contender.end()


if __name__ == "__main__":
    main()
