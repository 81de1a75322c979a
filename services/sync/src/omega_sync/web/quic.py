"""HTTP/3 by aioquic: requests of QUIC connections become calls of an ASGI application."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.asyncio.server import QuicServer
from aioquic.asyncio.server import serve as serve_quic
from aioquic.h3.connection import H3_ALPN, ErrorCode, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.h3.exceptions import H3Error
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import (
    ConnectionTerminated,
    ProtocolNegotiated,
    QuicEvent,
    StopSendingReceived,
    StreamReset,
)

from omega_core import limits
from omega_core.errors import invalid
from omega_rpc.config import ServerConfig
from omega_rpc.rotation import Files
from omega_sync.web.guard import EARLY, Application, Message
from omega_sync.web.tickets import SingleUseTickets

_log = logging.getLogger(__name__)
_MOST_CONNECTIONS = 4_096
_MOST_REQUESTS = 16
_MOST_UNSENT = 262_144


class QuicListener:
    """An address of HTTP/3; a part of the server.

    Args:
        application: serves requests.
        address: HOST:PORT.
        server: its certificate and key.
        early_data: take requests in the first flight of a resumed connection (0-RTT). Else each
            new address proves itself first, which costs a round trip.
    """

    def __init__(
        self,
        application: Application,
        address: str,
        server: ServerConfig,
        *,
        early_data: bool = False,
    ) -> None:
        self._application = application
        self._address = address
        self._early_data = early_data
        self._configuration = QuicConfiguration(
            alpn_protocols=H3_ALPN,
            is_client=False,
            max_data=4 * limits.MAX_GATEWAY_REQUEST,
            max_stream_data=limits.MAX_GATEWAY_REQUEST,
        )
        self._server = server
        self._files = Files(server.tls_certificate, server.tls_key)
        self._read()
        self._listening: QuicServer | None = None
        self._connections: set[_Connection] = set()
        self._draining = False
        self.port = 0
        """Where it listens; known from start() on."""

    async def start(self) -> Mapping[str, str]:
        """Binds and serves.

        Raises:
            OmegaError: INVALID_FIELD `quic_listen`.
        """
        host, _, port = self._address.rpartition(":")
        tickets = SingleUseTickets()
        try:
            self._listening = await serve_quic(
                host.strip("[]"),
                int(port),
                configuration=self._configuration,
                create_protocol=self._connected,
                session_ticket_fetcher=tickets.spend if self._early_data else None,
                session_ticket_handler=tickets.keep if self._early_data else None,
                retry=not self._early_data,
            )
        except OSError as error:
            raise invalid("quic_listen", "an address of this machine that is free") from error
        transport: Any = self._listening._transport  # noqa: SLF001 - no other way to the port
        self.port = int(transport.get_extra_info("sockname")[1])
        return {"quic_listen": f"{host}:{self.port}"}

    async def drain(self) -> None:
        """Takes no more requests; those under way go on."""
        self._draining = True

    async def stop(self, grace: float) -> None:
        """Waits for requests under way, then closes every connection."""
        running = [task for connection in self._connections for task in connection.tasks()]
        if running:
            _, late = await asyncio.wait(running, timeout=grace)
            for task in late:
                task.cancel()
        if self._listening is not None:
            self._listening.close()

    def _read(self) -> bool:
        """Takes certificate and key; connections that begin from now on show them."""
        certificate, key = str(self._server.tls_certificate), str(self._server.tls_key)
        # Together or not at all: a key whose certificate is still to come would replace one half.
        read = QuicConfiguration(is_client=False)
        read.load_cert_chain(certificate, key)
        if read.certificate.public_key() != read.private_key.public_key():
            raise invalid("tls_key", "the key of tls_certificate")
        self._configuration.certificate = read.certificate
        self._configuration.certificate_chain = read.certificate_chain
        self._configuration.private_key = read.private_key
        return True

    def _connected(self, *arguments: Any, **named: Any) -> QuicConnectionProtocol:
        # A connection reads the configuration at its first packet, which comes after this.
        self._files.follow(self._read)
        connection = _Connection(self, self._application, *arguments, **named)
        self._connections.add(connection)
        return connection

    def gone(self, connection: _Connection) -> None:
        """Forgets a connection that ended."""
        self._connections.discard(connection)

    @property
    def full(self) -> bool:
        """Whether a new request is too many."""
        return self._draining or len(self._connections) > _MOST_CONNECTIONS


class _Connection(QuicConnectionProtocol):
    """One QUIC connection and its requests."""

    def __init__(
        self, listener: QuicListener, application: Application, *arguments: Any, **named: Any
    ) -> None:
        super().__init__(*arguments, **named)
        self._listener = listener
        self._application = application
        self._http: H3Connection | None = None
        self._requests: dict[int, _Request] = {}
        self._peer: tuple[str, int] | None = None

    def datagram_received(self, data: bytes | str, addr: Any) -> None:
        self._peer = (addr[0], addr[1])
        super().datagram_received(data, addr)
        for request in self._requests.values():
            request.sent.set()

    def quic_event_received(self, event: QuicEvent) -> None:
        if isinstance(event, ProtocolNegotiated):
            self._http = H3Connection(self._quic)
        elif isinstance(event, ConnectionTerminated):
            for ended in list(self._requests.values()):
                ended.hung_up()
            self._listener.gone(self)
        elif isinstance(event, StreamReset | StopSendingReceived):
            left = self._requests.get(event.stream_id)
            if left is not None:
                left.hung_up()
        for part in self._http.handle_event(event) if self._http else ():
            if isinstance(part, HeadersReceived):
                self._begin(part)
            elif isinstance(part, DataReceived):
                fed = self._requests.get(part.stream_id)
                if fed is not None:
                    fed.feed(part.data, ended=part.stream_ended)

    def tasks(self) -> list[asyncio.Task[None]]:
        """Requests under way."""
        return [request.task for request in self._requests.values()]

    def _begin(self, event: HeadersReceived) -> None:
        if event.stream_id in self._requests:
            return  # trailers
        if self._listener.full or len(self._requests) >= _MOST_REQUESTS:
            self._quic.reset_stream(event.stream_id, ErrorCode.H3_REQUEST_REJECTED)
            return
        fields = [(name, value) for name, value in event.headers if name != EARLY[0]]
        if not self._quic._handshake_complete:  # noqa: SLF001 - aioquic tells it nowhere else
            fields.append(EARLY)
        pseudo = {name: value for name, value in fields if name.startswith(b":")}
        path, _, query = pseudo.get(b":path", b"").partition(b"?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.1"},
            "http_version": "3",
            "method": pseudo.get(b":method", b"").decode("ascii", "replace"),
            "scheme": "https",
            "path": path.decode("ascii", "replace"),
            "raw_path": path,
            "query_string": query,
            "root_path": "",
            "headers": [
                (b"host", pseudo.get(b":authority", b"")),
                *(pair for pair in fields if not pair[0].startswith(b":")),
            ],
            "client": self._peer,
            "server": None,
            "extensions": {},
        }
        request = _Request(self, event.stream_id)
        self._requests[event.stream_id] = request
        request.begin(self._application, scope, ended=event.stream_ended)

    def ended(self, stream_id: int) -> None:
        """Forgets a request."""
        self._requests.pop(stream_id, None)

    def reset(self, stream_id: int) -> None:
        """Gives a request up."""
        if self._quic._stream_can_send(stream_id):  # noqa: SLF001 - a closed one would raise
            self._quic.reset_stream(stream_id, ErrorCode.H3_INTERNAL_ERROR)
            self.transmit()

    def unsent(self, stream_id: int) -> int:
        """Bytes of an answer that the peer has yet to acknowledge."""
        stream = self._quic._streams.get(stream_id)  # noqa: SLF001 - the same
        return 0 if stream is None else len(stream.sender._buffer)  # noqa: SLF001 - the same

    def send(self, stream_id: int, message: Message) -> bool:
        """Sends a part of an answer; whether it was the last."""
        if self._http is None:
            return True
        last = False
        try:
            if message["type"] == "http.response.start":
                status = (b":status", str(message["status"]).encode())
                self._http.send_headers(stream_id, [status, *message["headers"]])
            else:
                last = not message.get("more_body", False)
                self._http.send_data(stream_id, message.get("body", b""), last)
        except (H3Error, AssertionError, ValueError) as error:
            _log.debug("stream %d is gone: %s", stream_id, error)
            return True
        self.transmit()
        return last


class _Request:
    """One request and its answer."""

    def __init__(self, connection: _Connection, stream_id: int) -> None:
        self._connection = connection
        self._stream_id = stream_id
        self._parts: asyncio.Queue[Message] = asyncio.Queue()
        self._waiting = 0
        self._gone = False
        self.sent = asyncio.Event()
        """Set when the peer has said something: it may have acknowledged bytes."""
        self.task: asyncio.Task[None]

    def begin(self, application: Application, scope: dict[str, Any], *, ended: bool) -> None:
        """Calls the application."""
        if ended:
            self.feed(b"", ended=True)
        self.task = asyncio.create_task(self._run(application, scope))

    def feed(self, data: bytes, *, ended: bool) -> None:
        """Hands on a piece of the body, unless too much of it waits already."""
        self._waiting += len(data)
        if self._waiting > 2 * limits.MAX_GATEWAY_REQUEST:
            self._connection.reset(self._stream_id)
            self.hung_up()
        else:
            self._parts.put_nowait({"type": "http.request", "body": data, "more_body": not ended})

    def hung_up(self) -> None:
        """The peer wants no answer any more."""
        self._gone = True
        self.sent.set()
        self._parts.put_nowait({"type": "http.disconnect"})

    async def _run(self, application: Application, scope: dict[str, Any]) -> None:
        try:
            await application(scope, self._receive, self._send)
        except Exception:  # noqa: BLE001 - one request's fault
            _log.exception("a request over HTTP/3 failed")
            self._connection.reset(self._stream_id)
        finally:
            self._connection.ended(self._stream_id)

    async def _receive(self) -> Message:
        part = await self._parts.get()
        self._waiting -= len(part.get("body", b""))
        return part

    async def _send(self, message: Message) -> None:
        # A slow reader holds its own answer up, not the memory of this process.
        while not self._gone and self._connection.unsent(self._stream_id) > _MOST_UNSENT:
            self.sent.clear()
            await self.sent.wait()
        if not self._gone:
            self._connection.send(self._stream_id, message)
