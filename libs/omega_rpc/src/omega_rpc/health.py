"""grpc.health.v1 without Watch, and an address that answers nothing else."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import IO, Any, NoReturn

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from omega_core.errors import invalid
from omega_rpc import sockets

LIVE = "live"
"""Service that is SERVING for as long as the process answers at all, whatever it waits for: who
asks for it may restart the process, but need not where only a database is away."""
_States = health_pb2.HealthCheckResponse
_MOST_PROBES = 64


class Health(health.HealthServicer):  # type: ignore[misc]  # ships no types
    """Answers Check; Watch is UNIMPLEMENTED, which the protocol provides for.

    The Watch of grpcio-health-checking sends while it holds the lock that its own end needs: a
    client that hangs up at a change of state stops the whole server for good.
    """

    def Check(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802 - name of the contract
        """State of a service; LIVE serves while the others drain."""
        if request.service == LIVE:
            return _States(status=_States.SERVING)
        return super().Check(request, context)

    def Watch(  # noqa: N802 - name of the contract
        self, request: Any, context: grpc.ServicerContext, send_response_callback: Any = None
    ) -> NoReturn:
        """Refuses."""
        del request, send_response_callback
        context.abort(grpc.StatusCode.UNIMPLEMENTED, "Watch is not served; repeat Check")


def health_options() -> list[tuple[str, int]]:
    """Arguments of a server of probes, in gRPC's form: they are small."""
    return [("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", 4_096)]


def bind_health(
    server: grpc.Server | grpc.aio.Server, address: str
) -> tuple[str, IO[bytes] | None]:
    """Has a server answer at an address without TLS.

    Returns:
        The address, with the port that was chosen, and the lock of a unix socket.

    Raises:
        OmegaError: INVALID_FIELD `health_listen` when it is taken or cannot be bound.
    """
    lock = sockets.claim(address, "health_listen")
    try:
        port = server.add_insecure_port(address)
    except RuntimeError as error:
        if lock:
            lock.close()
        raise invalid("health_listen", "an address of this machine that is free") from error
    sockets.restrict(address)
    return (address if lock else f"{address.rpartition(':')[0]}:{port}"), lock


class HealthPort:
    """Answers probes at an address of its own, from threads that nothing else waits for.

    Args:
        address: HOST:PORT or unix:/absolute/path.
        health: what it answers.
    """

    def __init__(self, address: str, health: Health) -> None:
        self._address = address
        self._lock: IO[bytes] | None = None
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="health")
        self._server = grpc.server(
            self._pool, options=health_options(), maximum_concurrent_rpcs=_MOST_PROBES
        )
        health_pb2_grpc.add_HealthServicer_to_server(health, self._server)

    def start(self) -> str:
        """Binds and answers; returns the address, with the port that was chosen.

        Raises:
            OmegaError: INVALID_FIELD `health_listen` when it is taken or cannot be bound.
        """
        address, self._lock = bind_health(self._server, self._address)
        self._server.start()
        return address

    def stop(self) -> None:
        """Ends at once."""
        self._server.stop(0).wait()
        self._pool.shutdown(wait=False)
        if self._lock:
            self._lock.close()
