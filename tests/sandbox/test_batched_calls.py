"""`check_each`: many calls over one crossing give the verdict that calls one by one would, and no answer can forge it."""

import json
import marshal
import sys
from collections import Counter, OrderedDict
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codewright.sandbox.guest import pieces
from codewright.sandbox.guest.plain import NotPlainError
from codewright.sandbox.guest.pure import is_pure
from codewright.sandbox.job import Job, Limits, Mode, Result
from tests.sandbox.needs import skip_without_runsc
from tests.sandbox.opened import Opened
from tests.sandbox.test_guest import data, same

CHECKED: tuple[Mode, ...] = ("split", "inproc")
SHORT = Limits(wall_s=20.0, cpu_s=2.0)
LONG_ROW = list(range(1_000))


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Opened]:
    with Opened() as opened:
        yield opened


def expected(*values: Any) -> str:
    """What `record_each` finds for a solution with these outputs."""
    return pieces.pack([pieces.write_piece(value, spelled=True).piece for value in values])


def job(
    mode: Mode,
    solution: str,
    calls: list[list[Any]],
    right: str,
    *,
    more: str = "",
    rule: str = "same = None",
) -> Job:
    tests = (
        f"{rule}\nCALLS = {pieces.pack(calls)!r}\nRIGHT = {right!r}\ncheck_each(CALLS, RIGHT, same{more})\n"
    )
    return Job(mode, {"solution.py": solution}, entry_point="solve", tests=tests, limits=SHORT)


def run(sandbox: Opened, mode: Mode, body: str, outputs: list[Any], **options: Any) -> Result:
    """Call `solve(x)` with 0, 1, ...; expect these outputs."""
    calls = [[number] for number in range(len(outputs))]
    return sandbox.run(job(mode, f"def solve(x):\n{body}", calls, expected(*outputs), **options))


# --------------------------------------------------------------------------------------------------------------- pieces


@settings(deadline=None)
@given(data)
def test_a_piece_is_read_as_the_value_it_was(value: object) -> None:
    piece = pieces.write_piece(value).piece
    if piece[:1] != pieces.LONG:
        assert same(pieces.read_value(piece), value)
        with patch.dict(sys.modules):
            sys.modules.pop("numpy", None)
            assert pieces.write_short(value) == piece


@settings(deadline=None)
@given(st.binary(max_size=80))
def test_bytes_that_anyone_wrote_are_refused_or_plain(raw: bytes) -> None:
    try:
        value = pieces.read_value(raw)
    except NotPlainError:
        return
    assert pieces.write_piece(value).piece[:1] != pieces.OPAQUE


@pytest.mark.parametrize(
    "raw",
    [
        marshal.dumps(compile("1", "x", "exec")),
        marshal.dumps([...], 2),
        marshal.dumps(StopIteration, 2),
        marshal.dumps(("shared",) * 2, 4),
        b"<\x01\x00\x00\x00[\x00\x00\x00\x00",
        b"[\xff\xff\xff\x7fN",
        b"u\xff\xff\xff\xff",
        b"l\x00\x00\x00\x80",
        b"[\x01\x00\x00\x00" * 300 + b"N",
        b"{NN",
        b"NN",
        b"",
    ],
)
def test_code_references_and_lies_about_length_are_not_read(raw: bytes) -> None:
    with pytest.raises(NotPlainError):
        pieces.read_value(raw)


def test_integers_of_any_size_survive() -> None:
    for size in (0, 1, 15, 16, 31, 32, 63, 64, 1_000):
        for number in (2**size, 2**size - 1, -(2**size)):
            assert pieces.read_value(pieces.write_piece(number).piece) == number


EQUAL = [
    (1, 1.0),
    (0.0, -0.0),
    (True, 1),
    (2**70, float(2**70)),
    (1j - 1j, 0),
    ([1, (2.0, {3: [4]})], [1.0, (2, {3.0: [True + 3]})]),
    ({1, 2, 3}, frozenset({3, 2.0, 1})),
    ({"a": 1, "b": 2}, {"b": 2.0, "a": 1.0}),
]
UNEQUAL = [
    ([1], (1,)),
    ("1", 1),
    ({1}, [1]),
    ({}, set()),
    ({1: 2}, {2: 1}),
    (b"a", "a"),
    ([[1], 2], [1, [2]]),
    (None, False),
    (1.5, 1),
]


@pytest.mark.parametrize(("one", "other"), EQUAL)
def test_equal_values_are_spelled_alike(one: object, other: object) -> None:
    assert one == other
    assert pieces.spelling(one) == pieces.spelling(other)


@pytest.mark.parametrize(("one", "other"), UNEQUAL)
def test_other_values_are_not(one: object, other: object) -> None:
    assert one != other
    assert pieces.spelling(one) != pieces.spelling(other)


def test_a_row_written_in_parts_has_the_digest_of_the_whole() -> None:
    for row in (list(range(10_000)), tuple(map(str, range(9_000)))):
        written = pieces.write_piece(row, room=1 << 20, spelled=True)
        assert written.whole == marshal.dumps(row, 2)
        assert written.piece[: pieces.LONG_PIECE_BYTES] == pieces.write_piece(row).piece
        assert (
            written.piece[pieces.LONG_PIECE_BYTES :]
            == pieces.spelling(row)
            == pieces.spelling_of(written.whole)
        )
        assert pieces.write_piece(row, room=1_000).whole == b""


def test_what_is_no_plain_data_says_so() -> None:
    assert pieces.write_piece(iter(())).piece == b"?tuple_iterator"
    assert pieces.write_piece([object()]).piece == b"?list"
    assert pieces.write_piece(type("Yes", (int,), {})(1)).piece == b"?Yes"
    for value in (Counter("aab"), OrderedDict(a=2, b=1)):
        assert pieces.read_value(pieces.write_piece(value).piece) == {"a": 2, "b": 1}


def test_packed_text_survives_and_is_read_safely() -> None:
    rows = [[1, "a"], [{"k": (1, None)}]]
    text = pieces.pack(rows)
    assert pieces.unpack(text) == pieces.unpack_safely(text, 1_000) == rows
    for bad, most in ((text, 10), (text[:-8], 1_000), ("!", 1_000), (pieces.pack([0] * 10_000), 1_000)):
        with pytest.raises(NotPlainError):
            pieces.unpack_safely(bad, most)
    with pytest.raises(ValueError, match="unmarshallable"):
        pieces.pack([object()])


def test_with_numpy_about_its_numbers_are_not_taken_for_bytes() -> None:
    numpy = pytest.importorskip("numpy")
    assert "numpy" in sys.modules
    assert pieces.write_piece(numpy.int64(5)).piece == b"?int64"
    assert pieces.write_piece([numpy.float64(0.5)]).piece == b"?list"
    assert pieces.read_value(pieces.write_piece([1, {2: 3.5}, "x"]).piece) == [1, {2: 3.5}, "x"]


# ------------------------------------------------------------------------------------------------------------- verdicts


@pytest.mark.parametrize("mode", CHECKED)
@pytest.mark.parametrize(
    ("body", "outputs", "ending"),
    [
        ("    return x + 1", [1, 2, 3], ("passed", "")),
        ("    return float(x)", [0, 1, 2], ("passed", "")),
        ("    return [x] * 3_000", [[0.0] * 3_000, [True] * 3_000], ("passed", "")),
        ("    return 'a' * 9_000 + str(x)", ["a" * 9_000 + "0", "a" * 9_000 + "1"], ("passed", "")),
        ("    return {2: x, 1: x}", [{1: 0, 2: 0}], ("passed", "")),
        ("    from collections import Counter\n    return Counter({x: 1})", [{0: 1}], ("passed", "")),
        ("    print('x' * 1_000_000)\n    return x", [0, 1], ("passed", "")),
        ("    return x % 2", [0, 1, 2], ("failed", "AssertionError: call 2: 0, expected 2")),
        ("    return [x] * 3_000", [[1] * 3_000], ("failed", "AssertionError: call 0: a long value, expected a long value")),
        ("    return [x] * 3_000", [[0] * 2], ("failed", "AssertionError: call 0: a long value, expected [0, 0]")),
        ("    return [x]", [[0] * 3_000], ("failed", "AssertionError: call 0: [0], expected a long value")),
        ("    return 6 // (1 - x)", [6, 7], ("error", "CallError: call 1: ZeroDivisionError: integer division or modulo by zero")),
        ("    assert x < 1, 'no'\n    return x", [0, 1], ("failed", "AssertionError: call 1: AssertionError: no")),
        ("    while x: pass", [None, None], ("error", "CallError: call 1: TimeUpError: ran longer than 0.2 s of CPU")),
        ("    raise SystemExit", [0], ("exited_early", "SystemExit")),
        ("    raise KeyboardInterrupt", [0], ("error", "CallError: call 0: KeyboardInterrupt")),
        ("    return bytearray(8 << 30)", [0], ("memory_limit", "MemoryError: call 0: MemoryError")),
    ],
)  # fmt: skip
def test_verdicts_say_which_call(
    sandbox: Opened, mode: Mode, body: str, outputs: list[Any], ending: tuple[str, str]
) -> None:
    result = run(sandbox, mode, body, outputs, more=", seconds=0.2")
    assert (result.status, result.detail) == ending
    assert result.forgeable == (mode == "inproc")


@pytest.mark.parametrize("mode", CHECKED)
def test_swallowing_the_end_of_its_time_buys_none(sandbox: Opened, mode: Mode) -> None:
    once = "    try:\n        while True: pass\n    except BaseException: pass\n    while True: pass"
    ever = "    while True:\n        try:\n            while True: pass\n        except BaseException: pass"
    stopped, ended = (run(sandbox, mode, body, [None], more=", seconds=0.2") for body in (once, ever))
    assert "call 0: TimeUpError" in stopped.detail
    assert ended.status in ("timeout", "error")  # the exception may come just where it is not swallowed


@pytest.mark.parametrize("mode", CHECKED)
def test_a_missing_entry_point_is_the_first_calls_failure(sandbox: Opened, mode: Mode) -> None:
    result = sandbox.run(job(mode, "x = 1\n", [[1]], expected(1)))
    assert (result.status, result.detail) == (
        "error",
        "CallError: call 0: NameError: name 'solve' is not defined",
    )


@pytest.mark.parametrize("mode", CHECKED)
def test_what_later_calls_do_to_an_output_does_not_count(sandbox: Opened, mode: Mode) -> None:
    grows = "kept = []\ndef solve(x):\n    kept.append(x)\n    return kept\n"
    calls = [[0], [1], [2]]
    (passed, failed) = sandbox.run_all(
        job(mode, grows, calls, expected([0], [0, 1], [0, 1, 2])),
        job(mode, grows, calls, expected([0, 1, 2], [0, 1, 2], [0, 1, 2])),
    )
    assert (passed.status, failed.status) == ("passed", "failed")
    assert "call 0" in failed.detail


@pytest.mark.parametrize("mode", CHECKED)
def test_what_a_call_does_to_its_arguments_reaches_neither_other_calls_nor_the_rule(
    sandbox: Opened, mode: Mode
) -> None:
    shared = [3, 1, 2]
    rule = "def same(index, output, right, arguments):\n    return sum(arguments[0]) + 1 == output\n"
    solution = "def solve(xs):\n    total = sum(xs) + 1\n    xs.clear()\n    return total\n"
    result = sandbox.run(
        job(mode, solution, [[shared], [shared]], expected(0, 0), more=", arguments=True", rule=rule)
    )
    assert result.status == "passed", result


@pytest.mark.parametrize("mode", CHECKED)
def test_a_wrong_output_ends_slow_calls(sandbox: Opened, mode: Mode) -> None:
    result = run(
        sandbox, mode, "    import time\n    while x: pass\n    time.sleep(0.1)\n    return 5", [4, 5]
    )
    assert (result.status, result.detail) == ("failed", "AssertionError: call 0: 5, expected 4")


def test_a_wrong_output_ends_a_call_that_still_runs(sandbox: Opened) -> None:
    """Without that the program would run into the job's limit, which says nothing about where."""
    result = run(sandbox, "split", "  while x:\n    pass\n  return 7", [8, None], more=", seconds=60.0")
    assert (result.status, result.detail) == ("failed", "AssertionError: call 0: 7, expected 8")


def test_the_first_output_is_judged_before_the_next_call(sandbox: Opened) -> None:
    result = run(sandbox, "split", "  import os\n  return 7 if x == 0 else os._exit(0)", [8, None])
    assert (result.status, result.detail) == ("failed", "AssertionError: call 0: 7, expected 8")


def test_right_outputs_cross_while_a_call_runs_and_the_row_goes_on(sandbox: Opened) -> None:
    body = "  n = 0\n  while n < 2_000_000 * (x % 2):\n    n += 1\n  return [x]"
    result = run(sandbox, "split", body, [[0], [1], [2], [3], [5]], more=", seconds=60.0")
    assert (result.status, result.detail) == ("failed", "AssertionError: call 4: [4], expected [5]")


@pytest.mark.parametrize("mode", CHECKED)
def test_some_calls_may_take_longer_and_calls_can_be_left_out(sandbox: Opened, mode: Mode) -> None:
    body = "    import time\n    end = time.process_time() + (0.4 if x == 1 else 0)\n    while time.process_time() < end: pass"
    slow, allowed, fewer = (
        run(sandbox, mode, body, [None] * 3, more=f", seconds=0.1{more}")
        for more in ("", ", slower={'1': 5.0}", ", stop=1")
    )
    assert (slow.status, allowed.status, fewer.status) == ("error", "passed", "passed")
    assert "call 1: TimeUpError" in slow.detail


@pytest.mark.parametrize("mode", CHECKED)
def test_rules_judge_what_is_not_equal_and_a_rule_that_raises_says_no(sandbox: Opened, mode: Mode) -> None:
    near = "def same(index, output, right):\n    return abs(output - right) < 0.5\n"
    held, missed, raised = (
        run(sandbox, mode, f"    return {value}", [1.0], rule=near) for value in ("1.25", "2.0", "'a'")
    )
    assert (held.status, missed.status, raised.status) == ("passed", "failed", "failed")


def test_outputs_that_are_no_plain_data(sandbox: Opened) -> None:
    body = "    return iter([x])"
    assert run(sandbox, "split", body, [0]).status == "not_plain"
    assert run(sandbox, "inproc", body, [0]).status == "failed"
    rule = "def same(index, output, right):\n    return output is not None and right is not None\n"
    for mode in CHECKED:
        more = ", opaque=True"
        assert run(sandbox, mode, body, [0], more=more, rule=rule).status == "passed"
        assert run(sandbox, mode, body, [iter(())], more=more, rule=rule).status == "passed"
        assert run(sandbox, mode, "    pass", [iter(())], more=more, rule=rule).status == "failed"
    assert run(sandbox, "split", body, [iter(())]).status == "not_plain"


@pytest.mark.parametrize("mode", CHECKED)
def test_a_right_solution_is_recorded(sandbox: Opened, mode: Mode) -> None:
    solution = "print('hello')\ndef solve(x):\n    print(x)\n    return [x] * 10 ** x\n"
    calls = pieces.pack([[number] for number in range(5)])

    def record(more: str) -> dict[str, Any]:
        tests = f"CALLS = {calls!r}\nprint(record_each(CALLS{more}))\n"
        result = sandbox.run(Job(mode, {"s.py": solution}, entry_point="solve", tests=tests))
        assert result.status == "passed", result
        return dict(json.loads(result.stdout.splitlines()[-1]))

    outputs = [[number] * 10**number for number in range(5)]
    assert record("")["expected"] == expected(*outputs)
    assert record(", start=1, stop=3")["expected"] == expected(*outputs[1:3])
    failing = Job(
        mode, {"s.py": "def solve(x): return 1 // x"}, entry_point="solve", tests=f"record_each({calls!r})"
    )
    assert "call 0: ZeroDivisionError" in sandbox.run(failing).detail


def test_only_a_job_with_an_entry_point_has_it(sandbox: Opened) -> None:
    tests = f"check_each({pieces.pack([[1]])!r}, {expected(1)!r})"
    for mode in CHECKED:
        (without,) = sandbox.run_all(Job(mode, {"s.py": "def solve(x): return x"}, tests=tests))
        assert (without.status, without.detail) == ("error", "NameError: name 'check_each' is not defined")
    own = "def check_each(*_): return 1\ndef solve(x): return x"
    (result,) = sandbox.run_all(
        Job("inproc", {"s.py": own}, entry_point="solve", tests="assert solve(2) == 2")
    )
    assert result.status == "passed"


def test_such_tests_share_a_judge() -> None:
    one = job(
        "split",
        "",
        [[1]],
        expected(1),
        rule="import math\ndef same(index, output, right):\n    return True\n",
    )
    assert is_pure([compile(one.tests, "<tests>", "exec")], "solve", sys.modules)


@pytest.mark.languages
def test_the_second_sandbox_judges_alike() -> None:
    skip_without_runsc()
    with Opened("gvisor") as opened:
        bodies = ("    return [x] * 3_000", "    return 1 // x", "    while True: pass")
        results = [run(opened, "split", body, [[0.0] * 3_000], more=", seconds=0.2") for body in bodies]
    assert [result.status for result in results] == ["passed", "error", "error"]


# ------------------------------------------------------------------------------------------------------------- forgeries

SECRET = [["only the tests know", 7.25], LONG_ROW, "this too"]

_SPEAK = """
import base64, hashlib, json, marshal, os, struct
def say(message):
    body = message if type(message) is bytes else json.dumps(message).encode()
    view = memoryview(struct.pack('<I', len(body)) + body)
    while view: view = view[os.write(3, view):]
def hear():
    data = os.read(3, 1 << 16)
    return json.loads(data[4:]) if data else os._exit(0)
def give(pieces, **more):
    text = base64.b64encode(b''.join(pieces)).decode()
    say({'sizes': [len(piece) for piece in pieces], 'outputs': text, 'seconds': {}, **more})
one = marshal.dumps(1, 2)
say({'names': ['solve']})
order = hear()
"""

FORGERIES = {
    "too few outputs, and that is all": "give([one])\nhear()\nsay({})",
    "no outputs": "while True:\n    give([])\n    hear()",
    "too many outputs": "give([one] * 9)",
    "no outputs and an exception": "give([], raised={'type': 'StopIteration', 'args': [], 'line': ''})",
    "all outputs and an exception": "give([one] * 3, raised={'type': 'SystemExit', 'args': [0], 'line': ''})",
    "an exception that is a status": "give([], raised={'type': 'passed', 'args': None, 'line': 'passed'})",
    "an exception that is no object": "give([], raised=None)",
    "sizes that do not add up": "give([one] * 3, sizes=[5, 5, 500])",
    "negative sizes": "give([one] * 3, sizes=[-5, 10, 10])",
    "sizes that are truth values": "give([b'N'] * 3, sizes=[True, True, True])",
    "sizes that are no list": "give([one] * 3, sizes={'0': 15})",
    "a size beyond all memory": "give([one] * 3, sizes=[1 << 62, 5, 5])",
    "outputs that are no text": "give([one] * 3, outputs=[[1], [2], [3]])",
    "outputs that are no base64": "give([one] * 3, outputs='@@@@')",
    "seconds that are no table": "give([one] * 3, seconds=[])",
    "empty pieces": "give([b''] * 3)",
    "code": "give([marshal.dumps(compile('import os; os._exit(0)', 'x', 'exec'))] * 3)",
    "exceptions in the place of values": "give([b'S'] * 3)",
    "references": "give([marshal.dumps(('same',) * 3, 4)] * 3)",
    "a piece that says it is longer": "give([b'[\\xff\\xff\\xff\\x7f'] * 3)",
    "depth": "give([b'[\\x01\\x00\\x00\\x00' * 100_000 + b'N'] * 3)",
    "hashes that collide": "give([b'<' + struct.pack('<i', 3_000) + b''.join(marshal.dumps(n * (2**61 - 1), 2) for n in range(3_000))] * 3)",
    "no plain data": "give([b'?object'] * 3)",
    "digests of nothing": "give([b'#' + bytes(32)] * 3)\nwhile True:\n    hear()\n    say({'spelling': ''})",
    "digests that are said to be spelled right": "give([b'#' + bytes(32)] * 3)\nwhile True:\n    hear()\n    say({'spelling': bytes(32).hex()})",
    "digests with both halves": "give([b'#' + bytes(64)] * 3)\nwhile True:\n    hear()\n    say({'spelling': None})",
    "a spelling that is no text": "give([b'#' + bytes(32)] * 3)\nhear()\nsay({'spelling': {'t': []}})",
    "a value in the spelling's place": "give([b'#' + bytes(32)] * 3)\nhear()\nsay({'value': True})",
    "its own input as the expected output": "inputs = order['calls']\ngive([one] * 3, outputs=inputs, sizes=[len(base64.b64decode(inputs)), 0, 0])",
    "expected outputs of its own": "give([one] * 3, expected=order['calls'], passed=True, count=0)",
    "an end that passes": "say({'end': ['passed', '']})",
    "an end in the middle": "give([one])\nhear()\nsay({'end': ['passed', '']})",
    "a message without end": "os.write(3, b'\\xff\\xff\\xff\\x03')\nwhile True: os.write(3, b'x' * 65536)",
    "sixty megabytes": "give([marshal.dumps('x' * 40_000_000, 2)] * 1)",
    "the wrong answer to the wrong question": "say({'value': True})\nsay({'value': True})",
    "silence": "os.close(3)",
}  # fmt: skip


@pytest.mark.parametrize("name", FORGERIES)
def test_no_answer_about_many_calls_forges_a_verdict(sandbox: Opened, name: str) -> None:
    forged = job("split", f"{_SPEAK}{FORGERIES[name]}\nhear()", [[1], [2], [3]], expected(*SECRET))
    honest = job("split", "def solve(x):\n    return x", [[1], [2]], expected(1, 2))
    attacked, after = sandbox.run_all(forged, honest)
    assert attacked.status not in ("passed", "sandbox_error"), attacked
    assert after.status == "passed"


def test_the_protocol_can_be_spoken_by_hand(sandbox: Opened) -> None:
    """Else the forgeries above would fail for the wrong reason."""
    right = "give([marshal.dumps(n, 2) for n in (1, 2, 3)])"
    parts = "give([one])\nassert hear()['start'] == 1\ngive([marshal.dumps(n, 2) for n in (2, 3)])"
    digest = "give([b'#' + bytes(32)] * 3)\nfor n in (1, 2, 3):\n    assert hear() == {'spelling': n - 1}\n    say({'spelling': hashlib.blake2b(marshal.dumps(n, 2), digest_size=32).hexdigest()})"
    for body in (right, parts, digest):
        result = sandbox.run(job("split", f"{_SPEAK}{body}\nhear()", [[1], [2], [3]], expected(1, 2, 3)))
        assert result.status == "passed", (body, result)


def test_nothing_expected_reaches_the_solution(sandbox: Opened) -> None:
    look = "print(json.dumps(order), flush=True)\ngive([one] * 3)\nhear()"
    result = sandbox.run(
        job("split", _SPEAK + look, [["seen"], [2], [3]], expected(*SECRET), more=", seconds=3.0")
    )
    order = json.loads(result.stdout)
    assert pieces.unpack(order["calls"]) == [["seen"], [2], [3]]
    assert set(order) == {"each", "calls", "seconds", "slower", "record", "start", "stop"}
    assert (order["each"], order["start"], order["stop"]) == ("solve", 0, 3)
