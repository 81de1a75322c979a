"""What grpc tells of the other end of a connection."""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import cast
from urllib.parse import unquote

_FAMILIES = ("ipv4:", "ipv6:")
_CERTIFICATE = "x509_pem_cert"


@lru_cache(maxsize=4_096)
def address(peer: str) -> str:
    """IP address in a peer as grpc names it, such as "ipv6:%5B::1%5D:4711"; empty for others."""
    if not peer.startswith(_FAMILIES):
        return ""
    host, _, _ = unquote(peer.partition(":")[2]).rpartition(":")
    return host.strip("[]")


def certificate(auth_context: Mapping[str, object]) -> bytes:
    """DER of the certificate that the peer showed and grpc verified; empty = none."""
    # grpc gives a sequence of values a key, whatever its stubs say.
    shown = cast("Iterable[bytes]", auth_context.get(_CERTIFICATE, ()))
    pem = next(iter(shown), b"")
    return _der(pem) if pem else b""


@lru_cache(maxsize=4_096)
def _der(pem: bytes) -> bytes:
    return ssl.PEM_cert_to_DER_cert(pem.decode("ascii"))
