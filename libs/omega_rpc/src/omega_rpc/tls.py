"""TLS credentials from PEM files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import grpc

from omega_core.errors import invalid
from omega_rpc.config import ServerConfig


@dataclass(frozen=True)
class ClientTls:
    """How a client trusts a server and shows itself."""

    ca: Path | None = None
    """PEM certificates that sign servers; None = the platform's."""
    certificate: Path | None = None
    """PEM chain of the client, with key, where the server asks for one."""
    key: Path | None = None
    """PEM key of the client."""


def server_credentials(config: ServerConfig) -> grpc.ServerCredentials | None:
    """Credentials of a server, or None without TLS.

    Raises:
        OmegaError: INVALID_FIELD that names the setting whose file cannot be read.
    """
    if config.tls_certificate is None or config.tls_key is None:
        return None
    pair = (_read("tls_key", config.tls_key), _read("tls_certificate", config.tls_certificate))
    ca = _read("tls_client_ca", config.tls_client_ca) if config.tls_client_ca else None
    return grpc.ssl_server_credentials(
        [pair], root_certificates=ca, require_client_auth=ca is not None
    )


def client_credentials(tls: ClientTls) -> grpc.ChannelCredentials:
    """Credentials of a client.

    Raises:
        OmegaError: INVALID_FIELD that names the setting whose file cannot be read.
    """
    return grpc.ssl_channel_credentials(
        root_certificates=_read("tls_ca", tls.ca) if tls.ca else None,
        private_key=_read("tls_key", tls.key) if tls.key else None,
        certificate_chain=_read("tls_certificate", tls.certificate) if tls.certificate else None,
    )


def _read(field: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise invalid(field, f"a readable PEM file ({error.strerror})") from error
