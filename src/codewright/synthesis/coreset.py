"""Choosing raw code that differs as much as possible: k-center-greedy over embeddings.

Each pick is the point farthest from all picks before it. Source: Sener & Savarese 2018, "Active Learning for Convolutional
Neural Networks: A Core-Set Approach", Algorithm 1 (Gonzalez 1985 for the bound of twice the best radius); WaveCoder, section on
CodeOcean's raw code (arXiv 2312.14187), chooses its code so.

A point's distance to its nearest pick only falls, so what was measured earlier bounds what it is now. Only points whose bound is
the largest are measured again, against the picks they have not seen; the others wait in a heap, most of them for good. The picks
are those of the loop that measures every point for every pick.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

from codewright.core.compiling import compiled
from codewright.core.errors import ConfigError
from codewright.core.rng import rng_for

Points = NDArray[np.float32]
Distances = NDArray[np.float64]
Ints = NDArray[np.int64]
Shorts = NDArray[np.int32]

_F32, _F64, _I32, _I64 = ir.FloatType(), ir.DoubleType(), ir.IntType(32), ir.IntType(64)

_LANES = 16
"""Numbers that a step adds at once: two registers of AVX-512, four of AVX2, each with a sum of its own."""
_STEPS = 2
"""Steps under way at once, so that an addition does not wait for the one before."""

_PICKED = -1.0
"""Distance of what is picked already: below every other."""


def k_center_greedy(points: Points, k: int, first: int | None = None, seed: int = 0) -> Ints:
    """Pick k rows greedily, each the farthest from its nearest pick; ties go to the smallest index.

    points: (n, d), every number finite; Euclidean distance, summed in float64 in an order that is the same on all machines.
    first: the first pick; None draws it from `seed`.
    Returns the picked rows' indices in order of picking; all n where k is larger. Where all that is left equals a pick (distance 0),
    it goes on in the order of the indices, so that k distinct rows come in any case.
    Cost: at worst n * k distances; memory besides the points 16 bytes a point and k * d numbers.
    Raises: ConfigError for other shapes, numbers that are not finite, a negative k, or a first pick that is no row.
    Differs: WaveCoder's released code (src/data/raw_code_collection/main.py) writes the first k rows of its input instead of the
    picked ones, and begins with row 0 whatever its seed is.
    """
    points = np.ascontiguousarray(points, np.float32)
    if points.ndim != 2:
        raise ConfigError(f"k-center-greedy: points have the shape {points.shape}; give rows and columns")
    if k < 0:
        raise ConfigError(f"k-center-greedy: cannot pick {k} rows")
    rows = len(points)
    if first is not None and not 0 <= first < rows:
        raise ConfigError(f"k-center-greedy: the first pick, row {first}, is none of the {rows} rows")
    strange = _first_strange(points)
    if strange >= 0:
        raise ConfigError(
            f"k-center-greedy: row {strange} holds a number that is not finite; leave it out or embed it again"
        )
    if k == 0 or rows == 0:
        return np.zeros(0, np.int64)
    start = rng_for(seed, "k-center-greedy", "first").randrange(rows) if first is None else first
    return _pick(points, min(k, rows), start)


@intrinsic  # type: ignore[untyped-decorator]
def _squared_distance(_: Any, left: Any, _i: Any, right: Any, _j: Any) -> Any:
    """Return the squared distance of left[_i] and right[_j], rows of C-contiguous float32 arrays of equal width.

    Written as LLVM IR because numba either adds one number after the other or leaves the order to each machine's vectors.
    """

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        arrays = [context.make_array(signature.args[at])(context, builder, arguments[at]) for at in (0, 2)]
        width = builder.extract_value(arrays[0].shape, 1)
        rows = [
            builder.gep(array.data, [builder.mul(arguments[at], width)])
            for array, at in zip(arrays, (1, 3), strict=True)
        ]
        return _sum_of_squares(builder, rows, width)

    return types.float64(left, types.int64, right, types.int64), code


def _sum_of_squares(builder: Any, rows: list[Any], width: Any) -> Any:
    """Write the loop over blocks with a vector of sums for each step, then the one over what is left."""
    block, wide = _number(_LANES * _STEPS), ir.VectorType(_F64, _LANES)
    sums = [cgutils.alloca_once(builder, wide) for _ in range(_STEPS)]
    for one in sums:
        builder.store(ir.Constant(wide, [0.0] * _LANES), one)
    blocks = builder.udiv(width, block)
    with cgutils.for_range(builder, blocks) as loop:
        for step, one in enumerate(sums):
            at = builder.add(builder.mul(loop.index, block), _number(step * _LANES))
            _add_square(builder, rows, at, one, _LANES)
    total = cgutils.alloca_once(builder, _F64)
    builder.store(_fold(builder, [builder.load(one, typ=wide) for one in sums]), total)
    with cgutils.for_range(builder, width, start=builder.mul(blocks, block)) as loop:
        _add_square(builder, rows, loop.index, total, 1)
    return builder.load(total, typ=_F64)


def _add_square(builder: Any, rows: list[Any], at: Any, total: Any, lanes: int) -> None:
    """Add the squared differences of what stands from one place on to as many sums, in float64 and rounded once."""
    narrow = ir.VectorType(_F32, lanes) if lanes > 1 else _F32
    wide = ir.VectorType(_F64, lanes) if lanes > 1 else _F64
    values = []
    for row in rows:
        place = builder.bitcast(builder.gep(row, [at]), narrow.as_pointer())
        values.append(builder.fpext(builder.load(place, align=4, typ=narrow), wide))
    difference = builder.fsub(*values)
    name = f"llvm.fma.v{lanes}f64" if lanes > 1 else "llvm.fma.f64"
    fma = cgutils.get_or_insert_function(builder.module, ir.FunctionType(wide, [wide] * 3), name)
    builder.store(builder.call(fma, [difference, difference, builder.load(total, typ=wide)]), total)


def _fold(builder: Any, sums: list[Any]) -> Any:
    """Add up vectors, halving them until one number is left."""
    total = sums[0]
    for other in sums[1:]:
        total = builder.fadd(total, other)
    lanes = _LANES
    while lanes > 1:
        lanes //= 2
        halves = [
            builder.shuffle_vector(total, total, ir.Constant(ir.VectorType(_I32, lanes), list(half)))
            for half in (range(lanes), range(lanes, 2 * lanes))
        ]
        total = builder.fadd(*halves)
    return builder.extract_element(total, ir.Constant(_I32, 0))


def _number(value: int) -> Any:
    return ir.Constant(_I64, value)


@compiled
def _first_strange(points: Points) -> int:
    """Return the first row that holds NaN or an infinity, or -1."""
    for i in range(points.shape[0]):
        zero = np.float32(0)
        for j in range(points.shape[1]):
            zero += points[i, j] * np.float32(0)  # NaN for these only
        if zero != 0:
            return i
    return -1


@compiled
def _pick(points: Points, k: int, first: int) -> Ints:
    """Pick k of the rows, which are not fewer."""
    rows = len(points)
    picks = np.empty(k, np.int64)
    centers = np.empty((k, points.shape[1]), np.float32)  # side by side: rows of `points` lie far apart
    bounds = np.empty(rows, np.float64)
    seen = np.ones(rows, np.int32)  # how many picks each bound knows
    heap = np.arange(rows).astype(np.int32)
    picks[0] = first
    centers[0] = points[first]
    for i in range(rows):
        bounds[i] = _squared_distance(points, i, centers, 0)
    bounds[first] = _PICKED
    for place in range(rows // 2 - 1, -1, -1):
        _sink(heap, bounds, place)
    for count in range(1, k):
        top = heap[0]
        while seen[top] < count and bounds[top] > 0:
            bounds[top] = min(bounds[top], _nearest(points, top, centers, seen[top], count))
            seen[top] = count
            _sink(heap, bounds, 0)
            top = heap[0]
        picks[count] = top
        centers[count] = points[top]
        bounds[top] = _PICKED
        _sink(heap, bounds, 0)
    return picks


@compiled
def _nearest(points: Points, row: int, centers: Points, low: int, high: int) -> float:
    """Return the squared distance of a row from the nearest of centers[low:high]."""
    least = np.inf
    for center in range(low, high):
        least = min(least, _squared_distance(points, row, centers, center))
    return least


@compiled
def _sink(heap: Shorts, bounds: Distances, place: int) -> None:
    """Move an entry down to where it belongs: larger bounds above, of equal ones the smaller index."""
    entry = heap[place]
    bound = bounds[entry]
    while 2 * place + 1 < len(heap):
        child = 2 * place + 1
        other = child + 1
        if other < len(heap):
            x, y = heap[child], heap[other]
            if bounds[y] > bounds[x] or (bounds[y] == bounds[x] and y < x):
                child = other
        lower = heap[child]
        if bound > bounds[lower] or (bound == bounds[lower] and entry < lower):
            break
        heap[place] = lower
        place = child
    heap[place] = entry
