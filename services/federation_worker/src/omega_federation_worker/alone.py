"""What a round of a shard that is alone finds: the phases of any round, over one part."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

from omega_core.errors import ErrorCode, OmegaError
from omega_federation_worker import shard
from omega_federation_worker.local import Local
from omega_federation_worker.metering import Phases
from omega_federation_worker.plan import Plan
from omega_federation_worker.shard import Shard
from omega_federation_worker.spool import Spool
from omega_learn import (
    Decoder,
    Kept,
    RefreshPart,
    StepLead,
    StepPart,
    Together,
    lead_refresh,
    lead_step,
)
from omega_store import RoundResult

_log = logging.getLogger(__name__)


def learn(seen: Shard, plan: Plan, round_id: int, scratch: Path | None = None) -> RoundResult:
    """What there is to publish, and to keep.

    Args:
        seen: what the round read.
        plan: how it learns.
        round_id: the RUNNING round.
        scratch: where rows lie meanwhile; None = where temporary files do.

    Raises:
        OmegaError: ROUND_NOT_POSSIBLE when nothing can be learned and nothing is given out.
    """
    if seen.local is None:
        return shard.idle(seen, round_id)
    try:
        if seen.decoder is None:
            return _anew(seen, seen.local, plan, round_id, scratch)
        return _step(seen, seen.local, seen.decoder, plan, round_id, scratch)
    except OmegaError as error:
        withdrawal = shard.withdrawal(seen, round_id, seen.local.devices)
        if error.code != ErrorCode.ROUND_NOT_POSSIBLE or withdrawal is None:
            raise
        _log.warning("round %d withdraws what was published: %s", round_id, error)
        return withdrawal


def _anew(
    seen: Shard, local: Local, plan: Plan, round_id: int, scratch: Path | None
) -> RoundResult:
    config = plan.learning
    part = RefreshPart(local.sketches, seen.lead.embeddings, config, lambda: Spool(Kept, scratch))
    led = lead_refresh(Phases(Together([part])), seen.lead, config)
    # Under noise no step follows that could go on from rows.
    keeping = shard.leavings(seen, led.decoder, () if config.dp_mu else part.blocks())
    return shard.result(seen, led.result, round_id, config.trends, keeping)


def _step(
    seen: Shard,
    local: Local,
    decoder: Decoder,
    plan: Plan,
    round_id: int,
    scratch: Path | None,
) -> RoundResult:
    config, lead = plan.learning, seen.lead
    part = StepPart(
        local.sketches,
        local.kept,
        decoder,
        lead.embeddings,
        config,
        lambda: Spool(Kept, scratch),
    )
    told = lead_step(Phases(Together([part])), step_lead(seen, decoder), config)
    keeping = shard.leavings(seen, None, part.decoded)
    if hurries(seen, len(told.unexpected)):
        keeping = replace(keeping, stale=True)
    return shard.result(seen, told, round_id, config.trends, keeping)


def step_lead(seen: Shard, decoder: Decoder) -> StepLead:
    """What a step's leader knows beside devices."""
    lead = seen.lead
    return StepLead(
        lead.embeddings, decoder.prior, lead.previous, lead.hours_since_first, seen.beside
    )


def hurries(seen: Shard, unexpected: int) -> bool:
    """Whether the next round is a refresh, for so many titles that only a refresh would see."""
    if not unexpected or not seen.may_hurry:
        return False
    _log.info(
        "%d titles arrive that nobody had at the last refresh: the next round is one", unexpected
    )
    return True
