"""What a household chose to share: under which noise, when it leaves, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.brain.conftest import NOW

from omega_brain import facts
from omega_brain.brain import Brain
from omega_brain.config import BrainConfig
from omega_brain.outbox import Outbox
from omega_core.clock import ManualClock
from omega_core.config import load
from omega_core.content import Content
from omega_core.errors import ErrorCode, OmegaError
from omega_core.viewing import Verdict, ViewingEvent
from omega_embed import open_encoder
from omega_privacy.classes import split_class_byte
from omega_testing.encoders import TurnedEncoder
from omega_testing.gateway import Gateway
from omega_testing.news import catalogue_of

if TYPE_CHECKING:
    from tests.brain.conftest import Tv

OpenTv = Callable[..., "Tv"]
Publish = Callable[..., None]
Viewing = Callable[..., ViewingEvent]


def _push_all(tv: Tv) -> None:
    while tv.sync().pushed_sketches or tv.brain.stores.sketches.pending_count():
        pass


def _sigmas(gateway: Gateway) -> list[int]:
    return [request.sigma_hundredths for request in gateway.requests if request.sketches]


@pytest.mark.parametrize(
    ("settings", "sigma"),
    [
        ({}, 450),
        ({"sharing": "strict"}, 600),
        ({"sigma": 4.0}, 400),
        ({"sigma": 4.0, "sharing": "strict"}, 600),
        ({"sigma": 7.25, "sharing": "strict"}, 725),
    ],
)
def test_a_push_states_the_noise_of_the_policy(
    settings: dict[str, Any],
    sigma: int,
    open_tv: OpenTv,
    gateway: Gateway,
    titles: list[Content],
    publish_catalogue: Publish,
    viewing: Viewing,
) -> None:
    publish_catalogue(titles)
    tv = open_tv(**settings)
    tv.sync()
    tv.watch([viewing(title.content_id) for title in titles[:3]])
    _push_all(tv)
    assert _sigmas(gateway) == [sigma]
    under = set()
    for title in tv.brain.liked_titles():
        noise = tv.brain.stores.sketches.noise_for(title.rowid)
        assert noise is not None
        noisy = title.centred + np.float32(sigma / 100 / np.sqrt(384)) * noise
        under.add(np.packbits(noisy >= 0).tobytes())
    assert set(gateway.sketches) == under
    assert gateway.requests[0].sigma_hundredths == 0, "there was nothing to state it of"


@pytest.mark.parametrize(
    ("field", "value", "bound"),
    [
        ("sharing", "some", "sketches, strict, receive-only or threshold"),
        ("sharing", "", "sketches, strict, receive-only or threshold"),
        ("pair_bytes_a_day", "999", "between 1,000 and 1,000,000"),
        (
            "relay_url",
            "http://elsewhere:1",
            "https://HOST[:PORT], http://HOST:PORT of this machine,",
        ),
        ("share_classes", "half", "full, coarse or none"),
        ("sigma", "0.4", "between 0.5 and 64"),
        ("sigma", "nan", "between 0.5 and 64"),
        ("share_delay_hours", "-0.1", "between 0 and 168"),
        ("share_delay_hours", "169", "between 0 and 168"),
    ],
)
def test_a_choice_that_does_not_exist_is_refused(field: str, value: str, bound: str) -> None:
    with pytest.raises(OmegaError) as caught:
        load(BrainConfig, "OMEGA_BRAIN_", {f"OMEGA_BRAIN_{field.upper()}": value})
    assert caught.value.code is ErrorCode.INVALID_FIELD
    assert (caught.value.field, caught.value.bound.removesuffix(" or empty")) == (field, bound)


@pytest.mark.parametrize("missing", ["relay_url", "randomness_url"])
def test_pairs_are_reported_where_both_parties_are_named(missing: str) -> None:
    environ = {
        "OMEGA_BRAIN_SHARING": "threshold",
        "OMEGA_BRAIN_RELAY_URL": "https://relay.example",
        "OMEGA_BRAIN_RANDOMNESS_URL": "https://randomness.example",
    }
    assert load(BrainConfig, "OMEGA_BRAIN_", environ).policy().reports_pairs
    del environ[f"OMEGA_BRAIN_{missing.upper()}"]
    with pytest.raises(OmegaError) as caught:
        load(BrainConfig, "OMEGA_BRAIN_", environ)
    assert caught.value.code is ErrorCode.INVALID_FIELD
    assert (caught.value.field, caught.value.bound) == (
        missing,
        "given where OMEGA_BRAIN_SHARING is threshold",
    )


def test_a_household_that_only_receives_sends_nothing_and_keeps_what_left(
    open_tv: OpenTv,
    gateway: Gateway,
    titles: list[Content],
    publish_catalogue: Publish,
    viewing: Viewing,
) -> None:
    publish_catalogue(titles)
    tv = open_tv()
    tv.sync()
    tv.watch([viewing(title.content_id) for title in titles[:4]])
    _push_all(tv)
    before, me = set(gateway.sketches), tv.brain.stores.meta.identity()
    tv.close()
    gateway.requests.clear()
    silent = open_tv(sharing="receive-only")
    silent.watch([viewing(title.content_id) for title in titles[4:9]])
    for _ in range(3):
        assert silent.sync().pushed_sketches == 0
    assert not any(request.sketches or request.classes for request in gateway.requests)
    assert silent.brain.stores.sketches.pending_count() == 0, "none is drawn"
    publish_catalogue(titles, 2)
    silent.sync()
    assert facts.catalogue_version(silent.brain.stores.meta) == 2, "everything is pulled"
    assert silent.brain.stores.meta.identity() == me
    assert (gateway.erased, set(gateway.sketches)) == (set(), before)
    silent.close()
    again = open_tv()
    _push_all(again)
    assert len(gateway.sketches) == len(set(gateway.sketches)) == 9
    assert before < set(gateway.sketches), "what had left did not leave again"


def test_a_stricter_household_never_reports_a_title_under_two_scales(
    open_tv: OpenTv,
    gateway: Gateway,
    titles: list[Content],
    publish_catalogue: Publish,
    viewing: Viewing,
) -> None:
    """From 4.5 to 6, then to another encoder: what has left never leaves again.

    Sketches with the same noise under two scales differ where the noise is small; those of two
    encoders name the title to whoever knows both vectors of every title.
    """
    publish_catalogue(titles)
    first = open_tv()
    first.sync()
    first.watch([viewing(title.content_id) for title in titles[:5]])
    _push_all(first)
    loose = set(gateway.sketches)
    first.close()
    strict = open_tv(sharing="strict")
    strict.watch([viewing(title.content_id) for title in titles[5:9]])
    _push_all(strict)
    assert loose < set(gateway.sketches)
    assert len(gateway.sketches) == 9, "none of the five left again"
    assert sorted(_sigmas(gateway)) == [450, 600]
    strict.close()
    gateway.pushes.clear()
    gateway.requests.clear()
    turned = TurnedEncoder()
    publish_catalogue(titles, 2, encoder=turned)
    other = open_tv(encoder=turned, sharing="strict")
    other.watch([viewing(title.content_id) for title in titles[7:12]])
    _push_all(other)
    other.sync()
    found = {
        (push.sigma_hundredths, push.model_version): len(push.classes)
        for push in gateway.pushes.values()
        if push.classes
    }
    assert found == {(600, turned.model_version): 3}, "the three that are new"


def test_sketches_leave_hours_later_and_not_with_what_was_just_watched(
    config: BrainConfig, titles: list[Content], viewing: Viewing
) -> None:
    clock = ManualClock(NOW)
    settings = replace(config, min_samples=1, share_delay_hours=24.0)
    with Brain(settings, clock=clock, encoder=open_encoder(kind="lexical")) as brain:
        brain.apply_catalogue(catalogue_of(titles, brain.encoder))
        outbox, left = Outbox(brain), []
        for hour in range(72):
            if hour < 40:
                brain.observe(viewing(titles[hour].content_id))
            push = outbox.next_push()
            if push is not None:
                left += [(hour, len(push))]
                brain.stores.sketches.acknowledge(push.request_id)
            clock.advance(timedelta(hours=1))
        assert sum(count for _, count in left) == 40
        assert left[0][0] >= 2, "the first one waited"
        assert brain.stores.sketches.pending_count() == 0
        with brain.stores.database.read() as connection:
            hours = [
                (release - queued) / 3.6e9
                for release, queued in connection.execute(
                    "SELECT release_at, queued_at FROM sketches"
                )
            ]
        assert 2.0 <= min(hours) <= max(hours) <= 24.0
        # 40 even draws from 2 to 24 hours: nearer together once in 10^7.
        assert max(hours) - min(hours) > 8.0


def test_what_is_taken_back_before_it_left_never_leaves(
    config: BrainConfig, titles: list[Content], viewing: Viewing
) -> None:
    clock = ManualClock(NOW)
    settings = replace(config, min_samples=1, share_delay_hours=24.0)
    with Brain(settings, clock=clock, encoder=open_encoder(kind="lexical")) as brain:
        brain.apply_catalogue(catalogue_of(titles, brain.encoder))
        outbox = Outbox(brain)
        for title in titles[:3]:
            brain.observe(viewing(title.content_id))
        assert outbox.next_push() is None
        brain.observe(replace(viewing(titles[0].content_id), verdict=Verdict.DISLIKED))
        clock.advance(timedelta(hours=25))
        push = outbox.next_push()
        assert push is not None
        assert len(push) == 2
        assert sum(_drawn(brain, title) for title in titles[:3]) == 2, "its noise is gone, too"
        brain.observe(replace(viewing(titles[1].content_id), verdict=Verdict.DISLIKED))
        brain.stores.sketches.acknowledge(push.request_id)
        assert outbox.next_push() is None
        assert _drawn(brain, titles[1]), "what has left keeps its noise: it is never drawn again"


def _drawn(brain: Brain, title: Content) -> bool:
    rowid = brain.stores.contents.by_ids([title.content_id])[title.content_id].rowid
    return brain.stores.sketches.noise_for(rowid) is not None


def test_the_instant_outlives_a_restart(
    config: BrainConfig, titles: list[Content], viewing: Viewing
) -> None:
    clock = ManualClock(NOW)
    encoder = open_encoder(kind="lexical")
    settings = replace(config, min_samples=1, share_delay_hours=24.0)
    with Brain(settings, clock=clock, encoder=encoder) as brain:
        brain.apply_catalogue(catalogue_of(titles, encoder))
        brain.observe(viewing(titles[0].content_id))
        assert Outbox(brain).next_push() is None
        with brain.stores.database.read() as connection:
            (release,) = connection.execute("SELECT release_at FROM sketches").fetchone()
    for _ in range(3):
        clock.advance(timedelta(minutes=30))
        with Brain(settings, clock=clock, encoder=encoder) as brain:
            assert Outbox(brain).next_push() is None
            with brain.stores.database.read() as connection:
                assert connection.execute("SELECT release_at FROM sketches").fetchone() == (
                    release,
                )
    clock.advance(timedelta(hours=24))
    with Brain(settings, clock=clock, encoder=encoder) as brain:
        assert Outbox(brain).next_push() is not None


def test_a_clock_that_went_back_holds_nothing_up_for_ever(
    config: BrainConfig, titles: list[Content], viewing: Viewing
) -> None:
    clock = ManualClock(NOW + timedelta(days=3_000))
    encoder = open_encoder(kind="lexical")
    settings = replace(config, min_samples=1, share_delay_hours=24.0)
    with Brain(settings, clock=clock, encoder=encoder) as brain:
        brain.apply_catalogue(catalogue_of(titles, encoder))
        brain.observe(viewing(titles[0].content_id))
        outbox = Outbox(brain)
        assert outbox.next_push() is None
        clock.advance(timedelta(days=-3_000))
        assert outbox.next_push() is None
        clock.advance(timedelta(hours=24))
        assert outbox.next_push() is not None


@pytest.mark.parametrize(
    ("detail", "expected"),
    [
        ("full", [(7, 0), (7, 0), (7, 2)]),
        ("coarse", [(7, 0), (7, 0), (7, 2)]),
        ("none", [(7, 0)] * 3),
    ],
)
def test_no_more_of_rate_and_count_travels_than_was_chosen(
    detail: str,
    expected: list[tuple[int, int]],
    open_tv: OpenTv,
    gateway: Gateway,
    titles: list[Content],
    publish_catalogue: Publish,
    viewing: Viewing,
) -> None:
    publish_catalogue(titles)
    tv = open_tv(share_classes=detail)
    tv.sync()
    tv.watch([viewing(title.content_id) for title in titles[:2]])
    tv.watch([viewing(titles[2].content_id) for _ in range(5)])
    _push_all(tv)
    classes = [byte for push in gateway.pushes.values() for byte in push.classes]
    assert sorted(map(split_class_byte, classes)) == expected
