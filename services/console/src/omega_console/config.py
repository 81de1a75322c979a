"""Settings of the console, read from OMEGA_CONSOLE_*."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from omega_core import validate
from omega_core.errors import invalid
from omega_rpc.tls import ClientTls

PREFIX = "OMEGA_CONSOLE_"
"""Prefix of the environment variables."""
ENCODERS = ("none", "auto", "minilm", "lexical")
"""What may embed titles that are uploaded."""
_CLAIM = re.compile(r"[^.\s]+(\.[^.\s]+)*\Z")


@dataclass(frozen=True)
class ConsoleConfig:
    """Whom the console asks, whom it believes, and how much it takes."""

    jwks: str
    """Keys that sign operators' tokens: a file, or an https:// URL (RFC 7517)."""
    issuer: str
    """What `iss` of a token must be, 1 to 256 characters."""
    audience: str = "omega-tv"
    """What `aud` of a token must hold, 1 to 256 characters."""
    role_claim: str = "roles"
    """Claim with the roles, one or a list; dots lead into objects, as in realm_access.roles."""
    role_prefix: str = ""
    """What stands before viewer, operator and admin in that claim, at most 64 characters."""
    jwks_ca: Path | None = None
    """PEM certificates that sign the server of the URL; None = the platform's."""
    jwks_seconds: int = 300
    """How long keys are good before they are read again, 10 to 86,400."""
    failures_per_minute: float = 30.0
    """Refused tokens of one network in the long run before RATE_LIMITED, 1 to 10,000."""
    failure_burst: int = 60
    """Of them, at once after a pause, 1 to 10,000."""
    constellation_target: str = "127.0.0.1:50072"
    """HOST:PORT or unix:/path of the constellation of the home shard, 1 to 256 characters."""
    constellation_tls_ca: Path | None = None
    """PEM certificates that sign the constellation; None = no TLS."""
    constellation_tls_certificate: Path | None = None
    """PEM chain that the console shows; together with constellation_tls_key."""
    constellation_tls_key: Path | None = None
    """PEM key of that."""
    call_timeout_seconds: float = 10.0
    """Longest wait for an answer of the constellation, 0.1 to 60."""
    body_seconds: float = 300.0
    """Longest time that an upload may take, 1 to 3,600."""
    upload_mb: int = 64
    """Largest upload, in MiB, 1 to 1,024."""
    encoder: str = "none"
    """Embeds titles that are uploaded: none (there is no upload), auto, minilm or lexical."""
    cache_dir: Path | None = None
    """Where `omega model install` put the model; None = its default place."""

    def __post_init__(self) -> None:
        validate.text("jwks", self.jwks, 1_024, 1)
        url = urlsplit(self.jwks)
        if url.scheme == "http" or (url.scheme == "https" and not url.hostname):
            raise invalid("jwks", "a file or an https:// URL")
        validate.text("issuer", self.issuer, 256, 1)
        validate.text("audience", self.audience, 256, 1)
        validate.text("role_claim", self.role_claim, 128, 1)
        if not _CLAIM.match(self.role_claim):
            raise invalid("role_claim", "names of claims joined by dots")
        validate.text("role_prefix", self.role_prefix, 64)
        validate.integer("jwks_seconds", self.jwks_seconds, 10, 86_400)
        validate.number("failures_per_minute", self.failures_per_minute, 1, 10_000)
        validate.integer("failure_burst", self.failure_burst, 1, 10_000)
        validate.text("constellation_target", self.constellation_target, 256, 1)
        if self.constellation_tls_certificate is not None and self.constellation_tls_ca is None:
            raise invalid("constellation_tls_ca", "set when constellation_tls_certificate is")
        validate.number("call_timeout_seconds", self.call_timeout_seconds, 0.1, 60)
        validate.number("body_seconds", self.body_seconds, 1, 3_600)
        validate.integer("upload_mb", self.upload_mb, 1, 1_024)
        if self.encoder not in ENCODERS:
            raise invalid("encoder", "one of " + ", ".join(ENCODERS))

    @property
    def constellation_tls(self) -> ClientTls | None:
        """How to trust the constellation; None = no TLS.

        Raises:
            OmegaError: INVALID_FIELD when only one of certificate and key is set.
        """
        if self.constellation_tls_ca is None:
            return None
        return ClientTls(
            self.constellation_tls_ca,
            self.constellation_tls_certificate,
            self.constellation_tls_key,
        )
