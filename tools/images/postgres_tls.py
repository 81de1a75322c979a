"""TLS in front of a Postgres that was built without it, for clients that ask for `verify-full`."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path

_SSL_REQUEST, _GSS_REQUEST = 80_877_103, 80_877_104
"""Codes with which a client asks before it says who it is (PostgreSQL, "Message Formats")."""
_FREEBIND = 15
"""IP_FREEBIND of ip(7): the address may come later, with the first pod."""
_PIECE = 65_536


@contextmanager
def over_tls(path: Path, address: str, context: ssl.SSLContext) -> Iterator[int]:
    """Leads a port of `address` to a unix socket; gives the port.

    Args:
        path: Postgres's socket.
        address: of this machine, now or soon.
        context: the server's certificate.
    """
    listener = socket.socket()
    listener.setsockopt(socket.SOL_IP, _FREEBIND, 1)
    listener.bind((address, 0))
    port = int(listener.getsockname()[1])
    led: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()
    thread = threading.Thread(target=lambda: asyncio.run(_lead(listener, path, context, led)))
    thread.start()
    loop, end = led.result()
    try:
        yield port
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join()


async def _lead(
    listener: socket.socket,
    path: Path,
    context: ssl.SSLContext,
    led: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]],
) -> None:
    """Serves until the event that it gives is set; what is open then is cut."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if await _secured(reader, writer, context):
                up, down = await asyncio.open_unix_connection(str(path))
                await asyncio.gather(_copy(reader, down), _copy(up, writer))
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # either end is gone, or this is, and so the other goes
        finally:
            writer.close()

    end = asyncio.Event()
    server = await asyncio.start_server(serve, sock=listener)
    led.set_result((asyncio.get_running_loop(), end))
    await end.wait()
    server.close()


async def _secured(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, context: ssl.SSLContext
) -> bool:
    """Whether the client took TLS; one that did not is not served."""
    while True:
        _, code = struct.unpack("!II", await reader.readexactly(8))
        if code == _SSL_REQUEST:
            writer.write(b"S")
            await writer.start_tls(context)
            return True
        if code != _GSS_REQUEST:
            return False
        writer.write(b"N")
        await writer.drain()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(_PIECE):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()
