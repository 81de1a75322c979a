"""Stored things as operators' messages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from omega.common.v1 import content_pb2
from omega.constellation.v1 import admin_pb2 as pb
from omega_constellation.answers import timestamp
from omega_core.content import Content
from omega_delta import content_to_proto
from omega_store.audit import Entry
from omega_store.device_pages import DeviceRecord
from omega_store.trends import NamedTrend


def device(found: DeviceRecord, shard: str) -> pb.DeviceRecord:
    """A device of a shard."""
    return pb.DeviceRecord(
        device_id=found.device_id,
        platform=found.platform,
        app_version=found.app_version,
        region=found.region,
        registered_at=timestamp(found.registered_at),
        last_seen_at=timestamp(found.last_seen_at),
        revoked_at=timestamp(found.revoked_at),
        has_key=found.has_key,
        pushes=found.pushes,
        sketches=found.sketches,
        shard=shard,
    )


def content(found: Content) -> content_pb2.Content:
    """A title."""
    return content_to_proto(found)


def trends(
    found: Sequence[NamedTrend], regions: Sequence[str], scored_at: datetime | None
) -> pb.ListTrendsResponse:
    """Trends in force, with the regions that have some of their own."""
    return pb.ListTrendsResponse(
        trends=[
            pb.TrendRecord(content_id=each.content_id, title=each.title, score=each.score)
            for each in found
        ],
        scored_at=timestamp(scored_at),
        regions=regions,
    )


def entry(found: Entry) -> pb.AuditEntry:
    """A deed of an operator."""
    return pb.AuditEntry(
        entry_id=found.entry_id,
        at=timestamp(found.at),
        actor=found.actor,
        action=found.action,
        subject=found.subject,
    )
