"""Forged verdicts: solutions that try to be scored as passed without knowing the answer.

The tests are SECRET_TESTS unless an attack brings its own: `solve` would have to return a text that only the tests hold. Each
succeeds where solution and tests share a process, or where an exit code counts; those in forgeries_crossing.py are
made for two processes.
"""

from functools import partial

from tests.sandbox.attacks import Attack

_forge = partial(Attack, "forged verdicts")

_RECORD = """
import json, os
def forge():
    os.set_blocking(3, False)
    nonce = os.read(3, 4096).decode()
    os.write(3, bytes(1).join([nonce.encode(), b'passed', b'', b'0', b'']))
    os._exit(0)
"""

LEAVING = [
    _forge("exit", "leave with exit code 0", "import os\ndef solve(x): os._exit(0)"),
    _forge("exit_at_load", "leave before the tests start", "import sys\nsys.exit(0)"),
    _forge("atexit", "leave in an exit handler", "import atexit, os\natexit.register(os._exit, 0)\ndef solve(x): return 1"),
    _forge("exit_in_equal", "leave while the tests compare", "import os\nclass Leave:\n    def __eq__(self, other): os._exit(0)\ndef solve(x): return Leave()"),
    _forge("exit_in_text", "leave while the failure is described", """
import os
class Leave(Exception):
    def __str__(self): os._exit(0)
def solve(x): raise Leave
"""),
    _forge("exit_in_thread", "leave from a thread while the tests run", "import os, threading, time\nthreading.Thread(target=lambda: (time.sleep(0.05), os._exit(0))).start()\ndef solve(x): time.sleep(1)"),
    _forge("exit_in_signal", "leave from a signal handler while the tests run", "import os, signal, time\nsignal.signal(signal.SIGALRM, lambda *_: os._exit(0))\nsignal.setitimer(signal.ITIMER_REAL, 0.05)\ndef solve(x): time.sleep(1)"),
    _forge("exit_in_excepthook", "leave where an uncaught exception would be shown", "import os, sys, traceback\nsys.excepthook = lambda *_: os._exit(0)\ntraceback.TracebackException = lambda *_, **__: os._exit(0)\ndef solve(x): return 1"),
    _forge("replace_process", "become another program that ends well", "import os\ndef solve(x): os.execv('/bin/true', ['true'])"),
]  # fmt: skip

EQUAL = [
    _forge("always_equal", "return an object that equals everything", "class Yes:\n    def __eq__(self, other): return True\n    def __getitem__(self, key): return self\ndef solve(x): return Yes()"),
    _forge("equal_text", "return a str whose comparison always holds", "class Yes(str):\n    def __eq__(self, other): return True\n    __hash__ = str.__hash__\ndef solve(x): return Yes('x')"),
    _forge("equal_number", "the same with an int, a float and a bool's look", "class Yes(int):\n    def __eq__(self, other): return True\n    def __bool__(self): return True\ndef solve(x): return Yes(1)"),
    _forge("equal_list", "the same with a list, a dict and a set inside one another", """
class List(list):
    def __eq__(self, other): return True
class Dict(dict):
    def __eq__(self, other): return True
def solve(x): return List([Dict()])
"""),
    _forge("equal_inside", "hide such an object in a plain list", "class Yes(int):\n    def __eq__(self, other): return True\ndef solve(x): return [Yes(1)]", tests="SECRET = 7\nassert solve(1) == [SECRET]"),
    _forge("equal_key", "hide it among the keys of a plain dict", """
class Yes(str):
    def __eq__(self, other): return True
    def __hash__(self): return hash('only-the-checker-knows')
def solve(x): return {Yes(): 1}
""", tests="EXPECTED = 'only-the-checker-knows'\nassert solve(1).get(EXPECTED) == 1"),
    _forge("pretend_class", "claim to be a plain str", "class Yes:\n    __class__ = str\n    def __eq__(self, other): return True\ndef solve(x): return Yes()", tests="EXPECTED = 'only-the-checker-knows'\nanswer = solve(1)\nassert isinstance(answer, str) and answer == EXPECTED"),
    _forge("never_wrong", "return a number for which no comparison says that it is wrong", "class Number(float):\n    def __sub__(self, other): return 0.0\n    __rsub__ = __sub__\ndef solve(x): return Number()", tests="EXPECTED = 31337.5\nassert abs(solve(1) - EXPECTED) < 1e-6"),
    _forge("everything_inside", "return a container that holds everything", "class All(list):\n    def __contains__(self, item): return True\ndef solve(x): return All()", tests="EXPECTED = 31337\nassert EXPECTED in solve(1)"),
    _forge("changing_answer", "return an object that becomes what it is compared with", """
class Chameleon:
    def __eq__(self, other):
        self.__class__ = type('Seen', (str,), {}) if False else type(self)
        self.value = other
        return self.value == other
    def __getattr__(self, name): return lambda *_: self
def solve(x): return Chameleon()
"""),
]  # fmt: skip

PATCHES = [
    _forge("patch_exec", "replace the function that runs the tests", "import builtins\nbuiltins.exec = lambda *_: None"),
    _forge("patch_compile", "replace the compiler, so that the tests become empty", "import builtins\ncompile_ = builtins.compile\nbuiltins.compile = lambda source, *a, **k: compile_('', *a, **k)"),
    _forge("patch_builtins", "replace the builtins that the tests compare with", "import builtins\nbuiltins.all = builtins.any = lambda *_: True\nbuiltins.sorted = builtins.len = builtins.str = lambda *_, **__: 1\ndef solve(x): return 1", tests="EXPECTED = 'only-the-checker-knows'\nassert sorted(solve(1)) == sorted(EXPECTED)\nassert all(a == b for a, b in [(solve(1), EXPECTED)])\nassert str(solve(1)) == str(EXPECTED)"),
    _forge("patch_unittest", "replace the assertions of unittest", """
import unittest
for name in dir(unittest.TestCase):
    if name.startswith('assert'): setattr(unittest.TestCase, name, lambda *_, **__: None)
def solve(x): return 1
""", tests="import unittest\ncase = unittest.TestCase()\ncase.assertEqual(solve(1), 'only-the-checker-knows')"),
    _forge("patch_math", "replace a function of the library that the tests call", "import math\nmath.isclose = lambda *_, **__: True\ndef solve(x): return 1", tests="import math\nEXPECTED = 31337.5\nassert math.isclose(solve(1), EXPECTED)"),
    _forge("patch_json", "replace the encoder that the tests compare with", "import json\njson.dumps = lambda *_, **__: ''\ndef solve(x): return 1", tests="import json\nassert json.dumps(solve(1)) == json.dumps('only-the-checker-knows')"),
    _forge("patch_import", "hand the tests a module of its own when they import", """
import builtins, types
real = builtins.__import__
builtins.__import__ = lambda name, *rest: types.SimpleNamespace(isclose=lambda *_: True) if name == 'cmath' else real(name, *rest)
def solve(x): return 1
""", tests="import cmath\nEXPECTED = 31337.5\nassert cmath.isclose(solve(1), EXPECTED)"),
    _forge("plant_module", "put a module where the tests will import it from", """
import sys, types
fake = types.ModuleType('colorsys')
fake.rgb_to_hsv = lambda *_: 1
sys.modules['colorsys'] = fake
def solve(x): return 1
""", tests="import colorsys\nassert colorsys.rgb_to_hsv(0.2, 0.4, 0.4) == solve(1)"),
    _forge("patch_reporter", "replace the method that reports the verdict", """
import sys
verdict = sys.modules['codewright.sandbox.guest.verdict'].VerdictChannel
report = verdict.report
verdict.report = lambda self, status, detail='', **more: report(self, 'passed')
def solve(x): return 1
"""),
    _forge("patch_status", "replace what turns an exception into a status", """
import sys
for name in ('runners', 'verdict', 'split'):
    module = sys.modules['codewright.sandbox.guest.' + name]
    if hasattr(module, 'status_of'): module.status_of = lambda error: 'passed'
def solve(x): return 1
"""),
    _forge("trace_jump", "jump over the assertions with a trace function", """
import sys
def solve(x):
    def jump(frame, event, arg):
        if event == 'line' and frame.f_lineno == 3: frame.f_lineno = 4
        return jump
    frame = sys._getframe(1)
    frame.f_trace = jump
    sys.settrace(jump)
""", tests="EXPECTED = 'only-the-checker-knows'\nanswer = solve(1)\nassert answer == EXPECTED\ndone = True"),
    _forge("profile", "change the tests' variables from a profile function", """
import sys
def solve(x):
    def change(frame, event, arg):
        if 'EXPECTED' in frame.f_globals: frame.f_globals['EXPECTED'] = 'known'
    sys.setprofile(change)
    change(sys._getframe(1), '', None)
    return 'known' if x == 1 else 'nwonk'
"""),
    _forge("skip", "raise what test frameworks take for a skipped test", """
import unittest
def solve(x): raise unittest.SkipTest
""", tests="import unittest\nclass Case(unittest.TestCase):\n    def test(self): self.assertEqual(solve(1), 'only-the-checker-knows')\nresult = unittest.TestResult()\nCase('test').run(result)\nassert result.wasSuccessful()"),
    _forge("end_the_loop", "raise StopIteration, so that the tests' loop ends before its first comparison", "def solve(x): raise StopIteration", tests="CASES = [(1, 'only-the-checker-knows'), (2, 'nor this')]\nassert all(map(lambda case: solve(case[0]) == case[1], CASES))\nfor answer, (_, wanted) in zip(map(solve, [1, 2]), CASES):\n    assert answer == wanted"),
]  # fmt: skip

SPYING = [
    _forge("frames", "find the tests' variables in the frames above", """
import sys
def solve(x):
    frame = sys._getframe()
    while frame:
        if 'EXPECTED' in frame.f_globals: return frame.f_globals['EXPECTED'][::1 if x == 1 else -1]
        frame = frame.f_back
"""),
    _forge("objects", "find the expected value among all objects", """
import gc
def solve(x):
    for value in gc.get_objects():
        if type(value) is dict and type(value.get('EXPECTED')) is str: return value['EXPECTED'][::1 if x == 1 else -1]
"""),
    _forge("code_constants", "find it among the constants of the code above", """
import sys
def solve(x):
    frame = sys._getframe(1)
    while frame:
        for constant in frame.f_code.co_consts:
            if type(constant) is str and constant.startswith('only-'): return constant[::1 if x == 1 else -1]
        frame = frame.f_back
"""),
    _forge("traceback_frames", "find it in the frames of an exception of its own", """
def solve(x):
    try: raise ValueError
    except ValueError as error:
        frame = error.__traceback__.tb_frame
        while frame:
            if 'EXPECTED' in frame.f_globals: return frame.f_globals['EXPECTED'][::1 if x == 1 else -1]
            frame = frame.f_back
"""),
    _forge("linecache", "read the tests' source where tracebacks find it", """
import linecache, re
def solve(x):
    for _, _, lines, _ in [entry for entry in linecache.cache.values() if len(entry) == 4]:
        found = re.search("EXPECTED = '([^']+)'", ''.join(lines))
        if found and 'search' not in ''.join(lines): return found[1][::1 if x == 1 else -1]
"""),
    _forge("inspect", "ask inspect for the source of whoever calls", """
import inspect, re
def solve(x):
    for frame in inspect.stack()[1:]:
        for line in inspect.findsource(frame.frame)[0] if 'solve' in str(frame.code_context) else []:
            found = re.match("EXPECTED = '([^']+)'", line)
            if found: return found[1][::1 if x == 1 else -1]
"""),
    _forge("modules", "find the tests' variables in a loaded module", """
import sys
def solve(x):
    for module in list(sys.modules.values()):
        value = getattr(module, '__dict__', {}).get('EXPECTED')
        if type(value) is str: return value[::1 if x == 1 else -1]
"""),
    _forge("memory", "find it in this process's memory", """
import re
def solve(x):
    pattern = re.compile(b'only-the-[c]hecker-knows')
    with open('/proc/self/mem', 'rb', 0) as memory:
        for line in open('/proc/self/maps'):
            if ' rw' in line and '[v' not in line:
                low, high = (int(part, 16) for part in line.split()[0].split('-'))
                memory.seek(low)
                found = pattern.search(memory.read(high - low))
                if found: return found.group().decode()[::1 if x == 1 else -1]
"""),
    _forge("write_memory", "overwrite the expected value in memory with a known one", """
import ctypes, re
def solve(x):
    pattern = re.compile(b'only-the-[c]hecker-knows')
    with open('/proc/self/mem', 'rb', 0) as memory:
        for line in open('/proc/self/maps'):
            if ' rw' in line and '[v' not in line:
                low, high = (int(part, 16) for part in line.split()[0].split('-'))
                memory.seek(low)
                text = memory.read(high - low)
                places = [found.start() for found in pattern.finditer(text)]
                del text
                for place in places: ctypes.memmove(low + place, b'x' * 22, 22)
    return 'x' * 22
"""),
]  # fmt: skip

RECORDS = [
    _forge("steal_nonce", "read the nonce from the verdict socket and report a pass with it", _RECORD + "forge()"),
    _forge("steal_nonce_in_call", "the same once the tests call", _RECORD + "def solve(x): forge()"),
    _forge("steal_nonce_in_thread", "the same from a thread", _RECORD + "import threading\nthreading.Thread(target=forge).start()\ndef solve(x): __import__('time').sleep(1)"),
    _forge("steal_nonce_in_child", "the same from a process it starts, while the first one leaves", _RECORD + "if os.fork() == 0: forge()\nos.wait()\nos._exit(0)"),
    _forge("every_descriptor", "read a nonce from any descriptor, and write a verdict to all of them", """
import json, os
def solve(x):
    nonces = ['']
    for fd in range(3, 256):
        try:
            os.set_blocking(fd, False)
            nonces.append(os.read(fd, 4096).decode())
        except (OSError, ValueError): pass
    for nonce in nonces:
        record = bytes(1).join([nonce.encode(), b'passed', b'', b'0', b''])
        for fd in range(3, 256):
            try: os.write(fd, record)
            except OSError: pass
    os._exit(0)
"""),
]  # fmt: skip

FORGERIES = LEAVING + EQUAL + PATCHES + SPYING + RECORDS
