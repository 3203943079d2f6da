"""Many connections at once, from many addresses of the loopback, that do not do what a client should."""

import resource
import select
import socket
import time
from contextlib import suppress
from pathlib import Path

ADDRESSES = [f"127.0.0.{number}" for number in range(2, 250)]
OF_ADDRESS = 250  # connections, fewer than the server allows


def allow_many_files() -> None:
    """This process holds the other end of all connections."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class Flood:
    """Connections that each have sent the same bytes, and read nothing."""

    def __init__(self, port: int, count: int, data: bytes = b"", first: int = 0, segment: int | None = None) -> None:
        """The first `first` places, of which each address has OF_ADDRESS, are left to others.

        `segment`: of so many bytes, as on a network. The loopback's are so large that the kernel takes megabytes of an
        answer which nobody reads; of small ones it takes some ten kilobytes, and the rest is left to the server.
        """
        self._port = port
        self.sockets: list[socket.socket] = []
        for number in range(first, first + count):
            made = socket.socket()
            made.settimeout(5)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # what is not read soon fills it
            if segment is not None:
                made.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, segment)
            made.bind((ADDRESSES[number // OF_ADDRESS], 0))
            self.sockets.append(made)
            with suppress(OSError):  # one that is turned away
                made.connect(("127.0.0.1", port))
                made.sendall(data)
            made.setblocking(False)

    def send(self, data: bytes) -> None:
        """Each sends this, if it can."""
        for one in self.sockets:
            with suppress(OSError):
                one.send(data)

    def left(self, within_s: float) -> int:
        """How many connections the server has not ended in that time; what they get is read."""
        open_ones = {one.fileno(): one for one in self.sockets}
        poll = select.poll()
        for number in open_ones:
            poll.register(number, select.POLLIN | select.POLLRDHUP)
        until = time.monotonic() + within_s
        while open_ones and time.monotonic() < until:
            for number, _ in poll.poll(100):
                if _has_ended(open_ones[number]):
                    poll.unregister(number)
                    del open_ones[number]
        return len(open_ones)

    def left_unread(self, within_s: float) -> int:
        """How many connections the server's kernel still knows after that time, if it does; nothing is read."""
        until = time.monotonic() + within_s
        while (left := _known_to_kernel(self._port)) and time.monotonic() < until:
            time.sleep(0.1)
        return left

    def statuses(self) -> dict[bytes, int]:
        """How often each status line came first; b"" for none."""
        found: dict[bytes, int] = {}
        for one in self.sockets:
            line = b""
            with suppress(OSError):
                line = one.recv(65536).split(b"\r\n")[0]
            found[line] = found.get(line, 0) + 1
        return found

    def end(self) -> None:
        """Hang up."""
        for one in self.sockets:
            one.close()


def _has_ended(one: socket.socket) -> bool:
    try:
        return one.recv(65536) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def _known_to_kernel(port: int) -> int:
    """Connections to that port, at the server's end; those that only wait for their number to be free are not counted."""
    place, gone = f":{port:04X}", ("06", "0A")  # TIME_WAIT, LISTEN
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(line[1].endswith(place) and line[3] not in gone for line in lines)
