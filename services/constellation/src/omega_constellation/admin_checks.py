"""Holds operators' requests to the bounds of the contract."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from omega.constellation.v1 import admin_pb2 as pb
from omega_constellation import pages
from omega_core import validate
from omega_core.errors import invalid
from omega_delta import bounds
from omega_rpc.authorities import check_shard
from omega_store.status import ACTIVE

_MOST_MINUTES = 1_440
_MOST_PREFIX = 64


@dataclass(frozen=True)
class WantedDevices:
    """What a checked ListDevicesRequest asks for."""

    after: str
    """Id behind which the page begins; empty = from the beginning."""
    size: int
    """Most devices."""
    active_since: datetime | None
    """Only those that called since then; None = all."""
    revoked: bool
    """Only those that are revoked."""


def stats(request: pb.GetShardStatsRequest) -> None:
    """Checks a GetShardStatsRequest.

    Raises:
        OmegaError: INVALID_FIELD.
    """
    _shard(request.shard)
    validate.integer("minutes", request.minutes, 0, _MOST_MINUTES)


def devices(request: pb.ListDevicesRequest, now: datetime) -> WantedDevices:
    """Checks a ListDevicesRequest.

    Raises:
        OmegaError: INVALID_FIELD.
    """
    _shard(request.shard)
    size = pages.size(request.page_size)
    after = pages.device(request.page_token)
    validate.region("region", request.region)
    if request.filter not in pb.DeviceFilter.values():
        raise invalid("filter", "one of the stated values")
    active = request.filter == pb.DeviceFilter.DEVICE_FILTER_ACTIVE
    return WantedDevices(
        after=after,
        size=size,
        active_since=now - ACTIVE if active else None,
        revoked=request.filter == pb.DeviceFilter.DEVICE_FILTER_REVOKED,
    )


def device(device_id: str) -> None:
    """Checks a device's id.

    Raises:
        OmegaError: INVALID_FIELD.
    """
    validate.device_id("device_id", device_id)


def contents(request: pb.ListContentsRequest) -> tuple[int, int]:
    """Checks a ListContentsRequest; returns the ordinal behind which it begins, and its length.

    Raises:
        OmegaError: INVALID_FIELD.
    """
    size = pages.size(request.page_size)
    validate.text("title_prefix", request.title_prefix, _MOST_PREFIX)
    return pages.number(request.page_token), size


def trends(request: pb.ListTrendsRequest) -> None:
    """Checks a ListTrendsRequest.

    Raises:
        OmegaError: INVALID_FIELD.
    """
    validate.region("region", request.region)


def audit(request: pb.ListAuditRequest) -> tuple[int, int]:
    """Checks a ListAuditRequest; returns the entry before which it begins, and its length.

    Raises:
        OmegaError: INVALID_FIELD.
    """
    size = pages.size(request.page_size)
    bounds.version("before_entry_id", request.before_entry_id)
    return request.before_entry_id, size


def _shard(name: str) -> None:
    if name:
        check_shard("shard", name)
