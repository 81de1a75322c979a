"""Addresses: whether they serve, tell our time, and speak our contracts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from omega_cli.doctor.findings import Finding, fault, ok, warning
from omega_cli.reach import Reach
from omega_client import AdminClient, ServiceError
from omega_core.errors import OmegaError
from omega_rpc.probe import probe

CLOCKS = timedelta(seconds=5)
"""Clocks that differ by more are set wrong."""


def check_health(name: str, reach: Reach) -> Iterator[Finding]:
    """Asks a server for its health."""
    try:
        complaint = probe(reach.target, reach.tls)
    except OmegaError as error:
        yield fault("health", f"{name} cannot be asked: {error}", "name another file")
        return
    if complaint:
        said = complaint.replace("\n", " ")
        advice = "its log says why" if "SERVING" in said else "start it, or name its address"
        yield fault("health", f"{name} at {reach.target} does not serve: {said}", advice)
    else:
        yield ok("health", f"{name} at {reach.target} serves")


def check_constellation(reach: Reach) -> Iterator[Finding]:
    """Asks a constellation that serves for its figures: by them its clock and release show."""
    begun = datetime.now(UTC)
    try:
        with AdminClient(reach.target, tls=reach.tls) as client:
            stats = client.get_shard_stats()
    except ServiceError as error:
        if error.status == "UNIMPLEMENTED":
            what = "the constellation is of an older release than this command"
            yield warning("versions", what, "bring services up to date first, then commands")
        else:
            yield fault("health", f"the constellation refuses: {error}", "its log says why")
        return
    yield ok("versions", "the constellation speaks this release's contracts")
    said = stats.counted_at.ToDatetime(UTC)
    yield from check_clock("the constellation", said, begun, datetime.now(UTC))
    if stats.max_devices and stats.total_devices > 0.9 * stats.max_devices:
        what = f"{stats.total_devices:,} of {stats.max_devices:,} devices are taken"
        yield warning("database", what, "add a shard")


def check_clock(who: str, said: datetime, begun: datetime, ended: datetime) -> Iterator[Finding]:
    """Whether a clock that was read between two instants of this machine's says the same."""
    off = max(begun - said, said - ended, timedelta())
    if off > CLOCKS:
        told = f"the clock of {who} and this one differ by {off.total_seconds():.0f} s"
        yield fault("clocks", told, "let both follow NTP")
    else:
        yield ok("clocks", f"{who} and this machine have the same time")
