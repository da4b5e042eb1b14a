"""Programs made at random, given in random pieces with random usage around them, still compute what they computed."""

import ast
from dataclasses import dataclass

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from codewright.core.extract import from_chat, from_completion

USAGES = (
    "raise SystemExit(f(1))",
    "assert f(2) == 'wrong'",
    "print(f(int(input())))",
    "result = f(3)\nassert result is None",
    "for case in [f, h0]:\n    raise SystemExit(case(f(1)))",
    "if __name__ == '__main__':\n    raise SystemExit(1)",
    "def main():\n    raise SystemExit(f(1))\n\nmain()",
    "class Check:\n    def run(self):\n        return f(1)\n\nraise SystemExit(Check().run())",
    "import sys; sys.exit(f(1))",
)
PROSE = (
    "First, this.",
    "Then `f` is:",
    "It's simple (really).",
    "1. Look:",
    "",
    "> Note: f(x) is fast.",
    "Output:",
)


@dataclass(frozen=True)
class Program:
    """Helpers and constants by name, in an order in which they run, and the function f that needs some of them."""

    parts: tuple[str, ...]
    function: str

    @property
    def source(self) -> str:
        return "\n\n".join([*self.parts, self.function])


@st.composite
def programs(draw: st.DrawFn) -> Program:
    parts = ["import math", "K0 = 5"]
    count = draw(st.integers(1, 5))
    for index in range(count):
        calls = [f"h{other}(x)" for other in range(index) if draw(st.booleans())]
        extra = draw(st.sampled_from(["K0", "math.floor(1.5)", "len('it\u2019s }')", "1"]))
        doc = draw(st.sampled_from(["", '    """Add.\n\n    >>> f(1)\n    """\n', "    # don't\n"]))
        parts.append(f"def h{index}(x):\n{doc}    return x + {' + '.join([extra, *calls])}")
    used = [f"h{index}(x)" for index in range(count) if draw(st.booleans())] or ["h0(x)"]
    return Program(tuple(parts), f"def f(x):\n    total = {' + '.join(used)}\n    return total * K0")


def run(source: str) -> list[int]:
    space: dict[str, object] = {"__name__": "answer"}
    exec(source, space)
    return [space["f"](number) for number in range(3)]  # type: ignore[operator]


def fence(code: str, tag: str) -> str:
    return f"```{tag}\n{code}\n```"


@given(
    program=programs(),
    usages=st.lists(st.sampled_from(USAGES), max_size=3),
    tag=st.sampled_from(["python", "", "py"]),
)
@settings(max_examples=150, deadline=None)
def test_one_block_with_usage(program: Program, usages: list[str], tag: str) -> None:
    found = from_chat(fence("\n\n".join([program.source, *usages]), tag), entry_point="f")
    assert run(found.solution) == run(program.source)
    definitions = [ast.dump(node) for node in ast.parse(program.source).body]
    assert [ast.dump(node) for node in ast.parse(found.solution).body][: len(definitions)] == definitions


@given(program=programs(), data=st.data())
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_pieces_in_blocks(program: Program, data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 4))
    where = [data.draw(st.integers(0, count - 1)) for _ in program.parts]
    chosen = data.draw(st.integers(0, count - 1))
    answer = []
    for block in range(count):
        parts = [part for part, place in zip(program.parts, where, strict=True) if place == block]
        parts += [program.function] if block == chosen else []
        usage = data.draw(st.sampled_from(["", *USAGES]))
        code = "\n\n".join([*parts, usage] if parts else ["print(f(1))"])
        answer += [
            data.draw(st.sampled_from(PROSE)),
            fence(code, data.draw(st.sampled_from(["python", "py"]))),
        ]
    if data.draw(st.booleans()):
        answer.insert(0, fence("def f(x):\n    return 'an earlier version'", "python"))
    found = from_chat("\n\n".join(answer), entry_point="f")
    assert run(found.solution) == run(program.source)


@given(
    program=programs(),
    usages=st.lists(st.sampled_from(USAGES), max_size=2),
    before=st.sampled_from(PROSE[:3]),
)
@settings(max_examples=100, deadline=None)
def test_no_fence(program: Program, usages: list[str], before: str) -> None:
    text = "\n\n".join([before, program.source, *usages, "That's all (I think)."])
    assert run(from_chat(text, entry_point="f").solution) == run(program.source)


@given(program=programs(), usages=st.lists(st.sampled_from(USAGES), max_size=2), late=st.integers(0, 5))
@settings(max_examples=150, deadline=None)
def test_continuations(program: Program, usages: list[str], late: int) -> None:
    head, _, body = program.function.partition("\n")
    here, behind = program.parts[: len(program.parts) - late], program.parts[len(program.parts) - late :]
    if len(here) < 2:
        return
    prompt = "\n\n".join([*here, head]) + "\n"
    response = "\n\n".join([body, *behind, *usages])
    found = from_completion(prompt, response, entry_point="f")
    assert run(found.solution) == run(program.source)
