"""Figures of a brain."""

from __future__ import annotations

import logging
from typing import cast

from omega.brain.v1 import brain_service_pb2 as pb
from omega.brain.v1 import sync_stats_pb2
from omega.common.v1.resource_pb2 import ResourceKind
from omega_brain import facts, wire
from omega_brain.brain import Brain
from omega_brain.deltas import CODEBOOK
from omega_brain.runtime import Runtime
from omega_core.errors import ErrorCode, OmegaError
from omega_persistence import keys
from omega_persistence.capacity import storage_bytes
from omega_persistence.pair_reports import PairState
from omega_runtime import CircuitOpen, Part

_log = logging.getLogger(__name__)


def collect(brain: Brain, served: int, uptime_seconds: float) -> pb.GetStatsResponse:
    """Everything that GetStats tells; without the database, only what is known without it.

    Args:
        brain: whose.
        served: calls answered since start.
        uptime_seconds: since start.
    """
    told = pb.GetStatsResponse(
        model_version=brain.model_version,
        liked=brain.likes,
        factors_version=brain.factors_version,
        requests_served=served,
        uptime_seconds=uptime_seconds,
        recovery_notes=brain.persistence.database.recovery_notes[:16],
        settings_version=brain.household.tuned.version,
        sync=sync_stats_pb2.SyncStats(constellation_url=brain.config.constellation_url),
    )
    try:
        told.MergeFrom(brain.runtime.part(Part.STORE).call(lambda: _stored(brain)))
    except CircuitOpen as refused:
        _log.warning("figures without the database: %s", refused)
    except OmegaError as error:
        if error.code is not ErrorCode.STORAGE_UNAVAILABLE:
            raise
        _log.warning("figures without the database: %s", error)
    told.mode = wire.MODES[brain.runtime.mode]
    told.parts.extend(_parts(brain.runtime))
    return told


def _stored(brain: Brain) -> pb.GetStatsResponse:
    """The figures that come from the database."""
    stores = brain.persistence
    agents = brain.agentdb.stats()
    traffic, last = stores.meta.traffic(), stores.meta.last_sync()
    return pb.GetStatsResponse(
        sync=_sync(brain),
        contents=stores.contents.count(),
        events=stores.events.count() + stores.title_records.viewings(),
        sketches_acknowledged=stores.sketches.acknowledged_count(),
        sketches_pending=stores.sketches.pending_count(),
        global_patterns=stores.patterns.count(),
        state_version=stores.patterns.version(),
        catalogue_version=facts.catalogue_version(stores.meta),
        last_sync_at=wire.timestamp(last.succeeded_at),
        last_sync_error=last.error,
        pushed_bytes_total=traffic.pushed,
        pulled_bytes_total=traffic.pulled,
        resource_bytes_total=traffic.resources,
        profiles=len(stores.profiles.all()),
        loops=_loops(brain),
        tiers=[
            pb.TierStats(
                tier=cast("pb.MemoryTier.ValueType", int(each.tier)),
                memories=each.memories,
                capacity=each.capacity,
            )
            for each in brain.memory.stats()
        ],
        taste_patterns=agents.skills,
        causal_edges=agents.causal_edges,
        storage_bytes=storage_bytes(stores.database),
        erasures_pending=len(stores.erasures.pending()),
    )


def _sync(brain: Brain) -> sync_stats_pb2.SyncStats:
    syncer, stores = brain.syncer, brain.persistence
    held = stores.meta.credentials()
    told = sync_stats_pb2.SyncStats(
        consent=brain.switches.consent,
        metered=brain.switches.metered,
        next_at=wire.timestamp(syncer.next_at),
        consecutive_failures=syncer.schedule.failures,
        breaker=str(brain.runtime.breaker(Part.SYNC)),
        transport=syncer.transport,
        codebook_version=next(
            (key.version for key in stores.resources.held() if key.kind == CODEBOOK), 0
        ),
        credentials_expire_at=wire.timestamp(held.until if held else None),
        transfers=[
            sync_stats_pb2.TransferStats(
                kind=cast("ResourceKind.ValueType", transfer.key.kind),
                version=transfer.key.version,
                received_bytes=transfer.received,
                size_bytes=transfer.key.size_bytes,
            )
            for transfer in stores.resources.transfers()
        ],
    )
    _add_pairs(told, brain)
    if syncer.last:
        outcome = syncer.last.outcome
        told.last_pushed_bytes = outcome.pushed_bytes
        told.last_pulled_bytes = outcome.pulled_bytes
        told.last_resource_bytes = outcome.resource_bytes
        told.last_duration.FromMicroseconds(round(1e6 * syncer.last.seconds))
    return told


def _add_pairs(told: sync_stats_pb2.SyncStats, brain: Brain) -> None:
    """How reports of pairs stand, also where another policy holds now."""
    reports, means = brain.persistence.pair_reports.counts(), brain.persistence.pair_means
    told.pairs_told = reports[PairState.TOLD]
    told.reports_waiting = reports[PairState.READY] + reports[PairState.TRIED]
    told.reports_refused = reports[PairState.REFUSED]
    told.report_bytes_today = means.spent(brain.clock.now())
    if brain.pairs.reporter is not None:
        told.last_report_error = (
            means.facts.get(keys.PAIR_PREPARE_ERROR) or means.facts.get(keys.PAIR_SEND_ERROR) or ""
        )


def _loops(brain: Brain) -> list[pb.LoopStats]:
    due_at = brain.loops.due_at()
    return [
        pb.LoopStats(
            name=str(loop),
            finished=figures.finished,
            coalesced=figures.coalesced,
            failed=figures.failed,
            lateness_p99_seconds=figures.lateness_p99,
            due_at=wire.timestamp(due_at.get(loop)),
            last_changes=dict(figures.last.changes) if figures.last else {},
        )
        for loop, figures in brain.loops.statistics().items()
    ]


def _parts(runtime: Runtime) -> list[pb.PartHealth]:
    found = []
    for part in runtime.health.parts:
        mode, score = wire.STATUSES[part.status]
        found.append(
            pb.PartHealth(
                name=part.name,
                mode=mode,
                score=score,
                breaker=str(runtime.breaker(Part(part.name))),
                last_error=part.reason,
            )
        )
    return found
