"""Settings of the relay, read from OMEGA_RELAY_*."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from omega_core import validate
from omega_rpc.rate_limits import Rate
from omega_rpc.tls import ClientTls

PREFIX = "OMEGA_RELAY_"
"""Prefix of the environment variables."""


@dataclass(frozen=True)
class RelayConfig:
    """Everything that who runs it may set."""

    gateway_target: str
    """HOST:PORT or unix:/path of the one gateway that requests go to, 1 to 256 characters."""
    gateway_tls_ca: Path | None = None
    """PEM certificates that sign the gateway; None = no TLS."""
    call_timeout_seconds: float = 10.0
    """Longest wait for an answer of the gateway, 0.1 to 60."""
    keys_seconds: float = 600.0
    """How long a copy of the gateway's keys is told without asking it again, 1 to 86,400."""
    calls_per_minute: float = 60.0
    """Calls of one network in the long run before RATE_LIMITED, 0.1 to 1,000,000."""
    call_burst: int = 600
    """Of them, at once after a pause, 1 to 1,000,000."""

    def __post_init__(self) -> None:
        validate.text("gateway_target", self.gateway_target, 256, 1)
        validate.number("call_timeout_seconds", self.call_timeout_seconds, 0.1, 60)
        validate.number("keys_seconds", self.keys_seconds, 1, 86_400)
        validate.number("calls_per_minute", self.calls_per_minute, 0.1, 1_000_000)
        validate.integer("call_burst", self.call_burst, 1, 1_000_000)

    def tls(self) -> ClientTls | None:
        """How the gateway is trusted; None = without TLS."""
        return ClientTls(ca=self.gateway_tls_ca) if self.gateway_tls_ca else None

    def rate(self) -> Rate:
        """How often a network may call."""
        return Rate(self.calls_per_minute, self.call_burst)
