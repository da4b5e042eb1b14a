"""Leftovers: each `attack()` looks for what the same program left when it ran before, and leaves it again."""

from functools import partial

from tests.sandbox.attacks import CALLS, Attack

_left = partial(Attack, "leftovers")

# Names on file systems begin with codewright-left, so that a test on `unsafe` can clean up.
LEFTOVERS = [
    _left("tmp", "leave a file in /tmp", """
import os
def attack():
    found = os.path.exists('/tmp/codewright-left')
    open('/tmp/codewright-left', 'w')
    return found
""", harmless=True),
    _left("shm", "leave a file in /dev/shm", """
import os
def attack():
    found = os.path.exists('/dev/shm/codewright-left')
    open('/dev/shm/codewright-left', 'w')
    return found
""", harmless=True),
    _left("working_folder", "leave a module in the working folder, where the next program imports from", """
import os
def attack():
    found = os.path.exists('statistics.py') or os.path.exists('sitecustomize.py')
    for name in ('statistics.py', 'sitecustomize.py'): open(name, 'w')
    return found
"""),
    _left("startup_files", "leave files that shells and interpreters read when they start", """
import os
def attack():
    home = os.path.expanduser('~')
    found = False
    for name in ('.bashrc', '.profile', '.npmrc', '.cargo/config.toml', '.local/lib/python3.11/site-packages/usercustomize.py'):
        path = os.path.join(home, name)
        found = found or os.path.exists(path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        open(path, 'w')
    return found
"""),
    _left("semaphore", "leave a named semaphore", """
import _multiprocessing as m
def attack():
    try:
        m.SemLock(1, 1, 1, '/codewright-left', False)
    except FileExistsError:
        return True
""", harmless=True),
    _left("shared_memory", "leave POSIX shared memory", """
from multiprocessing import resource_tracker, shared_memory
def attack():
    resource_tracker.register = lambda *_: None
    try:
        shared_memory.SharedMemory('codewright-left-memory', create=True, size=4096)
    except FileExistsError:
        return True
""", harmless=True),
    _left("system_v", "leave System V shared memory, a queue and semaphores", CALLS + """
def attack():
    key = 0x436F6465
    found = any(works(call(key, *rest)) for call, rest in ((libc.shmget, (0, 0)), (libc.msgget, (0,)), (libc.semget, (0, 0))))
    made = [libc.shmget(key, 4096, 0o1600), libc.msgget(key, 0o1600), libc.semget(key, 1, 0o1600)]
    return found
"""),
    _left("message_queue", "leave a POSIX message queue", CALLS + """
def attack():
    found = works(libc.mq_open(b'/codewright-left', os.O_RDONLY))
    libc.mq_open(b'/codewright-left', os.O_RDWR | os.O_CREAT, 0o600, None)
    return found
"""),
    _left("keyring", "leave a key in a keyring of the kernel", CALLS + """
def attack():
    number = 248 if os.uname().machine == 'x86_64' else 217
    found = works(libc.syscall(number + 1, b'user', b'codewright-left', None, 0))
    libc.syscall(number, b'user', b'codewright-left', b'x', 1, -4)
    return found
"""),
    _left("daemon", "leave a process in the background", """
import os, socket, time
def attack():
    s = socket.socket(socket.AF_UNIX)
    try:
        s.bind(chr(0) + 'codewright-left')
    except OSError:
        return True
    s.listen()
    if os.fork() == 0:
        time.sleep(60)
        os._exit(0)
"""),
    _left("stubborn_daemon", "leave a process that forks twice, has a session of its own and ignores signals", """
import os, signal, socket, time
def attack():
    s = socket.socket(socket.AF_UNIX)
    try:
        s.bind(chr(0) + 'codewright-stubborn')
    except OSError:
        return True
    s.listen()
    if os.fork() == 0:
        os.setsid()
        for number in range(1, 65):
            try: signal.signal(number, signal.SIG_IGN)
            except (OSError, ValueError): pass
        if os.fork() == 0:
            time.sleep(60)
        os._exit(0)
    os.wait()
"""),
    _left("timer", "leave an alarm and a timer that go off later", """
import os, signal, time
def attack():
    time.sleep(0.02)
    found = signal.getitimer(signal.ITIMER_REAL)[0] > 0 or signal.getitimer(signal.ITIMER_PROF)[0] > 0
    signal.setitimer(signal.ITIMER_REAL, 1.0)
    signal.setitimer(signal.ITIMER_PROF, 1.0)
    return found
"""),
    _left("port", "leave a listening server", """
import os, socket, time
def attack():
    s = socket.socket()
    try:
        s.bind(('127.0.0.1', 4711))
    except OSError:
        return True
    s.listen()
    if os.fork() == 0:
        time.sleep(60)
        os._exit(0)
"""),
    _left("port_in_time_wait", "leave a port taken by a connection that the kernel still remembers", """
import socket
def attack():
    s = socket.socket()
    try:
        s.bind(('127.0.0.1', 4712))
    except OSError:
        return True
    s.listen()
    client = socket.create_connection(('127.0.0.1', 4712))
    server, _ = s.accept()
    server.close()
    client.recv(1)
    client.close()
"""),
    _left("network_counters", "leave a number in the counters of the network", """
import socket
def attack():
    text = open('/proc/net/dev').read() + open('/proc/net/snmp').read()
    packets = int(text.split('lo:')[1].split()[1])
    sent = int([line for line in text.splitlines() if line.startswith('Udp:')][1].split()[4])
    s = socket.socket(type=socket.SOCK_DGRAM)
    for _ in range(42): s.sendto(b'x', ('127.0.0.1', 9))
    return packets + sent
"""),
    _left("modules", "change a module, a builtin and the import path of the next program", """
import builtins, json, sys
def attack():
    found = hasattr(json, 'left') or hasattr(builtins, 'left') or 'codewright-left' in sys.path
    json.left = builtins.left = 1
    sys.path.insert(0, 'codewright-left')
    return found
"""),
    _left("environment", "leave variables, such as a library to preload", """
import os
def attack():
    found = 'LD_PRELOAD' in os.environ or 'PYTHONSTARTUP' in os.environ
    os.environ['LD_PRELOAD'] = os.environ['PYTHONSTARTUP'] = '/tmp/left'
    os.putenv('LD_PRELOAD', '/tmp/left')
    return found
"""),
    _left("process_settings", "leave a signal ignored, a umask, a limit, a priority, handlers at exit", """
import atexit, os, resource, signal
def attack():
    mask = os.umask(0o777)
    found = mask == 0o777 or signal.getsignal(signal.SIGUSR1) == signal.SIG_IGN or os.nice(0) == 19
    found = found or resource.getrlimit(resource.RLIMIT_NOFILE)[0] < 20 or atexit._ncallbacks() > 20
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    os.nice(19)
    resource.setrlimit(resource.RLIMIT_NOFILE, (10, 10))
    for _ in range(30): atexit.register(int)
    return found
"""),
    _left("hooks", "leave trace functions, hooks for exceptions, imports and new threads", """
import sys, threading
def attack():
    hook = lambda *_: None
    found = sys.gettrace() or sys.excepthook.__name__ == '<lambda>' or any(isinstance(h, type) and h.__name__ == 'Left' for h in sys.path_hooks)
    sys.settrace(hook)
    threading.settrace(hook)
    sys.excepthook = hook
    sys.path_hooks.insert(0, type('Left', (), {}))
    return found
"""),
    _left("random_state", "leave a random generator whose numbers are known", """
import random
def attack():
    found = random.random() == 0.8444218515250481
    random.seed(0)
    return found
"""),
]  # fmt: skip

SECRET_TEXT = "text = 'only the other program knows'\nprint(text)\nassert False, text"

SCAN_MEMORY = """
import re
marker = re.compile(b'only the other [p]rogram knows')
scanned = 0
with open('/proc/self/mem', 'rb', 0) as memory:
    for line in open('/proc/self/maps'):
        if ' rw' in line and '[v' not in line:
            low, high = (int(part, 16) for part in line.split()[0].split('-'))
            memory.seek(low)
            text = memory.read(high - low)
            scanned += len(text)
            if marker.search(text):
                print('FOUND')
print('scanned', scanned > 1 << 20)
"""
"""Look through all its memory, which began as a copy of the zygote's, for what another program brought along."""
