"""A whole brain that reports pairs: what leaves, what stays, and what can be taken back."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from tests.brain.pair_town import NOW, Town, town

from omega.sync.v1 import sync_service_pb2 as sync
from omega_brain.background import Background
from omega_brain.brain import Brain
from omega_client import BrainClient
from omega_core.clock import SystemClock
from omega_core.content import Content
from omega_core.errors import ErrorCode, OmegaError
from omega_core.profile import Profile
from omega_core.viewing import ViewingEvent
from omega_persistence import keys
from omega_persistence.pair_reports import PairState
from omega_testing.gateway import Gateway
from omega_threshold import Pair

if TYPE_CHECKING:
    from tests.brain.conftest import Tv

OpenTv = Callable[..., "Tv"]
Publish = Callable[..., None]
Viewing = Callable[..., ViewingEvent]
AGAIN = "6a0e2f0a-3f6d-4b0e-9f0f-2f9f6f0f9a11"


class Door(Gateway):
    """A fleet that takes reports of pairs."""

    def __init__(self, parties: Town) -> None:
        super().__init__()
        self.parties = parties
        self.asked = 0

    def GetReportingKeys(  # noqa: N802 - name of the contract
        self, request: sync.GetReportingKeysRequest, context: grpc.ServicerContext
    ) -> sync.GetReportingKeysResponse:
        """For a device that is known."""
        del request
        self._known_device(context, "GetReportingKeys")
        return self.parties.reporting_keys()

    def IssueTokens(  # noqa: N802 - name of the contract
        self, request: sync.IssueTokensRequest, context: grpc.ServicerContext
    ) -> sync.IssueTokensResponse:
        """For a device that is known."""
        self._known_device(context, "IssueTokens")
        self.asked += 1
        return self.parties.issue_tokens(request)


@pytest.fixture
def parties(tmp_path: Path) -> Iterator[Town]:
    (tmp_path / "town").mkdir()
    with town(tmp_path / "town", SystemClock()) as made:
        yield made


@pytest.fixture
def gateway(parties: Town) -> Door:
    return Door(parties)


@pytest.fixture
def open_pairs(open_tv: OpenTv, parties: Town, publish_factors: Publish) -> OpenTv:
    publish_factors(list(range(20)))

    def start(**settings: Any) -> Tv:
        given = {
            "sharing": "threshold",
            "relay_url": f"http://{parties.relay_at.target}",
            "randomness_url": f"http://{parties.randomness_at.target}",
            "pair_bytes_a_day": 100_000,
        }
        return open_tv(**{**given, **settings})

    return start


def all_of(likes: list[Content]) -> set[Pair]:
    ids = [each.content_id for each in likes]
    return {Pair.of(*pair) for pair in itertools.combinations_with_replacement(ids, 2)}


def turns(brain: Brain, most: int = 60) -> None:
    """Turns until nothing waits and nothing more is made."""
    assert brain.pairs.reporter is not None
    for _ in range(most):
        # Nothing is held back here but by the second between two looks for what is liked.
        brain.stores.pair_means.facts.set(keys.PAIR_PREPARE_AT, NOW.isoformat())
        brain.pairs.reporter.turn()


def told(brain: Brain) -> int:
    return brain.stores.pair_reports.counts()[PairState.TOLD]


def test_pairs_leave_in_the_place_of_sketches_and_news_are_pulled(
    open_pairs: OpenTv,
    parties: Town,
    gateway: Door,
    titles: list[Content],
    publish_catalogue: Publish,
    viewing: Viewing,
    serve: Callable[[Brain], BrainClient],
) -> None:
    publish_catalogue(titles)
    parties.known = all_of(titles[:5])
    tv = open_pairs()
    tv.sync()
    tv.watch([viewing(title.content_id) for title in titles[:4]])
    tv.brain.observe(viewing(titles[4].content_id, 0.1))
    local = Content("local:1", "A home film", titles[0].kind)
    tv.brain.upsert([local])
    tv.brain.observe(viewing("local:1"))
    turns(tv.brain)
    assert parties.pairs() == dict.fromkeys(all_of(titles[:4]), 1)
    gateway.told.asks_for_reports = True
    for _ in range(3):
        assert tv.sync().pushed_sketches == 0
    assert not gateway.pushes
    assert not any(each.HasField("report") for each in gateway.requests)
    figures = serve(tv.brain).get_stats().sync
    assert (figures.pairs_told, figures.reports_waiting, figures.reports_refused) == (10, 0, 0)
    assert figures.last_report_error == ""
    spent = tv.brain.stores.pair_means.days()
    assert figures.report_bytes_today in spent.values()
    parties.down.add("fleet")
    tv.watch([viewing(titles[4].content_id) for _ in range(9)])
    turns(tv.brain, 3)
    assert "does not answer" in serve(tv.brain).get_stats().sync.last_report_error


@pytest.mark.parametrize("setting", ["relay_tls_ca", "randomness_tls_ca"])
def test_certificates_that_cannot_be_read_are_found_at_the_start(
    setting: str, open_pairs: OpenTv, tmp_path: Path
) -> None:
    with pytest.raises(OmegaError, match=f"{setting} must be") as caught:
        open_pairs(**{setting: tmp_path / "nowhere.pem"})
    assert caught.value.code is ErrorCode.INVALID_FIELD


def test_another_policy_and_back_loses_and_doubles_nothing(
    open_pairs: OpenTv,
    parties: Town,
    gateway: Door,
    titles: list[Content],
    publish_catalogue: Publish,
    viewing: Viewing,
) -> None:
    publish_catalogue(titles)
    parties.known = all_of(titles[:4])
    first = open_pairs()
    first.sync()
    first.watch([viewing(title.content_id) for title in titles[:2]])
    turns(first.brain, 3)
    assert 0 < len(parties.rows) < 3
    before, waiting = len(parties.rows), len(first.brain.stores.pair_reports.waiting())
    first.close()
    for sharing in ("sketches", "receive-only"):
        other = open_pairs(sharing=sharing, relay_url="", randomness_url="")
        assert other.brain.pairs.reporter is None
        other.watch([viewing(titles[2].content_id)])
        other.sync()
        assert other.brain.stores.pair_reports.counts()[PairState.TOLD] == before
        assert len(other.brain.stores.pair_reports.waiting()) == waiting
        other.close()
    assert len(gateway.sketches) == 3, "by the policy in between"
    back = open_pairs()
    turns(back.brain)
    assert parties.pairs() == dict.fromkeys(all_of(titles[:3]), 1)
    assert len(gateway.sketches) == 3


def test_consent_that_is_taken_back_drops_what_waits_and_keeps_what_was_told(
    open_pairs: OpenTv,
    parties: Town,
    gateway: Door,
    titles: list[Content],
    publish_catalogue: Publish,
    viewing: Viewing,
) -> None:
    publish_catalogue(titles)
    parties.known = all_of(titles[:4])
    tv = open_pairs()
    tv.sync()
    tv.watch([viewing(title.content_id) for title in titles[:3]])
    turns(tv.brain, 4)
    sent, stores = len(parties.rows), tv.brain.stores
    assert 0 < sent < 6
    tv.brain.set_sync_options(consent=False)
    assert not stores.pair_reports.waiting()
    assert stores.pair_reports.counts()[PairState.TOLD] == sent
    assert not any(stores.pair_means.tokens(epoch) for epoch in stores.pair_means.told())
    tv.watch([viewing(titles[3].content_id)])
    calls = len(parties.arrived)
    turns(tv.brain, 5)
    assert len(parties.arrived) == calls, "nothing is asked or sent"
    tv.close()
    again = open_pairs()
    turns(again.brain, 5)
    assert len(parties.arrived) == calls, "nor after a restart"
    again.brain.set_sync_options(consent=True)
    again.sync()
    assert len(gateway.erased) == 1, "the identity that had tokens"
    turns(again.brain)
    assert parties.pairs() == dict.fromkeys(all_of(titles[:4]), 1)


def test_consent_that_is_taken_back_while_a_batch_is_made_stops_it(
    open_pairs: OpenTv,
    parties: Town,
    titles: list[Content],
    publish_catalogue: Publish,
    viewing: Viewing,
) -> None:
    publish_catalogue(titles)
    tv = open_pairs()
    tv.sync()
    tv.watch([viewing(title.content_id) for title in titles[:3]])

    def at(point: str) -> None:
        if point == "answers Evaluate":
            tv.brain.stores.sync.set_consent(False)

    parties.at = at
    turns(tv.brain, 5)
    assert not parties.rows
    assert not tv.brain.stores.pair_reports.known()


def test_a_household_that_is_cleared_begins_anew(
    open_pairs: OpenTv,
    parties: Town,
    gateway: Door,
    titles: list[Content],
    publish_catalogue: Publish,
    viewing: Viewing,
) -> None:
    publish_catalogue(titles)
    parties.known = all_of(titles[:4])
    tv = open_pairs()
    tv.sync()
    tv.watch([viewing(title.content_id) for title in titles[:3]])
    turns(tv.brain, 5)
    assert parties.rows
    assert tv.brain.clear_data(AGAIN).remaining == 0
    stores = tv.brain.stores
    assert not stores.pair_reports.known()
    assert not stores.pair_means.days()
    assert stores.pair_means.told(), "keys are the fleet's"
    before = len(parties.rows)
    turns(tv.brain, 5)
    assert len(parties.rows) == before
    tv.watch([viewing(title.content_id) for title in titles[:2]])
    turns(tv.brain)
    assert told(tv.brain) == 3
    assert len(parties.rows) == before + 3, "the next household tells what it likes"
    tv.sync()
    assert len(gateway.erased) == 1


def test_a_profile_takes_the_marks_of_what_it_alone_liked_with_it(
    open_pairs: OpenTv,
    parties: Town,
    titles: list[Content],
    publish_catalogue: Publish,
    viewing: Viewing,
) -> None:
    publish_catalogue(titles)
    parties.known = all_of(titles[:4])
    tv = open_pairs()
    tv.sync()
    tv.brain.put_profile(Profile("ann", "Ann"))
    tv.watch([viewing(title.content_id) for title in titles[:2]])
    hers = viewing(titles[2].content_id)
    tv.brain.observe(
        ViewingEvent(
            event_id=hers.event_id,
            content_id=hers.content_id,
            watch_percentage=0.95,
            engagement_score=0.95,
            occurred_at=hers.occurred_at,
            profile_id="ann",
        )
    )
    turns(tv.brain)
    assert parties.pairs() == dict.fromkeys(all_of(titles[:3]), 1)
    tv.brain.delete_profile("ann")
    assert told(tv.brain) == 3, "of the two titles that others finished"
    turns(tv.brain, 10)
    assert len(parties.rows) == 6, "what was told is not told again"
    assert set(parties.pairs().values()) == {1}


def test_it_reports_by_itself_in_the_background_and_stops_cleanly(
    open_pairs: OpenTv,
    parties: Town,
    titles: list[Content],
    publish_catalogue: Publish,
    viewing: Viewing,
) -> None:
    publish_catalogue(titles)
    parties.known = all_of(titles[:2])
    tv = open_pairs(sync_interval_secs=0)
    tv.sync()
    tv.watch([viewing(titles[0].content_id)])
    background = Background(tv.brain)
    background.start()
    deadline = time.monotonic() + 30
    while not parties.rows:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    background.stop()
    assert len(parties.rows) == 1


def test_a_call_that_hangs_ends_with_the_brain(
    open_pairs: OpenTv,
    parties: Town,
    titles: list[Content],
    publish_catalogue: Publish,
    viewing: Viewing,
) -> None:
    publish_catalogue(titles)
    tv = open_pairs(sync_interval_secs=0)
    tv.sync()
    tv.watch([viewing(titles[0].content_id)])
    reached, left = list[str](), list[int]()

    def at(point: str) -> None:
        if point == "came to Evaluate":
            reached.append(point)
            deadline = time.monotonic() + 20
            while not left and time.monotonic() < deadline:
                time.sleep(0.01)

    parties.at = at
    background = Background(tv.brain)
    background.start()
    deadline = time.monotonic() + 30
    while not reached:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    begun = time.monotonic()
    background.stop()
    assert time.monotonic() - begun < 15, "it does not wait for the answer"
    left.append(1)


def test_before_factors_are_published_titles_are_told_alone(
    open_tv: OpenTv,
    parties: Town,
    titles: list[Content],
    publish_catalogue: Publish,
    publish_factors: Publish,
    viewing: Viewing,
) -> None:
    publish_catalogue(titles)
    parties.known = all_of(titles[:3])
    tv = open_tv(
        sharing="threshold",
        relay_url=f"http://{parties.relay_at.target}",
        randomness_url=f"http://{parties.randomness_at.target}",
        pair_bytes_a_day=100_000,
    )
    tv.sync()
    tv.watch([viewing(title.content_id) for title in titles[:3]])
    turns(tv.brain, 20)
    assert parties.pairs() == {pair: 1 for pair in parties.known if pair.alone}
    publish_factors([0, 2])
    tv.sync()
    turns(tv.brain, 20)
    both = Pair.of(titles[0].content_id, titles[2].content_id)
    assert parties.pairs() == {pair: 1 for pair in parties.known if pair.alone or pair == both}
