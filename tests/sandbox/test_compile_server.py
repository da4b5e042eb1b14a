"""The compiler that stays warm: what it compiles, what it must not carry over, and what happens when it is in trouble."""

import asyncio
import os
import signal
import socket
import struct
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from codewright.sandbox.guest import compile_server
from codewright.sandbox.guest.compile_server import Compiled, ask_server
from codewright.sandbox.job import Job, Limits, Result
from codewright.sandbox.pool import Pool
from tests.sandbox.needs import skip_without_toolchain
from tests.sandbox.opened import open_pool
from tests.sandbox.processes import descendants, worker_pids

HELLO = 'public class Main {\n    public static void main(String[] a) { System.out.println("%s"); }\n%s}\n'
INNER = "    static class Left { static int x() { return 1; } }\n"


def job(source: str, tests: str = "", **files: str) -> Job:
    named = {f"{name}.java": text for name, text in files.items()}
    return Job("script", {"Main.java": source, **named}, language="java", tests=tests)


def servers(sandbox: Pool) -> list[int]:
    found = []
    for pid in descendants(worker_pids(sandbox)[0]):
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            continue
        found += [pid] if b"CompileServer" in command else []
    return found


async def wait_for_server(sandbox: Pool) -> int:
    async with asyncio.timeout(20):
        while not servers(sandbox):
            await asyncio.sleep(0.02)
    (pid,) = servers(sandbox)
    return pid


def test_one_server_compiles_for_many_programs_and_keeps_nothing_of_them() -> None:
    skip_without_toolchain("java")

    async def run() -> tuple[list[Result], list[int]]:
        async with open_pool(1) as sandbox:
            first = await sandbox.run(job(HELLO % ("one", INNER)))
            seen = [await wait_for_server(sandbox)]
            results = [first]
            for source in (
                HELLO % ("two", INNER),
                HELLO % ("three", "    static int y() { return Main.Left.x(); }\n"),
                HELLO % ("four", "    int x = true;\n"),
                "class Other {}\n" + HELLO % ("five", ""),
            ):
                results.append(await sandbox.run(job(source)))
                seen += servers(sandbox)
            return results, seen

    results, seen = asyncio.run(run())
    assert [(result.status, result.stdout) for result in results] == [
        ("passed", "one\n"),
        ("passed", "two\n"),
        ("compile_error", ""),
        ("compile_error", ""),
        ("passed", "five\n"),
    ]
    assert "cannot find symbol" in results[2].stderr
    assert "boolean cannot be converted to int" in results[3].stderr
    assert len(seen) == 5
    assert len(set(seen)) == 1


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_lost_server_costs_no_verdict(number: signal.Signals) -> None:
    skip_without_toolchain("java")

    async def run() -> list[Result]:
        async with open_pool(1) as sandbox:
            results = [await sandbox.run(job(HELLO % ("one", "")))]
            os.kill(await wait_for_server(sandbox), number)
            if number == signal.SIGSTOP:  # it never answers: the program that asked runs into its limit
                stuck = await sandbox.run(replace(job(HELLO % ("x", "")), limits=Limits(wall_s=1.0)))
                assert stuck.status == "timeout"
            # Its end may show only after the next program was sent to it and came away empty-handed.
            results += [await sandbox.run(job(HELLO % (text, ""))) for text in ("two", "three")]
            await wait_for_server(sandbox)
            results.append(await sandbox.run(job(HELLO % ("four", ""))))
            return results

    outcomes = [(result.status, result.stdout) for result in asyncio.run(run())]
    assert outcomes == [("passed", f"{text}\n") for text in ("one", "two", "three", "four")]


def test_a_program_of_several_sources_is_compiled_by_the_command() -> None:
    skip_without_toolchain("java")

    async def run() -> list[Result]:
        async with open_pool(1) as sandbox:
            program = job(
                "public class Main { public static void main(String[] a) { System.out.println(Two.x()); } }",
                Two="class Two { static int x() { return 2; } }",
            )
            return [await sandbox.run(program) for _ in range(2)]

    assert [(result.status, result.stdout) for result in asyncio.run(run())] == [("passed", "2\n")] * 2


def answer_of(*parts: bytes | int) -> bytes:
    return b"".join(
        struct.pack(">I", part) if isinstance(part, int) else struct.pack(">I", len(part)) + part
        for part in parts
    )


@pytest.mark.parametrize(
    ("answer", "expected", "in_use"),
    [
        (answer_of(0, b"", 1, b"a/B.class", b"\xca\xfe"), Compiled(0, "", {"a/B.class": b"\xca\xfe"}), 0),
        (answer_of(1, "é".encode(), 0), Compiled(1, "é", {}), 0),
        (b"", None, 1),
        (answer_of(0, b"")[:-1], None, 1),
        (answer_of(0, b"", 1, b"../x", b""), None, 1),
        (answer_of(0, b"", 1, b"/etc/x", b""), None, 1),
        (answer_of(0, b"", 1, b"", b""), None, 1),
        (answer_of(0, b"", 1, b"\xff", b""), None, 1),
        (answer_of(0, b"", 1_000_000), None, 1),
        (struct.pack(">II", 0, 0xFFFFFFFF), None, 1),
    ],
)
def test_only_a_whole_and_harmless_answer_counts(
    monkeypatch: pytest.MonkeyPatch, answer: bytes, expected: Compiled | None, in_use: int
) -> None:
    ours, theirs = socket.socketpair()
    busy, mark = os.pipe()
    monkeypatch.setattr(compile_server, "COMPILER_FD", ours.detach())
    monkeypatch.setattr(compile_server, "BUSY_FD", mark)
    asked: list[bytes] = []

    def serve() -> None:
        with theirs:
            asked.append(theirs.recv(1 << 16))
            theirs.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        assert ask_server(["-x"], {"M.java": "class M {}"}) == expected
    finally:
        thread.join()
    assert asked == [answer_of(1, b"-x", 1, b"M.java", b"class M {}")]
    assert len(os.read(busy, 16)) % 2 == in_use
    for fd in (busy, mark):
        os.close(fd)
