"""Which shard a device belongs to: rendezvous hashing over a versioned directory.

Each shard scores each device by a hash of both names, and the highest score has it (highest random
weight: Thaler & Ravishankar, Using name-based mappings to increase hit rates, 1998). Whoever holds
the same directory comes to the same shard, and a shard more or less moves its own share only.

A shard that was split from another competes within the group of that one only: the group is scored
by the name of the shard that stands at its head, and who of the group has the device is drawn
anew, by other hashes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from omega_core import limits, validate
from omega_core.errors import invalid

MAX_SHARDS = 1_000
"""Most shards of a directory."""
MAX_CANDIDATES = 8
"""Shards that are asked for a device before it counts as unknown."""
_NAME = re.compile(r"[a-z0-9-]{1,63}\Z")
_DOMAIN = b"omega.registration.v1\0"
_MAX_TARGET = 255
# Domains of hashes that no name of a shard can be.
_REGIONS, _SHARDS = "/regions", "/shards"


def shard_name(name: str, value: str) -> str:
    """Holds the name of a shard to 1 to 63 characters of [a-z0-9-]; `name` is the field's.

    Raises:
        OmegaError: INVALID_FIELD.
    """
    if not _NAME.match(value):
        raise invalid(name, "1 to 63 characters of [a-z0-9-]")
    return value


def derived_device_id(request_id: str) -> str:
    """The identity that a registration makes: every gateway draws the same one.

    Args:
        request_id: a UUID of 36 characters, the registration's.

    Returns:
        `tv-` and the first 32 hexadecimal digits of SHA-256 over a domain tag and the request_id.
    """
    return f"tv-{hashlib.sha256(_DOMAIN + request_id.encode()).hexdigest()[:32]}"


@dataclass(frozen=True)
class ShardEntry:
    """One shard."""

    shard: str
    """Its name, 1 to 63 characters of [a-z0-9-]."""
    target: str
    """HOST:PORT of its constellation, 1 to 255 characters."""
    region: str = ""
    """Region whose gateways place devices here, at most 16 characters of [A-Za-z0-9-]; empty = one
    for all."""
    active: bool = True
    """Whether it takes devices; False = it gives those that it has to the others."""
    split_of: str = ""
    """Shard of the same region whose devices it shares; empty = it takes a share of all."""


@dataclass(frozen=True)
class Directory:
    """The shards of a fleet.

    Raises:
        OmegaError: INVALID_FIELD that names the field, such as "shards[3].split_of".
    """

    version: int = 0
    """From 1, one higher at each change; 0 = there is none, and the shard is alone."""
    home: str = ""
    """Shard that holds what is one for the fleet; empty with version 0."""
    shards: tuple[ShardEntry, ...] = ()
    """At most 1,000, in any order."""
    _by_name: dict[str, ShardEntry] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        validate.integer("version", self.version, 0, limits.MAX_VERSION)
        validate.count("shards", self.shards, MAX_SHARDS, 1 if self.version else 0)
        by_name: dict[str, ShardEntry] = {}
        for i, entry in enumerate(self.shards):
            _check(f"shards[{i}]", entry)
            if by_name.setdefault(entry.shard, entry) is not entry:
                raise invalid(f"shards[{i}].shard", "named once in a directory")
        object.__setattr__(self, "_by_name", by_name)
        for i, entry in enumerate(self.shards):
            self._check_split(f"shards[{i}].split_of", entry)
        if self.version and self.home not in by_name:
            raise invalid("home", "the name of one of the shards")

    def find(self, shard: str) -> ShardEntry | None:
        """The entry of a shard; None = there is none of that name."""
        return self._by_name.get(shard)

    def owner(self, device_id: str, region: str = "") -> str | None:
        """The shard that a gateway of a region places a device in; None = no shard takes it.

        A region without shards of its own uses those that are for all. A gateway without a region
        draws the device's region first, each with the same share.
        """
        return next(self._owners(self._region_of(device_id, region), device_id), None)

    def owner_beside(self, device_id: str, shard: str) -> str | None:
        """The shard that a device belongs to which is in `shard`: one of the same region.

        None = no shard of the region takes devices, or the directory does not name `shard`: it
        stays where it is.
        """
        entry = self.find(shard)
        return None if entry is None else next(self._owners(entry.region, device_id), None)

    def candidates(self, device_id: str, region: str = "") -> tuple[str, ...]:
        """Shards of a region in the order in which to look for a device, the owner first.

        Behind the owner come the shards that would own it if they took devices, or if those before
        them were not there: a device that is yet to move is in one of the first of them. At most 8.
        """
        place = self._region_of(device_id, region)
        ranked = dict.fromkeys(self._owners(place, device_id))
        for head in self._ranked_heads(place, device_id):
            ranked.update(dict.fromkeys(self._within(head, device_id, active=False)))
        return tuple(ranked)[:MAX_CANDIDATES]

    def region(self, region: str = "") -> tuple[ShardEntry, ...]:
        """Shards among which a gateway of a region places devices, by ascending name."""
        if not region:
            return tuple(sorted(self.shards, key=lambda entry: entry.shard))
        own = [entry for entry in self.shards if entry.region == region]
        shared = [entry for entry in self.shards if not entry.region]
        return tuple(sorted(own or shared, key=lambda entry: entry.shard))

    def _region_of(self, device_id: str, region: str) -> str:
        """The region of shards that a gateway's region means for a device."""
        if region:
            return region if region in self._heads else ""
        takers = [place for place, heads in self._heads.items() if any(map(self._takes, heads))]
        places = takers or list(self._heads)
        return max(places, key=lambda place: _score(device_id, _REGIONS, place), default="")

    def _owners(self, region: str, device_id: str) -> Iterator[str]:
        """The one owner, if any."""
        for head in self._ranked_heads(region, device_id):
            if self._takes(head):
                yield next(self._within(head, device_id, active=True))
                return

    def _ranked_heads(self, region: str, device_id: str) -> list[str]:
        heads = self._heads.get(region, ())
        if len(heads) == 1:
            return list(heads)
        return sorted(heads, key=lambda head: _score(device_id, _SHARDS, head), reverse=True)

    def _within(self, head: str, device_id: str, *, active: bool) -> Iterator[str]:
        """Shards of a group, the one that has the device first; `active`: of those that take."""
        parts = self._parts.get(head)
        if parts is None:
            if not active or self._by_name[head].active:
                yield head
            return
        # Scores of other names than those that chose the group: within it they would not be even.
        for part in sorted(
            (head, *parts), key=lambda part: _score(device_id, head, part), reverse=True
        ):
            if part != head:
                yield from self._within(part, device_id, active=active)
            elif not active or self._by_name[head].active:
                yield head

    def _takes(self, head: str) -> bool:
        """Whether any shard of a group takes devices."""
        return head in self._taking

    @cached_property
    def _heads(self) -> dict[str, tuple[str, ...]]:
        """Region -> the shards that were split from none."""
        found: dict[str, list[str]] = {}
        for entry in self.shards:
            if not entry.split_of:
                found.setdefault(entry.region, []).append(entry.shard)
        return {region: tuple(heads) for region, heads in found.items()}

    @cached_property
    def _parts(self) -> dict[str, tuple[str, ...]]:
        """Shard -> those that were split from it."""
        found: dict[str, list[str]] = {}
        for entry in self.shards:
            if entry.split_of:
                found.setdefault(entry.split_of, []).append(entry.shard)
        return {shard: tuple(parts) for shard, parts in found.items()}

    @cached_property
    def _taking(self) -> frozenset[str]:
        """Shards that take devices, and those that such a one was split from."""
        found: set[str] = set()
        for entry in self.shards:
            at: ShardEntry | None = entry if entry.active else None
            while at is not None and at.shard not in found:
                found.add(at.shard)
                at = self.find(at.split_of)
        return frozenset(found)

    def _check_split(self, name: str, entry: ShardEntry) -> None:
        seen = {entry.shard}
        at = entry
        while at.split_of:
            above = self.find(at.split_of)
            if above is None or above.region != entry.region:
                raise invalid(name, "empty, or the name of another shard of the same region")
            if above.shard in seen:
                raise invalid(name, "free of circles")
            seen.add(above.shard)
            at = above


def _check(name: str, entry: ShardEntry) -> None:
    shard_name(f"{name}.shard", entry.shard)
    validate.region(f"{name}.region", entry.region)
    validate.text(f"{name}.target", entry.target, _MAX_TARGET, 1)
    if entry.split_of:
        shard_name(f"{name}.split_of", entry.split_of)


def _score(device_id: str, domain: str, name: str) -> int:
    """64 bits of BLAKE2b: the same on every machine. What is drawn in a group has its own domain.

    No domain and no name holds the zero byte that separates them.
    """
    text = f"{device_id}\0{domain}\0{name}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest())
