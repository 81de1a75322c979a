"""Counts what crosses a TCP connection, in front of a server: every byte that a TV moves."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

_PIECE = 65_536


@dataclass
class Counted:
    """Bytes of the payload of TCP, TLS and all above it included."""

    address: str = ""
    """HOST:PORT of the proxy."""
    up: int = 0
    """Towards the server."""
    down: int = 0
    """Towards the client."""
    connections: int = 0
    """That were opened."""
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _open: list[socket.socket] = field(default_factory=list, repr=False)

    @property
    def total(self) -> int:
        """Both ways."""
        return self.up + self.down

    def add(self, *, up: int = 0, down: int = 0) -> None:
        """Counts."""
        with self._lock:
            self.up += up
            self.down += down

    def cut(self) -> None:
        """Ends every connection, as a box on the way does with idle ones."""
        with self._lock:
            ending, self._open = self._open, []
        for each in ending:
            _end(each)

    def opened(self, *ends: socket.socket) -> None:
        """Notes a connection."""
        with self._lock:
            self.connections += 1
            self._open.extend(ends)


@contextmanager
def counting(target: str) -> Iterator[Counted]:
    """A proxy in front of HOST:PORT, on a port of this machine."""
    host, _, port = target.rpartition(":")
    counted = Counted()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        counted.address = f"127.0.0.1:{listener.getsockname()[1]}"
        accepting = threading.Thread(
            target=_accept, args=(listener, (host, int(port)), counted), daemon=True
        )
        accepting.start()
        try:
            yield counted
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            accepting.join()
            counted.cut()


def _accept(listener: socket.socket, target: tuple[str, int], counted: Counted) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        server = socket.create_connection(target)
        counted.opened(client, server)
        for source, sink, way in ((client, server, "up"), (server, client, "down")):
            threading.Thread(target=_carry, args=(source, sink, counted, way), daemon=True).start()


def _carry(source: socket.socket, sink: socket.socket, counted: Counted, way: str) -> None:
    try:
        while data := source.recv(_PIECE):
            counted.add(**{way: len(data)})
            sink.sendall(data)
    except OSError:
        pass
    finally:
        _end(source)
        _end(sink)


def _end(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
