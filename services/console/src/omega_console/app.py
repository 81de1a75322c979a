"""Puts the console together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from omega_console.api.application import application, files, switch
from omega_console.api.document import openapi
from omega_console.api.health import Readiness
from omega_console.config import ConsoleConfig
from omega_console.guard import Guard
from omega_console.imports import Imports
from omega_console.keys import SigningKeys
from omega_console.server import HttpServer
from omega_console.signin import SignIn
from omega_console.upstream import Upstream
from omega_core.clock import SystemClock
from omega_core.errors import OmegaError, invalid
from omega_rpc.config import ServerConfig
from omega_rpc.service import Application

if TYPE_CHECKING:
    from omega_embed import Encoder


def build(config: ConsoleConfig, server_config: ServerConfig) -> Application:
    """A console that is ready to start; its constellation need not be there yet.

    Raises:
        OmegaError: INVALID_FIELD that names the setting at fault, MODEL_UNAVAILABLE.
    """
    keys = SigningKeys(config.jwks, config.jwks_ca, config.jwks_seconds)
    encoder = _encoder(config)
    upstream = _upstream(config)
    imports = Imports(config.constellation_target, config.constellation_tls, encoder, SystemClock())
    ready = Readiness(lambda: keys.known() and upstream.serving())
    upload_bytes = config.upload_mb << 20

    def drain() -> None:
        ready.draining = True

    def close() -> None:
        imports.stop()
        upstream.close()

    try:
        guard = Guard(
            switch(application(upstream, keys, ready, imports, upload_bytes), files()),
            SignIn(config, keys).operator,
            tls=server_config.tls_certificate is not None,
            upload_bytes=upload_bytes,
            upload_seconds=config.body_seconds,
            most=server_config.max_concurrent_rpcs,
        )
        server = HttpServer(guard, server_config, drain)
    except BaseException:
        close()
        raise
    return Application(server, close=close, started=imports.start)


def described() -> dict[str, Any]:
    """The OpenAPI document; nothing is started and nothing is dialled."""
    with Upstream("127.0.0.1:1", timeout=1) as upstream:
        imports = Imports("127.0.0.1:1", None, None, SystemClock())
        app = application(upstream, SigningKeys("https://localhost"), _never(), imports, 0)
        return openapi(app)


def _never() -> Readiness:
    return Readiness(lambda: False)


def _upstream(config: ConsoleConfig) -> Upstream:
    try:
        return Upstream(
            config.constellation_target,
            timeout=config.call_timeout_seconds,
            tls=config.constellation_tls,
        )
    except OmegaError as error:
        raise invalid(f"constellation_{error.field}", error.bound) from error


def _encoder(config: ConsoleConfig) -> Encoder | None:
    """What embeds uploads; needs the extra `embed`."""
    if config.encoder == "none":
        return None
    from omega_embed import open_encoder  # noqa: PLC0415 - an extra

    return open_encoder(config.cache_dir, kind=config.encoder)
