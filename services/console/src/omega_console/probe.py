"""Asks a running console by its own settings whether it is ready, for the probe of a container."""

from __future__ import annotations

import json
import socket
import ssl
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException

from omega_core.errors import invalid
from omega_rpc.config import ServerConfig

_SECONDS = 4.0
_PATH = "/api/v1/health/ready"
_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared with, not bound


def probe(config: ServerConfig) -> str:
    """Why the console with these settings does not serve; empty = it does.

    Its own certificate is trusted, whatever signed it, and shown where it asks for one.

    Raises:
        OmegaError: INVALID_FIELD listen when the port is drawn at each start, or tls_certificate.
    """
    connection = HTTPConnection("localhost", timeout=_SECONDS)
    try:
        connection.sock = _connected(config)
        connection.request("GET", _PATH)
        answer = connection.getresponse()
        body = answer.read()
    except (OSError, HTTPException) as error:
        return f"{type(error).__name__}: {error}"
    finally:
        connection.close()
    if answer.status == HTTPStatus.OK:
        return ""
    try:
        return str(json.loads(body)["detail"])
    except (ValueError, KeyError, TypeError):
        return f"it answered {answer.status}"


def _connected(config: ServerConfig) -> socket.socket:
    if config.listen.startswith("unix:"):
        line = socket.socket(socket.AF_UNIX)
        line.settimeout(_SECONDS)
        line.connect(config.listen.removeprefix("unix:"))
    else:
        host, _, port = config.listen.rpartition(":")
        if port == "0":
            raise invalid("listen", "an address with a port of its own")
        host = host.strip("[]")
        line = socket.create_connection((_ANY.get(host, host), int(port)), _SECONDS)
    if config.tls_certificate is None:
        return line
    return _context(config).wrap_socket(line)


def _context(config: ServerConfig) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # it is this very certificate that is trusted
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        context.load_verify_locations(config.tls_certificate)
        if config.tls_client_ca is not None and config.tls_certificate and config.tls_key:
            context.load_cert_chain(config.tls_certificate, config.tls_key)
    except (OSError, ssl.SSLError) as error:
        raise invalid("tls_certificate", "a readable PEM file") from error
    return context
