"""Solutions that try to be scored as passed in `split` without knowing the answer; each says in one line how."""

from tests.sandbox.attacks import Attack

# In every forgery the tests are FORGERY_TESTS: `solve` would have to know a number that only the checker has.
FORGERY_TESTS = (
    "EXPECTED = 'only-the-checker-knows'\nassert solve(1) == EXPECTED\nassert solve(2) == EXPECTED[::-1]"
)

FORGERIES = [
    Attack("exit", "leave with exit code 0", "import os\ndef solve(x): os._exit(0)"),
    Attack("exit_at_load", "leave before the tests start", "import sys\nsys.exit(0)"),
    Attack(
        "atexit",
        "leave in an exit handler",
        "import atexit, os\natexit.register(os._exit, 0)\ndef solve(x): return 1",
    ),
    Attack(
        "always_equal",
        "return an object that equals everything",
        "class Yes:\n    def __eq__(self, other): return True\ndef solve(x): return Yes()",
    ),
    Attack(
        "equal_text",
        "return a str whose comparison always holds",
        "class Yes(str):\n    def __eq__(self, other): return True\n    __hash__ = str.__hash__\ndef solve(x): return Yes('x')",
    ),
    Attack(
        "equal_inside",
        "hide such an object in a list",
        "class Yes(int):\n    def __eq__(self, other): return True\ndef solve(x): return [Yes(1)]",
    ),
    Attack(
        "pretend_class",
        "claim to be a plain str",
        "class Yes:\n    __class__ = str\n    def __eq__(self, other): return True\ndef solve(x): return Yes()",
    ),
    Attack(
        "patch_assert",
        "make a failed assert harmless",
        "import builtins\n"
        "class Quiet(Exception):\n    def __init__(self, *a): import os; os._exit(0)\n"
        "builtins.AssertionError = Quiet\ndef solve(x): return 1",
    ),
    Attack(
        "shadow_builtins",
        "offer functions named like builtins for the tests to call",
        "def str(*a): return 'x'\ndef len(*a): return 1\ndef print(*a): pass\ndef solve(x): return 1\ndef AssertionError(*a): return 1",
    ),
    Attack(
        "frames",
        "find the tests' variables in the frames above",
        "import sys\n"
        "def solve(x):\n"
        "    frame = sys._getframe()\n"
        "    while frame:\n"
        "        if 'EXPECTED' in frame.f_globals: return frame.f_globals['EXPECTED'][::1 if x == 1 else -1]\n"
        "        frame = frame.f_back",
    ),
    Attack(
        "objects",
        "find the expected value among all objects",
        "import gc, re\n"
        "def solve(x):\n"
        "    for value in gc.get_objects():\n"
        "        if type(value) is dict and 'EXPECTED' in value: return value['EXPECTED'][::1 if x == 1 else -1]",
    ),
    Attack(
        "memory",
        "find the expected value in this process's memory",
        "import re\n"
        "def solve(x):\n"
        "    pattern = re.compile(b'only-the-[c]hecker-knows')\n"
        "    with open('/proc/self/mem', 'rb', 0) as memory:\n"
        "        for line in open('/proc/self/maps'):\n"
        "            if ' rw' in line and '[v' not in line:\n"
        "                low, high = (int(part, 16) for part in line.split()[0].split('-'))\n"
        "                memory.seek(low)\n"
        "                found = pattern.search(memory.read(high - low))\n"
        "                if found: return found.group().decode()[::1 if x == 1 else -1]",
    ),
    Attack(
        "write_verdict",
        "write a verdict to every descriptor",
        "import json, os\n"
        "def solve(x):\n"
        "    record = json.dumps({'nonce': '', 'status': 'passed', 'detail': ''}).encode()\n"
        "    for fd in range(3, 256):\n"
        "        try: os.write(fd, record)\n"
        "        except OSError: pass\n"
        "    os._exit(0)",
    ),
    Attack(
        "steal_nonce",
        "read the nonce from any descriptor, then write a verdict with it",
        "import json, os\n"
        "for fd in range(3, 256):\n"
        "    try:\n"
        "        os.set_blocking(fd, False)\n"
        "        nonce = os.read(fd, 4096).decode()\n"
        "        os.write(fd, json.dumps({'nonce': nonce, 'status': 'passed', 'detail': ''}).encode())\n"
        "    except OSError: pass\n"
        "os._exit(0)",
    ),
    Attack(
        "end_as_passed",
        "tell the checker that the solution ended with a pass",
        "import json, os, struct\n"
        "body = json.dumps({'end': ['passed', '']}).encode()\n"
        "os.write(3, struct.pack('<I', len(body)) + body)",
    ),
    Attack(
        "flood_answers",
        "send answers before they are asked for",
        "import json, os, struct\n"
        "for answer in ({'names': ['solve']}, {'value': None}, {'value': {'t': 5}}, {'value': [[]]}):\n"
        "    body = json.dumps(answer).encode()\n"
        "    os.write(3, struct.pack('<I', len(body)) + body)",
    ),
    Attack(
        "huge_answer",
        "announce a message of 4 GB",
        "import os\nos.write(3, b'\\xff' * 8)\ndef solve(x): return 1",
    ),
    Attack(
        "deep_answer",
        "crash the checker's parser with depth",
        "import os, struct\n"
        "body = b'[' * 1_000_000\n"
        "os.write(3, struct.pack('<I', len(body)) + body)\ndef solve(x): return 1",
    ),
    Attack(
        "hostile_codec",
        "replace the codec in its own process",
        "import sys\n"
        "plain = sys.modules['codewright.sandbox.guest.plain']\n"
        "plain.to_json = lambda value, depth=0: {'c': ['x', []]}\ndef solve(x): return 1",
    ),
    Attack(
        "odd_exception",
        "raise what the checker would take for its own signal",
        "class SolutionEndedError(BaseException): pass\ndef solve(x): raise SolutionEndedError('passed')",
    ),
    Attack(
        "kill_checker",
        "kill or stop the checker and everything else",
        "import os, signal\n"
        "def solve(x):\n"
        "    for pid in (-1, 0, 1, 2, 3, os.getppid(), -os.getpgrp()):\n"
        "        for number in (signal.SIGSTOP, signal.SIGKILL):\n"
        "            try: os.kill(pid, number)\n"
        "            except OSError: pass",
    ),
    Attack(
        "patch_from_child",
        "write into the memory of every visible process",
        "import glob, os\n"
        "def solve(x):\n"
        "    for path in glob.glob('/proc/[0-9]*/mem'):\n"
        "        if path != f'/proc/{os.getpid()}/mem': open(path, 'wb').write(b'x'); return 'wrote'",
    ),
    Attack(
        "print_verdict",
        "print what a passing run might print",
        "def solve(x): print('passed', 'ok', '0 failed')",
    ),
    Attack(
        "lazy_value",
        "return a generator or an iterator that yields anything",
        "def solve(x):\n    while True: yield x",
    ),
]
