"""Asks a server's grpc.health.v1 whether it serves."""

from __future__ import annotations

from pathlib import Path

import grpc
from cryptography import x509
from grpc_health.v1 import health_pb2, health_pb2_grpc

from omega_core.errors import invalid
from omega_rpc.channel import options
from omega_rpc.config import ServerConfig
from omega_rpc.tls import ClientTls, client_credentials

SECONDS = 2.0
"""Longest wait for the answer."""
_ANY = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104 - the key is compared with, not bound


def probe(target: str, tls: ClientTls | None = None, *, name: str = "") -> str:
    """Why a server does not serve; empty = it does.

    Args:
        target: HOST:PORT or unix:/absolute/path.
        tls: how to trust it; None = no TLS.
        name: what its certificate must name, where that is not the host.

    Raises:
        OmegaError: INVALID_FIELD for a TLS file of no use.
    """
    given = options(target, retries=False)
    if name:
        given.append(("grpc.ssl_target_name_override", name))
    if tls is None:
        channel = grpc.insecure_channel(target, options=given)
    else:
        channel = grpc.secure_channel(target, client_credentials(tls), options=given)
    with channel:
        stub = health_pb2_grpc.HealthStub(channel)
        try:
            answer = stub.Check(health_pb2.HealthCheckRequest(), timeout=SECONDS)
        except grpc.RpcError as error:
            return f"{error.code().name}: {error.details()}"
    states = health_pb2.HealthCheckResponse
    return "" if answer.status == states.SERVING else states.ServingStatus.Name(answer.status)


def probe_own(config: ServerConfig) -> str:
    """As probe, of the server with these settings on this machine.

    Its own certificate is trusted, whatever signed it, and shown where it asks for one.

    Raises:
        OmegaError: INVALID_FIELD listen when the port is drawn at each start, or for a TLS file of
            no use.
    """
    target = config.listen
    if not target.startswith("unix:"):
        host, _, port = target.rpartition(":")
        if port == "0":
            raise invalid("listen", "an address with a port that is known before the start")
        target = f"{_ANY.get(host, host)}:{port}"
    if config.tls_certificate is None:
        return probe(target)
    shown = config.tls_client_ca is not None
    tls = ClientTls(
        config.tls_certificate,
        config.tls_certificate if shown else None,
        config.tls_key if shown else None,
    )
    return probe(target, tls, name=_name(config.tls_certificate))


def _name(path: Path) -> str:
    """A name that a certificate is good for."""
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        stated = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return str(next(iter(stated)).value)
    except (OSError, ValueError, x509.ExtensionNotFound, StopIteration) as error:
        raise invalid("tls_certificate", "a readable certificate with a name") from error
