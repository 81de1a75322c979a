from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omega_core.errors import ErrorCode, OmegaError
from omega_rpc.rate_limits import Rate, RateLimit, network


class Seconds:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def limit(per_minute: float, burst: int, most: int = 1_000) -> tuple[RateLimit, Seconds]:
    clock = Seconds()
    return RateLimit(Rate(per_minute, burst), "device", clock, most), clock


def wait(limited: RateLimit, key: str = "a") -> float:
    """Seconds that a call is told to wait; 0 = it was admitted."""
    try:
        limited.take(key)
    except OmegaError as refusal:
        error = refusal
    else:
        return 0.0
    assert (error.code, error.field) == (ErrorCode.RATE_LIMITED, "device")
    assert error.retry_after > 0
    return error.retry_after


def test_after_the_burst_a_device_calls_once_a_minute() -> None:
    limited, clock = limit(per_minute=1, burst=3)
    assert [wait(limited) for _ in range(4)] == [0, 0, 0, 60]
    clock.now += 59
    assert wait(limited) == pytest.approx(1)
    clock.now += 1
    assert [wait(limited), wait(limited)] == [0, 60]


def test_each_key_has_a_bucket_of_its_own() -> None:
    limited, _ = limit(per_minute=1, burst=1)
    assert [wait(limited, "a"), wait(limited, "a"), wait(limited, "b")] == [0, 60, 0]


def test_refused_calls_do_not_make_the_wait_longer() -> None:
    limited, clock = limit(per_minute=1, burst=1)
    wait(limited)
    for _ in range(100):
        assert wait(limited) == 60
    clock.now += 60
    assert wait(limited) == 0


@given(
    per_minute=st.floats(0.1, 1_000),
    burst=st.integers(1, 20),
    pauses=st.lists(st.floats(0, 120), max_size=60),
)
def test_no_window_of_time_holds_more_calls_than_the_rate_and_the_burst(
    per_minute: float, burst: int, pauses: list[float]
) -> None:
    limited, clock = limit(per_minute, burst)
    admitted = []
    for pause in pauses:
        clock.now += pause
        if not wait(limited):
            admitted.append(clock.now)
    for i, begin in enumerate(admitted):
        for j, end in enumerate(admitted[i:], 1):
            assert j <= burst + (end - begin) * per_minute / 60 + 1e-6


@given(
    per_minute=st.floats(0.1, 1_000),
    burst=st.integers(1, 20),
    calls=st.integers(1, 60),
)
def test_who_waits_as_told_is_admitted(per_minute: float, burst: int, calls: int) -> None:
    limited, clock = limit(per_minute, burst)
    for _ in range(calls):
        told = wait(limited)
        if told:
            clock.now += told + 1e-6
            assert wait(limited) == 0


def test_what_is_remembered_is_bounded_and_the_busy_are_remembered() -> None:
    limited, _ = limit(per_minute=1, burst=1, most=10)
    wait(limited, "busy")
    for i in range(1_000):
        wait(limited, f"key {i}")
        if i % 5 == 0 and i < 10:
            assert wait(limited, "busy") == 60
    assert len(limited) == 10
    assert wait(limited, "key 999") == 60


@pytest.mark.parametrize(
    ("address", "named"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        ("::ffff:192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("no address", ""),
    ],
)
def test_a_network_is_a_slash_24_or_a_slash_64(address: str, named: str) -> None:
    assert network(address) == named


@pytest.mark.parametrize(
    ("per_minute", "burst", "field"),
    [(0, 1, "per_minute"), (float("nan"), 1, "per_minute"), (1, 0, "burst")],
)
def test_a_rate_out_of_bounds_is_named(per_minute: float, burst: int, field: str) -> None:
    with pytest.raises(OmegaError) as caught:
        Rate(per_minute, burst)
    assert caught.value.field == field
