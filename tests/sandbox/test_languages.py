"""Conformance of every language whose toolchain is here, in the default backend; and what is said where one is not."""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace

import pytest

from codewright.core.errors import ConfigError
from codewright.sandbox import toolchains
from codewright.sandbox.job import Job, Limits
from codewright.sandbox.toolchains import (
    install_command,
    list_installed,
    list_languages,
    load_language,
    toolchain_report,
)
from tests.sandbox.needs import skip_without_toolchain
from tests.sandbox.opened import Opened

INSTALLED = list_installed()
C_HEADERS = (
    "#include <signal.h>\n#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n#include <unistd.h>\n"
)
JAVA = "public class Main {{ public static void main(String[] args) throws Exception {{ {} }} }}"
CSHARP = "using System; class P {{ static int Main(string[] args) {{ {} }} }}"
GO = 'package main\nimport ("bufio"; "fmt"; "os"; "os/signal"; "strings"; "time")\nvar _ = signal.Ignore\nvar _ = time.Second\nvar _ = fmt.Sprint\nvar _ = os.Args\nvar _ = strings.Repeat\nvar _ = bufio.NewReader\nfunc main() {{ {} }}'
RUST = "use std::io::Write;\nfn main() {{ let _ = std::io::stdout().flush(); {} }}"
C = (
    C_HEADERS
    + "long deep(volatile long n) {{ return n + deep(n + 1); }}\nint main(int argc, char **argv) {{ {} }}"
)
TYPES = "declare var require: any; declare var process: any;\n{}"
FRAMES = {
    "c": C,
    "cpp": C,
    "java": JAVA,
    "csharp": CSHARP,
    "go": GO,
    "rust": RUST,
    "typescript": TYPES,
    "php": "<?php\n{}",
}
C_ECHO = 'char line[99]; fgets(line, 99, stdin); line[strcspn(line, "\\n")] = 0; printf("%s %s\\n", line, argv[1]); return 0;'
C_BIG = (
    'for (int i = 0; i < 200000; i++) puts("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"); return 0;'
)
JS_ECHO = 'console.log(require("fs").readFileSync(0, "utf8").trim() + " " + process.argv[2]);'

ECHO = {
    "bash": 'read line; echo "$line $1"',
    "c": C_ECHO,
    "cpp": C_ECHO,
    "csharp": 'Console.OutputEncoding = new System.Text.UTF8Encoding(false); Console.InputEncoding = new System.Text.UTF8Encoding(false); Console.WriteLine(Console.ReadLine() + " " + args[0]); return 0;',
    "go": "line, _ := bufio.NewReader(os.Stdin).ReadString(10); fmt.Println(strings.TrimSpace(line), os.Args[1])",
    "java": 'var in = new java.io.BufferedReader(new java.io.InputStreamReader(System.in, "UTF-8")); new java.io.PrintStream(System.out, true, "UTF-8").println(in.readLine() + " " + args[0]);',
    "javascript": JS_ECHO,
    "php": 'echo trim(fgets(STDIN)), " ", $argv[1], "\\n";',
    "python": "import sys; print(input(), sys.argv[1])",
    "rust": 'let mut s = String::new(); std::io::stdin().read_line(&mut s).unwrap(); println!("{} {}", s.trim(), std::env::args().nth(1).unwrap());',
    "typescript": JS_ECHO,
}
BIG = {
    "bash": "yes xxxxxxxxxxxxxxx | head -c 10000000",
    "c": C_BIG,
    "cpp": C_BIG,
    "csharp": "Console.Write(new string('x', 10000000)); return 0;",
    "go": 'fmt.Print(strings.Repeat("x", 10000000))',
    "java": 'System.out.print("x".repeat(10000000));',
    "javascript": 'console.log("x".repeat(10000000));',
    "php": 'echo str_repeat("x", 10000000);',
    "python": "print('x' * 10_000_000)",
    "rust": 'println!("{}", "x".repeat(10000000));',
    "typescript": 'console.log("x".repeat(10000000));',
}
ERRING = {
    "bash": "exit 3",
    "c": "return 3;",
    "cpp": "return 3;",
    "csharp": 'throw new Exception("no");',
    "go": 'panic("no")',
    "java": 'throw new IllegalStateException("no");',
    "javascript": 'throw new Error("no");',
    "php": 'throw new Exception("no");',
    "python": "raise ValueError('no')",
    "rust": 'panic!("no");',
    "typescript": 'throw new Error("no");',
}
ON = dict.fromkeys(("c", "cpp"), 'puts("on"); fflush(stdout);') | {
    "bash": "echo on;",
    "csharp": 'Console.WriteLine("on");',
    "go": 'fmt.Println("on");',
    "java": 'System.out.println("on");',
    "javascript": 'require("fs").writeSync(1, "on\\n");',
    "php": 'echo "on\\n";',
    "python": "import signal, time; print('on', flush=True);",
    "rust": 'println!("on");',
    "typescript": 'require("fs").writeSync(1, "on\\n");',
}
LOOPING = dict.fromkeys(("c", "cpp"), "volatile int x = 0; for (;;) x++;") | {
    "bash": "while :; do :; done",
    "csharp": "while (true) { }",
    "go": "for { }",
    "java": "while (true) { }",
    "javascript": "while (true) { }",
    "php": "while (true) { }",
    "python": "exec('while True: pass')",
    "rust": "loop { unsafe { std::ptr::read_volatile(&0) }; }",
    "typescript": "while (true) { }",
}
C_DEAF = "for (int i = 1; i < 32; i++) signal(i, SIG_IGN); for (;;) pause();"
JS_DEAF = 'for (const name of ["SIGTERM", "SIGINT", "SIGHUP", "SIGXCPU"]) process.on(name, () => {}); setInterval(() => {}, 1000);'
DEAF = {
    "bash": "trap '' TERM INT HUP QUIT XCPU; while :; do sleep 1; done",
    "c": C_DEAF,
    "cpp": C_DEAF,
    "csharp": 'for (int i = 1; i < 16; i++) if (i != 9 && i != 11) signal(i, (IntPtr) 1); while (true) System.Threading.Thread.Sleep(1000); } [System.Runtime.InteropServices.DllImport("libc")] static extern IntPtr signal(int number, IntPtr handler); static void Unused() {',
    "go": "signal.Ignore(); for { time.Sleep(time.Second) }",
    "java": 'for (String name : new String[] {"TERM", "INT", "HUP"}) sun.misc.Signal.handle(new sun.misc.Signal(name), sun.misc.SignalHandler.SIG_IGN); while (true) Thread.sleep(1000);',
    "javascript": JS_DEAF,
    "php": "foreach ([SIGTERM, SIGINT, SIGHUP, SIGXCPU] as $number) pcntl_signal($number, SIG_IGN); while (true) sleep(1);",
    "python": "[signal.signal(number, signal.SIG_IGN) for number in (2, 15, 1, 24)]; exec('while True: time.sleep(1)')",
    "rust": 'extern "C" { fn signal(number: i32, handler: usize) -> usize; } for number in 1..16 { if number != 11 { unsafe { signal(number, 1); } } } loop { std::thread::sleep(std::time::Duration::from_secs(1)); }',
    "typescript": JS_DEAF,
}
"""Programs that ignore what signals they can and sleep."""

JS_HOG = "const all = []; while (true) all.push(new Uint8Array(1 << 20).fill(1));"
C_HOG = "for (;;) memset(malloc(1 << 20), 1, 1 << 20);"
HOGS = {
    "bash": 'x=xxxxxxxxxxxxxxxx; while :; do x="$x$x"; done',
    "c": C_HOG,
    "cpp": C_HOG,
    "csharp": "var all = new System.Collections.Generic.List<byte[]>(); while (true) { var b = new byte[1 << 20]; for (int i = 0; i < b.Length; i += 4096) b[i] = 1; all.Add(b); }",
    "go": "var all [][]byte; for { b := make([]byte, 1<<20); for i := range b { b[i] = 1 }; all = append(all, b) }",
    "java": "var all = new java.util.ArrayList<byte[]>(); while (true) { byte[] b = new byte[1 << 20]; java.util.Arrays.fill(b, (byte) 1); all.add(b); }",
    "javascript": JS_HOG,
    "php": '$all = []; while (true) $all[] = str_repeat("x", 1 << 20);',
    "python": "all = []\nwhile True: all.append(bytearray(b'x') * (1 << 20))",
    "rust": "let mut all: Vec<Vec<u8>> = Vec::new(); loop { all.push(vec![1; 1 << 20]); unsafe { std::ptr::read_volatile(all.last().unwrap().as_ptr()) }; }",
    "typescript": JS_HOG,
}
C_DEEP = "return argc + (int) deep(1);"
JS_DEEP = "function deep(n) { return 1 + deep(n + 1); } deep(0);"
DEEP = {
    "bash": "f() { f; }; f",
    "c": C_DEEP,
    "cpp": C_DEEP,
    "csharp": "return Deep(1); } static int Deep(int n) { return n + Deep(n + 1);",
    "go": "var deep func(n int) int; deep = func(n int) int { return n + deep(n+1) }; fmt.Println(deep(0))",
    "java": "deep(0); } static int deep(int n) { return 1 + deep(n + 1);",
    "javascript": JS_DEEP,
    "php": "function deep($n) { return 1 + deep($n + 1); } deep(0);",
    "python": "def deep(n): return 1 + deep(n + 1)\ndeep(0)",
    "rust": 'fn deep(n: u64) -> u64 { let below = deep(n + 1); below + unsafe { std::ptr::read_volatile(&n) } } println!("{}", deep(0));',
    "typescript": JS_DEEP,
}
COMPILED = [name for name in INSTALLED if load_language(name).compile]

LEAVING = {
    "bash": ("exit 0", "test 1 = 1"),
    "c": (C_HEADERS + "void f(void) { exit(0); }", "int main(void) { f(); return 0; }"),
    "cpp": (C_HEADERS + "void f() { exit(0); }", "int main() { f(); }"),
    "csharp": (
        "class Solution { public static void F() { System.Environment.Exit(0); } }",
        "class Tests { static void Main() { Solution.F(); } }",
    ),
    "go": ('package main\nimport "os"\nvar _ = os.Args\nfunc f() { os.Exit(0) }', "func main() { f() }"),
    "java": (
        "class Solution { void f() { System.exit(0); } }",
        "public class Main { public static void main(String[] args) { new Solution().f(); } }",
    ),
    "javascript": ("const f = () => process.exit(0);", "f();"),
    "php": ("<?php function f() { exit(0); }", "f();"),
    "rust": ("fn f() { std::process::exit(0); }", "fn main() { f(); }"),
    "typescript": ("declare var process: any;\nconst f = () => process.exit(0);", "f();"),
}
"""Program and tests: the program ends with 0 when the tests call it."""

STAYING = {"bash": ":", "csharp": "", "go": "", "java": ""}
"""What stands in the place of the exit in a program that stays; 0 elsewhere."""


@pytest.fixture(scope="module")
def opened() -> Iterator[Opened]:
    with Opened() as opened:
        yield opened


def program(name: str, body: str, **more: object) -> Job:
    frame = FRAMES.get(name)
    source = frame.format(body) if frame and "{{" in frame else (frame or "{}").replace("{}", body)
    return Job("script", {load_language(name).file: source}, language=name, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", INSTALLED)
def test_hello_stdin_arguments_and_unicode(opened: Opened, name: str) -> None:
    language = load_language(name)
    hello = opened.run(Job("script", {language.file: language.hello}, language=name))
    assert (hello.status, hello.stdout, hello.exit_code) == ("passed", "hello\n", 0), hello
    echo = opened.run(program(name, ECHO[name], stdin="grün 🦎\n", args=("a b",)))
    assert (echo.status, echo.stdout) == ("passed", "grün 🦎 a b\n"), echo


@pytest.mark.parametrize("name", INSTALLED)
def test_ten_megabytes_are_too_much_output(opened: Opened, name: str) -> None:
    result = opened.run(program(name, BIG[name]))
    assert (result.status, len(result.stdout)) == ("output_limit", Limits().output_bytes), result


@pytest.mark.parametrize("name", INSTALLED)
def test_runtime_errors_have_an_exit_code(opened: Opened, name: str) -> None:
    result = opened.run(program(name, ERRING[name]))
    assert result.status == "error", result
    assert result.exit_code not in (0, None)


@pytest.mark.parametrize("name", INSTALLED)
def test_endless_loops_time_out(opened: Opened, name: str) -> None:
    result = opened.run(program(name, ON[name] + LOOPING[name], limits=Limits(wall_s=60.0, cpu_s=2.0)))
    assert (result.status, result.stdout) == ("timeout", "on\n"), result


@pytest.mark.parametrize("name", COMPILED)
def test_what_does_not_compile_is_a_compile_error(opened: Opened, name: str) -> None:
    result = opened.run(program(name, "this is no program"))
    assert result.status == "compile_error", result
    assert result.stdout == ""
    assert result.stderr != ""


@pytest.mark.parametrize("name", [name for name in INSTALLED if name in LEAVING])
def test_leaving_before_the_last_test_is_no_pass(opened: Opened, name: str) -> None:
    source, tests = LEAVING[name]
    file = load_language(name).file
    left = opened.run(Job("script", {file: source}, language=name, tests=tests))
    assert (left.status, left.exit_code) == ("exited_early", 0), left
    staying = re.sub(r"exit 0|[\w.:]*[eE]xit\(0\)", STAYING.get(name, "0"), source)
    stayed = opened.run(Job("script", {file: staying}, language=name, tests=tests))
    assert (stayed.status, stayed.forgeable) == ("passed", True), stayed


UNIT_TESTS = {
    "go": (
        'package main\nimport ("syscall"; "testing")\nvar _ = syscall.Getpid\nfunc f() { syscall.Exit(0) }',
        "func TestF(t *testing.T) { f(); t.Fatal() }",
    ),
    "rust": (
        "fn f() { std::process::exit(0); }",
        "#[cfg(test)]\nmod tests { use super::*; #[test] fn test_f() { f(); panic!(); } }",
    ),
}
"""The same for tests that the language's own harness runs."""


@pytest.mark.parametrize("name", UNIT_TESTS)
def test_leaving_a_harness_before_the_last_test_is_no_pass(opened: Opened, name: str) -> None:
    skip_without_toolchain(name)
    source, tests = UNIT_TESTS[name]
    file = load_language(name).file
    left = opened.run(Job("script", {file: source}, language=name, tests=tests))
    assert (left.status, left.exit_code) == ("exited_early", 0), left
    held = tests.replace("t.Fatal()", "").replace("panic!();", "")
    staying = re.sub(r"[\w.:]*[eE]xit\(0\)", STAYING.get(name, "0"), source)
    assert opened.run(Job("script", {file: staying}, language=name, tests=held)).status == "passed"


def test_go_tests_may_have_a_main_of_their_own(opened: Opened) -> None:
    skip_without_toolchain("go")
    source = 'package main\nimport ("os"; "testing")\nvar x = 1'
    tests = "func TestX(t *testing.T) { if x != 1 { t.Fatal() } }\nfunc TestMain(m *testing.M) { os.Exit(m.Run()) }"
    for text, status in ((source, "passed"), (source.replace("x = 1", "x = 2"), "error")):
        assert opened.run(Job("script", {"main.go": text}, language="go", tests=tests)).status == status


@pytest.mark.parametrize("file", ["main.mjs", "main.js"])
def test_es_modules_are_judged_like_scripts(opened: Opened, file: str) -> None:
    skip_without_toolchain("javascript")
    if file == "main.js" and not node_finds_modules():
        pytest.skip("this Node takes a module only by its extension")
    source = 'import { EOL } from "node:os";\nconst x = EOL.length;'
    for test, status in (("x === 1", "passed"), ("x === 2", "error"), ("process.exit(0)", "exited_early")):
        job = Job("script", {file: source}, language="javascript", tests=f"console.assert({test});")
        assert opened.run(job).status == status


def node_finds_modules() -> bool:
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    major, minor, *_ = (int(part) for part in version.strip().removeprefix("v").split("."))
    return (major, minor) >= (22, 7) or (
        major == 20 and minor >= 19
    )  # nodejs.org: --experimental-detect-module


@pytest.mark.parametrize("name", ["javascript", "typescript"])
def test_console_assert_decides(opened: Opened, name: str) -> None:
    skip_without_toolchain(name)
    job = program(name, "const x: number = 1;" if name == "typescript" else "const x = 1;")
    results = [opened.run(replace(job, tests=f"console.assert(x === {value});")) for value in (1, 2)]
    assert [result.status for result in results] == ["passed", "error"]


@pytest.mark.parametrize("name", INSTALLED)
def test_resident_memory_holds_whatever_address_space_a_runtime_gets(opened: Opened, name: str) -> None:
    result = opened.run(program(name, HOGS[name], limits=Limits(tree_bytes=256 << 20)))
    assert result.status == "memory_limit", result


@pytest.mark.parametrize("name", INSTALLED)
def test_recursion_without_end_ends(opened: Opened, name: str) -> None:
    result = opened.run(program(name, DEEP[name], limits=Limits(wall_s=60.0, tree_bytes=256 << 20)))
    assert result.status in ("error", "killed", "memory_limit"), result


def test_programs_that_ignore_signals_and_sleep_time_out() -> None:
    limits = Limits(wall_s=6.0, cpu_s=6.0)
    with Opened(workers=len(INSTALLED)) as sandbox:
        results = sandbox.run_all(
            *(program(name, ON[name] + DEAF[name], limits=limits) for name in INSTALLED)
        )
    for name, result in zip(INSTALLED, results, strict=True):
        assert (result.status, result.stdout) == ("timeout", "on\n"), (name, result)


def test_a_missing_toolchain_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolchains, "_missing", lambda _: ("go",))
    with pytest.raises(
        ConfigError, match=r"toolchain not installed, go not found .* install with: apt-get .*golang-go"
    ):
        load_language("go")


def test_a_program_that_is_not_there_is_missing() -> None:
    language = replace(load_language("bash"), needs=("bash", "no-such-program"))
    assert language.missing() == ["no-such-program"]


def test_the_report_covers_every_language() -> None:
    report = toolchain_report()
    assert [state.language for state in report] == list_languages()
    assert [state.language for state in report if state.present] == INSTALLED
    assert all(state.install for state in report if state.language != "python")


def test_install_commands_name_each_package_once() -> None:
    (apt,) = install_command(["go", "php", "go"])
    assert apt[:2] == ["apt-get", "install"]
    assert [part for part in apt if not part.startswith("-")].count("golang-go") == 1
    assert "php-cli" in apt
    assert install_command(["javascript"])[1][:2] == ["npm", "install"]
    with pytest.raises(ConfigError, match="klingon"):
        install_command(["klingon"])
