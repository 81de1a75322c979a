"""TLS credentials from PEM files.

TLS 1.3 alone is spoken, or TLS 1.2 too where GRPC_SSL_CIPHER_SUITES names suites for it.
"""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass, field
from pathlib import Path

import grpc

from omega_core.errors import invalid
from omega_rpc.config import ServerConfig

SUITES = "GRPC_SSL_CIPHER_SUITES"
"""Variable that grpc takes the suites of TLS 1.2 from; omega_rpc sets it to none of use."""
_AEAD = ("-GCM-SHA256", "-GCM-SHA384", "-CHACHA20-POLY1305")
_EPHEMERAL = "ECDHE-"


@dataclass(frozen=True)
class ClientTls:
    """How a client trusts a server and shows itself."""

    ca: Path | None = None
    """PEM certificates that sign servers; None = the platform's."""
    certificate: Path | None = None
    """PEM chain of the client, with key, where the server asks for one."""
    key: Path | None = None
    """PEM key of the client."""
    identity: tuple[bytes, bytes] | None = field(default=None, repr=False)
    """Key and certificate chain of the client as PEM, in the place of the two files."""

    def __post_init__(self) -> None:
        if self.identity is not None and self.certificate is not None:
            raise invalid("tls_certificate", "absent where the identity is given as PEM")
        if (self.certificate is None) != (self.key is None):
            raise invalid("tls_key", "set together with tls_certificate")


def server_credentials(config: ServerConfig) -> grpc.ServerCredentials | None:
    """Credentials of a server, or None without TLS.

    Raises:
        OmegaError: INVALID_FIELD that names the setting whose file cannot be read or used, or
            GRPC_SSL_CIPHER_SUITES when it allows a suite without AEAD or forward secrecy.
    """
    pair = _pair(config.tls_certificate, config.tls_key)
    if pair is None:
        return None
    check_suites(os.environ.get(SUITES, ""))
    ca = authorities("tls_client_ca", config.tls_client_ca)
    return grpc.ssl_server_credentials(
        [pair], root_certificates=ca, require_client_auth=ca is not None
    )


def mutual_credentials(config: ServerConfig, field: str, ca: Path) -> grpc.ServerCredentials:
    """Credentials of a further listener of the server that asks for certificates signed by `ca`.

    Raises:
        OmegaError: INVALID_FIELD that names the setting whose file cannot be read or used; `field`
            is that of `ca`.
    """
    pair = _pair(config.tls_certificate, config.tls_key)
    if pair is None:
        raise invalid("tls_certificate", f"set when {field} is")
    check_suites(os.environ.get(SUITES, ""))
    return grpc.ssl_server_credentials([pair], authorities(field, ca), require_client_auth=True)


def client_credentials(tls: ClientTls) -> grpc.ChannelCredentials:
    """Credentials of a client.

    Raises:
        OmegaError: INVALID_FIELD that names the setting whose file cannot be read or used.
    """
    pair = tls.identity or _pair(tls.certificate, tls.key)
    key, certificate = pair or (None, None)
    return grpc.ssl_channel_credentials(authorities("tls_ca", tls.ca), key, certificate)


def check_suites(value: str) -> None:
    """Holds suites of TLS 1.2, joined by colons, to those with AEAD and forward secrecy.

    Raises:
        OmegaError: INVALID_FIELD GRPC_SSL_CIPHER_SUITES.
    """
    for suite in filter(None, value.split(":")):
        if not (suite.startswith(_EPHEMERAL) and suite.endswith(_AEAD)):
            raise invalid(SUITES, "suites of ECDHE with GCM or CHACHA20-POLY1305, or not set")


# grpc takes any bytes and fails later without a word on why, so OpenSSL reads the files first.


def _pair(certificate: Path | None, key: Path | None) -> tuple[bytes, bytes] | None:
    """(key, certificate chain) as PEM."""
    if certificate is None or key is None:
        return None
    pair = (_read("tls_key", key), _read("tls_certificate", certificate))
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password="")
    except ssl.SSLError as error:
        raise invalid("tls_key", "the unencrypted PEM key of tls_certificate") from error
    return pair


def authorities(field: str, path: Path | None) -> bytes | None:
    """PEM certificates of a file; None without one.

    Raises:
        OmegaError: INVALID_FIELD that names `field`, when the file cannot be read or used.
    """
    if path is None:
        return None
    pem = _read(field, path)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except ssl.SSLError as error:
        raise invalid(field, "a file of PEM certificates") from error
    return pem


def _read(field: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise invalid(field, f"a readable PEM file ({error.strerror})") from error
