"""Rendezvous hashing: who changes what moves a share, and no more."""

from __future__ import annotations

import random
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega_core.directory import (
    MAX_CANDIDATES,
    MAX_SHARDS,
    Directory,
    ShardEntry,
    derived_device_id,
)
from omega_core.errors import ErrorCode, OmegaError
from omega_rpc import directories

DEVICES = [derived_device_id(str(uuid.UUID(int=n, version=4))) for n in range(1_000)]
NAMES = st.from_regex(r"[a-z0-9-]{1,12}", fullmatch=True)
SEVERAL = st.lists(NAMES, min_size=2, max_size=9, unique=True)


def directory(shards: Sequence[object], version: int = 1) -> Directory:
    entries = tuple(
        e if isinstance(e, ShardEntry) else ShardEntry(str(e), "host:1") for e in shards
    )
    return Directory(version, entries[0].shard, entries)


def owners(held: Directory, region: str = "") -> dict[str, str]:
    found = {}
    for device_id in DEVICES:
        owner = held.owner(device_id, region)
        assert owner is not None
        found[device_id] = owner
    return found


def moved(before: dict[str, str], after: dict[str, str]) -> list[tuple[str, str]]:
    """From where to where, of each device that moves."""
    return [(before[d], after[d]) for d in before if before[d] != after[d]]


@given(SEVERAL)
@settings(max_examples=30, deadline=None)
def test_a_new_shard_takes_its_share_of_all_and_nothing_else_moves(names: list[str]) -> None:
    *old, new = names
    before, after = owners(directory(old)), owners(directory([*old, new], 2))
    moves = moved(before, after)
    assert {to for _, to in moves} <= {new}
    expected = len(DEVICES) / len(names)
    assert abs(len(moves) - expected) < 6 * (expected * (1 - 1 / len(names))) ** 0.5


@given(SEVERAL, st.data())
@settings(max_examples=30, deadline=None)
def test_draining_moves_the_shards_own_devices_alone(names: list[str], data: st.DataObject) -> None:
    drained = data.draw(st.sampled_from(names))
    full = directory(names)
    draining = directory([ShardEntry(n, "host:1", active=n != drained) for n in names], 2)
    before, after = owners(full), owners(draining)
    assert {source for source, _ in moved(before, after)} <= {drained}
    assert drained not in after.values()
    for device_id, owner in before.items():
        if owner == drained:
            assert draining.candidates(device_id)[:2] == (after[device_id], drained)


@given(SEVERAL, st.data())
@settings(max_examples=30, deadline=None)
def test_a_split_moves_half_of_its_parent_alone(names: list[str], data: st.DataObject) -> None:
    *old, new = names
    parent = data.draw(st.sampled_from(old))
    before = owners(directory(old))
    after = owners(directory([*old, ShardEntry(new, "host:1", split_of=parent)], 2))
    moves = moved(before, after)
    assert set(moves) <= {(parent, new)}
    held = sum(owner == parent for owner in before.values())
    assert abs(len(moves) - held / 2) < 6 * (held / 4) ** 0.5 + 1


@given(SEVERAL, st.randoms(use_true_random=False))
@settings(max_examples=20, deadline=None)
def test_the_order_of_the_list_does_not_matter(names: list[str], order: random.Random) -> None:
    entries = [ShardEntry(n, "host:1", active=i > 0) for i, n in enumerate(names)]
    entries.append(ShardEntry("part-of-it-", "host:1", split_of=names[-1]))
    shuffled = list(entries)
    order.shuffle(shuffled)
    one, other = Directory(1, names[0], tuple(entries)), Directory(1, names[0], tuple(shuffled))
    for device_id in DEVICES[:100]:
        assert one.candidates(device_id) == other.candidates(device_id)
        assert one.owner(device_id) == one.candidates(device_id)[0]
    assert directories.dump(one) == directories.dump(other)


@pytest.mark.parametrize("shards", [2, 5, 16, 100])
def test_shards_hold_about_the_same(shards: int) -> None:
    held = directory([f"shard-{n}" for n in range(shards)])
    count = Counter(owners(held).values())
    expected = len(DEVICES) / shards
    assert all(abs(count[e.shard] - expected) < 6 * expected**0.5 for e in held.shards)


def test_splits_of_splits_take_from_their_own_branch() -> None:
    base = ["a", "b", "c"]
    one = [*base, ShardEntry("a1", "host:1", split_of="a")]
    two = [*one, ShardEntry("a2", "host:1", split_of="a")]
    deep = [*two, ShardEntry("a1x", "host:1", split_of="a1")]
    first, second, third = (owners(directory(entries)) for entries in (one, two, deep))
    assert {to for _, to in moved(first, second)} == {"a2"}
    assert {source for source, _ in moved(first, second)} == {"a", "a1"}, "a group shares evenly"
    assert set(moved(second, third)) == {("a1", "a1x")}
    drained = directory([replace(e, active=e.shard != "a1x") for e in directory(deep).shards])
    assert owners(drained) == second, "what a split took goes back where it came from"


def test_the_parts_of_a_drained_shard_take_over_what_it_had() -> None:
    entries = (
        ShardEntry("a", "host:1", active=False),
        ShardEntry("b", "host:1"),
        ShardEntry("a1", "host:1", split_of="a"),
    )
    after = owners(Directory(2, "b", entries))
    before = owners(Directory(1, "b", (replace(entries[0], active=True), *entries[1:])))
    assert set(moved(before, after)) == {("a", "a1")}


def test_regions_keep_their_devices_to_themselves() -> None:
    entries = (
        ShardEntry("eu-1", "host:1", "eu"),
        ShardEntry("eu-2", "host:1", "eu"),
        ShardEntry("us-1", "host:1", "us"),
        ShardEntry("rest", "host:1"),
    )
    held = Directory(1, "rest", entries)
    assert set(owners(held, "eu").values()) == {"eu-1", "eu-2"}
    assert set(owners(held, "us").values()) == {"us-1"}
    assert set(owners(held, "jp").values()) == {"rest"}, "no shards of its own"
    assert set(owners(held).values()) == {"eu-1", "eu-2", "us-1", "rest"}
    for device_id in DEVICES[:50]:
        placed = held.owner(device_id, "eu")
        assert placed is not None
        assert held.owner_beside(device_id, "eu-2") == placed
        assert set(held.candidates(device_id, "eu")) == {"eu-1", "eu-2"}
        anywhere = held.owner(device_id)
        assert anywhere is not None
        assert held.owner_beside(device_id, anywhere) == anywhere, "a gateway of all regions agrees"
    assert held.owner_beside(DEVICES[0], "nobody") is None
    assert [e.shard for e in held.region("eu")] == ["eu-1", "eu-2"]


def test_where_nothing_takes_devices_they_stay() -> None:
    held = Directory(1, "a", (ShardEntry("a", "host:1", active=False),))
    assert held.owner(DEVICES[0]) is None
    assert held.candidates(DEVICES[0]) == ("a",)
    assert Directory().owner(DEVICES[0]) is None
    assert Directory().candidates(DEVICES[0]) == ()


def test_the_ranking_is_bounded() -> None:
    held = directory([f"s{n}" for n in range(50)])
    ranked = held.candidates(DEVICES[0])
    assert len(ranked) == len(set(ranked)) == MAX_CANDIDATES


def test_an_identity_follows_from_its_request() -> None:
    request_id = "3f0c1f4e-9d3c-4a55-8f43-0d1f6b0c2a11"
    assert derived_device_id(request_id) == "tv-a1795ed4ca8fa863ad32f3e0528d5d94"
    assert len(set(DEVICES)) == len(DEVICES)


BAD = [
    ({"version": -1}, "version"),
    ({"home": "z"}, "home"),
    ({"shards": ()}, "shards"),
    ({"shards": (ShardEntry("A", "h:1"),)}, "shards[0].shard"),
    ({"shards": (ShardEntry("a", ""),)}, "shards[0].target"),
    ({"shards": (ShardEntry("a", "h:1", "x y"),)}, "shards[0].region"),
    ({"shards": (ShardEntry("a", "h:1"), ShardEntry("a", "h:2"))}, "shards[1].shard"),
    ({"shards": (ShardEntry("a", "h:1", split_of="b"),)}, "shards[0].split_of"),
    ({"shards": (ShardEntry("a", "h:1", split_of="a"),)}, "shards[0].split_of"),
    (
        {"shards": (ShardEntry("a", "h:1", "eu"), ShardEntry("b", "h:1", "us", split_of="a"))},
        "shards[1].split_of",
    ),
    (
        {"shards": (ShardEntry("a", "h:1", split_of="b"), ShardEntry("b", "h:1", split_of="a"))},
        "shards[0].split_of",
    ),
    ({"shards": tuple(ShardEntry(f"s{n}", "h:1") for n in range(MAX_SHARDS + 1))}, "shards"),
]


@pytest.mark.parametrize(("changed", "field"), BAD)
def test_a_directory_out_of_bounds_names_the_field(changed: dict[str, object], field: str) -> None:
    fields: dict[str, object] = {"version": 1, "home": "a", "shards": (ShardEntry("a", "host:1"),)}
    with pytest.raises(OmegaError) as caught:
        Directory(**{**fields, **changed})  # type: ignore[arg-type]  # by name
    assert (caught.value.code, caught.value.field) == (ErrorCode.INVALID_FIELD, field)


def test_a_directory_goes_through_its_message() -> None:
    held = Directory(
        7,
        "b",
        (
            ShardEntry("a", "host:1", "eu", active=False),
            ShardEntry("a2", "host:2", "eu", split_of="a"),
            ShardEntry("b", "host:3", "us"),
        ),
    )
    assert directories.load(directories.dump(held)) == held
    assert directories.load(directories.dump(Directory())) == Directory()
    message = directories.to_proto(held)
    message.shards[0].ClearField("state")
    with pytest.raises(OmegaError) as caught:
        directories.from_proto(message)
    assert caught.value.field == "directory.shards[0].state"
    message = directories.to_proto(held)
    message.home = "z"
    with pytest.raises(OmegaError) as caught:
        directories.from_proto(message)
    assert caught.value.field == "directory.home"
