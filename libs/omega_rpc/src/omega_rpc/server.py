"""A gRPC server with the project's chain, health, reflection, limits and life cycle."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import IO, Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from omega_core import limits
from omega_core.errors import OmegaError, invalid
from omega_rpc import layers, sockets
from omega_rpc.chain import Chain
from omega_rpc.config import ServerConfig, is_local
from omega_rpc.health import Health, HealthPort
from omega_rpc.tls import server_credentials

_log = logging.getLogger(__name__)
_PROBE_SECONDS = 1.0


@dataclass(frozen=True)
class Binding:
    """One service of a server."""

    name: str
    """Full name, "omega.brain.v1.BrainService"."""
    add: Callable[[Any, Any], None]
    """The generated add_XServicer_to_server."""
    servicer: object
    """Its implementation."""


class Server:
    """Listens from start() to stop().

    Args:
        config: addresses and limits.
        bindings: what it serves.
        authenticator: who may call which method; None = everybody who reaches the address.
        readiness: asked once a second; health says SERVING only while it returns True.
        local_only: refuse any address that another machine can reach, TLS or not.

    Raises:
        OmegaError: INVALID_FIELD `listen` or `health_listen` when the address may not be used, or
            the TLS setting whose file is of no use.
    """

    def __init__(
        self,
        config: ServerConfig,
        bindings: Sequence[Binding],
        *,
        authenticator: layers.Authenticator | None = None,
        readiness: Callable[[], bool] | None = None,
        local_only: bool = False,
    ) -> None:
        if local_only and not config.local:
            raise invalid("listen", "a loopback address or unix socket")
        if local_only and config.health_listen and not is_local(config.health_listen):
            raise invalid("health_listen", "a loopback address or unix socket")
        self._config = config
        self._credentials = server_credentials(config)
        self._names = [binding.name for binding in bindings]
        self._readiness = readiness or (lambda: True)
        self._stopping = threading.Event()
        self._health = Health()
        listen = config.health_listen
        self._health_port = HealthPort(listen, self._health) if listen else None
        self._lock: IO[bytes] | None = None
        self.addresses: dict[str, str] = {}
        """Further addresses that it listens on, by name; filled by start()."""
        self._watcher = threading.Thread(target=self._watch, name="readiness", daemon=True)
        self._pool = ThreadPoolExecutor(config.workers, thread_name_prefix="rpc")
        self._server = grpc.server(
            self._pool,
            interceptors=[
                Chain(
                    [
                        layers.telemetry,
                        layers.request_ids,
                        layers.errors,
                        layers.authentication(authenticator),
                        layers.deadlines,
                    ]
                )
            ],
            options=server_options(config),
            maximum_concurrent_rpcs=config.max_concurrent_rpcs,
        )
        for binding in bindings:
            binding.add(binding.servicer, self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        if config.reflection:
            from grpc_reflection.v1alpha import reflection  # noqa: PLC0415 - off in production

            names = (*self._names, health.SERVICE_NAME, reflection.SERVICE_NAME)
            reflection.enable_server_reflection(names, self._server)

    def start(self) -> str:
        """Binds and serves; returns the address, with the port that was chosen.

        Raises:
            OmegaError: INVALID_FIELD `listen` or `health_listen` when the address is taken or
                cannot be bound.
        """
        address = self._config.listen
        self._set_health(serving=False)
        self._lock = sockets.claim(address)
        try:
            if self._health_port:
                self.addresses["health_listen"] = self._health_port.start()
            port = self._bind(address)
        except OmegaError:
            self._release()
            raise
        sockets.restrict(address)
        self._server.start()
        self._watcher.start()
        return address if self._lock else f"{address.rpartition(':')[0]}:{port}"

    def _bind(self, address: str) -> int:
        try:
            if self._credentials:
                return self._server.add_secure_port(address, self._credentials)
            return self._server.add_insecure_port(address)
        except RuntimeError as error:
            raise invalid("listen", "an address of this machine that is free") from error

    def stop(self) -> None:
        """NOT_SERVING, drain, then grace for running calls. May be called twice."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        self._health.enter_graceful_shutdown()
        time.sleep(self._config.drain_seconds)
        self._server.stop(self._config.grace_seconds).wait()
        if self._watcher.ident is not None:
            self._watcher.join()
        self._release()

    def _release(self) -> None:
        self._pool.shutdown(wait=False)
        if self._health_port:
            self._health_port.stop()
        if self._lock:
            self._lock.close()

    def _watch(self) -> None:
        serving = False
        while not self._stopping.is_set():
            try:
                ready = self._readiness()
            except Exception:  # noqa: BLE001 - whatever fails, the answer is: not ready
                _log.exception("the readiness check failed")
                ready = False
            if ready != serving:
                serving = ready
                self._set_health(serving=ready)
            self._stopping.wait(_PROBE_SECONDS if serving else _PROBE_SECONDS / 10)

    def _set_health(self, *, serving: bool) -> None:
        states = health_pb2.HealthCheckResponse
        for name in ("", *self._names):
            self._health.set(name, states.SERVING if serving else states.NOT_SERVING)


def server_options(
    config: ServerConfig, max_message: int = limits.MAX_MESSAGE
) -> list[tuple[str, int]]:
    """Arguments of a server, in gRPC's form; `max_message` in bytes."""
    options = [
        # Two servers on one port would share it without a word.
        ("grpc.so_reuseport", 0),
        # Clients on bad lines ask whether this end is still there; grpc's own bound is 5 minutes,
        # and it ends the connection of who asks more often.
        ("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000),
        ("grpc.max_receive_message_length", max_message),  # after decompression, too
        # Whoever is slow at the door is shut out; the others do not wait for it meanwhile.
        ("grpc.server_handshake_timeout_ms", 10_000),
    ]
    if config.max_connection_age_seconds:
        age = config.max_connection_age_seconds * 1_000
        options += [
            ("grpc.max_connection_age_ms", age),
            ("grpc.max_connection_age_grace_ms", 30_000),
        ]
    return options
