"""The search for many strings in one pass finds what looking for each of them finds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from omega_persistence.traces import SHORTEST, Traces

FEW = st.sampled_from([b"a", b"b", b"ab", b"ba", b"\0", b"aab"])
STRINGS = st.lists(FEW, min_size=SHORTEST, max_size=12).map(b"".join)


@settings(max_examples=120, deadline=None)
@given(strings=st.lists(STRINGS, max_size=6), data=st.lists(FEW, max_size=60).map(b"".join))
def test_it_finds_what_a_plain_search_finds(strings: list[bytes], data: bytes) -> None:
    assert Traces(strings).found_in(data) == {string for string in strings if string in data}


def test_it_finds_strings_at_any_place_of_a_large_file(tmp_path: Path) -> None:
    size = 3 * (1 << 20) + 17
    data = bytearray(np.random.default_rng(5).integers(0, 256, size, np.uint8).tobytes())
    places = [0, (1 << 20) - 60, (1 << 20) - 3, (1 << 20) + 60, 2 * (1 << 20) - 47, size - 48]
    strings = [f"string-{place}-{'x' * 40}"[:48].encode() for place in places]
    for place, string in zip(places, strings, strict=True):
        data[place : place + len(string)] = string
    path = tmp_path / "large"
    path.write_bytes(data)
    assert Traces([*strings, b"not in it"]).found_in_file(path) == set(strings)


def test_rows_leave_their_texts_and_blobs_and_long_ones_three_parts() -> None:
    long = bytes(range(256)) * 10
    rows = [("an event id", 7, None, b"blob of bytes"), ("short", 1.5, long, b"\0" * 100)]
    traces = Traces.of(rows)
    assert len(traces) == 2 + 3
    assert traces.found_in(long[-60:]) == {long[-48:]}
    assert traces.found_in(b"..an event id..") == {b"an event id"}


def test_what_stands_elsewhere_too_is_not_looked_for() -> None:
    traces = Traces([b"Title 30", b"event-0001", b"across rows"])
    rest = traces.without([("Title 30 of the catalogue", 7), ("across ",), ("rows",)])
    assert rest.found_in(b"Title 30, event-0001, across rows") == {b"event-0001", b"across rows"}
