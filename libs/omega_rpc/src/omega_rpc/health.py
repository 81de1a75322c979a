"""grpc.health.v1 without Watch."""

from __future__ import annotations

from typing import Any, NoReturn

import grpc
from grpc_health.v1 import health


class Health(health.HealthServicer):  # type: ignore[misc]  # ships no types
    """Answers Check; Watch is UNIMPLEMENTED, which the protocol provides for.

    The Watch of grpcio-health-checking sends while it holds the lock that its own end needs: a
    client that hangs up at a change of state stops the whole server for good.
    """

    def Watch(  # noqa: N802 - name of the contract
        self, request: Any, context: grpc.ServicerContext, send_response_callback: Any = None
    ) -> NoReturn:
        """Refuses."""
        del request, send_response_callback
        context.abort(grpc.StatusCode.UNIMPLEMENTED, "Watch is not served; repeat Check")
