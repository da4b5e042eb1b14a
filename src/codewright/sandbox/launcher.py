"""Runs between the host and bubblewrap, as a process of its own: prepare as root what only root can, then stop being root.

It shows the dropped user what lies in folders that user cannot enter (a Python under /root) by mounting it elsewhere, in a
mount namespace that ends with the worker. Imports nothing beyond the standard library and the guest's system calls.
Limits: staging needs CAP_SYS_ADMIN; without anything to stage it needs no privilege at all.
"""

import json
import os
import signal
import sys
from pathlib import Path
from typing import NoReturn, TypedDict

from codewright.sandbox.guest import kernel


class LaunchPlan(TypedDict):
    """What to do before exec.

    parent: the host's pid; cgroups: files to write 0 to; oom_scores: how gladly the kernel should take this process when memory
    runs out, the first that it may say; stage: folders to show as STAGE/0, STAGE/1, ...; uid: whom to become, None to stay.
    """

    parent: int
    cgroups: list[str]
    oom_scores: list[int]
    stage_at: str
    stage: list[str]
    uid: int | None
    command: list[str]


def _stage(folders: list[str], place: str) -> None:
    kernel.unshare(kernel.CLONE_NEWNS)
    kernel.mount(b"", b"/", b"", kernel.MS_REC | kernel.MS_PRIVATE)
    sources = [os.open(folder, os.O_PATH | os.O_DIRECTORY) for folder in folders]  # `place` may cover them
    kernel.mount(
        b"tmpfs", os.fsencode(place), b"tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, b"mode=755,size=64k"
    )
    for number, source in enumerate(sources):
        target = Path(place, str(number))
        target.mkdir()
        kernel.mount(f"/proc/self/fd/{source}".encode(), os.fsencode(target), b"", kernel.MS_BIND)
        os.close(source)


def _enter(cgroups: list[str]) -> None:
    for entrance in cgroups:
        try:
            Path(entrance).write_text("0", encoding="ascii")
        except OSError:
            return  # the host looks who came in; without one the watchdog works alone


def _set_oom_score(scores: list[int]) -> None:
    for score in scores:
        try:
            Path("/proc/self/oom_score_adj").write_text(str(score), encoding="ascii")
        except OSError:
            continue  # to lower it needs CAP_SYS_RESOURCE
        return


def main() -> NoReturn:
    """Carry out the plan given as the only argument."""
    plan: LaunchPlan = json.loads(sys.argv[1])
    _enter(plan["cgroups"])
    _set_oom_score(plan["oom_scores"])
    if plan["stage"]:
        _stage(plan["stage"], plan["stage_at"])
    uid = plan["uid"]
    if uid is not None:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)  # after setresuid(2), which clears it
    if os.getppid() != plan["parent"]:
        sys.exit("the host is gone")
    os.execv(plan["command"][0], plan["command"])  # noqa: S606 - no shell is the point
