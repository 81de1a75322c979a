"""grpc.health.v1 on an event loop, without Watch."""

from __future__ import annotations

from typing import Any, NoReturn

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

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
        """SERVING or NOT_SERVING; NOT_FOUND for an unknown name."""
        if request.service not in self._names:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such service")
        return _States(status=_States.SERVING if self.serving else _States.NOT_SERVING)

    async def Watch(self, request: Any, context: Any) -> NoReturn:  # noqa: N802 - the same
        """Refuses."""
        del request
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, "Watch is not served; repeat Check")
        raise AssertionError("abort returned")
