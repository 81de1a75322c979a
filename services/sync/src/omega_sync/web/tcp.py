"""HTTP/1.1 and HTTP/2 by hypercorn."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Mapping
from pathlib import Path

from hypercorn.asyncio import serve
from hypercorn.config import Config

from omega_core.errors import invalid
from omega_rpc.config import ServerConfig
from omega_rpc.rotation import renewing
from omega_sync.web.guard import Application
from omega_sync.web.quic import QuicListener

_log = logging.getLogger(__name__)
_BACKLOG = 1_024


class _Config(Config):
    """What is not to be set by names alone."""

    def create_ssl_context(self) -> ssl.SSLContext | None:
        if not self.ssl_enabled:
            return None
        return renewing(self._context, Path(str(self.certfile)), Path(str(self.keyfile)))

    def _context(self) -> ssl.SSLContext:
        context = super().create_ssl_context()
        if context is None:
            raise invalid("tls_certificate", "set")
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        return context


class WebListener:
    """An address of HTTP/1.1 and HTTP/2; a part of the server.

    Args:
        application: serves requests.
        address: HOST:PORT.
        server: its certificate and key; without them, clear text.
        alternative: HTTP/3 to announce (RFC 7838), started before.
    """

    def __init__(
        self,
        application: Application,
        address: str,
        server: ServerConfig,
        alternative: QuicListener | None = None,
    ) -> None:
        self._application = application
        self._address = address
        self._server = server
        self._alternative = alternative
        self._stop = asyncio.Event()
        self._serving: asyncio.Task[None] | None = None

    async def start(self) -> Mapping[str, str]:
        """Binds and serves.

        Raises:
            OmegaError: INVALID_FIELD `http_listen`.
        """
        bound = _bound(self._address)
        host, port = self._address.rpartition(":")[0], bound.getsockname()[1]
        config = _Config()
        config.bind = [f"fd://{bound.detach()}"]
        if self._server.tls_certificate is not None:
            config.certfile = str(self._server.tls_certificate)
            config.keyfile = str(self._server.tls_key)
        config.errorlog = _log
        config.backlog = _BACKLOG
        config.graceful_timeout = self._server.grace_seconds
        config.keep_alive_timeout = 15
        config.ssl_handshake_timeout = 10
        config.h2_max_concurrent_streams = 16
        config.h2_max_header_list_size = 16_384
        config.include_server_header = False
        if self._alternative is not None:
            config.alt_svc_headers = [f'h3=":{self._alternative.port}"; ma=3600']
        self._serving = asyncio.create_task(
            serve(self._application, config, shutdown_trigger=self._stop.wait)  # type: ignore[arg-type]  # its ASGI types are narrower
        )
        return {"http_listen": f"{host}:{port}"}

    async def drain(self) -> None:
        """Takes no more connections; requests under way go on."""
        self._stop.set()

    async def stop(self, grace: float) -> None:
        """Waits for requests under way."""
        self._stop.set()
        if self._serving is not None:
            await asyncio.wait([self._serving], timeout=grace + 1)
            self._serving.cancel()
            await asyncio.wait([self._serving])


def _bound(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        bound.bind((host, int(port)))
        bound.listen(_BACKLOG)
    except OSError as error:
        bound.close()
        raise invalid("http_listen", "an address of this machine that is free") from error
    return bound
