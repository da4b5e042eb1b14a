"""Denial of service: take more than the limits allow, or make the sandbox or its host stumble.

Where a limit refuses, `attack()` ends with an OSError or returns False; where one ends the program, `ends` says how.
"""

from functools import partial

from codewright.sandbox.job import Limits
from tests.sandbox.attacks import Attack

_deny = partial(Attack, "denial of service")

_MEMORY = Limits(tree_bytes=150 << 20, wall_s=8, cpu_s=8)
_ONE_SECOND = Limits(cpu_s=1, wall_s=20)
_BRIEF = Limits(wall_s=1, cpu_s=1)
_KILLED_FOR_MEMORY = ("memory_limit",)

MEMORY = [
    _deny("memory", "take all memory", "def attack():\n    kept = []\n    while True: kept.append(b'x' * (8 << 20))", limits=_MEMORY, ends=_KILLED_FOR_MEMORY),
    _deny("address_space", "reserve more memory than there is", "def attack(): return bytearray(8 << 30)", ends=_KILLED_FOR_MEMORY),
    _deny("memory_of_several", "spread memory over processes, each below the limit", """
import os, time
def attack():
    for _ in range(4):
        if os.fork() == 0:
            x = b'x' * (60 << 20)
            time.sleep(60)
    time.sleep(60)
""", limits=_MEMORY, ends=_KILLED_FOR_MEMORY),
    _deny("memory_of_generations", "hand memory down through processes whose parents end", """
import os, time
def attack():
    for _ in range(30):
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                x = b'x' * (20 << 20)
                time.sleep(60)
            os._exit(0)
    time.sleep(60)
""", limits=_MEMORY, ends=_KILLED_FOR_MEMORY),
    _deny("hidden_shared_memory", "fill shared memory and take it out of the page tables, where nobody counts it", """
import mmap, time
def attack():
    kept = []
    for _ in range(20):
        m = mmap.mmap(-1, 16 << 20)
        for i in range(0, 16 << 20, 4096): m[i] = 1
        m.madvise(mmap.MADV_DONTNEED)
        kept.append(m)
    time.sleep(0.5)
    return all(m[4096] for m in kept)
""", limits=_MEMORY),
    _deny("hidden_zero_device", "the same with a mapping of /dev/zero", """
import mmap, time
def attack():
    kept = []
    with open('/dev/zero', 'r+b', 0) as zero:
        for _ in range(20):
            m = mmap.mmap(zero.fileno(), 16 << 20)
            for i in range(0, 16 << 20, 4096): m[i] = 1
            m.madvise(mmap.MADV_DONTNEED)
            kept.append(m)
    time.sleep(0.5)
    return all(m[4096] for m in kept)
""", limits=_MEMORY),
    _deny("dead_first_thread", "hold memory in a process whose first thread has ended", """
import ctypes, os, threading, time
def attack():
    pid = os.fork()
    if pid == 0:
        def hog():
            time.sleep(0.1)
            x = [b'x' * (16 << 20) for _ in range(20)]
            time.sleep(60)
        threading.Thread(target=hog).start()
        ctypes.CDLL(None).syscall(60 if os.uname().machine == 'x86_64' else 93, 0)
    time.sleep(3)
    return True
""", limits=_MEMORY, ends=_KILLED_FOR_MEMORY),
    _deny("socket_buffers", "keep memory in the buffers of sockets", """
import os, socket, time
def fill():
    held = []
    while True:
        for end in socket.socketpair():
            held.append(end)
            end.setblocking(False)
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
            try:
                while True: end.send(bytes(65536))
            except BlockingIOError: pass
def attack():
    for _ in range(8):
        if os.fork() == 0:
            try: fill()
            except OSError: time.sleep(60)
    time.sleep(4)
    return True
""", limits=_MEMORY, ends=_KILLED_FOR_MEMORY),
    _deny("pipe_buffers", "keep memory in the buffers of pipes", """
import fcntl, os
def attack():
    total = 0
    try:
        while True:
            _, end = os.pipe2(os.O_NONBLOCK)
            try: fcntl.fcntl(end, 1031, 1 << 20)
            except OSError: pass
            try:
                while True: total += os.write(end, bytes(4096))
            except BlockingIOError: pass
    except OSError:
        return total > 150 << 20
""", limits=_MEMORY),
    _deny("descriptors_in_flight", "hold more open files than allowed by sending them to itself", """
import os, socket
def attack():
    held = 0
    left, right = socket.socketpair()
    left.setblocking(False)
    while held < 2000:
        fds = [os.open('/dev/null', os.O_RDONLY) for _ in range(50)]
        socket.send_fds(left, [b'x'], fds)
        for fd in fds: os.close(fd)
        held += 50
    return True
"""),
    _deny("memory_and_disk", "fill the disks, which are memory, and the memory beside them", """
import time
def attack():
    for place in ('/tmp', '/dev/shm'):
        try:
            for n in range(8): open(f'{place}/{n}', 'wb').write(bytes(10 << 20))
        except OSError: pass
    kept = []
    while True: kept.append(b'x' * (8 << 20))
""", limits=_MEMORY, ends=_KILLED_FOR_MEMORY),
    _deny("locked_memory", "pin memory, so that it cannot be swapped", """
import ctypes
def attack(): return ctypes.CDLL(None).mlockall(3) == 0
"""),
]  # fmt: skip

PROCESSOR = [
    _deny("endless_loop", "compute without end", "def attack():\n    while True: pass", limits=_ONE_SECOND, ends=("timeout",)),
    _deny("endless_in_c", "compute without end where Python looks at no signal", "import re\ndef attack(): re.match('(a+)+$', 'a' * 64 + 'b')", limits=_ONE_SECOND, ends=("timeout",)),
    _deny("huge_power", "compute a number with billions of digits", "def attack(): return 9 ** 9 ** 9 > 0", limits=_ONE_SECOND, ends=("timeout", "memory_limit")),
    _deny("processor_of_many", "spread processor time over processes", "import os\ndef attack():\n    for _ in range(3): os.fork()\n    while True: pass", limits=_ONE_SECOND, ends=("timeout",)),
    _deny("brief_children", "spread processor time over children too brief to be seen", """
import os, signal, time
def attack():
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        if os.fork() == 0:
            end = time.process_time() + 0.005
            while time.process_time() < end: pass
            os._exit(0)
        time.sleep(0.004)
""", limits=Limits(wall_s=2, cpu_s=1), ends=("timeout",)),
    _deny("sleep", "wait without end", "import time\ndef attack(): time.sleep(60)", limits=_BRIEF, ends=("timeout",)),
    _deny("wait_for_input", "wait for input that never comes", "import os\ndef attack():\n    left, _ = os.pipe()\n    os.read(left, 1)", limits=_BRIEF, ends=("timeout",)),
    _deny("stop_itself", "stop itself and its children, so that nothing ends", """
import os, signal, time
def attack():
    for _ in range(3):
        if os.fork() == 0:
            os.kill(os.getpid(), signal.SIGSTOP)
    os.kill(os.getpid(), signal.SIGSTOP)
    time.sleep(60)
""", limits=_BRIEF, ends=("timeout",)),
    _deny("ignore_signals", "ignore every signal that can be ignored, the one for its time limit included", """
import signal
def attack():
    for number in range(1, 65):
        try: signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError): pass
    while True: pass
""", limits=_ONE_SECOND, ends=("timeout",)),
]  # fmt: skip

PROCESSES = [
    _deny("processes", "start more processes than allowed", "import os, time\ndef attack():\n    for n in range(100): os.fork() or time.sleep(60)\n    return True"),
    _deny("fork_bomb", "start processes that start processes", "import os\ndef attack():\n    while True:\n        try: os.fork()\n        except OSError: pass", limits=_BRIEF, ends=("timeout",)),
    _deny("fork_at_exit", "start them from handlers that run at the end", """
import atexit, os
def bomb():
    atexit.register(bomb)
    while True:
        try: os.fork()
        except OSError: pass
def attack(): atexit.register(bomb)
""", limits=_BRIEF, ends=("timeout", "passed")),
    _deny("threads", "start more threads than allowed", """
import threading, time
def attack():
    try:
        for n in range(100): threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
    except RuntimeError:
        return False
    return True
"""),
    _deny("zombies", "fill the process table with dead children", "import os\ndef attack():\n    for n in range(300): os.fork() or os._exit(0)\n    return True"),
    _deny("descriptors", "open more files than allowed", "import os\ndef attack():\n    for n in range(1000): os.dup(1)\n    return True"),
    _deny("flood_socket", "fill the socket that verdicts travel on", """
import os
def attack():
    os.set_blocking(3, False)
    while True: os.write(3, b'x' * 1000)
""", ends=("passed", "not_plain", "exited_early")),
    _deny("crash", "crash the interpreter", "import ctypes\ndef attack(): ctypes.string_at(0)", ends=("killed",)),
    _deny("crash_in_codec", "overflow the stack of whatever reads its answer", "def attack():\n    x = []\n    for _ in range(100_000): x = [x]\n    raise Exception(x)", ends=("error", "killed", "not_plain")),
    _deny("endless_message", "fail with a message of 200 MB", "def attack(): raise Exception('x' * (200 << 20))", ends=("error", "memory_limit", "not_plain", "output_limit", "timeout")),
]  # fmt: skip

DISK = [
    _deny("big_file", "write a big file", "def attack(): return open('/tmp/x', 'wb').write(b'x' * (80 << 20))"),
    _deny("many_files", "fill the disk with files below the limit", "def attack():\n    for n in range(9): open(f'/tmp/{n}', 'wb').write(b'x' * (10 << 20))\n    return True"),
    _deny("shared_disk", "fill /dev/shm", "def attack():\n    for n in range(9): open(f'/dev/shm/{n}', 'wb').write(b'x' * (10 << 20))\n    return True"),
    _deny("deleted_files", "fill the disk with files that have no name any more", """
import os
def attack():
    kept = []
    for n in range(9):
        kept.append(open('/tmp/x', 'wb'))
        os.unlink('/tmp/x')
        kept[-1].write(bytes(10 << 20))
    return True
"""),
    _deny("sparse_file", "make a file of a terabyte without content", "def attack(): return open('/tmp/x', 'wb').truncate(1 << 40)"),
    _deny("inodes", "make more files than allowed", "def attack():\n    for n in range(5000): open(f'/tmp/{n}', 'w').close()\n    return True"),
    _deny("deep_folders", "make folders in folders, too deep to be cleared away", "import os\ndef attack():\n    for n in range(5000):\n        os.mkdir('d' * 200)\n        os.chdir('d' * 200)\n    return True"),
    _deny("links", "make more names than allowed", "import os\ndef attack():\n    open('/tmp/x', 'w')\n    for n in range(5000): os.link('/tmp/x', f'/tmp/{n}')\n    return True"),
]  # fmt: skip

OUTPUT = [
    _deny("stdout", "print without end and without a line break", "import os\ndef attack():\n    while True: os.write(1, b'x' * 65536)", ends=("output_limit",)),
    _deny("stderr", "the same on stderr", "import os\ndef attack():\n    while True: os.write(2, b'x' * 65536)", ends=("output_limit",)),
    _deny("output_of_children", "have children print without end", "import os, time\ndef attack():\n    for _ in range(8):\n        if os.fork() == 0:\n            while True: os.write(1, b'x' * 4096)\n    time.sleep(60)", ends=("output_limit",)),
]  # fmt: skip
