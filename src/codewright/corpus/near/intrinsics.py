"""Four operations that numba has no name for, as LLVM IR; LLVM picks each machine's own instructions for them."""

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

_I8, _I64 = ir.IntType(8), ir.IntType(64)
_BLOCK = ir.VectorType(_I8, 64)


@intrinsic  # type: ignore[untyped-decorator]
def word_bits(_: Any, data: Any, at: Any) -> Any:
    """Return 64 bits for the 64 bytes from `at`: 1 for ASCII letters, digits, underscores and bytes from 0x80 up."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        block = _load(context, builder, signature, arguments, _BLOCK)

        def within(low: str, count: int, values: Any) -> Any:
            return builder.icmp_unsigned("<", builder.sub(values, _repeat(ord(low))), _repeat(count))

        letters = within("a", 26, builder.or_(block, _repeat(0x20)))
        found = builder.or_(letters, within("0", 10, block))
        found = builder.or_(found, builder.icmp_unsigned("==", block, _repeat(ord("_"))))
        found = builder.or_(found, builder.icmp_unsigned(">=", block, _repeat(0x80)))
        return builder.bitcast(found, _I64)

    return types.uint64(data, at), code


@intrinsic  # type: ignore[untyped-decorator]
def eight_bytes(_: Any, data: Any, at: Any) -> Any:
    """Return the eight bytes from `at`, the first lowest on machines that count so."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _load(context, builder, signature, arguments, _I64)

    return types.uint64(data, at), code


@intrinsic  # type: ignore[untyped-decorator]
def lowest_bit(_: Any, bits: Any) -> Any:
    """Return the place of the lowest bit that is set; 64 if there is none."""

    def code(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(bits), code


@intrinsic  # type: ignore[untyped-decorator]
def count_bits(_: Any, bits: Any) -> Any:
    """Return how many bits are set."""

    def code(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.int64(bits), code


def _load(context: Any, builder: Any, signature: Any, arguments: Any, wanted: Any) -> Any:
    """Read from an array of bytes at any address."""
    array = context.make_array(signature.args[0])(context, builder, arguments[0])
    place = builder.gep(array.data, [arguments[1]])
    return builder.load(builder.bitcast(place, wanted.as_pointer()), align=1, typ=wanted)


def _repeat(value: int) -> Any:
    return ir.Constant(_BLOCK, [value] * 64)
