"""What comes beside a sketch: nothing is forgotten, and whatever leaks is found."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from omega.sync.v1 import sync_service_pb2 as pb
from omega_core.limits import MAX_PUSH_SKETCHES, MAX_SYNC_REQUEST
from omega_core.viewing import ViewingEvent
from omega_eval.attacks.pushes import Arrival, fleet_pushes, read_pushes
from omega_eval.attacks.whole_push import whole_push
from omega_eval.split import SplitHousehold
from omega_testing.attacked import Town

START = datetime(2024, 1, 1, tzinfo=UTC)


def household(number: int, titles: list[int], minutes: int) -> SplitHousehold:
    events = [
        ViewingEvent(f"{number}-{i}", f"t{t}", 1.0, 1.0, START + timedelta(minutes=minutes * i))
        for i, t in enumerate(titles)
    ]
    return SplitHousehold(f"synthetic-{number}", tuple(events), ())


def bytes_of(user: int, title: int) -> bytes:
    return np.random.default_rng([user, title]).bytes(48)


def pushes(*households: SplitHousehold) -> list[Arrival]:
    rows = {f"t{i}": i for i in range(100)}
    return fleet_pushes(households, rows, "minilm", bytes_of)


def test_every_field_of_a_request_is_read() -> None:
    """A field that is added to the contract is attacked without a change here."""
    (sent,) = pushes(household(0, [3], 1))
    fields = read_pushes([sent]).fields
    apart = {"sketches", "classes", "request_id", "state_version", "held"}
    assert apart < set(pb.SyncRequest.DESCRIPTOR.fields_by_name)
    for name in set(pb.SyncRequest.DESCRIPTOR.fields_by_name) - apart:
        assert name.replace("_", " ") in fields
    other = pb.SyncRequest.FromString(sent.request)
    other.model_version = "another"
    told = read_pushes([sent, replace(sent, request=other.SerializeToString())])
    assert told.fields["model version"].tolist() == [0, 1]


def test_pushes_are_requests_that_a_tv_could_send() -> None:
    sent = pushes(household(0, [*range(50)], 3), household(1, [7, 9], 1_000))
    requests = [pb.SyncRequest.FromString(each.request) for each in sent]
    assert max(each.ByteSize() for each in requests) <= MAX_SYNC_REQUEST
    assert max(len(each.classes) for each in requests) <= MAX_PUSH_SKETCHES
    assert [each.second for each in sent] == sorted(each.second for each in sent)
    assert len({each.request_id for each in requests}) == len(requests)
    first = [each for each in sent if each.household == 0]
    assert sorted(np.concatenate([each.titles for each in first])) == [*range(50)]
    assert sum(each.household == 1 for each in sent) == 2
    for each, request in zip(sent, requests, strict=True):
        made = b"".join(bytes_of(each.household, title) for title in each.titles.tolist())
        assert request.sketches == made
        waits = [each.second - START.timestamp() - 180 * title for title in each.titles.tolist()]
        assert each.household == 1 or (min(waits) > 2 * 3_600 and max(waits) < 25 * 3_600)


def test_without_a_delay_a_title_leaves_at_the_next_sync() -> None:
    rows = {f"t{i}": i for i in range(100)}
    sent = fleet_pushes([household(0, [*range(50)], 3)], rows, "minilm", bytes_of, delay_hours=0)
    assert max(len(each.titles) for each in sent) <= 4
    for each in sent:
        waits = each.second - START.timestamp() - 180 * each.titles
        assert waits.min() > 0
        assert waits.max() <= 600


def test_reports_are_what_the_bytes_say() -> None:
    sent = pushes(household(0, [*range(30)], 3), household(1, [7, 9], 1_000))
    reports = read_pushes(sent)
    assert len(reports.users) == 32
    assert reports.bits.shape == (32, 384)
    expected = np.unpackbits(np.frombuffer(bytes_of(1, 9), np.uint8)) * 2.0 - 1
    (row,) = np.flatnonzero((reports.users == 1) & (reports.truth == 9))
    np.testing.assert_array_equal(reports.bits[row], expected)
    for values in reports.fields.values():
        assert values.min() == 0
        np.testing.assert_array_equal(np.unique(values), np.arange(values.max() + 1))
    counts = np.bincount(reports.pushes)[reports.pushes]
    sizes = reports.fields["sketches in the push"]
    np.testing.assert_array_equal(sizes, np.searchsorted(np.unique(counts), counts))


@pytest.mark.parametrize("leak", ["by title", "by group", "by popularity"])
def test_a_planted_leak_is_found_and_noise_is_not(town: Town, leak: str) -> None:
    rng = np.random.default_rng(5)
    likes = town.histories.liked.sum(axis=0)
    told = {
        "by title": town.truth % 7,
        "by group": town.histories.groups["group"][town.truth],
        "by popularity": (likes[town.truth] > 4).astype(np.int64),
    }[leak]
    # The field tells the truth nine times of ten.
    told = np.where(rng.random(len(told)) < 0.9, told, rng.integers(0, told.max() + 1, len(told)))
    fields = {leak: told.astype(np.int64), "nothing": rng.integers(0, 8, len(told))}
    evidence = town.evidence(9.0).with_fields(fields)
    found = whole_push(evidence, town.histories, np.arange(len(told)))
    effects = {each.name: each for each in found.fields}
    assert not effects[leak].stays
    assert effects[leak].added.low > 0
    assert effects["nothing"].stays
    assert not found.all_fields.stays
    assert found.device.added.low > 0
    assert [name for name, _ in found.by_joining][-1] == "all pushes of a device"
