"""A simulated TV does what the brain does: waits, repeats, renews, delays, fetches in its turn."""

from __future__ import annotations

import tracemalloc
import uuid

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given, settings
from hypothesis import strategies as st

from omega.common.v1 import resource_pb2
from omega.sync.v1 import sync_service_pb2 as pb
from omega_cli.fleet.device import CATALOGUE, CODEBOOK, FACTORS, Device, Setting
from omega_cli.fleet.homes import DAY, HOUR, Standby
from omega_core import limits

START = 1_772_427_600.0
"""2026-03-02T05:00Z, a Monday."""


def enrolled(number: int, setting: Setting, *, hours: float = 168.0) -> Device:
    device = Device(number, setting)
    answer = pb.RegisterDeviceResponse(
        device_id=f"tv-{uuid.uuid4().hex}",
        auth_token="t",  # noqa: S106 - a made-up one
        token_expires_at=Timestamp(seconds=int(START + hours * HOUR)),
    )
    device.registered(answer, START)
    device.begin(START)
    return device


def answered(device: Device, now: float, wait: float = 600.0) -> None:
    answer = pb.SyncResponse(retry_after=Duration(seconds=int(wait)))
    device.exchanged(answer, now)


def until_push(device: Device) -> tuple[float, pb.SyncRequest]:
    """Lives until it has something to send."""
    for _ in range(2_000):
        now = device.next_at
        request = device.request(now)
        if request.sketches:
            return now, request
        answered(device, now)
    raise AssertionError("a household that likes nothing")


def test_it_registers_first_and_renews_at_two_thirds_of_its_tokens_life(setting: Setting) -> None:
    fresh = Device(0, setting)
    assert fresh.must_register(START)
    device = enrolled(0, setting, hours=24)
    assert not device.must_register(START + 15.9 * HOUR)
    assert device.must_register(START + 16 * HOUR)
    assert device.registration() == device.registration()


def test_it_registers_again_when_its_credentials_are_refused_and_not_for_its_clock(
    setting: Setting,
) -> None:
    device = enrolled(0, setting)
    device.failed("UNAUTHENTICATED", "dpop", 0.0, START)
    assert not device.must_register(START)
    device.failed("UNAUTHENTICATED", "authorization", 0.0, START)
    assert device.must_register(START)


def test_a_push_is_repeated_under_its_id_until_it_is_acknowledged(setting: Setting) -> None:
    device = enrolled(3, setting)
    now, first = until_push(device)
    for reason in ("UPSTREAM_UNAVAILABLE", "", "RATE_LIMITED"):
        device.failed(reason, "", 1.0, now)
        now = device.next_at
        again = device.request(now)
        assert (again.request_id, again.sketches, again.classes) == (
            first.request_id,
            first.sketches,
            first.classes,
        )
    answered(device, now)
    assert device.request(device.next_at).request_id != first.request_id


def test_sketches_leave_two_to_24_hours_later_and_each_title_once(setting: Setting) -> None:
    device = enrolled(5, setting)
    for _ in range(3_000):
        now = device.next_at
        if now > START + 30 * DAY:
            break
        before = {w.sketch: w.release_at for w in device.waiting}
        request = device.request(now)
        sent = [request.sketches[i : i + 48] for i in range(0, len(request.sketches), 48)]
        assert all(before.get(sketch, now) <= now for sketch in sent)
        assert request.ByteSize() <= limits.MAX_SYNC_REQUEST
        for waiting in device.waiting:
            assert waiting.release_at > now
        answered(device, now)
    rows = [device.reported[i : i + 2] for i in range(0, len(device.reported), 2)]
    assert rows
    assert len(rows) == len(set(rows))


def test_failures_wait_longer_and_longer_up_to_an_hour_and_what_is_asked_besides(
    setting: Setting,
) -> None:
    waits = []
    for number in range(200):
        device = Device(number, setting)
        for n in range(8):
            device.failed("", "", 0.0, START)
            assert 0 <= device.next_at - START <= max(600.0 * min(2**n, 6), 1)
        waits.append(device.next_at - START)
    assert sum(waits) / len(waits) == pytest.approx(1_800, rel=0.15)
    device.failed("RATE_LIMITED", "device", 9_000.0, START)
    assert device.next_at >= START + 9_000
    device.failed("REVOKED", "", 0.0, START)
    assert device.next_at >= START + DAY


def test_it_acts_while_it_is_on_or_wakes_and_never_in_the_past(setting: Setting) -> None:
    @settings(deadline=None, max_examples=60)
    @given(number=st.integers(0, 10_000), waits=st.lists(st.floats(1, 7_200), max_size=30))
    def holds(number: int, waits: list[float]) -> None:
        device = enrolled(number, setting)
        for wait in waits:
            now = device.next_at
            answered(device, now, wait)
            assert device.next_at > now
            edges = setting.homes.day(number, device.home, device.next_at).on.tolist()
            sessions = zip(edges[::2], edges[1::2], strict=True)
            on = any(begin <= device.next_at <= end for begin, end in sessions)
            assert on or device.home.standby is Standby.NETWORKED

    holds()


def test_a_state_in_another_form_is_no_base(setting: Setting) -> None:
    device = enrolled(0, setting)
    device.state_version = 7
    assert device.request(START).state_version == 7
    device.fetched(resource_pb2.ResourceInfo(kind=CODEBOOK, version=1), START)
    request = device.request(START)
    assert (request.state_version, request.codec) == (0, resource_pb2.CODEC_TRANSFORM)
    device.coded = True
    assert device.request(START).state_version == 7


def test_the_first_resource_is_fetched_at_once_and_newer_ones_at_its_own_time(
    setting: Setting,
) -> None:
    device = enrolled(0, setting)
    first = [resource_pb2.ResourceInfo(kind=kind, version=1) for kind in (FACTORS, CATALOGUE)]
    wanted = device.wanted(first, START)
    assert [info.kind for info in wanted] == [CATALOGUE, FACTORS]
    for info in wanted:
        device.fetched(info, START)
    newer = [resource_pb2.ResourceInfo(kind=FACTORS, version=2)]
    due = [hour for hour in range(72) if device.wanted(newer, START + hour * HOUR)]
    assert 12 <= due[0] <= 36
    assert device.wanted(first, START + 9 * DAY) == []


def test_a_poisoned_one_sends_a_full_push_each_time(setting: Setting) -> None:
    device = enrolled(0, setting)
    device.poisoned = True
    ids = set()
    for _ in range(3):
        request = device.request(device.next_at)
        assert len({request.sketches[i : i + 48] for i in range(0, 18 * 48, 48)}) == 1
        assert request.ByteSize() <= limits.MAX_SYNC_REQUEST
        ids.add(request.request_id)
        answered(device, device.next_at)
    assert len(ids) == 3


def test_a_tv_takes_about_two_kilobytes(setting: Setting) -> None:
    devices = 400
    enrolled(0, setting)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        held = [enrolled(number, setting) for number in range(devices)]
        for device in held:
            device.token = f"{device.number:0350d}"
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    key = 450  # of OpenSSL, which tracemalloc does not see
    assert (after - before) / devices + key < 2_200
