"""The other shards' constellations: one channel each, by the target that the directory gives."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

import grpc

from omega.constellation.v1 import constellation_service_pb2_grpc as pb_grpc
from omega_rpc.channel import connect
from omega_rpc.status import from_rpc_error
from omega_rpc.tls import ClientTls, RenewedCredentials

T = TypeVar("T")
LONGEST_SECONDS = 30.0
"""Of any call to another shard."""
_LEFT_SECONDS = LONGEST_SECONDS + 10.0
"""After which no call is under way on a channel that was left: a stub is called at once."""


class Peers:
    """Opens channels when they are first needed. Safe to share between threads.

    Args:
        tls: how to trust the others and show oneself; None = no TLS. When its files were replaced,
            channels are opened anew; what is under way ends on those before.
        now: seconds that only grow.

    Raises:
        OmegaError: INVALID_FIELD that names the TLS file of no use.
    """

    def __init__(
        self, tls: ClientTls | None = None, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._now = now
        self._credentials = RenewedCredentials(tls) if tls else None
        self._lock = threading.Lock()
        self._shown = self._credentials.newest() if self._credentials else None
        self._channels: dict[str, grpc.Channel] = {}
        self._left: list[tuple[grpc.Channel, float]] = []

    def shard(self, target: str) -> pb_grpc.ConstellationServiceStub:
        """The other's ConstellationService."""
        return pb_grpc.ConstellationServiceStub(self._channel(target))

    def admin(self, target: str) -> pb_grpc.AdminServiceStub:
        """The other's AdminService."""
        return pb_grpc.AdminServiceStub(self._channel(target))

    def close(self) -> None:
        """Closes every channel."""
        with self._lock:
            for channel in (*self._channels.values(), *(each for each, _ in self._left)):
                channel.close()
            self._channels.clear()
            self._left.clear()

    def _channel(self, target: str) -> grpc.Channel:
        with self._lock:
            now = self._now()
            while self._left and self._left[0][1] + _LEFT_SECONDS <= now:
                self._left.pop(0)[0].close()
            if self._credentials and (newest := self._credentials.newest()) is not self._shown:
                self._left += [(channel, now) for channel in self._channels.values()]
                self._channels, self._shown = {}, newest
            if target not in self._channels:
                # Whoever asks here asks again: repeating it here, too, would multiply the load.
                self._channels[target] = connect(target, self._shown, retries=False)
            return self._channels[target]


def asked(method: Callable[..., T], request: Any, seconds: float, **more: Any) -> T:
    """What another constellation answers within so many seconds, LONGEST_SECONDS at most.

    Raises:
        OmegaError: what it raised; UPSTREAM_UNAVAILABLE when it does not answer.
    """
    try:
        return method(request, timeout=seconds, **more)
    except grpc.RpcError as error:
        raise from_rpc_error(error) from error
