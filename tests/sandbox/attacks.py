"""Programs that try to get out or to stay; each says in one line what it tries.

Escapes define `attack()`, true if it got through. Only an OSError counts as being stopped: a mistake in an attack must not
look like a wall. `CANARY`, `PORT`, `ABSTRACT` and `SOURCE` are things of the host that the test puts there.
"""

from dataclasses import dataclass

_CALLS = "import ctypes, errno, os\nlibc = ctypes.CDLL(None, use_errno=True)\n"
_CALLS += "def works(result):\n    return result >= 0\n"


@dataclass(frozen=True)
class Attack:
    """tries: one line; code: the program."""

    name: str
    tries: str
    code: str


ESCAPES = [
    Attack("read_canary", "read a file in the host's /tmp", "def attack(): return open(CANARY).read()"),
    Attack(
        "read_source",
        "read a file of the project being worked on",
        "def attack(): return open(SOURCE).read()",
    ),
    Attack(
        "read_shadow", "read the host's password hashes", "def attack(): return open('/etc/shadow').read()"
    ),
    Attack(
        "read_passwd", "learn the host's users", "def attack(): return 'root' in open('/etc/passwd').read()"
    ),
    Attack(
        "list_root",
        "find folders of the host beyond system and interpreter",
        "import os, sys\n"
        "def attack():\n"
        "    known = {'bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32', 'usr', 'etc', 'dev', 'proc', 'run', 'tmp'}\n"
        "    return set(os.listdir('/')) - known - {sys.base_prefix.split('/')[1]}",
    ),
    Attack(
        "list_home_of_python",
        "look around beside the interpreter's folder",
        "import os, sys\n"
        "def attack():\n"
        "    path = os.path.dirname(sys.base_prefix)\n"
        "    return path != '/' and len(os.listdir(path)) > 1",
    ),
    Attack(
        "host_processes",
        "see processes of the host or of the sandbox",
        "import os\ndef attack(): return [p for p in os.listdir('/proc') if p.isdigit() and int(p) != os.getpid()]",
    ),
    Attack(
        "environment",
        "find a secret in any environment",
        "import os, glob\n"
        "def attack():\n"
        "    texts = [str(os.environ)] + [open(p).read() for p in glob.glob('/proc/[0-9]*/environ')]\n"
        "    return any('CODEWRIGHT_TEST_SECRET' in text for text in texts)",
    ),
    Attack(
        "connect_loopback",
        "reach a server of the host on 127.0.0.1",
        "import socket\ndef attack(): return socket.create_connection(('127.0.0.1', PORT), 2)",
    ),
    Attack(
        "connect_abstract",
        "reach an abstract unix socket of the host",
        "import socket\n"
        "def attack():\n"
        "    socket.socket(socket.AF_UNIX).connect('\\0' + ABSTRACT)\n"
        "    return True",
    ),
    Attack(
        "send_udp",
        "send a packet away",
        "import socket\ndef attack(): return socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 53))",
    ),
    Attack(
        "raw_sockets",
        "open packet, netlink, vsock or Bluetooth sockets",
        "import socket\n"
        "def attack():\n"
        "    for family in (16, 17, 31, 38, 40):\n"
        "        try:\n"
        "            socket.socket(family, socket.SOCK_RAW)\n"
        "        except OSError:\n"
        "            continue\n"
        "        return True",
    ),
    Attack(
        "kill_others",
        "signal processes outside by guessing their numbers",
        "import os\n"
        "def attack():\n"
        "    for pid in range(2, 3000):\n"
        "        try:\n"
        "            os.kill(pid, 0)\n"
        "        except OSError:\n"
        "            continue\n"
        "        return True",
    ),
    Attack("parent", "find the zygote as a parent", "import os\ndef attack(): return os.getppid() != 0"),
    Attack("setuid", "become root", "import os\ndef attack(): return os.setuid(0) is None"),
    Attack(
        "setuid_program",
        "gain rights from a setuid program",
        "import glob, os, subprocess, sys\n"
        "def attack():\n"
        "    for name in ('su', 'mount', 'passwd', 'chsh', 'newgrp', 'umount'):\n"
        "        run = subprocess.run(['grep', '-h', 'CapEff', '/proc/self/status'], capture_output=True, text=True)\n"
        "        if int(run.stdout.split()[1], 16): return True\n"
        "    mount = subprocess.run(['mount', '-t', 'tmpfs', 'x', '/tmp'], capture_output=True)\n"
        "    return mount.returncode == 0",
    ),
    Attack("write_usr", "change the system", "def attack(): return open('/usr/lib/x', 'w')"),
    Attack(
        "write_python", "change the interpreter", "import os\ndef attack(): return open(os.__file__, 'a')"
    ),
    Attack(
        "write_runner", "change the runner", "def attack(): return open('/run/codewright/codewright/x', 'w')"
    ),
    Attack("write_root", "leave a file in /", "def attack(): return open('/x', 'w')"),
    Attack("write_etc", "leave a file in /etc", "def attack(): return open('/etc/hosts', 'w')"),
    Attack("write_dev", "leave a file in /dev", "def attack(): return open('/dev/x', 'w')"),
    Attack("write_run", "leave a file in /run", "def attack(): return open('/run/x', 'w')"),
    Attack(
        "sysctl",
        "change network settings that the next program would meet",
        "def attack(): return open('/proc/sys/net/ipv4/ip_default_ttl', 'w')",
    ),
    Attack(
        "devices",
        "open devices of the machine",
        "import glob\n"
        "def attack():\n"
        "    import os\n"
        "    allowed = {'null', 'zero', 'full', 'random', 'urandom', 'tty', 'ptmx', 'pts', 'shm', 'fd', 'core', 'console'}\n"
        "    return set(os.listdir('/dev')) - allowed - {'stdin', 'stdout', 'stderr'}",
    ),
    Attack(
        "mknod",
        "make a device",
        "import os, stat\ndef attack(): os.mknod('/tmp/m', stat.S_IFCHR | 0o666, 259); return True",
    ),
    Attack("chroot", "change the root", "import os\ndef attack(): os.chroot('/tmp'); return True"),
    Attack(
        "raise_limits",
        "lift a resource limit",
        "import resource\n"
        "def attack():\n"
        "    for kind in (resource.RLIMIT_NPROC, resource.RLIMIT_AS, resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE):\n"
        "        try:\n"
        "            resource.setrlimit(kind, (1 << 40, 1 << 40))\n"
        "        except (OSError, ValueError):\n"
        "            continue\n"
        "        return True",
    ),
    Attack(
        "mounts",
        "mount, unmount, or remount something writable",
        _CALLS + "def attack():\n"
        "    return (works(libc.mount(b'x', b'/tmp', b'tmpfs', 0, None)) or works(libc.umount2(b'/proc', 2))\n"
        "        or works(libc.mount(b'', b'/usr', b'', 32 | 4096, None)) or works(libc.mount(b'', b'/proc/sys', b'', 32 | 4096, None)))",
    ),
    Attack(
        "new_namespaces",
        "get capabilities back in a namespace of its own",
        _CALLS
        + "def attack():\n    return any(works(libc.unshare(1 << bit)) for bit in (17, 25, 26, 27, 28, 29, 30))",
    ),
    Attack(
        "clone_user_namespace",
        "the same through clone(2) and clone3(2)",
        _CALLS + "def attack():\n"
        "    number = 56 if os.uname().machine == 'x86_64' else 220\n"
        "    pid = libc.syscall(number, 0x10000000 | 17, 0, 0, 0, 0)\n"
        "    if pid == 0: os._exit(0)\n"
        "    arguments = (ctypes.c_uint64 * 8)(0x10000000)\n"
        "    pid3 = libc.syscall(435, arguments, 64)\n"
        "    if pid3 == 0: os._exit(0)\n"
        "    return pid > 0 or pid3 > 0",
    ),
    Attack(
        "trace",
        "trace its own child, as a step towards others",
        _CALLS + "import time\n"
        "def attack():\n"
        "    child = os.fork()\n"
        "    if child == 0:\n"
        "        time.sleep(5)\n"
        "        os._exit(0)\n"
        "    return works(libc.ptrace(16, child, 0, 0))",
    ),
    Attack(
        "memory_of_init",
        "read the memory of every process it can name",
        "import os\n"
        "def attack():\n"
        "    return any(os.path.exists(f'/proc/{p}/mem') for p in range(1, 500) if p != os.getpid())",
    ),
    Attack(
        "inherited_descriptors",
        "find descriptors beyond its own streams and the verdict socket",
        "import os\n"
        "def attack():\n"
        "    found = []\n"
        "    for fd in range(4, 4096):\n"
        "        try:\n"
        "            os.fstat(fd)\n"
        "        except OSError:\n"
        "            continue\n"
        "        found.append(fd)\n"
        "    return found",
    ),
    Attack(
        "descriptors_in_children",
        "hand the verdict socket to another program",
        "import subprocess\n"
        "def attack(): return subprocess.run(['ls', '/proc/self/fd'], close_fds=False, capture_output=True, text=True).stdout.split() != ['0', '1', '2', '3']",
    ),
    Attack(
        "kernel_calls",
        "reach rarely audited parts of the kernel",
        _CALLS + "def attack():\n"
        "    x86 = (321, 323, 425, 298, 304, 248, 250, 310, 319, 29, 68, 64, 272 << 16, 438, 428, 430, 175, 246, 169)\n"
        "    arm = (280, 282, 425, 241, 265, 217, 219, 270, 279, 194, 186, 190, 97 << 16, 438, 428, 430, 105, 104, 142)\n"
        "    got = []\n"
        "    for number in x86 if os.uname().machine == 'x86_64' else arm:\n"
        "        result = libc.syscall(number, 0, 0, 0, 0, 0)\n"
        "        if result >= 0 or ctypes.get_errno() not in (errno.EPERM, errno.ENOSYS): got.append(number)\n"
        "    return got",
    ),
    Attack(
        "terminal",
        "type into the user's terminal",
        "import fcntl\ndef attack(): return fcntl.ioctl(open('/dev/tty', 'w'), 0x5412, b'x') is not None",
    ),
    Attack(
        "hostname",
        "rename the machine",
        "import socket\ndef attack(): return socket.sethostname('x') is None",
    ),
    Attack(
        "clock",
        "set the clock",
        "import time\ndef attack(): return time.clock_settime(time.CLOCK_REALTIME, 0) is None",
    ),
    Attack(
        "priority",
        "take the processor from everyone",
        "import os\ndef attack(): return os.nice(-5) < 0",
    ),
]

LEFTOVERS = [
    Attack(
        "tmp",
        "leave a file in /tmp for the next program",
        "import os\nif os.path.exists('/tmp/left'): print('FOUND')\nopen('/tmp/left', 'w')",
    ),
    Attack(
        "shm",
        "leave a file in /dev/shm",
        "import os\nif os.path.exists('/dev/shm/left'): print('FOUND')\nopen('/dev/shm/left', 'w')",
    ),
    Attack(
        "daemon",
        "leave a process that goes on",
        "import os, socket, time\n"
        "s = socket.socket(socket.AF_UNIX)\n"
        "try:\n    s.bind('\\0left')\nexcept OSError:\n    print('FOUND')\n"
        "s.listen()\n"
        "if os.fork() == 0:\n    os.setsid()\n    time.sleep(60)",
    ),
    Attack(
        "port",
        "leave a listening server behind",
        "import os, socket, time\n"
        "s = socket.socket()\n"
        "try:\n    s.bind(('127.0.0.1', 4711)); s.listen()\nexcept OSError:\n    print('FOUND')\n"
        "if os.fork() == 0:\n    time.sleep(60)",
    ),
    Attack(
        "modules",
        "change a module the next program uses",
        "import json\nif hasattr(json, 'left'): print('FOUND')\njson.left = 1\njson.dumps = None",
    ),
    Attack(
        "semaphore",
        "leave a named semaphore",
        "import _multiprocessing as m\n"
        "try:\n    m.SemLock(1, 1, 1, '/left', False)\nexcept FileExistsError:\n    print('FOUND')",
    ),
]

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
