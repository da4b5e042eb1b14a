"""Many calls of one function over one crossing: `check_each`, which tests of `split` and `inproc` may use.

    check_each(calls, expected, same, mark=..., seconds=..., slower=..., arguments=..., opaque=..., stop=...)

calls: a list of argument lists (`pieces.pack`), handed on as it is and unpacked on the solution's side. expected: what
`record_each(calls)` found for a solution that is known to be right; it never crosses. Each output is written down right after its
call, so that later calls cannot change it, and the first exception ends the row. Outputs of slow calls cross a few at a time, if
need be while the next call runs, so that the first wrong one ends them.
Limits: a job has to name its entry point, which is what is called. What calls print is thrown away.
"""

import json
import signal
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, NamedTuple, NoReturn, Protocol

from codewright.sandbox.guest import pieces as codec
from codewright.sandbox.guest.plain import NotPlainError
from codewright.sandbox.guest.verdict import describe

CHECK, RECORD = "check_each", "record_each"
"""What tests call."""

KEPT_BYTES = 256 << 20
"""Of long outputs, kept on the solution's side until the judge has decided; those beyond count as different."""

FIRST_PAUSE_S, PAUSE_S = 0.001, 0.02
"""After so much time what is there crosses, before more calls are made: the first output at once, then after a pause that doubles,
since most wrong answers are wrong early. Ours: crossing once more costs a hundredth of PAUSE_S."""

_LOOK_S = 0.02
"""Of CPU between two looks at what runs."""

_NO_CALL = -1

_WORTH_NOTING_S = 0.05


class CallError(Exception):
    """What a call raised, or that it ran too long; the message begins with the mark and the number of the call."""


class TimeUpError(BaseException):
    """A call used up its CPU time."""


class Opaque:
    """An output that is no plain data. value: itself, in the process that has it; None in the tests of `split`."""

    def __init__(self, value: object = None) -> None:
        self.value = value


class Order(NamedTuple):
    """What to call: `calls` from `start` to `stop`, or as far as one comes in PAUSE_S.

    calls: empty to go on with the last ones. seconds, slower: see `check_each`. record: all of them, with times and spellings.
    """

    calls: str
    seconds: float
    slower: dict[str, float]
    record: bool
    start: int
    stop: int | None


class Row(NamedTuple):
    """What came of a row of calls.

    outputs: pieces, and in their own process an Opaque where one is no plain data; error: what ended the row; seconds: of CPU,
    by number, of calls that took long, if the order was to record.
    """

    outputs: list[Any]
    error: BaseException | None
    seconds: dict[str, float]


class Caller(Protocol):
    """Makes the calls: behind the link, or in this process."""

    def make(self, order: Order) -> Row:
        """Call; at least once, if there is anything to call."""
        ...

    def spelling(self, index: int) -> bytes:
        """Return the spelling (`pieces.spelling`) of a long output; empty if it was not kept."""
        ...

    def refuse(self, reason: str) -> NoReturn:
        """End the run: an output is no plain data."""
        ...


# ----------------------------------------------------------------------------------------------------- the solution's side


class Calls:
    """Makes the calls and keeps what the judge may ask about."""

    def __init__(self, hand_over: Callable[[list[Any]], None] | None = None) -> None:
        """hand_over: takes outputs to the judge while a call still runs; returns if that one is wanted."""
        self._hand_over = hand_over
        self._calls: list[list[Any]] = []
        self._kept: dict[int, bytes] = {}
        self._room = KEPT_BYTES
        self._pause = 0.0

    def make(self, function: Callable[..., Any], order: Order, *, values: bool = False) -> Row:
        """Call until the first exception. values: keep an output that is no plain data. SystemExit is the caller's to see."""
        if order.calls:
            self._calls = codec.unpack(order.calls)
            self._pause = 0.0
        row = Row([], None, {})
        pause = float("inf") if order.record else time.perf_counter() + self._pause
        self._pause = min(max(2 * self._pause, FIRST_PAUSE_S), PAUSE_S)
        with _Quiet(), _Alarm(order, lambda: self._give(row)) as alarm:
            for index, arguments in enumerate(self._calls[order.start : order.stop], order.start):
                alarm.index = index
                try:
                    if order.record:
                        value = _timed(function, arguments, row.seconds, index)
                    else:
                        value = function(*arguments)
                    alarm.index = _NO_CALL
                    output = codec.write_short(value) or self._write(value, index, order.record, values)
                except SystemExit:
                    raise
                except BaseException as error:  # untrusted code may raise anything
                    alarm.index = _NO_CALL
                    return row._replace(error=error)
                row.outputs.append(output)
                if time.perf_counter() > pause:
                    break
        return row

    def _give(self, row: Row) -> None:
        if self._hand_over and row.outputs:
            self._hand_over(row.outputs)
            row.outputs.clear()

    def _write(self, value: Any, index: int, record: bool, values: bool) -> Any:
        piece, whole = codec.write_piece(value, room=0 if record else self._room, spelled=record)
        if whole:
            self._room -= len(whole)
            self._kept[index] = whole
        return Opaque(value) if values and piece[:1] == codec.OPAQUE else piece

    def spelling(self, index: int) -> bytes:
        """See `Caller.spelling`."""
        piece = self._kept.get(index)
        return b"" if piece is None else codec.spelling_of(piece)


def _timed(function: Callable[..., Any], arguments: list[Any], seconds: dict[str, float], index: int) -> Any:
    started = time.process_time()
    value = function(*arguments)
    took = time.process_time() - started
    if took > _WORTH_NOTING_S:
        seconds[str(index)] = round(took, 4)
    return value


class _Quiet:
    """Throws away what is printed: a line per call would run into the limit of the output."""

    def __enter__(self) -> None:
        self._streams = sys.stdout, sys.stderr
        self._null = open("/dev/null", "w", encoding="utf-8")
        sys.stdout = sys.stderr = self._null

    def __exit__(self, *exc: object) -> None:
        sys.stdout, sys.stderr = self._streams
        self._null.close()


class _Alarm:
    """Looks now and then what runs, so that quick calls cost nothing, and raises TimeUpError in a call that runs too long.

    index: of the call that runs, to be set by the caller.
    """

    def __init__(self, order: Order, give: Callable[[], None]) -> None:
        """give: hand over what is there already, since this call takes its time."""
        self.index = self._seen = _NO_CALL
        self._order = order
        self._give = give
        self._since = 0.0
        self._looking = False

    def __enter__(self) -> "_Alarm":
        if self._order.seconds:
            self._before = signal.signal(signal.SIGPROF, self._ring)
            signal.setitimer(signal.ITIMER_PROF, _LOOK_S, _LOOK_S)
        return self

    def _ring(self, _number: int, _frame: FrameType | None) -> None:
        if self.index == _NO_CALL or self._looking:  # a look may last until the next one
            return
        self._looking = True
        try:
            self._look()
        finally:
            self._looking = False

    def _look(self) -> None:
        self._give()
        now = time.process_time()
        if self.index != self._seen:
            self._seen, self._since = self.index, now
        limit = self._order.slower.get(str(self.index), self._order.seconds)
        if now - self._since >= limit:  # and again at the next look: a program may have swallowed it
            raise TimeUpError(f"ran longer than {limit:g} s of CPU")

    def __exit__(self, *exc: object) -> None:
        if self._order.seconds:
            signal.setitimer(signal.ITIMER_PROF, 0.0)
            signal.signal(signal.SIGPROF, self._before)


class _Here:
    """Calls a function of this process, for `inproc`."""

    def __init__(self, namespace: dict[str, Any], name: str) -> None:
        self._namespace = namespace
        self._name = name
        self._calls = Calls()

    def make(self, order: Order) -> Row:
        if self._name not in self._namespace:
            return Row([], NameError(f"name {self._name!r} is not defined"), {})
        return self._calls.make(self._namespace[self._name], order, values=True)

    def spelling(self, index: int) -> bytes:
        return self._calls.spelling(index)

    def refuse(self, reason: str) -> NoReturn:
        raise NotPlainError(reason)


# --------------------------------------------------------------------------------------------------------- the tests' side


def offer(caller: Caller, namespace: dict[str, Any]) -> None:
    """Put `check_each` and `record_each` where tests find them."""
    namespace[CHECK] = lambda *arguments, **keywords: check_each(caller, *arguments, **keywords)
    namespace[RECORD] = lambda *arguments, **keywords: record_each(caller, *arguments, **keywords)


def offer_here(tests: str, namespace: dict[str, Any], name: str | None) -> None:
    """Do so in the solution's own namespace, where tests ask for it."""
    if name and any(f"{one}(" in tests for one in (CHECK, RECORD)):
        offer(_Here(namespace, name), namespace)


def record_each(
    caller: Caller, calls: str, *, mark: str = "call ", start: int = 0, stop: int | None = None
) -> str:
    """Return a right solution's outputs for `check_each`, and the CPU seconds of calls that took long, as JSON.

    start, stop: of `calls`, only these. Raises CallError for the first call that raises.
    """
    row = caller.make(Order(calls, 0.0, {}, True, start, stop))
    if row.error is not None:
        raise _located(row.error, mark, start + len(row.outputs)) from row.error
    return json.dumps({"expected": codec.pack(row.outputs), "seconds": row.seconds})


def check_each(
    caller: Caller,
    calls: str,
    expected: str,
    same: Callable[..., Any] | None = None,
    *,
    mark: str = "call ",
    seconds: float = 0.0,
    slower: dict[str, float] | None = None,
    arguments: bool = False,
    opaque: bool = False,
    stop: int | None = None,
) -> None:
    """Call with each argument list and compare.

    same(number of the call, output, expected): does this output hold although it is not equal? A rule that raises says no.
    mark: begins every message, before the number of the call. seconds: of CPU for each call, 0 for any; slower: by number, as
    text, those that may take longer. arguments: `same` gets those of the call too; opaque: it can judge an output that is no plain
    data, and gets an `Opaque`. stop: of `calls`, only so many.
    Raises AssertionError for an output that does not hold, and CallError, MemoryError or AssertionError for a call that raised.
    """
    wanted = codec.unpack(expected)[:stop]
    comparison = _Comparison(caller, same, calls if arguments else "", opaque=opaque)
    order = Order(calls, seconds, slower or {}, False, 0, len(wanted))
    while True:
        row = caller.make(order)
        for index, output in enumerate(row.outputs, order.start):
            want = wanted[index]
            if (output != want or want[:1] == codec.OPAQUE) and not comparison.holds(index, output, want):
                given = type(output.value).__name__ if isinstance(output, Opaque) else codec.show(output)
                raise AssertionError(f"{mark}{index}: {given}, expected {codec.show(want)}")
        order = order._replace(calls="", start=order.start + len(row.outputs))
        if row.error is not None:
            raise _located(row.error, mark, order.start) from row.error
        if order.start >= len(wanted):
            return


def _located(error: BaseException, mark: str, index: int) -> Exception:
    message = f"{mark}{index}: {describe(error).removeprefix('RemoteError: ')}"
    kind = type(error)
    return kind(message) if kind in (AssertionError, MemoryError) else CallError(message)


class _Comparison:
    """Looks at outputs whose pieces differ from the expected ones."""

    def __init__(self, caller: Caller, same: Callable[..., Any] | None, calls: str, *, opaque: bool) -> None:
        """calls: text, if the rule wants arguments."""
        self._caller = caller
        self._same = same
        self._calls = calls
        self._opaque = opaque
        self._arguments: list[Any] = []

    def holds(self, index: int, output: Any, want: bytes) -> bool:
        if codec.LONG in (want[:1], _first(output)):
            return self._holds_by_digest(index, output, want)
        value = self._read(output)
        right = Opaque() if want[:1] == codec.OPAQUE else codec.read_value(want)
        if self._same is None:
            return bool(value == right)
        if self._calls and not self._arguments:
            self._arguments = codec.unpack(self._calls)
        try:
            return bool(self._same(index, value, right, *self._arguments[index : index + 1]))
        except Exception:  # rules meet values of any type
            return False

    def _holds_by_digest(self, index: int, output: Any, want: bytes) -> bool:
        if output == want[: codec.LONG_PIECE_BYTES]:
            return True
        if _first(output) == codec.LONG:
            spelling = self._caller.spelling(index)
        else:
            value = self._read(output)
            spelling = b"" if isinstance(value, Opaque) else codec.spelling(value)
        if want[:1] == codec.LONG:
            return spelling == want[codec.LONG_PIECE_BYTES :]
        return want[:1] != codec.OPAQUE and spelling == codec.spelling(codec.read_value(want))

    def _read(self, output: Any) -> Any:
        """Return the value; an Opaque only if the rule can judge it."""
        if isinstance(output, Opaque):
            return output if self._opaque else output.value
        if output[:1] == codec.OPAQUE:
            if not self._opaque:
                self._caller.refuse(f"not plain data: {codec.show(output)}")
            return Opaque()
        try:
            return codec.read_value(output)
        except NotPlainError as error:
            self._caller.refuse(str(error))


def _first(output: Any) -> bytes:
    return b"" if isinstance(output, Opaque) else output[:1]
