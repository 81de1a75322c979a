"""Settings of the gateway, read from OMEGA_SYNC_*."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from omega_core import validate
from omega_core.errors import OmegaError, invalid
from omega_rpc.authorities import check_shard
from omega_rpc.config import address
from omega_rpc.rate_limits import Rate
from omega_sync.access import AccessTerms
from omega_sync.stream_limits import StreamLimits

PREFIX = "OMEGA_SYNC_"
"""Prefix of the environment variables."""


@dataclass(frozen=True)
class SyncConfig:
    """Where the gateway finds its constellation and its secrets."""

    token_keys: Path
    """Key file of device tokens; a line is made by `omega-sync --new-token-key`."""
    enrolment_key_file: Path | None = None
    """File with the key that a TV must show to register; None = every TV may."""
    constellation_target: str = "127.0.0.1:50072"
    """gRPC target of the constellation, 1 to 256 characters; of a fleet, any shard's: the others
    are those of the directory that it gives."""
    region: str = ""
    """Region of the directory whose shards take the TVs that call here, at most 16 characters of
    [A-Za-z0-9-]; empty = all."""
    constellation_tls_ca: Path | None = None
    """PEM certificates that sign the constellation; None = no TLS."""
    constellation_tls_certificate: Path | None = None
    """PEM chain that this gateway shows, together with constellation_tls_key."""
    constellation_tls_key: Path | None = None
    """PEM key of this gateway."""
    call_timeout_seconds: float = 10.0
    """Longest wait for one answer of the constellation, 0.1 to 60."""
    resource_timeout_seconds: float = 300.0
    """Longest time for one resource's body, 1 to 3,600; a TV goes on from its offset."""
    max_resource_streams: int = 256
    """Bodies under way at once, 1 to 65,536."""
    resource_cache_mb: int = 256
    """Memory for bodies that TVs fetch, in MiB, 64 to 65,536; each is read from the constellation
    once."""
    most_waiting_pushes: int = 8_192
    """Pushes that may wait for the constellation before RESOURCE_EXHAUSTED, 1 to 1,048,576."""
    poll_seconds: float = 1.0
    """Time between two questions for the newest versions and what was revoked, 0.02 to 30."""
    max_open_streams: int = 10_000
    """StreamSync streams open at once before RESOURCE_EXHAUSTED, 1 to 65,536."""
    stream_idle_seconds: float = 3_600.0
    """Time without a word of the TV after which its stream ends, 1 to 86,400."""
    stream_longest_seconds: float = 86_400.0
    """Age at which a stream ends, so that balancers spread TVs anew, 1 to 604,800."""
    stream_spread_seconds: float = 3.0
    """Time over which news reach all streams, and over which they end at a stop, 0 to 60; keep it
    below grace_seconds."""
    shard: str = "local"
    """Name that good credentials carry: the constellation's `fleet`, or its `shard` where that is
    empty. The same at all gateways of a fleet."""
    token_hours: int = 168
    """How long a device's token is good, 1 to 8,760; a TV renews it before."""
    device_syncs_per_minute: float = 1.0
    """Pushes and exchanges of one device in the long run, 0.001 to 10,000,000."""
    device_sync_burst: int = 5
    """Of them, at once after a pause, 1 to 10,000,000."""
    device_calls_per_minute: float = 120.0
    """All calls of one device in the long run, 0.001 to 10,000,000."""
    device_call_burst: int = 512
    """Of them, at once after a pause, 1 to 10,000,000."""
    network_calls_per_minute: float = 12_000.0
    """All calls from one network, a /24 or /64, in the long run, 0.001 to 10,000,000."""
    network_call_burst: int = 6_000
    """Of them, at once after a pause, 1 to 10,000,000."""
    relay_calls_per_minute: float = 60_000.0
    """Calls of GatewayService from one network, which is a relay with the reports of all TVs that
    use it, in the long run, 0.001 to 10,000,000; they count for no other limit."""
    relay_call_burst: int = 6_000
    """Of them, at once after a pause, 1 to 10,000,000."""
    audit_log: Path | None = None
    """File that takes a JSON line an access decision; None = the log, at level INFO."""
    mtls_listen: str = ""
    """HOST:PORT where devices call with certificates; together with device_ca and the server's
    tls_certificate. Empty = nowhere."""
    http_listen: str = ""
    """HOST:PORT of the Connect protocol over HTTP/1.1 and HTTP/2, with the server's TLS; without
    TLS a loopback address. Empty = nowhere."""
    quic_listen: str = ""
    """HOST:PORT (UDP) of the Connect protocol over HTTP/3, with the server's TLS. Empty =
    nowhere."""
    quic_early_data: bool = False
    """Take exchanges in the first flight of a resumed HTTP/3 connection (0-RTT); for a gateway of
    one replica only."""
    device_ca: Path | None = None
    """PEM certificates that sign devices."""
    trust_traces: bool = False
    """Whether a TV's trace goes on here, with its decision whether it is recorded; False = each
    call of a TV begins a trace, which is linked to the TV's. For fleets whose TVs are all yours."""

    def __post_init__(self) -> None:
        validate.text("constellation_target", self.constellation_target, 256, 1)
        validate.region("region", self.region)
        if (self.constellation_tls_certificate is None) != (self.constellation_tls_key is None):
            raise invalid("constellation_tls_key", "set together with its certificate")
        if self.constellation_tls_key is not None and self.constellation_tls_ca is None:
            raise invalid("constellation_tls_ca", "set when constellation_tls_key is")
        validate.number("call_timeout_seconds", self.call_timeout_seconds, 0.1, 60)
        validate.number("resource_timeout_seconds", self.resource_timeout_seconds, 1, 3_600)
        validate.integer("max_resource_streams", self.max_resource_streams, 1, 65_536)
        validate.integer("resource_cache_mb", self.resource_cache_mb, 64, 65_536)
        validate.integer("most_waiting_pushes", self.most_waiting_pushes, 1, 1_048_576)
        validate.number("poll_seconds", self.poll_seconds, 0.02, 30)
        validate.integer("max_open_streams", self.max_open_streams, 1, 65_536)
        validate.number("stream_idle_seconds", self.stream_idle_seconds, 1, 86_400)
        validate.number("stream_longest_seconds", self.stream_longest_seconds, 1, 604_800)
        validate.number("stream_spread_seconds", self.stream_spread_seconds, 0, 60)
        check_shard("shard", self.shard)
        validate.integer("token_hours", self.token_hours, 1, 8_760)
        self.terms()
        if self.mtls_listen:
            address("mtls_listen", self.mtls_listen)
        for name in ("http_listen", "quic_listen"):
            if value := getattr(self, name):
                address(name, value)
                if value.startswith("unix:"):
                    raise invalid(name, "HOST:PORT")
        if self.quic_early_data and not self.quic_listen:
            raise invalid("quic_listen", "set when quic_early_data is")
        if bool(self.mtls_listen) != (self.device_ca is not None):
            raise invalid("device_ca", "set together with mtls_listen")

    def terms(self) -> AccessTerms:
        """On which terms devices call.

        Raises:
            OmegaError: INVALID_FIELD that names the rate at fault.
        """
        return AccessTerms(
            shard=self.shard,
            token_lifetime=timedelta(hours=self.token_hours),
            syncs=self._rate("device_sync"),
            calls=self._rate("device_call"),
            network=self._rate("network_call"),
            relays=self._rate("relay_call"),
        )

    def _rate(self, name: str) -> Rate:
        per_minute, burst = f"{name}s_per_minute", f"{name}_burst"
        try:
            return Rate(getattr(self, per_minute), getattr(self, burst))
        except OmegaError as error:
            raise invalid(burst if error.field == "burst" else per_minute, error.bound) from error

    def streams(self) -> StreamLimits:
        """Limits of open streams."""
        return StreamLimits(
            most_open=self.max_open_streams,
            idle_seconds=self.stream_idle_seconds,
            longest_seconds=self.stream_longest_seconds,
            spread_seconds=self.stream_spread_seconds,
        )
