"""TLS credentials from PEM files, which may be replaced while a server runs.

New connections are made by what the files hold then; those that are open stay. TLS 1.3 alone is
spoken, or TLS 1.2 too where GRPC_SSL_CIPHER_SUITES names suites for it.
"""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass, field
from pathlib import Path

import grpc

from omega_core.errors import invalid
from omega_rpc.config import ServerConfig
from omega_rpc.rotation import Files

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
    if config.tls_certificate is None:
        return None
    return _following(config, "tls_client_ca", config.tls_client_ca)


def mutual_credentials(config: ServerConfig, field: str, ca: Path) -> grpc.ServerCredentials:
    """Credentials of a further listener of the server that asks for certificates signed by `ca`.

    Raises:
        OmegaError: INVALID_FIELD that names the setting whose file cannot be read or used; `field`
            is that of `ca`.
    """
    if config.tls_certificate is None:
        raise invalid("tls_certificate", f"set when {field} is")
    return _following(config, field, ca)


def _following(config: ServerConfig, field: str, ca: Path | None) -> grpc.ServerCredentials:
    """Credentials that are made of the files anew when a connection begins after a change."""

    def made() -> grpc.ServerCertificateConfiguration:
        pair = _pair(config.tls_certificate, config.tls_key)
        return grpc.ssl_server_certificate_configuration(
            [pair] if pair else [], authorities(field, ca)
        )

    check_suites(os.environ.get(SUITES, ""))
    files = Files(config.tls_certificate, config.tls_key, ca)
    return grpc.dynamic_ssl_server_credentials(
        made(),
        lambda: files.follow(made),  # type: ignore[arg-type, return-value]  # None = as before, which the stubs do not know
        require_client_authentication=ca is not None,
    )


def client_credentials(tls: ClientTls) -> grpc.ChannelCredentials:
    """Credentials of a client.

    Raises:
        OmegaError: INVALID_FIELD that names the setting whose file cannot be read or used.
    """
    ca, pair = client_pem(tls)
    return grpc.ssl_channel_credentials(ca, *(pair or (None, None)))


def client_pem(tls: ClientTls) -> tuple[bytes | None, tuple[bytes, bytes] | None]:
    """Certificates that sign servers, None = the platform's; key and chain of the client, if any.

    Raises:
        OmegaError: as client_credentials.
    """
    return authorities("tls_ca", tls.ca), tls.identity or _pair(tls.certificate, tls.key)


class RenewedCredentials:
    """Credentials of a client for channels that are opened from now on.

    A channel keeps those that it was opened with; whoever keeps a channel opens another one when
    these have changed.

    Args:
        tls: how to trust servers and show oneself.

    Raises:
        OmegaError: as client_credentials.
    """

    def __init__(self, tls: ClientTls) -> None:
        self._tls = tls
        self._files = Files(tls.ca, tls.certificate, tls.key)
        self._made = client_credentials(tls)

    def newest(self) -> grpc.ChannelCredentials:
        """The same object as long as the files are the same."""
        self._made = self._files.follow(lambda: client_credentials(self._tls)) or self._made
        return self._made


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
