"""The guest's own parts: the system call filter on both architectures, and the plain-data codec."""

import errno
import json
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codewright.sandbox.exchange import memory_file
from codewright.sandbox.guest import plain, seccomp

ALLOW, KILL, ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}


def answer(machine: str, number: int, arguments: tuple[int, ...] = (), audit: int | None = None) -> int:
    """Run the filter as the kernel would: the five instructions it uses, over `struct seccomp_data`."""
    values = [*arguments, *[0] * (6 - len(arguments))]
    data = struct.pack("<iIQ6Q", number, MACHINES[machine][1] if audit is None else audit, 0, *values)
    program = list(struct.iter_unpack("HBBI", seccomp.build_filter(machine)))
    position = accumulator = 0
    while True:
        code, if_true, if_false, value = program[position]
        position += 1
        if code == 0x06:
            return int(value)
        if code == 0x20:
            (accumulator,) = struct.unpack_from("<I", data, value)
        else:
            held = {0x15: accumulator == value, 0x35: accumulator >= value, 0x45: bool(accumulator & value)}[
                code
            ]
            position += if_true if held else if_false


@pytest.mark.parametrize("machine", MACHINES)
def test_the_filter_refuses_what_it_lists_and_nothing_else(machine: str) -> None:
    column = MACHINES[machine][0]
    denied = {numbers[column] for numbers in seccomp.DENIED.values()}
    absent = {numbers[column] for numbers in seccomp.ABSENT.values()}
    for number in range(460):
        expected = ALLOW
        if number in denied:
            expected = ERRNO | errno.EPERM
        elif number in absent:
            expected = ERRNO | errno.ENOSYS
        assert answer(machine, number) == expected, number


@pytest.mark.parametrize(
    ("machine", "clone", "unshare", "socket", "ioctl"),
    [("x86_64", 56, 272, 41, 16), ("aarch64", 220, 97, 198, 29)],
)
def test_the_filter_looks_at_arguments(
    machine: str, clone: int, unshare: int, socket: int, ioctl: int
) -> None:
    new_user = 0x10000000
    assert answer(machine, clone, (new_user | 17,)) == ERRNO | errno.EPERM
    assert answer(machine, clone, (17,)) == ALLOW
    assert answer(machine, unshare, (new_user,)) == ERRNO | errno.EPERM
    assert answer(machine, unshare, (0x20020000,)) == ALLOW
    for family in range(64):
        allowed = family in (0, 1, 2, 10)
        assert (answer(machine, socket, (family,)) == ALLOW) == allowed, family
    assert answer(machine, ioctl, (0, 0x5412)) == ERRNO | errno.EPERM
    assert answer(machine, ioctl, (0, 0x541C)) == ERRNO | errno.EPERM
    assert answer(machine, ioctl, (0, 0x5413)) == ALLOW


def test_the_filter_kills_other_architectures_and_refuses_x32() -> None:
    for machine in MACHINES:
        assert answer(machine, 0, audit=0x40000003) == KILL  # AUDIT_ARCH_I386
    assert answer("x86_64", 0x40000000 | 101) == ERRNO | errno.ENOSYS


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
hashable = st.recursive(scalars, lambda inner: st.tuples(inner, inner) | st.frozensets(inner), max_leaves=5)
data = st.recursive(
    scalars | st.complex_numbers(allow_nan=False),
    lambda inner: st.lists(inner) | st.tuples(inner) | st.dictionaries(hashable, inner) | st.sets(hashable),
    max_leaves=20,
)


def same(left: object, right: object) -> bool:
    """Equal, and of the same types all the way down (1 == True == 1.0 otherwise); sets have no order to compare by."""
    if type(left) is not type(right):
        return False
    if isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return same(list(left.items()), list(right.items()))
    if isinstance(left, (set, frozenset)):
        return left == right
    return repr(left) == repr(right)


@settings(deadline=None)
@given(data)
def test_plain_data_survives_the_crossing(value: object) -> None:
    assert same(plain.from_json(json.loads(json.dumps(plain.to_json(value)))), value)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from("tdsfbacrx"), inner),
)


@settings(deadline=None)
@given(json_values)
def test_hostile_data_is_refused_or_plain(value: object) -> None:
    try:
        read = plain.from_json(value)
    except plain.NotPlainError:
        return
    plain.to_json(read)


@given(st.binary(max_size=64))
def test_hostile_messages_are_refused(raw: bytes) -> None:
    fd = memory_file(raw)
    with open(fd, "rb", closefd=True):  # noqa: PTH123
        try:
            plain.receive(fd)
        except (EOFError, plain.NotPlainError):
            return
        (length,) = struct.unpack("<I", raw[:4])
        assert json.loads(raw[4 : 4 + length]) is not Ellipsis


@pytest.mark.parametrize(
    "value", [object(), len, type("L", (list,), {})(), {1: [{2: object}]}, type("I", (int,), {})(1)]
)
def test_anything_else_does_not_cross(value: object) -> None:
    with pytest.raises(plain.NotPlainError):
        plain.to_json(value)


def test_endless_nesting_does_not_cross() -> None:
    loop: list[object] = []
    loop.append(loop)
    with pytest.raises(plain.NotPlainError, match="deep"):
        plain.to_json(loop)
