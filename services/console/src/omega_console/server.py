"""The HTTP listener: uvicorn on a thread of its own, so that the main one waits for signals."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import IO

import uvicorn
from anyio import to_thread

from omega_console.guard import Application
from omega_core.errors import invalid
from omega_rpc import sockets
from omega_rpc.config import ServerConfig
from omega_rpc.rotation import renewing
from omega_rpc.tls import authorities, server_credentials

_BACKLOG = 512
_START_SECONDS = 10.0
_LARGEST_HEAD = 32_768


class HttpServer:
    """Listens from start() to stop().

    Args:
        application: serves requests.
        config: address, certificate and limits.
        draining: called when it stops, before it refuses connections.

    Raises:
        OmegaError: INVALID_FIELD that names the TLS setting whose file is of no use.
    """

    def __init__(
        self,
        application: Application,
        config: ServerConfig,
        draining: Callable[[], None] = lambda: None,
    ) -> None:
        server_credentials(config)  # it names the file that is of no use
        authorities("tls_client_ca", config.tls_client_ca)
        self._config = config
        self._draining = draining
        self._lock: IO[bytes] | None = None
        self._server = _Uvicorn(_settings(application, config), config.workers)
        self._thread: threading.Thread | None = None
        self.addresses: dict[str, str] = {}
        """Further addresses that it listens on, by name: none."""

    def start(self) -> str:
        """Binds and serves; returns the address, with the port that was chosen.

        Raises:
            OmegaError: INVALID_FIELD `listen` when the address is taken or cannot be bound.
        """
        address = self._config.listen
        self._lock = sockets.claim(address)
        bound = _bound(address)
        sockets.restrict(address)
        self._thread = threading.Thread(
            target=self._server.run, args=([bound],), name="http", daemon=True
        )
        self._thread.start()
        if not self._server.listening.wait(_START_SECONDS):
            raise invalid("listen", "an address that can be served on")
        if self._lock:
            return address
        return f"{address.rpartition(':')[0]}:{bound.getsockname()[1]}"

    def stop(self) -> None:
        """Not ready, drain, then grace for running requests. May be called twice."""
        if self._thread is None:
            return
        self._draining()
        time.sleep(self._config.drain_seconds)
        self._server.should_exit = True
        self._thread.join(self._config.grace_seconds + 5)
        self._thread = None
        if self._lock:
            self._lock.close()


class _Uvicorn(uvicorn.Server):
    """A server that says when it listens."""

    def __init__(self, config: uvicorn.Config, workers: int) -> None:
        super().__init__(config)
        self._workers = workers
        self.listening = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        to_thread.current_default_thread_limiter().total_tokens = self._workers
        await super().startup(sockets)
        self.listening.set()


def _settings(application: Application, config: ServerConfig) -> uvicorn.Config:
    settings = uvicorn.Config(
        application,
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=_BACKLOG,
        limit_concurrency=4 * config.max_concurrent_rpcs,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=max(1, round(config.grace_seconds)),
        h11_max_incomplete_event_size=_LARGEST_HEAD,
        ssl_certfile=config.tls_certificate,
        ssl_keyfile=config.tls_key,
    )
    settings.load()
    if settings.ssl is not None:
        files = (config.tls_certificate, config.tls_key, config.tls_client_ca)
        settings.ssl = renewing(partial(_context, config), *files)
    return settings


def _context(config: ServerConfig) -> ssl.SSLContext:
    """What the files hold now."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_3
    made.load_cert_chain(str(config.tls_certificate), config.tls_key)
    if config.tls_client_ca:
        made.load_verify_locations(config.tls_client_ca)
        made.verify_mode = ssl.CERT_REQUIRED
        # A session that goes on shows no certificate: one that was revoked would stay good.
        made.num_tickets = 0
    return made


def _bound(address: str) -> socket.socket:
    """A socket that is bound to an address of the settings' form."""
    if address.startswith("unix:"):
        bound = socket.socket(socket.AF_UNIX)
        place: str | tuple[str, int] = address.removeprefix("unix:")
    else:
        host, _, port = address.rpartition(":")
        host = host.strip("[]")
        bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        place = (host, int(port))
    try:
        bound.bind(place)
        bound.listen(_BACKLOG)
    except OSError as error:
        bound.close()
        raise invalid("listen", "an address of this machine that is free") from error
    return bound
