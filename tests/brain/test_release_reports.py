"""Reports: one randomised bit a day, where the fleet asks and the household shares."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from omega.common.v1 import release_pb2, resource_pb2
from omega_brain.answers import RecommendQuery
from omega_brain.brain import Brain
from omega_brain.config import BrainConfig
from omega_brain.state import FACTORS
from omega_core.clock import ManualClock, day_of
from omega_core.content import Content
from omega_core.errors import OmegaError
from omega_core.viewing import Verdict, ViewingEvent
from omega_delta import encode_factors
from omega_privacy import honesty, respond
from omega_testing.gateway import Fault, Gateway
from omega_testing.news import factors_of

if TYPE_CHECKING:
    from tests.brain.conftest import Tv

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
TODAY = day_of(NOON)
DAY = timedelta(days=1)
LEXICAL = "lexical-384-r1"


@dataclass
class Household:
    """A TV on a clock that is moved by hand, and its fleet."""

    brain: Brain
    clock: ManualClock
    gateway: Gateway
    titles: list[Content]

    def evening(self, *, watched: float = 0.95, verdict: Verdict = Verdict.UNSPECIFIED) -> None:
        """A list is shown, and its first title watched."""
        answer = self.brain.recommend(RecommendQuery(limit=5))
        self.brain.observe(
            ViewingEvent(
                event_id=f"event-{self.clock.now().timestamp()}",
                content_id=answer.content_ids[0],
                watch_percentage=watched,
                engagement_score=watched,
                occurred_at=self.clock.now(),
                recommendation_id=answer.recommendation_id,
                verdict=verdict,
            )
        )

    def sync(self) -> release_pb2.ReleaseReport | None:
        """An exchange; the report that went with it."""
        self.brain.sync()
        sent = self.gateway.requests[-1]
        return sent.report if sent.HasField("report") else None

    def tomorrow(self) -> None:
        self.clock.advance(DAY)

    def truth(self, day: int, told: release_pb2.ReleaseReport) -> bool:
        """What a report says, the chance taken away."""
        key = self.brain.stores.reports.key(lambda: pytest.fail("there was no key"))
        honest = respond(key, day, told.epsilon_hundredths / 100, truth=True)
        return told.watched == honest


@pytest.fixture
def open_household(
    open_tv: Callable[..., Tv],
    config: BrainConfig,
    gateway: Gateway,
    titles: list[Content],
    publish_catalogue: Callable[..., None],
) -> Iterator[Callable[..., Household]]:
    """open_household(**settings): a TV that has held factors 1 since the day before yesterday."""
    made = open_tv()
    url = made.brain.config.constellation_url
    made.close()
    publish_catalogue(titles)
    gateway.publish(FACTORS, 1, encode_factors(_factors(1)), LEXICAL)
    gateway.told.asks_for_reports = True
    with ExitStack() as stack:

        def start(**settings: Any) -> Household:
            clock = ManualClock(NOON - 2 * DAY)
            brain = Brain(replace(config, constellation_url=url, **settings), clock=clock)
            stack.callback(brain.close)
            if brain.switches.may_ask:
                brain.sync()
            else:
                brain.upsert(titles)
            clock.advance(DAY)
            return Household(brain, clock, gateway, titles)

        yield start


def _factors(version: int) -> Any:
    return factors_of(range(60), version, model_version=LEXICAL, rank=16)


@pytest.fixture
def household(open_household: Callable[..., Household]) -> Household:
    return open_household()


def test_a_day_is_reported_once_with_what_ranked_all_through_it(household: Household) -> None:
    household.evening()
    assert household.sync() is None, "the day is not over"
    household.tomorrow()
    told = household.sync()
    assert told is not None
    assert (told.period, told.epsilon_hundredths) == (TODAY - 1, 100)
    assert [(held.kind, held.version) for held in told.held] == [(FACTORS, 1)]
    assert household.truth(TODAY - 1, told)
    assert household.sync() is None
    household.tomorrow()
    assert household.sync() is None, "nothing was shown"


@pytest.mark.parametrize(
    ("watched", "verdict", "truth"),
    [
        (0.95, Verdict.UNSPECIFIED, True),
        (0.5, Verdict.UNSPECIFIED, False),
        (0.95, Verdict.DISLIKED, False),
    ],
)
def test_a_viewing_counts_that_succeeded(
    household: Household, watched: float, verdict: Verdict, truth: bool
) -> None:
    household.evening(watched=watched, verdict=verdict)
    household.tomorrow()
    household.sync()
    told = household.sync() or household.gateway.requests[-2].report
    assert household.truth(TODAY - 1, told) == truth


def test_a_viewing_that_no_list_led_to_does_not_count(household: Household) -> None:
    household.brain.recommend(RecommendQuery(limit=5))
    event = ViewingEvent("alone", household.titles[0].content_id, 1.0, 1.0, household.clock.now())
    household.brain.observe(event)
    household.tomorrow()
    told = household.sync()
    assert told is not None
    assert not household.truth(TODAY - 1, told)


def test_nothing_is_said_unless_the_fleet_asks(household: Household) -> None:
    household.gateway.told.asks_for_reports = False
    household.sync()
    household.evening()
    household.tomorrow()
    assert household.sync() is None
    household.gateway.told.asks_for_reports = True
    assert household.sync() is None, "it hears of it with this answer"
    assert household.sync() is not None


@pytest.mark.parametrize(
    "settings", [{"sharing": "receive-only"}, {"consent": False}, {"report_epsilon": 0}]
)
def test_who_does_not_share_says_nothing(
    open_household: Callable[..., Household], settings: dict[str, Any]
) -> None:
    household = open_household(**settings)
    household.evening()
    household.tomorrow()
    for _ in range(2):
        if household.brain.switches.may_ask:
            assert household.sync() is None
        else:
            with pytest.raises(OmegaError):
                household.sync()
    assert household.brain.stores.reports.last() is None


def test_a_version_that_came_during_the_day_is_not_reported(household: Household) -> None:
    household.gateway.publish(FACTORS, 2, encode_factors(_factors(2)), LEXICAL)
    while household.brain.factors_version == 1:
        household.clock.advance(timedelta(hours=1))
        household.sync()
    taken = day_of(household.clock.now())
    household.evening()
    household.tomorrow()
    assert household.sync() is None
    household.evening()
    household.tomorrow()
    told = household.sync()
    assert told is not None
    assert told.period == taken + 1
    assert [held.version for held in told.held] == [2]


def test_a_lost_answer_repeats_the_same_bit(household: Household) -> None:
    household.evening()
    household.tomorrow()
    household.gateway.faults.extend([Fault(grpc.StatusCode.UNAVAILABLE, stored=True)] * 3)
    while household.gateway.faults:
        with suppress(OmegaError):
            household.brain.sync()
    household.sync()
    told = [each.report for each in household.gateway.requests if each.HasField("report")]
    assert len(told) >= 4
    assert len({each.SerializeToString() for each in told}) == 1
    assert household.sync() is None


def test_a_memory_that_was_lost_draws_the_same_chance_again(household: Household) -> None:
    household.evening()
    household.tomorrow()
    first = household.sync()
    household.brain.stores.meta.remove("report")
    assert household.sync() == first


def test_consent_taken_back_drops_the_key_and_has_the_fleet_forget(household: Household) -> None:
    household.evening(watched=0.1)
    household.tomorrow()
    household.sync()
    assert household.brain.stores.sketches.acknowledged_count() == 0
    identity = household.brain.stores.meta.identity()
    household.brain.set_sync_options(consent=False)
    assert household.brain.stores.reports.last() is None
    assert household.brain.stores.meta.get("report_key") is None
    with pytest.raises(OmegaError):
        household.brain.sync()
    assert identity is not None
    assert household.gateway.erased == {identity.device_id}


def test_an_erased_household_leaves_no_report(household: Household) -> None:
    household.evening()
    household.tomorrow()
    household.sync()
    household.brain.clear_data("3f0c8a52-7a64-4d0c-9d2a-1a6d0a3f2f11")
    assert household.brain.stores.reports.last() is None
    assert household.brain.stores.meta.get("report_key") is None


def test_a_full_push_goes_first(household: Household) -> None:
    for _ in range(30):
        household.clock.advance(timedelta(minutes=1))
        household.evening()
    household.tomorrow()
    reports = 0
    for _ in range(4):
        reports += household.sync() is not None
        assert household.gateway.requests[-1].ByteSize() <= 1_024
    assert reports == 1


def test_what_was_taken_back_is_replaced_at_once(open_household: Callable[..., Household]) -> None:
    """At the TV's own time of the day otherwise."""
    household = open_household(factors_hours=720.0)
    gateway = household.gateway
    gateway.publish(FACTORS, 2, encode_factors(_factors(2)), LEXICAL)
    household.sync()
    assert household.brain.factors_version == 1
    gateway.told.recalled.append(resource_pb2.RESOURCE_KIND_FACTORS)
    household.sync()
    assert household.brain.factors_version == 2


_KILLED = """
import os, signal, sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from omega_brain.brain import Brain
from omega_brain.config import BrainConfig
from omega_core.clock import ManualClock

path, url, at, die = sys.argv[1:]
config = BrainConfig(
    storage_path=Path(path), encoder="lexical", constellation_url=url, share_delay_hours=0,
    catalogue_hours=0,
)
brain = Brain(config, clock=ManualClock(datetime.fromisoformat(at)))
brain.sync()
if die == "kept":
    reports, keep = brain.stores.reports, brain.stores.reports.keep
    brain.syncer._reporting._reports = type("Reports", (), {
        "__getattr__": lambda _, name: getattr(reports, name),
        "keep": lambda _, draft: (keep(draft), os.kill(os.getpid(), signal.SIGKILL)),
    })()
else:
    brain.syncer._reporting.answered = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
brain.sync()
"""


@pytest.mark.parametrize("die", ["kept", "sent"])
def test_a_tv_that_is_killed_says_the_same_or_nothing_new(
    household: Household, tmp_path: Path, die: str
) -> None:
    household.evening()
    household.tomorrow()
    url = household.brain.config.constellation_url
    storage = household.brain.config.storage_path
    household.brain.close()
    child = subprocess.run(
        [
            *(sys.executable, "-c", textwrap.dedent(_KILLED)),
            *(str(storage), url, household.clock.now().isoformat(), die),
        ],
        env=os.environ,
        check=False,
        timeout=50,
        cwd=tmp_path,
    )
    assert child.returncode == -signal.SIGKILL
    config = household.brain.config
    with Brain(config, clock=household.clock) as brain:
        kept = brain.stores.reports.last()
        household.brain = brain
        household.sync()
        told = household.sync()
    assert kept is not None
    sent = [each.report for each in household.gateway.requests if each.HasField("report")]
    assert told in sent
    assert len({each.SerializeToString() for each in sent}) == 1
    assert sent[0].watched == kept.watched


def test_epsilon_is_what_the_maker_sets(open_household: Callable[..., Household]) -> None:
    household = open_household(report_epsilon=3.0)
    household.evening()
    household.tomorrow()
    told = household.sync()
    assert told is not None
    assert told.epsilon_hundredths == 300
    assert honesty(3.0) > 0.95
