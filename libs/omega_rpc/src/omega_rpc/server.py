"""A gRPC server with the project's chain, health, reflection, limits and life cycle."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from omega_core import limits
from omega_core.errors import invalid
from omega_rpc import layers, sockets
from omega_rpc.chain import Chain
from omega_rpc.config import ServerConfig
from omega_rpc.tls import server_credentials

_log = logging.getLogger(__name__)
_PROBE_SECONDS = 1.0


@dataclass(frozen=True)
class Binding:
    """One service of a server."""

    name: str
    """Full name, "omega.brain.v1.BrainService"."""
    add: Callable[[Any, grpc.Server], None]
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
        OmegaError: INVALID_FIELD `listen` when the address may not be used.
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
        if not config.local and (local_only or config.tls_certificate is None):
            bound = "a loopback address or unix socket"
            raise invalid("listen", bound if local_only else f"{bound} until TLS is configured")
        self._config = config
        self._names = [binding.name for binding in bindings]
        self._readiness = readiness or (lambda: True)
        self._stopping = threading.Event()
        self._health = health.HealthServicer()
        self._server = grpc.server(
            ThreadPoolExecutor(config.workers, thread_name_prefix="rpc"),
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
            options=_options(config),
            maximum_concurrent_rpcs=config.max_concurrent_rpcs,
        )
        for binding in bindings:
            binding.add(binding.servicer, self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        if config.reflection:
            names = (*self._names, health.SERVICE_NAME, reflection.SERVICE_NAME)
            reflection.enable_server_reflection(names, self._server)

    def start(self) -> str:
        """Binds and serves; returns the address, with the port that was chosen."""
        self._set_health(serving=False)
        self._lock = sockets.claim(self._config.listen)
        credentials = server_credentials(self._config)
        try:
            port = (
                self._server.add_secure_port(self._config.listen, credentials)
                if credentials
                else self._server.add_insecure_port(self._config.listen)
            )
        except RuntimeError as error:
            raise invalid("listen", "an address that is free") from error
        sockets.restrict(self._config.listen)
        self._server.start()
        self._watcher = threading.Thread(target=self._watch, name="readiness", daemon=True)
        self._watcher.start()
        if self._config.listen.startswith("unix:"):
            return self._config.listen
        return f"{self._config.listen.rpartition(':')[0]}:{port}"

    def stop(self) -> None:
        """NOT_SERVING, drain, then grace for running calls. May be called twice."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        self._health.enter_graceful_shutdown()
        time.sleep(self._config.drain_seconds)
        self._server.stop(self._config.grace_seconds).wait()
        self._watcher.join()
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


def _options(config: ServerConfig) -> list[tuple[str, int]]:
    options = [
        # Two servers on one port would share it without a word.
        ("grpc.so_reuseport", 0),
        ("grpc.max_receive_message_length", limits.MAX_MESSAGE),
    ]
    if config.max_connection_age_seconds:
        age = config.max_connection_age_seconds * 1_000
        options += [
            ("grpc.max_connection_age_ms", age),
            ("grpc.max_connection_age_grace_ms", 30_000),
        ]
    return options
