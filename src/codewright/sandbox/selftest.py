"""Probes that run in a fresh worker before it is trusted: a sandbox that lets one through refuses to work.

Limits: quick looks at the walls that a misconfigured host could leave open; the attack suite in tests/sandbox is the long one.
"""

import json
import tempfile

from codewright.core.errors import SandboxUnavailable
from codewright.sandbox.exchange import prepare
from codewright.sandbox.job import Job, Limits
from codewright.sandbox.pool import Worker

_LIMITS = Limits(processes=4, wall_s=10.0)
_TOO_MANY_PROCESSES = 40

_PROBE = """
import ctypes, json, os, pathlib, socket, sys, time

def reaches_network():
    with socket.socket() as s:
        s.settimeout(1)
        try:
            s.connect(("192.0.2.1", 80))
        except TimeoutError:
            return True  # packets leave
        except OSError:
            return False
        return True

def reads_host(path):
    try:
        return bool(pathlib.Path(path).read_text())
    except OSError:
        return False

def forks(count):
    made = 0
    for _ in range(count):
        try:
            pid = os.fork()
        except OSError:
            return False
        if pid == 0:
            time.sleep(30)
            os._exit(0)
        made += 1
    return True

def no_new_privs():
    return str(ctypes.CDLL(None).prctl(39, 0, 0, 0, 0))  # PR_GET_NO_NEW_PRIVS: gVisor's /proc has no such line

fields = dict(line.split(":", 1) for line in pathlib.Path("/proc/self/status").read_text().splitlines())
print(json.dumps({
    "the network is reachable": reaches_network(),
    "a file of the host can be read": reads_host(sys.argv[1]),
    "it has capabilities": int(fields["CapEff"], 16) != 0 or int(fields["CapBnd"], 16) != 0,
    "it runs as root": os.getuid() == 0,
    "there is no system call filter": fields["Seccomp"].strip() != "2",
    "it can gain privileges": fields.get("NoNewPrivs", no_new_privs()).strip() != "1",
    "the number of processes is not limited": forks(int(sys.argv[2])),
}))
sys.stdout.flush()
os._exit(0)
"""


async def self_test(worker: Worker) -> None:
    """Run the probes. Raises SandboxUnavailable naming those that got through."""
    with tempfile.NamedTemporaryFile("w", prefix="codewright-canary-") as canary:
        canary.write("host")
        canary.flush()
        job = Job(
            mode="script",
            files={"probe.py": _PROBE},
            args=(canary.name, str(_TOO_MANY_PROCESSES)),
            limits=_LIMITS,
        )
        result = await worker.run(prepare(job))
    if result.status != "passed":
        reason = " ".join((result.detail or result.stderr).split())
        raise SandboxUnavailable(f"the sandbox's self-test did not run: {result.status}: {reason}")
    holes = [name for name, open_ in json.loads(result.stdout).items() if open_]
    if holes:
        raise SandboxUnavailable(f"the sandbox does not isolate here: {'; '.join(holes)}")
