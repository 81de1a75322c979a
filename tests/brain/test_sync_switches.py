"""What the household allows and what the network is like: said at run time, kept, obeyed."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING

import grpc
import pytest

from omega_brain.background import Background
from omega_brain.brain import Brain
from omega_brain.state import CATALOGUE
from omega_client import BrainClient, ServiceError
from omega_core.content import Content
from omega_core.errors import ErrorCode, OmegaError
from omega_core.viewing import ViewingEvent
from omega_runtime import Part, State
from omega_testing.gateway import Fault, Gateway

if TYPE_CHECKING:
    from tests.brain.conftest import Tv

Publish = Callable[..., None]
Viewing = Callable[..., ViewingEvent]
Serve = Callable[[Brain], BrainClient]


@pytest.fixture
def sharer(
    tv: Tv, gateway: Gateway, titles: list[Content], publish_catalogue: Publish, viewing: Viewing
) -> Tv:
    """A TV that has pushed five sketches and waits with five more."""
    publish_catalogue(titles)
    tv.sync()
    tv.watch([viewing(title.content_id) for title in titles[:5]])
    assert tv.sync().pushed_sketches == 5
    tv.watch([viewing(title.content_id) for title in titles[5:10]])
    gateway.faults.append(Fault(grpc.StatusCode.INTERNAL))
    with pytest.raises(OmegaError):
        tv.sync()
    assert tv.brain.stores.sketches.pending_count() == 5
    return tv


def test_without_consent_nothing_is_sent(open_tv: Callable[..., Tv], gateway: Gateway) -> None:
    tv = open_tv(consent=False)
    for _ in range(7):
        with pytest.raises(OmegaError) as refused:
            tv.sync()
        assert refused.value.code is ErrorCode.SYNC_NOT_ALLOWED
    Background(tv.brain)._sync()
    assert not gateway.requests
    assert not gateway.registrations
    assert tv.brain.runtime.breaker(Part.SYNC) is State.CLOSED, "no fault of the fleet's"
    assert tv.brain.syncer.schedule.failures == 0


def test_consent_that_is_taken_back_at_run_time_is_obeyed_and_the_fleet_asked_to_forget(
    sharer: Tv, gateway: Gateway, serve: Serve
) -> None:
    client = serve(sharer.brain)
    old = sharer.brain.stores.meta.identity()
    assert old is not None
    answer = client.set_sync_options(consent=False)
    assert (answer.consent, answer.metered, answer.fleet_erasure_pending) == (False, False, True)
    assert sharer.brain.stores.sketches.pending_count() == 0
    assert sharer.brain.likes == 10, "the history is the household's own and stays"
    asked = len(gateway.requests)
    Background(sharer.brain)._sync_if_due()
    with pytest.raises(OmegaError, match="consent"):
        sharer.sync()
    assert old.device_id in gateway.erased
    assert not gateway.pushes
    assert len(gateway.requests) == asked, "no exchange"
    assert not client.set_sync_options().fleet_erasure_pending
    with pytest.raises(ServiceError) as refused:
        client.sync_now()
    assert refused.value.reason == ErrorCode.SYNC_NOT_ALLOWED


def test_consent_that_comes_back_draws_everything_anew_under_another_identity(
    sharer: Tv, gateway: Gateway
) -> None:
    old = sharer.brain.stores.meta.identity()
    before = set(gateway.sketches)
    sharer.brain.set_sync_options(consent=False)
    sharer.brain.set_sync_options(consent=True)
    assert sharer.sync().pushed_sketches == 10
    new = sharer.brain.stores.meta.identity()
    assert new is not None
    assert new != old
    assert not before & set(gateway.sketches)


def test_a_choice_outlives_a_restart_and_a_refusal_an_erasure(open_tv: Callable[..., Tv]) -> None:
    tv = open_tv()
    tv.brain.set_sync_options(consent=False, metered=True)
    tv.close()
    again = open_tv()
    assert (again.brain.switches.consent, again.brain.switches.metered) == (False, True)
    again.brain.clear_data(str(uuid.uuid4()))
    assert not again.brain.switches.consent
    again.brain.set_sync_options(consent=True)
    again.close()
    asking = open_tv(consent=False)
    assert asking.brain.switches.consent, "what the household chose overrules the setting"
    asking.brain.clear_data(str(uuid.uuid4()))
    assert not asking.brain.switches.consent, "the next household has not consented"


def test_on_a_metered_network_exchanges_go_on_and_no_resource_is_fetched(
    open_tv: Callable[..., Tv], gateway: Gateway, titles: list[Content], publish_catalogue: Publish
) -> None:
    publish_catalogue(titles)
    tv = open_tv(metered=True)
    assert tv.sync().resource_bytes == 0
    assert len(gateway.requests) == 1
    tv.brain.set_sync_options(metered=False)
    assert tv.sync().resource_bytes > 0
    assert len(tv.listed()) == 20


def test_a_transfer_stops_when_the_network_turns_out_to_cost_money_and_goes_on_later(
    tv: Tv, gateway: Gateway, titles: list[Content], publish_catalogue: Publish, serve: Serve
) -> None:
    publish_catalogue(titles)
    said = threading.Event()

    def say(sent: int) -> None:
        if sent == gateway.piece:
            tv.brain.set_sync_options(metered=True)
            said.set()

    gateway.on_sent = say
    stopped = tv.sync()
    assert said.is_set()
    size = gateway.announced(CATALOGUE).size_bytes
    assert 0 < stopped.resource_bytes < size
    (transfer,) = serve(tv.brain).get_stats().sync.transfers
    assert (transfer.kind, transfer.version, transfer.size_bytes) == (CATALOGUE, 1, size)
    assert transfer.received_bytes == stopped.resource_bytes
    tv.brain.set_sync_options(metered=False)
    assert tv.sync().resource_bytes == size - stopped.resource_bytes
    assert not tv.brain.stores.resources.transfers()


def test_figures_tell_how_syncing_stands(
    tv: Tv, gateway: Gateway, titles: list[Content], publish_catalogue: Publish, serve: Serve
) -> None:
    client = serve(tv.brain)
    fresh = client.get_stats().sync
    assert (fresh.consent, fresh.metered, fresh.transport) == (True, False, "")
    assert (fresh.consecutive_failures, fresh.breaker) == (0, "closed")
    assert fresh.HasField("next_at")
    assert not fresh.HasField("last_duration")
    gateway.faults.extend([Fault(grpc.StatusCode.INTERNAL)] * 2)
    for _ in range(2):
        with pytest.raises(OmegaError):
            tv.sync()
    failing = client.get_stats()
    assert failing.sync.consecutive_failures == 2
    assert failing.last_sync_error
    publish_catalogue(titles)
    outcome = tv.sync()
    well = client.get_stats()
    assert well.last_sync_error == ""
    assert well.sync.consecutive_failures == 0
    assert well.sync.transport == "grpc"
    assert well.sync.last_pushed_bytes == outcome.pushed_bytes
    assert well.sync.last_pulled_bytes == outcome.pulled_bytes
    assert well.sync.last_resource_bytes == outcome.resource_bytes > 0
    assert well.sync.last_duration.ToMicroseconds() > 0


def test_a_refusal_that_names_a_time_is_kept_to_across_a_restart(
    tv: Tv, gateway: Gateway, open_tv: Callable[..., Tv]
) -> None:
    tv.sync()
    error = OmegaError(ErrorCode.RATE_LIMITED, field="device", retry_after=7_200)
    gateway.faults.append(Fault(error))
    with pytest.raises(OmegaError):
        tv.sync()
    assert tv.brain.syncer.schedule.wait() > 7_100
    tv.close()
    assert open_tv().brain.syncer.schedule.wait() > 7_100


def test_a_tv_that_was_shut_out_asks_once_a_day(tv: Tv, gateway: Gateway) -> None:
    tv.sync()
    gateway.faults.append(Fault(OmegaError(ErrorCode.REVOKED)))
    with pytest.raises(OmegaError):
        tv.sync()
    assert tv.brain.syncer.schedule.wait() > 86_300
