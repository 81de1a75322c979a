"""What a round reads from its shard, and what it writes there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np

from omega_core import limits
from omega_core.errors import ErrorCode, OmegaError
from omega_delta import (
    CataloguePack,
    FactorPack,
    coarse,
    decode_catalogue,
    decode_factors,
    encode_factors,
)
from omega_federation_worker import keeping, paired, rising
from omega_federation_worker.local import Local, Reading, changes, everything, hours
from omega_federation_worker.plan import Plan
from omega_learn import (
    Decoder,
    GlobalPattern,
    Held,
    Kept,
    LearnConfig,
    OpenedPairs,
    RefreshLead,
    TrendConfig,
    Weighted,
)
from omega_learn import RoundResult as Learned
from omega_learn.news import catalogue_rows
from omega_learn.step import Told
from omega_store import (
    Connection,
    RoundResult,
    Store,
    erasures,
    kept,
    resources,
    rounds,
    states,
    trends,
)
from omega_store.kept import Keeping, StoredDecoder
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
    lead: RefreshLead
    """What is known beside what devices sent; rows of its embeddings are rows of the catalogue."""
    decoder: Decoder | None
    """What a step decodes with; None = the round is a refresh."""
    beside: bool
    """Whether the factors rest on pairs, too (omega_federation_worker.paired)."""
    local: Local | None
    """Devices of this shard; None = they are not read: of a round that has only to withdraw."""
    may_hurry: bool
    """Whether the next refresh may come before it is due."""
    basis: str
    """Names what kept rows rest on beside the fleet."""
    erasures: Sequence[int]
    """Notes of the devices that are erased in this view."""
    trends: TrendList
    """Those in force."""
    read_at: datetime
    """When it was read."""
    opened: OpenedPairs | None = None
    """Of a refresh: titles and pairs that are open; None = there are none, or they are not used."""


def read(
    store: Store,
    now: datetime,
    plan: Plan | None = None,
    *,
    refresh: bool = False,
    scratch: Path | None = None,
) -> Shard:
    """Reads everything that a round needs at one instant.

    Sketches of another encoder than the catalogue's are left out.

    Args:
        store: the shard.
        now: the present instant, from which the ages of sketches count.
        plan: how rounds learn; absent = a refresh with the defaults.
        refresh: learn from everything, whether that is due or not.
        scratch: where blocks of devices lie meanwhile; None = where temporary files do.

    Raises:
        OmegaError: ROUND_NOT_POSSIBLE without a published catalogue, STORAGE_UNAVAILABLE.
    """
    plan = plan or Plan(LearnConfig(), refresh_hours=0)
    with store.snapshot("read round") as conn:
        seen = home(conn, now, plan, None if refresh else kept.decoder(conn))
        if seen.decoder is not None and plan.learning.dp_mu:
            # Nothing is decoded between refreshes: see idle().
            return seen
        if seen.decoder is None:
            seen = with_pairs(conn, seen, plan.learning)
        how = Reading(now, plan.learning, scratch=scratch)
        read_devices = everything if seen.decoder is None else changes
        return replace(seen, local=read_devices(conn, seen.catalogue, how))


def home(
    conn: Connection,
    now: datetime,
    plan: Plan,
    stored: StoredDecoder | None,
    catalogue_version: int | None = None,
) -> Shard:
    """What a round needs beside devices; call it in Store.snapshot().

    Args:
        conn: of the home shard.
        now: the present instant.
        plan: how rounds learn.
        stored: what the last refresh decoded with; None = learn from everything.
        catalogue_version: the catalogue to learn on; None = the newest.

    Raises:
        OmegaError: ROUND_NOT_POSSIBLE without a published catalogue.
    """
    version = catalogue_version or resources.newest_version(conn, ResourceKind.CATALOGUE)
    if not version:
        raise OmegaError(
            ErrorCode.ROUND_NOT_POSSIBLE, field="the shard", bound="a published catalogue"
        )
    catalogue = read_catalogue(conn, version)
    state = states.current(conn)
    same_encoder = state.model_version == catalogue.model_version
    factors = _newest(conn, ResourceKind.FACTORS)
    first = rounds.first_success(conn)
    pack = decode_factors(factors) if factors else None
    lead = RefreshLead(
        embeddings=catalogue_rows(catalogue.embeddings, catalogue.centring_mean),
        previous=tuple(_known(p) for p in states.patterns(conn)) if same_encoder else (),
        hours_since_first=None if first is None else hours(now - first),
        held=_held(pack, catalogue),
    )
    return Shard(
        catalogue=catalogue,
        state_version=state.version,
        factors=pack,
        next_factors=resources.following_version(conn, ResourceKind.FACTORS),
        lead=lead,
        decoder=plan.decoder(stored if factors else None, catalogue, now),
        beside=paired.beside(conn, plan.learning),
        local=None,
        may_hurry=plan.may_hurry(rounds.last_refresh(conn), now),
        basis=plan.basis(catalogue),
        erasures=erasures.noted(conn),
        trends=trends.current(conn),
        read_at=now,
    )


def with_pairs(conn: Connection, seen: Shard, config: LearnConfig) -> Shard:
    """What a refresh knows beside devices, with what is open; in the snapshot of home()."""
    if not seen.beside:
        return seen
    opened = paired.read(conn, seen.catalogue)
    evidence = Weighted(opened.evidence, config.pair_weight)
    return replace(seen, opened=opened, lead=replace(seen.lead, evidence=(evidence,)))


def read_catalogue(conn: Connection, version: int) -> CataloguePack:
    """A published catalogue.

    Raises:
        OmegaError: UNKNOWN_RESOURCE when it is not kept.
    """
    body = resources.read(conn, ResourceKind.CATALOGUE, version, 0, limits.MAX_RESOURCE)
    return decode_catalogue(body)


def result(
    shard: Shard,
    learned: Learned | Told,
    round_id: int,
    config: TrendConfig | None = None,
    keeping: Keeping | None = None,
) -> RoundResult:
    """What there is to publish: changes only, so that an idle fleet pulls nothing.

    A step publishes no factors, and what an erasure asks of them it leaves to the next refresh.

    Args:
        shard: what the round read.
        learned: what came of it.
        round_id: the RUNNING round.
        config: what counted as a trend; absent = the defaults.
        keeping: what the rounds after it go on from.
    """
    config = config or TrendConfig()
    said = learned.news if isinstance(learned, Told) else learned
    found = rising.listed(
        said.trends, shard.catalogue.ordinals, shard.catalogue.version, shard.read_at
    )
    before = {p.pattern_id: p for p in shard.lead.previous}
    now = {p.pattern_id for p in said.patterns}
    pack = None if isinstance(learned, Told) else _pack(shard, learned)
    if pack and shard.factors and _equal(shard.factors, pack):
        pack = None
    return RoundResult(
        round_id=round_id,
        model_version=shard.catalogue.model_version,
        state_version=shard.state_version + 1,
        changed=[_stored(p) for p in said.patterns if before.get(p.pattern_id) is not p],
        removed=[pattern_id for pattern_id in before if pattern_id not in now],
        factors_version=pack.version if pack else 0,
        factors=encode_factors(pack) if pack else b"",
        figures=RoundFigures(
            devices=learned.figures.devices,
            sketches=learned.figures.sketches,
            supported_titles=learned.figures.supported_titles,
            dp_mu=learned.figures.dp_mu,
            decoded=learned.figures.decoded,
            refreshed=not isinstance(learned, Told),
            pattern_shift=shift(shard.lead.previous, said.patterns),
            quality=quality(said.patterns),
            trends=len({t.title for each in said.trends.values() for t in each}),
            pairs=shard.opened.groups if shard.opened else 0,
            reports=shard.opened.reports if shard.opened else 0,
            pair_weight=sum(each.weight for each in shard.lead.evidence),
        ),
        erasures=() if isinstance(learned, Told) else shard.erasures,
        trends=rising.news(
            shard.trends, found, config.decay, config.least_score, whole=bool(shard.erasures)
        ),
        keeping=keeping,
    )


def shift(before: Sequence[GlobalPattern], now: Sequence[GlobalPattern]) -> float:
    """1 - mean cosine of each pattern to the nearest of those before, by weight, 0 to 2."""
    if not before or not now:
        return 0.0
    cosines = np.array([p.embedding for p in now]) @ np.array([p.embedding for p in before]).T
    weights = np.array([p.weight for p in now], np.float64)
    mean = float(weights @ cosines.max(axis=1).astype(np.float64) / weights.sum())
    return min(max(1.0 - mean, 0.0), 2.0)


def quality(patterns: Sequence[GlobalPattern]) -> float:
    """Mean success rate of the patterns by weight, 0 to 1; 0 without any."""
    total = sum(p.weight for p in patterns)
    return sum(p.weight * p.success_rate for p in patterns) / total if total else 0.0


def idle(shard: Shard, round_id: int) -> RoundResult:
    """What a step publishes where everything that is given out carries noise: nothing, at no cost.

    Each release spends privacy, so between two refreshes there is none.
    """
    return RoundResult(
        round_id=round_id,
        model_version=shard.catalogue.model_version,
        state_version=shard.state_version + 1,
        changed=(),
        removed=(),
        factors_version=0,
        factors=b"",
        figures=RoundFigures(),
    )


def withdrawal(shard: Shard, round_id: int, devices: int) -> RoundResult | None:
    """What there is to publish when too few devices are left to learn from: that nothing is left.

    None when nothing is given out, or only what rests on another encoder and on no erased device:
    TVs that change encoders push anew, and what they taught before serves until then. `devices` are
    those that are left.
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
        removed=[p.pattern_id for p in shard.lead.previous],
        factors_version=0,
        factors=b"",
        figures=RoundFigures(devices=devices),
        withdraws_factors=True,
        erasures=shard.erasures,
        trends=None if shard.trends == NO_TRENDS else NO_TRENDS,
    )


def leavings(shard: Shard, decoder: Decoder | None, decoded: Iterable[Kept]) -> Keeping:
    """What a round of a shard that is alone leaves for those after it.

    Args:
        shard: what the round read.
        decoder: of a refresh; None = the last one goes on.
        decoded: the devices that it decoded, block by block.
    """
    stored = None
    if decoder is not None:
        stored = StoredDecoder(shard.basis, shard.read_at, keeping.pack_decoder(decoder))
    rows = shard.local.rows(decoded, shard.read_at) if shard.local else ()
    return Keeping(stored, rows)


def _held(pack: FactorPack | None, catalogue: CataloguePack) -> Held | None:
    """The factors that TVs hold, by rows of the catalogue; None = of no title of it."""
    if pack is None:
        return None
    _, rows, known = np.intersect1d(catalogue.ordinals, pack.ordinals, return_indices=True)
    if not len(rows):
        return None
    return Held(rows.astype(np.int32), pack.factors[known], pack.steps)


def _newest(conn: Connection, kind: ResourceKind) -> bytes:
    """Body of the newest version of a kind; empty when there is none."""
    version = resources.newest_version(conn, kind)
    return resources.read(conn, kind, version, 0, limits.MAX_RESOURCE) if version else b""


def _pack(shard: Shard, learned: Learned) -> FactorPack:
    factors = learned.factors
    return FactorPack(
        version=shard.next_factors,
        model_version=shard.catalogue.model_version,
        catalogue_version=shard.catalogue.version,
        ordinals=shard.catalogue.ordinals[factors.titles],
        factors=factors.factors,
        steps=factors.steps,
        gains=coarse(factors.gains),
        prior=coarse(factors.prior),
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
