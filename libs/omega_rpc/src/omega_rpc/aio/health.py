"""grpc.health.v1 on an event loop, without Watch, and an address that answers nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any, NoReturn

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from omega_rpc.health import LIVE, bind_health, health_options

_States = health_pb2.HealthCheckResponse


class Health(health_pb2_grpc.HealthServicer):  # type: ignore[misc]  # ships no types
    """Answers Check; Watch is UNIMPLEMENTED, which the protocol provides for.

    Args:
        names: services that are known; "" = the server.
    """

    def __init__(self, names: list[str]) -> None:
        self._names = frozenset(("", *names))
        self.serving = False
        """What every name answers."""

    async def Check(self, request: Any, context: Any) -> Any:  # noqa: N802 - name of the contract
        """SERVING or NOT_SERVING; NOT_FOUND for an unknown name. LIVE serves while others drain."""
        if request.service == LIVE:
            return _States(status=_States.SERVING)
        if request.service not in self._names:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such service")
        return _States(status=_States.SERVING if self.serving else _States.NOT_SERVING)

    async def Watch(self, request: Any, context: Any) -> NoReturn:  # noqa: N802 - the same
        """Refuses."""
        del request
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, "Watch is not served; repeat Check")
        raise AssertionError("abort returned")


class HealthPort:
    """Answers probes at an address of its own, on the loop that serves: a part of a server.

    Args:
        address: HOST:PORT or unix:/absolute/path.
        health: what it answers.
    """

    def __init__(self, address: str, health: Health) -> None:
        self._address = address
        self._health = health
        self._lock: IO[bytes] | None = None
        self._server: grpc.aio.Server | None = None

    async def start(self) -> Mapping[str, str]:
        """Binds and answers; returns the address by the name of its setting.

        Raises:
            OmegaError: INVALID_FIELD `health_listen` when it is taken or cannot be bound.
        """
        self._server = grpc.aio.server(options=health_options())
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        address, self._lock = bind_health(self._server, self._address)
        await self._server.start()
        return {"health_listen": address}

    async def drain(self) -> None:
        """Answers on: it says that the others drain."""

    async def stop(self, grace: float) -> None:
        """Ends at once."""
        del grace
        if self._server is not None:
            await self._server.stop(0)
        if self._lock:
            self._lock.close()
