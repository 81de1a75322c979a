"""Where the fleet's sync service is."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from omega_core.errors import invalid
from omega_rpc.config import is_loopback

_BOUND = "https://HOST[:PORT], http://HOST:PORT of this machine, or empty"


@dataclass(frozen=True)
class Endpoint:
    """Where a service listens."""

    target: str
    """HOST:PORT."""
    tls: bool
    """Whether it speaks TLS; without, it is on this machine."""


def parse(url: str, field: str = "constellation_url") -> Endpoint | None:
    """The endpoint of a URL; None when it is empty.

    Raises:
        OmegaError: INVALID_FIELD that names the setting.
    """
    if not url:
        return None
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise invalid(field, _BOUND) from None
    if not host or parts.username or parts.path.strip("/") or parts.query or parts.fragment:
        raise invalid(field, _BOUND)
    name = f"[{host}]" if ":" in host else host
    if parts.scheme == "https":
        return Endpoint(f"{name}:{port or 443}", tls=True)
    if parts.scheme == "http" and port and is_loopback(host):
        return Endpoint(f"{name}:{port}", tls=False)
    raise invalid(field, _BOUND)
