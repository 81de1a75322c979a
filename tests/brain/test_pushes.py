"""What leaves the TV, through answers that get lost and servers that refuse."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import grpc
import numpy as np
import pytest

from omega_brain.config import BrainConfig
from omega_core.content import Content, ContentKind
from omega_core.errors import ErrorCode, OmegaError
from omega_core.vectors import centre
from omega_core.viewing import ViewingEvent
from omega_embed import open_encoder
from omega_privacy.classes import split_class_byte
from omega_testing.encoders import TurnedEncoder
from omega_testing.gateway import Fault, Gateway
from omega_testing.news import catalogue_of

if TYPE_CHECKING:
    from tests.brain.conftest import Tv

Publish = Callable[..., None]
Viewing = Callable[..., ViewingEvent]
REFUSALS = ["RESOURCE_EXHAUSTED", "INTERNAL", "PERMISSION_DENIED", "INVALID_ARGUMENT"]


def _fails(tv: Tv, code: ErrorCode = ErrorCode.SYNC_UNAVAILABLE) -> None:
    with pytest.raises(OmegaError) as caught:
        tv.sync()
    assert caught.value.code == code
    assert tv.brain.stores.meta.last_sync().error == caught.value.public_text


def _push_all(tv: Tv) -> None:
    while tv.brain.stores.sketches.pending_count() or tv.sync().pushed_sketches:
        tv.sync()


@pytest.fixture
def joined(tv: Tv, titles: list[Content], publish_catalogue: Publish, viewing: Viewing) -> Tv:
    """A TV with the fleet's catalogue and five liked titles that have not left yet."""
    publish_catalogue(titles)
    tv.sync()
    tv.watch([viewing(title.content_id) for title in titles[:5]])
    return tv


def test_each_liked_title_leaves_once_as_one_sketch(
    joined: Tv, gateway: Gateway, titles: list[Content], viewing: Viewing
) -> None:
    joined.brain.observe(viewing(titles[7].content_id, 0.2))
    joined.brain.observe(viewing(titles[0].content_id))
    outcome = joined.sync()
    assert outcome.pushed_sketches == len(gateway.sketches) == len(set(gateway.sketches)) == 5
    assert joined.sync().pushed_sketches == 0
    (push,) = gateway.pushes.values()
    assert push.model_version == "lexical-384-r1"
    counts = sorted(split_class_byte(value) for value in push.classes)
    assert counts == [(7, 0)] * 4 + [(7, 1)]
    stats = joined.brain.stores.sketches
    assert (stats.pending_count(), stats.acknowledged_count()) == (0, 5)


def test_a_sketch_that_waits_tells_what_is_true_when_it_leaves(
    joined: Tv, gateway: Gateway, titles: list[Content], viewing: Viewing
) -> None:
    joined.watch([viewing(title.content_id) for title in titles[5:20]])
    assert joined.sync().pushed_sketches == 18
    joined.watch([viewing(title.content_id) for title in titles[:20]])
    assert joined.sync().pushed_sketches == 2
    assert {split_class_byte(value) for value in gateway.requests[-2].classes} == {(7, 0)}
    assert {split_class_byte(value) for value in gateway.requests[-1].classes} == {(7, 1)}


def test_a_sketch_is_the_sign_of_the_centred_vector_under_noise_of_the_set_width(
    open_tv: Callable[..., Tv],
    gateway: Gateway,
    titles: list[Content],
    publish_catalogue: Publish,
    viewing: Viewing,
) -> None:
    encoder = open_encoder(kind="lexical")
    pack = catalogue_of(titles, encoder)
    publish_catalogue(titles)
    tv = open_tv(sigma=0.75)
    tv.sync()
    tv.watch([viewing(title.content_id) for title in titles[:5]])
    tv.sync()
    stored = tv.brain.stores
    expected: set[bytes] = set()
    other: set[bytes] = set()
    for row, title in enumerate(titles[:5]):
        rowid = stored.contents.by_ids([title.content_id])[title.content_id].rowid
        noise = stored.sketches.noise_for(rowid)
        assert noise is not None
        vector = pack.embeddings[row].astype(np.float16).astype(np.float32)
        centred = centre(vector / np.linalg.norm(vector), pack.centring_mean)
        for sigma, found in ((0.75, expected), (4.5, other)):
            found.add(np.packbits(centred + sigma / np.sqrt(384) * noise >= 0).tobytes())
    assert set(gateway.sketches) == expected
    assert not expected & other


def test_what_waits_leaves_under_the_noise_that_is_asked_for_now(
    joined: Tv,
    gateway: Gateway,
    open_tv: Callable[..., Tv],
    titles: list[Content],
    viewing: Viewing,
) -> None:
    """A push under way stays as it is; the rest follows the household's new wish."""
    joined.watch([viewing(title.content_id) for title in titles[5:22]])
    gateway.faults.append(Fault(grpc.StatusCode.INTERNAL, stored=True))
    _fails(joined)
    joined.close()
    strict = open_tv(sigma=40.0)
    assert [strict.sync().pushed_sketches for _ in range(2)] == [18, 4]
    stored = strict.brain.stores.sketches
    under: dict[float, set[bytes]] = {4.5: set(), 40.0: set()}
    for title in strict.brain.liked_titles():
        noise = stored.noise_for(title.rowid)
        assert noise is not None
        for sigma, sketches in under.items():
            noisy = title.centred + np.float32(sigma / np.sqrt(384)) * noise
            sketches.add(np.packbits(noisy >= 0).tobytes())
    first, second = (set(_split(push.sketches)) for push in gateway.pushes.values())
    assert first <= under[4.5]
    assert not first & under[40.0]
    assert second <= under[40.0]


def _split(sketches: bytes) -> list[bytes]:
    return [sketches[i : i + 48] for i in range(0, len(sketches), 48)]


def test_a_push_whose_answer_is_lost_comes_again_in_the_same_bytes(
    joined: Tv, gateway: Gateway, titles: list[Content], viewing: Viewing
) -> None:
    gateway.faults.extend([Fault(grpc.StatusCode.INTERNAL, stored=True)] * 2)
    _fails(joined)
    joined.brain.observe(viewing(titles[8].content_id))
    _fails(joined)
    assert joined.sync().pushed_sketches == 5
    first, second, third = gateway.requests[-3:]
    assert first.SerializeToString() == second.SerializeToString() == third.SerializeToString()
    assert len(gateway.pushes) == 1
    assert joined.sync().pushed_sketches == 1
    assert len(gateway.sketches) == len(set(gateway.sketches)) == 6


def test_a_lost_answer_outlives_a_restart(
    joined: Tv, gateway: Gateway, open_tv: Callable[..., Tv]
) -> None:
    gateway.faults.append(Fault(grpc.StatusCode.DEADLINE_EXCEEDED, stored=True))
    _fails(joined)
    joined.close()
    assert open_tv().sync().pushed_sketches == 5
    first, second = gateway.requests[-2:]
    assert first.SerializeToString() == second.SerializeToString()
    assert len(gateway.registrations) == 1


def test_a_forgotten_tv_registers_again_once_and_repeats_the_push(
    joined: Tv, gateway: Gateway
) -> None:
    gateway.forget_devices()
    assert joined.sync().pushed_sketches == 5
    first, second = gateway.requests[-2:]
    assert first.SerializeToString() == second.SerializeToString()
    known, anew = gateway.registrations
    assert known.request_id == anew.request_id, "the same identity, with fresh credentials"
    assert joined.brain.stores.meta.last_sync().error == ""


def test_a_tv_that_stays_unknown_gives_up_until_the_next_time(joined: Tv, gateway: Gateway) -> None:
    gateway.faults.extend([Fault(OmegaError(ErrorCode.UNAUTHENTICATED))] * 2)
    _fails(joined)
    assert len(gateway.registrations) == 2
    assert joined.sync().pushed_sketches == 5
    assert len(gateway.registrations) == 2


def test_a_lost_registration_is_asked_for_under_the_same_id(
    open_tv: Callable[..., Tv], gateway: Gateway
) -> None:
    first = open_tv(constellation_url="http://127.0.0.1:1")
    _fails(first)
    asked = first.brain.stores.meta.register_request_id()
    first.close()
    open_tv(platform="box-7").sync()
    (registration,) = gateway.registrations
    assert registration.request_id == asked
    assert registration.platform == "box-7"


@pytest.mark.parametrize("status", REFUSALS)
def test_a_refusal_is_named_and_the_brain_works_on(
    status: str, joined: Tv, gateway: Gateway, titles: list[Content], viewing: Viewing
) -> None:
    gateway.faults.append(Fault(grpc.StatusCode[status]))
    before = joined.listed()
    succeeded = joined.brain.stores.meta.last_sync().succeeded_at
    _fails(joined)
    assert joined.brain.stores.meta.last_sync().succeeded_at == succeeded
    assert joined.listed() == before
    assert joined.brain.observe(viewing(titles[9].content_id))
    assert joined.sync().pushed_sketches == 5
    assert joined.brain.stores.meta.last_sync().error == ""


def test_a_server_that_is_away_costs_nothing(joined: Tv, gateway: Gateway) -> None:
    """Its status is repeated by the channel itself before the brain hears of it."""
    gateway.faults.extend([Fault(grpc.StatusCode.UNAVAILABLE)] * 3)
    _fails(joined)
    assert not gateway.pushes
    assert joined.sync().pushed_sketches == 5


def test_without_consent_no_request_holds_a_sketch(
    joined: Tv,
    gateway: Gateway,
    open_tv: Callable[..., Tv],
    titles: list[Content],
    viewing: Viewing,
) -> None:
    gateway.faults.append(Fault(grpc.StatusCode.INTERNAL))
    _fails(joined)
    joined.close()
    gateway.requests.clear()
    silent = open_tv(consent=False, sharing="receive-only")
    silent.watch([viewing(title.content_id) for title in titles[20:30]])
    for _ in range(3):
        silent.sync()
    assert len(gateway.requests) == 3
    assert not any(request.sketches or request.classes for request in gateway.requests)
    assert not gateway.pushes
    assert silent.brain.stores.sketches.pending_count() == 0, "what waited is dropped"


def test_a_taste_that_was_met_too_rarely_says_nothing(
    open_tv: Callable[..., Tv],
    gateway: Gateway,
    titles: list[Content],
    publish_catalogue: Publish,
    viewing: Viewing,
) -> None:
    tv = open_tv(min_samples=3)
    publish_catalogue(titles)
    tv.sync()
    tv.watch([viewing(titles[0].content_id) for _ in range(2)])
    assert tv.sync().pushed_sketches == 0
    tv.brain.observe(viewing(titles[0].content_id))
    assert tv.sync().pushed_sketches == 1, "the third viewing of its pattern"
    tv.watch([viewing(title.content_id) for title in titles[1:60]])
    while tv.sync().pushed_sketches:
        pass
    patterns = tv.brain.agentdb.skill_list("")
    samples = {skill.skill_id: skill.sample_count for skill in patterns}
    store = tv.brain.agentdb.skills.store
    told = sum(samples[member.skill_id] >= 3 for member in store.members(""))
    assert len(gateway.sketches) == told
    assert 0 < told < 60


def test_titles_that_only_this_tv_knows_never_leave(
    joined: Tv, gateway: Gateway, viewing: Viewing
) -> None:
    local = Content("local:1", "A home film", ContentKind.MOVIE)
    joined.brain.upsert([local])
    joined.brain.observe(viewing("local:1"))
    assert joined.brain.likes == 6
    _push_all(joined)
    assert len(gateway.sketches) == 5


def test_nothing_leaves_before_the_fleets_catalogue_is_here(
    tv: Tv, gateway: Gateway, titles: list[Content], viewing: Viewing
) -> None:
    tv.brain.upsert(titles)
    tv.watch([viewing(title.content_id) for title in titles[:5]])
    assert tv.sync().pushed_sketches == 0
    assert not gateway.sketches
    assert tv.brain.stores.sketches.pending_count() == 0


def test_a_title_is_reported_once_whatever_restarts_and_encoders_come(
    joined: Tv,
    gateway: Gateway,
    open_tv: Callable[..., Tv],
    titles: list[Content],
    publish_catalogue: Publish,
    viewing: Viewing,
) -> None:
    """There and back to another encoder: only what is new leaves, under the encoder of the day."""
    joined.sync()
    once = list(gateway.sketches)
    joined.close()
    turned = TurnedEncoder()
    publish_catalogue(titles, 2, encoder=turned)
    other = open_tv(encoder=turned)
    _push_all(other)
    assert sorted(gateway.sketches) == sorted(once)
    other.watch([viewing(titles[50].content_id)])
    _push_all(other)
    assert len(gateway.sketches) == len(once) + 1
    new = [push for push in gateway.pushes.values() if push.model_version == turned.model_version]
    assert [len(push.classes) for push in new if push.classes] == [1]
    other.close()
    publish_catalogue(titles, 3)
    back = open_tv()
    _push_all(back)
    assert len(gateway.sketches) == len(once) + 1


def test_a_request_stays_within_its_bound_whatever_it_states(
    open_tv: Callable[..., Tv],
    gateway: Gateway,
    titles: list[Content],
    publish_catalogue: Publish,
    publish_factors: Publish,
    viewing: Viewing,
) -> None:
    longest = TurnedEncoder("é" * 64)
    last = 2**63 - 1
    publish_catalogue(titles, last, encoder=longest)
    publish_factors(list(range(20)), last)
    tv = open_tv(encoder=longest)
    tv.sync()
    tv.watch([viewing(title.content_id) for title in titles[:50]])
    tv.brain.stores.patterns.apply_delta(
        base_version=0, version=last, patterns=[], removed_ids=[], model_version="m"
    )
    _push_all(tv)
    sizes = [request.ByteSize() for request in gateway.requests]
    assert len(gateway.sketches) == 50
    assert 1_024 - 49 < max(sizes) <= 1_024
    assert all(len(request.classes) >= 16 for request in gateway.requests[1:4])


def test_traffic_is_counted(joined: Tv, gateway: Gateway, publish_factors: Publish) -> None:
    publish_factors(list(range(20)))
    before = joined.brain.stores.meta.traffic()
    assert before.resources == gateway.sent
    outcome = joined.sync()
    after = joined.brain.stores.meta.traffic()
    assert after.pushed == sum(request.ByteSize() for request in gateway.requests)
    assert after.pushed - before.pushed == outcome.pushed_bytes
    assert after.pulled - before.pulled == outcome.pulled_bytes > 0
    assert after.resources == gateway.sent
    assert outcome.resource_bytes == after.resources - before.resources > 0


def test_a_sync_without_an_enrolment_key_file_is_a_wrong_setting(
    open_tv: Callable[..., Tv], config: BrainConfig, gateway: Gateway
) -> None:
    key = config.storage_path.parent / "key"
    with pytest.raises(OmegaError, match="enrolment_key_file must be a readable text file"):
        open_tv(enrolment_key_file=key)
    assert not gateway.registrations
