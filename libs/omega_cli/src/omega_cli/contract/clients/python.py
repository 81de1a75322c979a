"""The client of this process: grpc for Python."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import grpc

from omega_cli.contract.clients.orders import Client, Ended, Order, Target
from omega_client.errors import details_of
from omega_rpc.channel import connect

_OK = grpc.StatusCode.OK.value[0]


class PythonClient(Client):
    """Calls over a channel for each target, which repeats nothing by itself."""

    def __init__(self) -> None:
        self._channels: dict[Target, grpc.Channel] = {}
        self._open: list[Any] = []
        self._released = threading.Event()

    def call(self, order: Order) -> Ended:
        """As Client."""
        channel = self._channel(order.target)
        if not any(order.streams) and order.deadline is not None:
            return _unary(channel, order)
        return self._streamed(channel, order)

    def release(self) -> None:
        """As Client."""
        self._released.set()
        for call in self._open:
            call.cancel()
        self._open.clear()
        self._released = threading.Event()

    def close(self) -> None:
        """Ends all calls and connections."""
        self.release()
        for channel in self._channels.values():
            channel.close()
        self._channels.clear()

    def _channel(self, target: Target) -> grpc.Channel:
        found = self._channels.get(target)
        if found is None:
            found = connect(target.address, _credentials(target), retries=False)
            self._channels[target] = found
        return found

    def _streamed(self, channel: grpc.Channel, order: Order) -> Ended:
        """On the wire one message is a stream of one, so that this form serves every method."""
        method: Any = channel.stream_stream(order.path)
        released = self._released

        def sent() -> Iterator[bytes]:
            yield from order.messages
            if order.hold:
                released.wait(order.patience)

        call = method(sent(), timeout=order.deadline, metadata=order.metadata)
        self._open.append(call)
        came: list[bytes] = []
        try:
            with _patience(call, order.patience):
                for data in call:
                    came.append(data)
                    if len(came) == order.take:
                        break
        except grpc.RpcError as error:
            return _refused(error)
        return Ended(_OK, raw=tuple(came), read=tuple(came))


def _unary(channel: grpc.Channel, order: Order) -> Ended:
    method: Any = channel.unary_unary(order.path)
    (message,) = order.messages
    try:
        came = method(message, timeout=order.deadline, metadata=order.metadata)
    except grpc.RpcError as error:
        return _refused(error)
    return Ended(_OK, raw=(came,), read=(came,))


@contextmanager
def _patience(call: Any, seconds: float) -> Iterator[None]:
    """A server that ignores what it was told must not hold the suite."""
    watch = threading.Timer(seconds, call.cancel)
    watch.start()
    try:
        yield
    finally:
        watch.cancel()


def _refused(error: grpc.RpcError) -> Ended:
    return Ended(error.code().value[0], details_of(error))


def _credentials(target: Target) -> grpc.ChannelCredentials | None:
    if target.authorities is None:
        return None
    key, chain = target.identity or (None, None)
    return grpc.ssl_channel_credentials(target.authorities, key, chain)
