"""Sockets without the module `socket`, whose constants and selectors every fork would pay for: a quarter of a megabyte costs one
percent of a program. (`_socket` is what `socket` wraps.)
"""

import _socket
from array import array

SEQPACKET, STREAM = _socket.SOCK_SEQPACKET, _socket.SOCK_STREAM
Socket = _socket.socket

_INT_BYTES = array("i").itemsize


def make_pair(kind: int = STREAM) -> tuple[Socket, Socket]:
    """Return two connected unix sockets, both closed on exec."""
    ours, theirs = _socket.socketpair(_socket.AF_UNIX, kind)
    return ours, theirs


def open_socket(fd: int) -> Socket:
    """Wrap a descriptor."""
    return _socket.socket(fileno=fd)


def send_fds(to: Socket, message: bytes, fds: list[int]) -> None:
    """Send descriptors beside a message (SCM_RIGHTS, unix(7))."""
    to.sendmsg([message], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, array("i", fds))])


def recv_fds(source: Socket, most_bytes: int, most_fds: int) -> tuple[bytes, list[int]]:
    """Receive a message and the descriptors beside it, closed on exec; an empty message at the end."""
    message, ancillary, _, _ = source.recvmsg(
        most_bytes, _socket.CMSG_LEN(most_fds * _INT_BYTES), _socket.MSG_CMSG_CLOEXEC
    )
    fds = array("i")
    for level, kind, data in ancillary:
        if level == _socket.SOL_SOCKET and kind == _socket.SCM_RIGHTS:
            fds.frombytes(data[: len(data) - len(data) % _INT_BYTES])
    return message, list(fds)
