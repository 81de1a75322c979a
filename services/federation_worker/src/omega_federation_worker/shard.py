"""What a round reads from its shard, and what it writes there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from omega_core import limits
from omega_core.errors import ErrorCode, OmegaError
from omega_delta import CataloguePack, FactorPack, decode_catalogue, decode_factors, encode_factors
from omega_federation_worker import rising
from omega_learn import DeviceSketches, GlobalPattern, RoundInput, TrendConfig
from omega_learn import RoundResult as Learned
from omega_store import (
    Connection,
    RoundResult,
    Store,
    erasures,
    pushes,
    resources,
    rounds,
    states,
    trends,
)
from omega_store.resources import ResourceKind
from omega_store.rounds import RoundFigures
from omega_store.states import Pattern
from omega_store.trends import NO_TRENDS, TrendList


@dataclass(frozen=True)
class Shard:
    """One consistent view of a shard."""

    catalogue: CataloguePack
    """The newest published one: what the TVs made their sketches with."""
    state_version: int
    """The newest; 0 = none."""
    factors: FactorPack | None
    """The newest; None when nothing is given out."""
    next_factors: int
    """Version of the factors to come."""
    inputs: RoundInput
    """Rows of its embeddings are rows of the catalogue."""
    erasures: Sequence[int]
    """Notes of the devices that are erased in this view."""
    trends: TrendList
    """Those in force."""
    read_at: datetime
    """When it was read."""


def read(store: Store, now: datetime) -> Shard:
    """Reads everything that a round needs at one instant.

    Sketches of another encoder than the catalogue's are left out.

    Args:
        store: the shard.
        now: the present instant, from which the ages of sketches count.

    Raises:
        OmegaError: ROUND_NOT_POSSIBLE without a published catalogue, STORAGE_UNAVAILABLE.
    """
    with store.snapshot() as conn:
        packed = _newest(conn, ResourceKind.CATALOGUE)
        if not packed:
            raise OmegaError(
                ErrorCode.ROUND_NOT_POSSIBLE, field="the shard", bound="a published catalogue"
            )
        catalogue = decode_catalogue(packed)
        state = states.current(conn)
        same_encoder = state.model_version == catalogue.model_version
        factors = _newest(conn, ResourceKind.FACTORS)
        first = rounds.first_success(conn)
        inputs = RoundInput(
            embeddings=catalogue.embeddings,
            mean=catalogue.centring_mean,
            # A list: the snapshot ends before the learning begins.
            devices=[
                DeviceSketches(
                    d.device_id,
                    d.sketches,
                    d.classes,
                    _sigma(d.sigma_hundredths),
                    d.region,
                    tuple((count, _hours(now - at)) for count, at in d.arrivals),
                )
                for d in pushes.iterate(conn, catalogue.model_version)
            ],
            previous=tuple(_known(p) for p in states.patterns(conn)) if same_encoder else (),
            hours_since_first=None if first is None else _hours(now - first),
        )
        return Shard(
            catalogue=catalogue,
            state_version=state.version,
            factors=decode_factors(factors) if factors else None,
            next_factors=resources.following_version(conn, ResourceKind.FACTORS),
            inputs=inputs,
            erasures=erasures.noted(conn),
            trends=trends.current(conn),
            read_at=now,
        )


def result(
    shard: Shard, learned: Learned, round_id: int, config: TrendConfig | None = None
) -> RoundResult:
    """What there is to publish: changes only, so that an idle fleet pulls nothing.

    Args:
        shard: what the round read.
        learned: what came of it.
        round_id: the RUNNING round.
        config: what counted as a trend; absent = the defaults.
    """
    config = config or TrendConfig()
    found = rising.listed(
        learned.trends, shard.catalogue.ordinals, shard.catalogue.version, shard.read_at
    )
    before = {p.pattern_id: p for p in shard.inputs.previous}
    now = {p.pattern_id for p in learned.patterns}
    pack = _pack(shard, learned)
    news = shard.factors is None or not _equal(shard.factors, pack)
    return RoundResult(
        round_id=round_id,
        model_version=shard.catalogue.model_version,
        state_version=shard.state_version + 1,
        changed=[_stored(p) for p in learned.patterns if before.get(p.pattern_id) is not p],
        removed=[pattern_id for pattern_id in before if pattern_id not in now],
        factors_version=pack.version if news else 0,
        factors=encode_factors(pack) if news else b"",
        figures=RoundFigures(
            devices=learned.figures.devices,
            sketches=learned.figures.sketches,
            supported_titles=learned.figures.supported_titles,
            dp_mu=learned.figures.dp_mu,
        ),
        erasures=shard.erasures,
        trends=rising.news(
            shard.trends, found, config.decay, config.least_score, whole=bool(shard.erasures)
        ),
    )


def withdrawal(shard: Shard, round_id: int) -> RoundResult | None:
    """What there is to publish when too few devices are left to learn from: that nothing is left.

    None when nothing is given out, or only what rests on another encoder and on no erased device:
    TVs that change encoders push anew, and what they taught before serves until then.
    """
    if shard.factors is None:
        return None
    if shard.factors.model_version != shard.catalogue.model_version and not shard.erasures:
        return None
    return RoundResult(
        round_id=round_id,
        model_version=shard.catalogue.model_version,
        state_version=shard.state_version + 1,
        changed=(),
        removed=[p.pattern_id for p in shard.inputs.previous],
        factors_version=0,
        factors=b"",
        figures=RoundFigures(devices=len({d.device_key for d in shard.inputs.devices})),
        withdraws_factors=True,
        erasures=shard.erasures,
        trends=None if shard.trends == NO_TRENDS else NO_TRENDS,
    )


def _sigma(hundredths: int) -> float | None:
    """The noise scale that a push stated."""
    return hundredths / 100 if hundredths else None


def _newest(conn: Connection, kind: ResourceKind) -> bytes:
    """Body of the newest version of a kind; empty when there is none."""
    version = resources.newest_version(conn, kind)
    return resources.read(conn, kind, version, 0, limits.MAX_RESOURCE) if version else b""


def _hours(span: timedelta) -> float:
    return max(span / timedelta(hours=1), 0.0)


def _pack(shard: Shard, learned: Learned) -> FactorPack:
    factors = learned.factors
    return FactorPack(
        version=shard.next_factors,
        model_version=shard.catalogue.model_version,
        catalogue_version=shard.catalogue.version,
        ordinals=shard.catalogue.ordinals[factors.titles],
        factors=factors.factors,
        steps=factors.steps,
        gains=factors.gains,
        prior=factors.prior,
    )


def _equal(a: FactorPack, b: FactorPack) -> bool:
    """Whether two packs say the same."""
    return (a.model_version, a.catalogue_version) == (b.model_version, b.catalogue_version) and all(
        np.array_equal(getattr(a, part), getattr(b, part))
        for part in ("ordinals", "factors", "steps", "gains", "prior")
    )


def _known(pattern: Pattern) -> GlobalPattern:
    return GlobalPattern(
        pattern_id=pattern.pattern_id,
        embedding=pattern.embedding,
        success_rate=pattern.success_rate,
        device_count_floor=pattern.device_count_floor,
        weight=pattern.weight,
    )


def _stored(pattern: GlobalPattern) -> Pattern:
    return Pattern(
        pattern_id=pattern.pattern_id,
        embedding=pattern.embedding,
        success_rate=pattern.success_rate,
        device_count_floor=pattern.device_count_floor,
        weight=pattern.weight,
    )
