"""Settings every gRPC server of the project shares."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass
from pathlib import Path

from omega_core import validate
from omega_core.errors import invalid

_LONGEST_SOCKET_PATH = 107


@dataclass(frozen=True)
class ServerConfig:
    """How a server listens, limits and stops."""

    listen: str
    """HOST:PORT (port 0 = any free one) or unix:/absolute/path."""
    tls_certificate: Path | None = None
    """PEM chain of the server; together with tls_key."""
    tls_key: Path | None = None
    """PEM key of the server."""
    tls_client_ca: Path | None = None
    """PEM certificates that sign clients; when set, a client must show one."""
    health_listen: str = ""
    """One more address, HOST:PORT or unix:/absolute/path, that answers grpc.health.v1 alone and
    without TLS, since probes of Kubernetes speak none. Empty = none."""
    workers: int = 8
    """Threads that answer calls, 1 to 256."""
    max_concurrent_rpcs: int = 256
    """Calls under way before new ones get RESOURCE_EXHAUSTED, 1 to 65,536."""
    max_connection_age_seconds: int = 0
    """Close connections after this age so that balancers spread them; 0 = never."""
    reflection: bool = False
    """Serve grpc.reflection; off in production."""
    drain_seconds: float = 0.0
    """Time between NOT_SERVING and refusing calls at SIGTERM, 0 to 60."""
    grace_seconds: float = 5.0
    """Time that running calls get at SIGTERM, 0 to 120."""

    def __post_init__(self) -> None:
        address("listen", self.listen)
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise invalid("tls_key", "set together with tls_certificate")
        if self.tls_client_ca is not None and self.tls_certificate is None:
            raise invalid("tls_certificate", "set when tls_client_ca is")
        if not self.local and self.tls_certificate is None:
            raise invalid("listen", "a loopback address or unix socket until TLS is configured")
        if self.health_listen:
            address("health_listen", self.health_listen)
        validate.integer("workers", self.workers, 1, 256)
        validate.integer("max_concurrent_rpcs", self.max_concurrent_rpcs, 1, 65_536)
        validate.integer("max_connection_age_seconds", self.max_connection_age_seconds, 0, 86_400)
        validate.number("drain_seconds", self.drain_seconds, 0, 60)
        validate.number("grace_seconds", self.grace_seconds, 0, 120)

    @property
    def local(self) -> bool:
        """Whether only this machine can reach the address."""
        return is_local(self.listen)


def address(field: str, value: str) -> str:
    """An address to listen on, HOST:PORT or unix:/absolute/path.

    Raises:
        OmegaError: INVALID_FIELD.
    """
    if not value.startswith("unix:/") and not _host(value):
        raise invalid(field, "HOST:PORT or unix:/absolute/path")
    if len(os.fsencode(value.removeprefix("unix:"))) > _LONGEST_SOCKET_PATH:
        raise invalid(field, f"at most {_LONGEST_SOCKET_PATH} bytes")
    return value


def is_local(value: str) -> bool:
    """Whether only this machine can reach an address to listen on."""
    return value.startswith("unix:") or is_loopback(_host(value))


def _host(value: str) -> str:
    """Host of HOST:PORT; empty when the form is wrong."""
    host, _, port = value.rpartition(":")
    well_formed = port.isdigit() and int(port) <= 65_535  # noqa: PLR2004 - the largest TCP port
    return host.strip("[]") if well_formed else ""


def is_loopback(host: str) -> bool:
    """Whether a host name or address can only mean this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
