"""A server that hears no deadline: HTTP/2 by hand, because the servers of grpc keep them."""

from __future__ import annotations

import base64
import socket
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from queue import SimpleQueue
from typing import Any

import grpc
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, Event, RequestReceived, StreamEnded, StreamReset
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes

from omega_core.closing import Closing

_PREFIX = 5
"""Bytes before a message: a flag and its length."""
_MOST_METADATA = 16_384
_NOT_OURS = (":", "grpc-", "user-agent", "te", "content-type")
_PATIENCE = 20.0
_BEGUN = [(":status", "200"), ("content-type", "application/grpc")]
_TOO_MUCH = [*_BEGUN, ("grpc-status", str(grpc.StatusCode.RESOURCE_EXHAUSTED.value[0]))]


class Deaf(Closing):
    """Passes every call on to a server without TLS, and no deadline; a context manager.

    Args:
        target: HOST:PORT of the server.
    """

    def __init__(self, target: str) -> None:
        self._channel = grpc.insecure_channel(target)
        self._pool = ThreadPoolExecutor(128, thread_name_prefix="deaf")
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = [self._listener]
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        """Where it listens."""
        self._pool.submit(self._accept)

    def close(self) -> None:
        """Stops it."""
        for each in self._open:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        self._channel.close()
        self._pool.shutdown()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                line, _ = self._listener.accept()
                self._open.append(line)
                self._pool.submit(_Connection(line, self._channel, self._pool).serve)


class _Call:
    """What has come of one call."""

    def __init__(self) -> None:
        self.messages: SimpleQueue[bytes | None] = SimpleQueue()
        self.answers: Any = None
        self._data = bytearray()

    def take(self, data: bytes) -> None:
        self._data += data
        while len(self._data) >= _PREFIX:
            end = _PREFIX + int.from_bytes(self._data[1:_PREFIX], "big")
            if len(self._data) < end:
                return
            self.messages.put(bytes(self._data[_PREFIX:end]))
            del self._data[:end]


class _Connection:
    """One client's connection."""

    def __init__(
        self, line: socket.socket, channel: grpc.Channel, pool: ThreadPoolExecutor
    ) -> None:
        self._line, self._channel, self._pool = line, channel, pool
        self._http = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        self._room = threading.Condition()
        self._calls: dict[int, _Call] = {}

    def serve(self) -> None:
        with self._room:
            self._http.initiate_connection()
            # What is too much is answered, and does not end the connection.
            self._http.update_settings({SettingCodes.MAX_HEADER_LIST_SIZE: 16 * _MOST_METADATA})
            self._flush()
        with suppress(OSError, ProtocolError):  # the other end is gone
            while data := self._line.recv(65_536):
                with self._room:
                    for event in self._http.receive_data(data):
                        self._take(event)
                    self._flush()
                    self._room.notify_all()
        self._line.close()
        for call in self._calls.values():
            call.messages.put(None)

    def _take(self, event: Event) -> None:
        if isinstance(event, RequestReceived):
            call, headers = _Call(), {str(key): str(value) for key, value in event.headers}
            self._calls[event.stream_id] = call
            if sum(map(len, headers.values())) > _MOST_METADATA:
                self._http.send_headers(event.stream_id, _TOO_MUCH, end_stream=True)
            else:
                self._pool.submit(self._answer, event.stream_id, call, headers)
        elif isinstance(event, DataReceived):
            self._calls[event.stream_id].take(event.data)
            self._http.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, StreamEnded):
            self._calls[event.stream_id].messages.put(None)
        elif isinstance(event, StreamReset) and event.stream_id in self._calls:
            call = self._calls[event.stream_id]
            call.messages.put(None)
            if call.answers:
                call.answers.cancel()

    def _answer(self, stream: int, call: _Call, headers: dict[str, str]) -> None:
        metadata = tuple(pair for pair in headers.items() if not pair[0].startswith(_NOT_OURS))
        method: Any = self._channel.stream_stream(headers[":path"])
        call.answers = method(iter(call.messages.get, None), metadata=metadata)
        with suppress(OSError, ProtocolError):  # the client hung up
            self._send(lambda: self._http.send_headers(stream, _BEGUN))
            try:
                for answer in call.answers:
                    self._send_data(stream, b"\0" + len(answer).to_bytes(4, "big") + answer)
            except grpc.RpcError as error:
                ended = list(_trailers(error))
            else:
                ended = [("grpc-status", "0")]
            self._send(lambda: self._http.send_headers(stream, ended, end_stream=True))

    def _send_data(self, stream: int, data: bytes) -> None:
        while data:
            with self._room:
                self._room.wait_for(
                    lambda: self._http.local_flow_control_window(stream) > 0, _PATIENCE
                )
                most = min(
                    self._http.local_flow_control_window(stream),
                    self._http.max_outbound_frame_size,
                )
                self._http.send_data(stream, data[:most])
                self._flush()
            data = data[most:]

    def _send(self, send: Any) -> None:
        with self._room:
            send()
            self._flush()

    def _flush(self) -> None:
        self._line.sendall(self._http.data_to_send())


def _trailers(error: grpc.RpcError) -> Iterator[tuple[str, str]]:
    yield "grpc-status", str(error.code().value[0])
    yield "grpc-message", error.details() or ""
    pairs: Iterable[Any] = error.trailing_metadata() or ()
    for key, value in pairs:
        if isinstance(value, bytes):
            yield key, base64.b64encode(value).decode().rstrip("=")
