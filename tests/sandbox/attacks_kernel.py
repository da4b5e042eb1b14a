"""Host access through the kernel: privileges, settings, devices, namespaces, rarely used calls."""

from functools import partial

from tests.sandbox.attacks import CALLS, Attack

_host = partial(Attack, "host access")

KERNEL = [
    _host("setuid", "become root", "import os\ndef attack(): return os.setuid(0) is None"),
    _host("setuid_program", "gain rights from a setuid program", """
import subprocess
def attack():
    run = subprocess.run(['grep', '-h', 'CapEff', '/proc/self/status'], capture_output=True, text=True)
    if int(run.stdout.split()[1], 16): return True
    return subprocess.run(['mount', '-t', 'tmpfs', 'x', '/tmp'], capture_output=True).returncode == 0
"""),
    _host("nested_sandbox", "get capabilities back inside a bubblewrap of its own", """
import subprocess
def attack(): return subprocess.run(['bwrap', '--unshare-user', '--ro-bind', '/', '/', 'true'], capture_output=True).returncode == 0
""", harmless=True),
    _host("sysctl", "change network settings that the next program would meet", "def attack(): return open('/proc/sys/net/ipv4/ip_default_ttl', 'w')"),
    _host("core_pattern", "have the kernel start a program of its choice on the host when something crashes", "def attack(): return open('/proc/sys/kernel/core_pattern', 'w')"),
    _host("binfmt", "register an interpreter for a file format on the host", """
def attack():
    for path in ('/proc/sys/fs/binfmt_misc/register', '/proc/sys/kernel/modprobe', '/proc/sys/kernel/hotplug'):
        try:
            return open(path, 'w')
        except OSError:
            continue
"""),
    _host("sysrq", "have the kernel kill, sync or reboot", "def attack(): return open('/proc/sysrq-trigger', 'w')"),
    _host("kernel_memory", "read the kernel's memory and messages", """
def attack():
    for path in ('/proc/kcore', '/dev/mem', '/dev/kmem', '/proc/kmsg', '/dev/kmsg', '/dev/port'):
        try:
            return open(path, 'rb')
        except OSError:
            continue
"""),
    _host("spared_when_short", "have other processes die first when memory is short", "def attack(): return open('/proc/self/oom_score_adj', 'w')"),
    _host("devices", "open devices of the machine", """
import os
def attack():
    allowed = {'null', 'zero', 'full', 'random', 'urandom', 'tty', 'ptmx', 'pts', 'shm', 'fd', 'core', 'console'}
    return set(os.listdir('/dev')) - allowed - {'stdin', 'stdout', 'stderr'}
"""),
    _host("mknod", "make a device", "import os, stat\ndef attack(): os.mknod('/tmp/m', stat.S_IFCHR | 0o666, 259); return True"),
    _host("chroot", "change the root", "import os\ndef attack(): os.chroot('/tmp'); return True"),
    _host("raise_limits", "lift a resource limit", """
import resource
def attack():
    for kind in (resource.RLIMIT_NPROC, resource.RLIMIT_AS, resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE):
        try:
            resource.setrlimit(kind, (1 << 40, 1 << 40))
        except (OSError, ValueError):
            continue
        return True
"""),
    _host("mounts", "mount, unmount, or remount something writable", CALLS + """
def attack():
    return (works(libc.mount(b'x', b'/tmp', b'tmpfs', 0, None)) or works(libc.umount2(b'/proc', 2)) or works(libc.umount2(b'/dev/zero', 2))
        or works(libc.mount(b'', b'/usr', b'', 32 | 4096, None)) or works(libc.mount(b'', b'/proc/sys', b'', 32 | 4096, None)))
"""),
    _host("new_mount_calls", "mount through the calls that took mount(2) apart", CALLS + """
def attack():
    return any(works(libc.syscall(number, -100, b'/', 1)) for number in range(428, 434))
"""),
    _host("file_handles", "open a file by its inode, past the folders above it", CALLS + """
def attack():
    handle = (ctypes.c_uint32 * 34)(128)
    at, open_at = ((303, 304) if os.uname().machine == 'x86_64' else (264, 265))
    return works(libc.syscall(at, -100, b'/usr', handle, ctypes.byref(ctypes.c_int()), 0)) or works(libc.syscall(open_at, -100, handle, 0))
"""),
    _host("new_namespaces", "get capabilities back in a namespace of its own", CALLS + """
def attack(): return any(works(libc.unshare(1 << bit)) for bit in (17, 25, 26, 27, 28, 29, 30))
"""),
    _host("clone_user_namespace", "the same through clone(2) and clone3(2)", CALLS + """
def attack():
    number = 56 if os.uname().machine == 'x86_64' else 220
    pid = libc.syscall(number, 0x10000000 | 17, 0, 0, 0, 0)
    if pid == 0: os._exit(0)
    arguments = (ctypes.c_uint64 * 8)(0x10000000)
    pid3 = libc.syscall(435, arguments, 64)
    if pid3 == 0: os._exit(0)
    return pid > 0 or pid3 > 0
"""),
    _host("kernel_calls", "reach rarely audited parts of the kernel", CALLS + """
def attack():
    x86 = (321, 323, 425, 298, 304, 248, 250, 310, 319, 29, 68, 64, 272 << 16, 438, 428, 430, 175, 246, 169)
    arm = (280, 282, 425, 241, 265, 217, 219, 270, 279, 194, 186, 190, 97 << 16, 438, 428, 430, 105, 104, 142)
    got = []
    for number in x86 if os.uname().machine == 'x86_64' else arm:
        result = libc.syscall(number, 0, 0, 0, 0, 0)
        if result >= 0 or ctypes.get_errno() not in (errno.EPERM, errno.ENOSYS): got.append(number)
    return got
"""),
    _host("other_numbering", "make refused calls under the numbers of another architecture", CALLS + """
import signal
def attack():
    if os.uname().machine != 'x86_64': return False
    child = os.fork()
    if child == 0:
        os._exit(0 if works(libc.syscall(0x40000000 | 101, 0, 0, 0, 0)) else 1)  # ptrace(2) in x32
    return os.waitpid(child, 0)[1] == 0
"""),
    _host("terminal", "type into the user's terminal", "import fcntl\ndef attack(): return fcntl.ioctl(open('/dev/tty', 'w'), 0x5412, b'x') is not None"),
    _host("steer_terminal", "send escape sequences to the terminal of whoever reads the verdict", r"""
class Loud(Exception): pass
Loud.__name__ = Loud.__qualname__ = '\x1b]0;owned\x07\ud800\r\nline'
def attack(): raise Loud('\x1b[2J\ud800\n\r\0' + 'x' * 100_000)
""", ends=("error",)),
    _host("hostname", "rename the machine", "import socket\ndef attack(): return socket.sethostname('x') is None"),
    _host("clock", "set the clock", "import time\ndef attack(): return time.clock_settime(time.CLOCK_REALTIME, 0) is None"),
    _host("priority", "take the processor from everyone", "import os\ndef attack(): return os.nice(-5) < 0"),
    _host("realtime", "run before everyone else", "import os\ndef attack(): os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50)); return True"),
]  # fmt: skip
