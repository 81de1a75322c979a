"""Figures of threshold reports: what each party does a core second, beside bare arithmetic."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from omega_cli.bench import threshold_relay, threshold_round
from omega_cli.bench.figures import Figure
from omega_core import validate
from omega_threshold import (
    MAX_BATCH,
    REPORT_BYTES,
    Aggregator,
    KeyRing,
    Pair,
    Redeemer,
    Report,
    ReportRequest,
    Schedule,
    Sealing,
    SpentTokens,
    TokenRequest,
    evaluate,
)
from omega_threshold.dleq import PROOF_BYTES
from omega_threshold.envelope import Gateway
from omega_threshold.intake import ANSWERED_BYTES, SENT_BYTES, Intake, Submission
from omega_threshold.ristretto import ELEMENT_BYTES, times

Say = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """Sizes of a run."""

    batch: int = 32
    """Pairs or tokens of one exchange, 1 to 128."""
    reports: int = 20_000
    """Reports that an aggregator looks through, 100 to 10,000,000."""
    threshold: int = 5
    """Reports that open a pair, 2 to 32."""
    devices: int = 1_000
    """TVs of the fleet over which a round is run, 0 to 1,000,000; 0 = none is."""
    relayed: int = 2_000
    """Reports through a relay in each run, 0 to 1,000,000; 0 = no relay is started."""
    runs: int = 5
    """Runs of each figure, of which the best counts, 1 to 100."""

    def __post_init__(self) -> None:
        validate.integer("batch", self.batch, 1, MAX_BATCH)
        validate.integer("reports", self.reports, 100, 10_000_000)
        validate.integer("threshold", self.threshold, 2, 32)
        validate.integer("devices", self.devices, 0, 1_000_000)
        validate.integer("relayed", self.relayed, 0, 1_000_000)
        validate.integer("runs", self.runs, 1, 100)


def measure(plan: Plan, say: Say) -> dict[str, Figure]:
    """Every figure; `say` hears what is being done.

    Processor time of one process alone, so that busy neighbours count for little; but of a round,
    all the time that it takes.
    """
    with tempfile.TemporaryDirectory() as folder:
        found = _measure(plan, say, Path(folder))
    if plan.relayed:
        found |= threshold_relay.measure(threshold_relay.RelayPlan(plan.relayed, plan.runs), say)
    if plan.devices:
        size = threshold_round.RoundPlan(devices=plan.devices, threshold=plan.threshold)
        found |= threshold_round.measure(size, say)
    return found


def _measure(plan: Plan, say: Say, folder: Path) -> dict[str, Figure]:
    now, schedule = datetime.now(UTC), Schedule()
    epoch, size = schedule.at(now), plan.batch
    pairs = [Pair.of(f"movie:{n}", f"movie:{n + 1}") for n in range(size)]
    with (
        KeyRing(folder / "keys", "bench", schedule) as keys,
        SpentTokens(folder / "spent") as spent,
    ):
        key = keys.key(epoch, now)
        request = ReportRequest.of(epoch, plan.threshold, pairs)
        asked = request.blinded.elements
        answer = evaluate(key, asked)

        def tv() -> list[Report]:
            # Blinds anew, as a TV does; the answer is that of the request before.
            ReportRequest.of(epoch, plan.threshold, pairs)
            return request.finalize(answer, key.public)

        say("a bare multiplication")
        bare = size / _best(plan, lambda: [times(key.secret, each) for each in asked])
        say("the randomness server")
        server = size / _best(plan, lambda: evaluate(key, asked))
        say("a TV")
        on_tv = size / _best(plan, tv)
        say("the intake")
        gateway = Gateway({1: os.urandom(32)})
        intake = Intake(gateway, Redeemer(keys, spent), plan.threshold, lambda _report: None)
        issues = [TokenRequest.drawn(epoch, size) for _ in range(plan.runs + 1)]
        batches = [
            each.finalize(evaluate(key, each.blinded.elements), key.public) for each in issues
        ]
        reports = request.finalize(answer, key.public)
        config = gateway.config(1)
        sent = iter(
            [
                [Submission(*each).sealed(config)[0] for each in zip(tokens, reports, strict=True)]
                for tokens in batches
            ]
        )
        taken = size / _best(plan, lambda: [intake.handle(each, now) for each in next(sent)])
    say("the aggregator")
    told = _told(plan)
    opened = plan.reports / _best(plan, lambda: _opened(told))
    read = plan.reports / _best(plan, lambda: [Report.decode(each) for each in told])
    beside = {"bare multiplications": bare}
    exchange = (2 * ELEMENT_BYTES * size + PROOF_BYTES) / size
    return {
        "threshold_evaluations_s": Figure(server, "a core second", "", beside),
        "threshold_reports_tv_s": Figure(on_tv, "a core second", "", beside),
        "threshold_submissions_taken_s": Figure(taken, "a core second", "", beside),
        "threshold_reports_opened_s": Figure(opened, "a core second", "", {"only read": read}),
        "threshold_report_bytes": Figure(
            SENT_BYTES + ANSWERED_BYTES + 2 * exchange,
            "bytes",
            "",
            {
                "sealed for the relay": SENT_BYTES,
                "its report alone": REPORT_BYTES,
                "answer": ANSWERED_BYTES,
                "coins": exchange,
                "token": exchange,
            },
        ),
    }


def _told(plan: Plan) -> list[bytes]:
    """Encoded reports: pairs with one less than the threshold, and with twice as many, in turns."""
    found: list[bytes] = []
    n = 0
    while len(found) < plan.reports:
        pair = Pair.of(f"movie:{n}", f"movie:{n + 1}")
        sealing = Sealing.of_coins(os.urandom(64), 1, plan.threshold)
        count = 2 * plan.threshold if n % 2 else plan.threshold - 1
        found += [sealing.report(pair).encode() for _ in range(count)]
        n += 1
    return found[: plan.reports]


def _opened(told: list[bytes]) -> None:
    aggregator = Aggregator()
    for each in told:
        aggregator.add(Report.decode(each))
    aggregator.counts()


def _best(plan: Plan, call: Callable[[], object]) -> float:
    """Least seconds of processor time that a call takes, after one that does not count."""
    call()
    return min(_used(call) for _ in range(plan.runs))


def _used(call: Callable[[], object]) -> float:
    begun = time.process_time()
    call()
    return time.process_time() - begun
