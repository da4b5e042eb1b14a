"""The network namespace that a worker's programs share, one after the other: a loopback and nothing else.

A namespace remembers: ports of connections just closed (TIME_WAIT, a minute), counters of packets. A new one per program
would cost more than a tenth of it, so the zygote looks after each program whether a packet went over the loopback, and
moves on only then. Limits: counts of sends that found no way (/proc/net/snmp) stay, since reading them costs four times as
much; needs CAP_NET_ADMIN in the user namespace, and /proc has to be the zygote's own.
"""

import fcntl
import os
import struct

from codewright.sandbox.guest import kernel, sockets

_COUNTERS = "/proc/net/dev"
_ENOUGH_BYTES = 1 << 12
_SIOCSIFFLAGS, _IFF_UP = 0x8914, 0x1  # linux/sockios.h, linux/if.h
_IFREQ = "16sH22x"  # struct ifreq: a name, then the flags


class Network:
    """The zygote's place in it; what it starts from now on is there too."""

    def __init__(self) -> None:
        self._counters = -1
        self._fresh = b""
        self._renew()

    def renew_if_used(self) -> None:
        """Move into an empty one unless the program before left this one as it was."""
        if os.pread(self._counters, _ENOUGH_BYTES, 0) != self._fresh:
            os.close(self._counters)
            self._renew()

    def _renew(self) -> None:
        kernel.unshare(kernel.CLONE_NEWNET)
        any_socket, other = sockets.make_pair()
        fcntl.ioctl(any_socket.fileno(), _SIOCSIFFLAGS, struct.pack(_IFREQ, b"lo", _IFF_UP))
        any_socket.close()
        other.close()
        self._counters = os.open(_COUNTERS, os.O_RDONLY | os.O_CLOEXEC)
        self._fresh = os.pread(self._counters, _ENOUGH_BYTES, 0)
