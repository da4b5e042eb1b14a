"""Forged verdicts that aim at what crosses between the solution's process and the checker's: they need two processes."""

from functools import partial

from codewright.sandbox.job import Limits
from tests.sandbox.attacks import Attack

# Many of them wait where there is no second process to answer.
_forge = partial(Attack, "forged verdicts", crossing=True, limits=Limits(wall_s=1.0, cpu_s=1.0))

# Speaks the link's protocol itself: a length of four bytes, then JSON.
_SPEAK = """
import json, os, struct
def say(message):
    body = message if type(message) is bytes else json.dumps(message).encode()
    os.write(3, struct.pack('<I', len(body)) + body)
def hear():
    try: os.read(3, 65536)
    except OSError: pass
"""
_LOADED = _SPEAK + "say({'names': ['solve']})\nhear()\n"

LINK = [
    _forge("end_as_passed", "tell the checker that the solution ended with a pass", _SPEAK + "say({'end': ['passed', '']})"),
    _forge("end_twice", "end with a failure and then with a pass", _SPEAK + "say({'end': ['error', '']})\nsay({'end': ['passed', '']})"),
    _forge("end_with_objects", "end with something that is no status", _SPEAK + "say({'end': [{'t': ['passed']}, None]})"),
    _forge("record_as_answer", "send a verdict where an answer is expected", _LOADED + "say({'nonce': '', 'status': 'passed', 'detail': ''})"),
    _forge("early_answers", "send answers before they are asked for", _SPEAK + "for answer in ({'names': ['solve']}, {'value': None}, {'value': {'t': 5}}, {'value': [[]]}): say(answer)"),
    _forge("answer_twice", "send two answers to one call", _LOADED + "say({'value': 1})\nsay({'value': 2})\nhear()"),
    _forge("no_value", "answer without a value", _LOADED + "say({})\nhear()\nsay([])"),
    _forge("close_link", "close the link and live on", "import os, time\nos.close(3)\ntime.sleep(60)"),
    _forge("half_close", "close one direction of the link", "import socket\ns = socket.socket(fileno=3)\ns.shutdown(socket.SHUT_WR)\ndef solve(x): return 1"),
    _forge("cut_short", "break off in the middle of a message", "import os\nos.write(3, b'\\x10\\x00\\x00\\x00{')\nos._exit(0)"),
    _forge("huge_length", "announce a message of 4 GB", "import os\nos.write(3, b'\\xff' * 8)\ndef solve(x): return 1"),
    _forge("zero_length", "send empty messages", "import os\nos.write(3, bytes(64))\ndef solve(x): return 1"),
    _forge("many_names", "offer a million functions", _SPEAK + "import sys\nnames = json.dumps({'names': ['f%d' % n for n in range(1_000_000)]}).encode()\nview = memoryview(struct.pack('<I', len(names)) + names)\nwhile view: view = view[os.write(3, view):]\nhear()"),
    _forge("odd_names", "offer names of builtins, of the module itself, and what is no name", _SPEAK + "say({'names': ['solve', 'AssertionError', 'print', '__name__', '__builtins__', '__import__', 'a b', 7]})\nhear()\nsay({'value': 1})"),
    _forge("shadow_builtins", "offer functions named like builtins for the tests to call", "def str(*a): return 'x'\ndef len(*a): return 1\ndef print(*a): pass\ndef solve(x): return 1\ndef AssertionError(*a): return 1"),
    _forge("deep_answer", "crash the checker's parser with depth", _SPEAK + "body = b'[' * 1_000_000\nview = memoryview(struct.pack('<I', len(body)) + body)\nwhile view: view = view[os.write(3, view):]"),
    _forge("not_json", "send what is no JSON", _SPEAK + "say(b'\\xff\\xfe{')\nhear()"),
    _forge("passed_descriptors", "send open files along with an answer", _LOADED + "import socket\ns = socket.socket(fileno=3)\nsocket.send_fds(s, [struct.pack('<I', 11) + b'{\"value\":1}'], [0, 1, 2] * 50)\nhear()"),
    _forge("own_codec", "replace the codec in its own process", "import sys\nplain = sys.modules['codewright.sandbox.guest.plain']\nplain.to_json = lambda value, depth=0: {'c': ['x', []]}\ndef solve(x): return 1"),
    _forge("own_json", "replace the JSON writer in its own process", "import json\njson.dumps = lambda *_: '{\"end\": [\"passed\", \"\"]}'\ndef solve(x): return 1"),
    _forge("own_marshal", "plant a decoder in its own process that reads a job as passed", "import marshal\nmarshal.loads = lambda *_: {'status': 'passed'}\ndef solve(x): return 1"),
]  # fmt: skip

EXCEPTIONS = [
    _forge("raise_signal_of_checker", "raise what the checker would take for its own signal", "class SolutionEndedError(BaseException): pass\ndef solve(x): raise SolutionEndedError('passed')"),
    _forge("raise_exit", "have the checker raise SystemExit or KeyboardInterrupt", _LOADED + "say({'raised': {'type': 'SystemExit', 'args': [0], 'line': ''}})\nhear()"),
    _forge("raise_stop", "have the checker raise StopIteration inside the tests' loop", _LOADED + "for _ in range(2):\n    say({'raised': {'type': 'StopIteration', 'args': [], 'line': ''}})\n    hear()", tests="assert all(map(lambda case: solve(case[0]) == case[1], [(1, 'only-the-checker-knows')]))"),
    _forge("raise_anything", "have the checker call a builtin that is no exception", _LOADED + "say({'raised': {'type': 'exec', 'args': ['import os; os._exit(0)'], 'line': ''}})\nhear()"),
    _forge("raise_group", "have the checker build an exception out of hostile arguments", _LOADED + "say({'raised': {'type': 'ExceptionGroup', 'args': ['x', [{'r': [1, 2, 0]}]], 'line': {'a': 1}, 'traceback': [1]}})\nhear()"),
    _forge("raise_liar", "raise an exception that lies about its class", "class Liar(Exception):\n    __class__ = property(lambda self: SystemExit)\n    def __str__(self): raise Liar\ndef solve(x): raise Liar(0)"),
]  # fmt: skip

DATA = [
    _forge("pickle", "return an object that runs code where it is unpickled", "import os\nclass Load:\n    def __reduce__(self): return (os._exit, (0,))\ndef solve(x): return Load()"),
    _forge("pickled_bytes", "return the bytes of such an object", "import pickle, os\nclass Load:\n    def __reduce__(self): return (os._exit, (0,))\ndef solve(x): return pickle.dumps(Load())"),
    _forge("generator", "return an iterator that yields whatever is asked for", "def solve(x):\n    while True: yield x"),
    _forge("type", "return a class whose instances and comparisons always agree", "class Meta(type):\n    def __eq__(cls, other): return True\n    def __hash__(cls): return 1\nclass Yes(metaclass=Meta): pass\ndef solve(x): return Yes"),
    _forge("nan", "return NaN, by itself and as a dict's key", "def solve(x): return {float('nan'): float('nan'), 1: [float('inf')]}"),
    _forge("huge_number", "return a number of ten million digits", "def solve(x): return 1 << 33_000_000"),
    _forge("huge_range", "return a range that fills memory once it becomes a list", "def solve(x): return range(10 ** 18)", tests="EXPECTED = [1]\nassert list(solve(1)) == EXPECTED"),
    _forge("colliding_keys", "return a set whose members all have one hash", "def solve(x): return {n * ((1 << 61) - 1) for n in range(1, 30_000)}"),
    _forge("endless_nesting", "return a list that contains itself", "def solve(x):\n    loop = []\n    loop.append(loop)\n    return loop"),
    _forge("lone_surrogate", "return text that is no Unicode", "def solve(x): return '\\ud800' * 1000"),
    _forge("changed_arguments", "report changes to arguments that do not match the call", _LOADED + "say({'value': 1, 'args': [[1], 2, {'d': 5}]})\nhear()"),
]  # fmt: skip

PROCESSES = [
    _forge("kill_checker", "kill or stop the checker and everything else", """
import os, signal
def solve(x):
    for pid in (-1, 0, 1, 2, 3, os.getppid(), -os.getpgrp()):
        for number in (signal.SIGSTOP, signal.SIGKILL):
            try: os.kill(pid, number)
            except OSError: pass
"""),
    _forge("patch_checker", "write into the memory of every process it can name", """
import glob, os
def solve(x):
    for path in glob.glob('/proc/[0-9]*/mem'):
        if path != f'/proc/{os.getpid()}/mem': open(path, 'wb').write(b'x'); return 'wrote'
"""),
    _forge("read_output", "read what the tests have printed back out of the stream both write to", """
def solve(x):
    for stream in (1, 2, 0):
        try:
            with open(f'/proc/self/fd/{stream}', 'rb', 0) as file: text = file.read(22).decode()
        except OSError: continue
        if text: return text[::1 if x == 1 else -1]
""", tests="EXPECTED = 'only-the-checker-knows'\nprint(EXPECTED, end='', flush=True)\nassert solve(1) == EXPECTED\n"),
    _forge("memory_files", "look for the tests among open files, memory files and files in /dev/shm", """
import glob, re
def solve(x):
    for path in glob.glob('/proc/[0-9]*/fd/*') + glob.glob('/proc/self/fd/*') + glob.glob('/dev/shm/*') + glob.glob('/tmp/*'):
        try:
            with open(path, 'rb', 0) as file: found = re.search(b'only-the-[c]hecker-knows', file.read(100_000))
        except OSError: continue
        if found: return found.group().decode()[::1 if x == 1 else -1]
"""),
    _forge("outlive", "answer wrongly, and answer again from a process that lives on", _LOADED + "if os.fork() == 0:\n    while True: say({'value': 'only'})\nos._exit(0)"),
]  # fmt: skip

CROSSING = LINK + EXCEPTIONS + DATA + PROCESSES
