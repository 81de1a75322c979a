"""A round over a fleet that reports pairs alone: real Postgres, real worker, made-up households.

What TVs and intake do comes before and is not counted: reports lie in the inbox when it begins.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import psycopg

from omega.federation.v1 import federation_service_pb2 as pb
from omega_cli.bench import federation, proc
from omega_cli.bench.figures import Figure, timed
from omega_client import FederationClient
from omega_core import validate
from omega_store import Store, migrate
from omega_testing.pair_reports import bring, reports_of
from omega_testing.postgres import EmbeddedPostgres
from omega_testing.processes import ServiceProcess
from omega_threshold import Schedule

_GROUP = 50
"""Titles that go together."""
_COUNTS = "SELECT count(*), coalesce(sum(reports), 0)::bigint FROM threshold_pairs"


@dataclass(frozen=True)
class RoundPlan:
    """Sizes of a round."""

    devices: int = 1_000
    """TVs that report, 10 to 1,000,000."""
    liked: int = 13
    """Titles that a household likes, 2 to 100: each is a report, and so is each two of them."""
    titles: int = 10_000
    """Titles of the catalogue, 100 to 80,000."""
    threshold: int = 5
    """Reports that open a pair, 2 to 32."""

    def __post_init__(self) -> None:
        validate.integer("devices", self.devices, 10, 1_000_000)
        validate.integer("liked", self.liked, 2, 100)
        validate.integer("titles", self.titles, 100, 80_000)
        validate.integer("threshold", self.threshold, 2, 32)


def measure(plan: RoundPlan, say: Callable[[str], None]) -> dict[str, Figure]:
    """Time and memory of a first round, which opens everything; `say` hears what is being done."""
    say("starting Postgres")
    with EmbeddedPostgres() as postgres:
        migrate(postgres.url)
        with Store.connect(postgres.url) as store:
            federation.Fleet(store, federation.Plan(titles=plan.titles)).publish_catalogue()
            brought = _bring(store, plan, say)
        environ = {
            "OMEGA_FEDERATION_DATABASE_URL": postgres.url,
            "OMEGA_FEDERATION_LISTEN": "127.0.0.1:0",
            "OMEGA_FEDERATION_PERIOD_SECONDS": "0",
        }
        with (
            ServiceProcess(["omega-federation-worker"], environ) as worker,
            FederationClient(worker.address) as client,
        ):

            def run(*, refresh: bool) -> float:
                request = pb.RunRoundRequest(request_id=str(uuid.uuid4()), refresh=refresh)
                return timed(lambda: client.run_round(request))

            before = proc.peak_mb(worker.pid)
            say(f"a round over {brought:,} reports of {plan.devices:,} devices")
            whole = run(refresh=True)
            peak = proc.peak_mb(worker.pid)
            say("the same without new reports")
            learning, idle = run(refresh=True), run(refresh=False)
            supported = client.get_round(1).round
        with psycopg.connect(postgres.url) as conn:
            opened, counted = conn.execute(_COUNTS).fetchone() or (0, 0)
    return {
        "threshold_round_s": Figure(
            whole,
            "s",
            "",
            {
                "devices": plan.devices,
                "reports that came in": brought,
                "reports counted": counted,
                "titles and pairs opened": opened,
                "titles with factors": supported.supported_titles,
                "without new reports": learning,
                "a step without any": idle,
            },
        ),
        "threshold_round_peak_mb": Figure(peak, "MB", "", {"before it": before}),
    }


def _bring(store: Store, plan: RoundPlan, say: Callable[[str], None]) -> int:
    """Has every household report everything; how many reports that is."""
    epoch = Schedule().at(datetime.now(UTC))
    random = np.random.default_rng(0)
    brought = 0
    for first in range(0, plan.devices, federation.TOGETHER):
        say(f"households report, {first:,} of {plan.devices:,}")
        number = min(federation.TOGETHER, plan.devices - first)
        likes = [_liked(random, plan) for _ in range(number)]
        brought += bring(store, reports_of(likes, plan.threshold, epoch))
    return brought


def _liked(random: np.random.Generator, plan: RoundPlan) -> Sequence[str]:
    """Titles of three tastes. Few tastes and titles are much liked: shares fall as 1 / rank."""
    groups = plan.titles // _GROUP
    tastes = random.choice(groups, min(3, groups), replace=False, p=_falling(groups))
    every = (tastes[:, None] * _GROUP + np.arange(_GROUP)).ravel()
    shares = np.tile(_falling(_GROUP), len(tastes)) / len(tastes)
    liked = random.choice(every, min(plan.liked, len(every)), replace=False, p=shares)
    return [f"t{title}" for title in liked.tolist()]


def _falling(n: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    shares = 1 / np.arange(1, n + 1)
    return np.asarray(shares / shares.sum(), np.float64)
