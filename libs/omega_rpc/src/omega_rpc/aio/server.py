"""A gRPC server on the event loop, with the project's gate, health, limits and life cycle."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Protocol

import grpc
from grpc_health.v1 import health, health_pb2_grpc

from omega_core import limits
from omega_core.errors import invalid
from omega_rpc import sockets
from omega_rpc.aio.chain import Chain
from omega_rpc.aio.gate import Gate
from omega_rpc.aio.health import Health, HealthPort
from omega_rpc.aio.loop import run
from omega_rpc.config import ServerConfig
from omega_rpc.server import Binding, server_options
from omega_rpc.tls import server_credentials

_log = logging.getLogger(__name__)
_PROBE_SECONDS = 1.0


class Part(Protocol):
    """Something that lives and ends with a server, on its loop."""

    async def start(self) -> Mapping[str, str]:
        """Begins; returns the addresses that it listens on, by name."""
        ...

    async def drain(self) -> None:
        """Told before running calls get their grace: take no more, end what has no end."""
        ...

    async def stop(self, grace: float) -> None:
        """Ends within `grace` seconds."""
        ...


@dataclass(frozen=True)
class Listener:
    """One more address of a server."""

    name: str
    """What it is called beside "listening"; also the setting that holds it."""
    address: str
    """HOST:PORT or unix:/absolute/path."""
    credentials: grpc.ServerCredentials | None = None
    """None = no TLS."""


class Server:
    """Listens from start() to stop(); both are called from other threads than the loop's.

    Args:
        config: addresses and limits; `workers` is not heeded, since there are no threads.
        bindings: what it serves; servicers have async methods.
        gate: what calls pass.
        readiness: asked once a second; health says SERVING only while it returns True.
        listeners: more addresses.
        max_message: largest message that is read, in bytes.
        parts: started in their order before the server listens, stopped in the reverse one.

    Raises:
        OmegaError: INVALID_FIELD that names the TLS setting whose file is of no use.
    """

    def __init__(
        self,
        config: ServerConfig,
        bindings: Sequence[Binding],
        *,
        gate: Gate,
        readiness: Callable[[], Awaitable[bool]] | None = None,
        listeners: Sequence[Listener] = (),
        parts: Sequence[Part] = (),
        max_message: int = limits.MAX_MESSAGE,
    ) -> None:
        self._config = config
        self._bindings = tuple(bindings)
        self._gate = gate
        self._readiness = readiness
        self._listeners = (
            Listener("listen", config.listen, server_credentials(config)),
            *listeners,
        )
        self._max_message = max_message
        self._begun: list[Part] = []
        self._locks: list[IO[bytes]] = []
        self._health = Health([binding.name for binding in bindings])
        # First to begin and last to end: it tells of all others.
        probed = [HealthPort(config.health_listen, self._health)] if config.health_listen else []
        self._parts: tuple[Part, ...] = (*probed, *parts)
        self._server: grpc.aio.Server | None = None
        self._watcher: asyncio.Task[None] | None = None
        self.addresses: dict[str, str] = {}
        """Where it listens, by name; filled by start()."""

    def start(self) -> str:
        """Binds and serves; returns the first address, with the port that was chosen.

        Raises:
            OmegaError: INVALID_FIELD that names the setting whose address cannot be bound.
        """
        return run(self._start())

    def stop(self) -> None:
        """NOT_SERVING, drain, then grace for running calls. May be called twice."""
        run(self._stop())

    async def _start(self) -> str:
        try:
            for part in self._parts:
                self._begun.append(part)
                self.addresses.update(await part.start())
            self._server = self._make()
            for listener in self._listeners:
                self.addresses[listener.name] = self._bind(self._server, listener)
            await self._server.start()
        except BaseException:
            await self._end(0)
            raise
        self._watcher = asyncio.create_task(self._watch())
        return self.addresses.pop("listen")

    def _make(self) -> grpc.aio.Server:
        server = grpc.aio.server(
            interceptors=[Chain(self._gate)],
            options=server_options(self._config, self._max_message),
            maximum_concurrent_rpcs=self._config.max_concurrent_rpcs,
        )
        for binding in self._bindings:
            binding.add(binding.servicer, server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        if self._config.reflection:
            from grpc_reflection.v1alpha import reflection  # noqa: PLC0415 - off in production

            ours = (binding.name for binding in self._bindings)
            names = (*ours, health.SERVICE_NAME, reflection.SERVICE_NAME)
            reflection.enable_server_reflection(names, server)
        return server

    def _bind(self, server: grpc.aio.Server, listener: Listener) -> str:
        address = listener.address
        lock = sockets.claim(address, listener.name)
        if lock:
            self._locks.append(lock)
        try:
            port = (
                server.add_secure_port(address, listener.credentials)
                if listener.credentials
                else server.add_insecure_port(address)
            )
        except RuntimeError as error:
            raise invalid(listener.name, "an address of this machine that is free") from error
        sockets.restrict(address)
        return address if lock else f"{address.rpartition(':')[0]}:{port}"

    async def _stop(self) -> None:
        watcher, self._watcher = self._watcher, None
        if watcher is None:
            return
        watcher.cancel()
        with suppress(asyncio.CancelledError):
            await watcher
        self._health.serving = False
        await asyncio.sleep(self._config.drain_seconds)
        for part in self._begun:
            await part.drain()
        await self._end(self._config.grace_seconds)

    async def _end(self, grace: float) -> None:
        if self._server is not None:
            await self._server.stop(grace)
        for part in reversed(self._begun):
            await part.stop(grace)
        self._begun.clear()
        for lock in self._locks:
            lock.close()
        self._locks.clear()

    async def _watch(self) -> None:
        while True:
            try:
                ready = self._readiness is None or await self._readiness()
            except Exception:  # noqa: BLE001 - whatever fails, the answer is: not ready
                _log.exception("the readiness check failed")
                ready = False
            self._health.serving = ready
            await asyncio.sleep(_PROBE_SECONDS if ready else _PROBE_SECONDS / 10)
