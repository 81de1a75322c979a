"""What a fleet's TVs send, as serialised requests, and what an attacker reads off them.

A sketch may leave a while after its title succeeded, which is drawn for each, and does at the next
sync, at most MOST an exchange, in random order; what does not fit waits for the next. The requests
are real ones of omega.sync.v1, and the attacker parses the bytes, so that no field is forgotten.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np

from omega.common.v1 import resource_pb2
from omega.sync.v1 import sync_service_pb2 as pb
from omega_core.limits import MAX_PUSH_SKETCHES
from omega_core.vectors import FloatArray
from omega_eval.attacks.evidence import IntArray, compact
from omega_eval.split import SplitHousehold
from omega_privacy import (
    SketchPolicy,
    class_byte,
    count_class,
    rate_class,
    split_class_byte,
    unpack_sketches,
)

MOST = 18
"""Sketches a push."""
SYNC_SECONDS = 600
"""Time between syncs of a TV."""
DELAY_HOURS = 24.0
"""Longest that a sketch waits; the shortest is a twelfth of it."""
_DAY = 86_400
_SIZE_EDGES = (100, 200, 400, 600, 800, 950, 1_000)
_PERIODS = 24


@dataclass(frozen=True, eq=False)
class Arrival:
    """One push as the server gets it."""

    household: int
    """Row in Histories. The server knows a device by its token; whose TV it is it does not."""
    second: int
    """When it came, seconds since 1970."""
    request: bytes
    """A serialised SyncRequest."""
    titles: IntArray
    """Title behind each of its sketches: for scoring only."""


@dataclass(frozen=True, eq=False)
class _Liked:
    title: int
    second: int
    classes: int


def fleet_pushes(
    households: Sequence[SplitHousehold],
    row_of: Mapping[str, int],
    model_version: str,
    sketch: Callable[[int, int], bytes],
    *,
    delay_hours: float = DELAY_HOURS,
    seed: int = 0,
) -> list[Arrival]:
    """Every push of a fleet, by the instant of arrival.

    Args:
        households: whose training events were watched.
        row_of: row of each content id that can be sketched.
        model_version: encoder of the sketches.
        sketch: 48 bytes for a household and the row of a title.
        delay_hours: longest wait; 0 = a sketch leaves at the next sync.
        seed: of the waits, the order within a push and the request ids.
    """
    found: list[Arrival] = []
    policy = SketchPolicy.default()
    for number, household in enumerate(households):
        rng = np.random.default_rng([seed, number])
        phase = int(rng.integers(SYNC_SECONDS))
        waiting: list[_Liked] = []
        due = _waiting(_liked(household, row_of, policy), delay_hours, rng)
        while due or waiting:
            first = waiting[0].second if waiting else due[0].second
            now = found[-1].second if waiting and found else first
            now = _next_sync(max(now, first), phase)
            while due and due[0].second <= now:
                waiting.append(due.pop(0))
            chosen = rng.permutation(len(waiting))[:MOST].tolist()
            taken = [waiting[place] for place in chosen]
            waiting = [each for at, each in enumerate(waiting) if at not in set(chosen)]
            sketches = [sketch(number, each.title) for each in taken]
            found.append(_arrival(number, now, taken, sketches, model_version, rng))
    return sorted(found, key=lambda each: (each.second, each.household))


def _waiting(liked: Sequence[_Liked], delay_hours: float, rng: np.random.Generator) -> list[_Liked]:
    """The same with the instant from which each may leave, by that."""
    waits = rng.uniform(delay_hours / 12, delay_hours, len(liked)) * 3_600
    later = [
        replace(each, second=each.second + int(wait))
        for each, wait in zip(liked, waits.tolist(), strict=True)
    ]
    return sorted(later, key=lambda each: each.second)


def _next_sync(second: int, phase: int) -> int:
    """The first sync strictly after an instant."""
    return ((second - phase) // SYNC_SECONDS + 1) * SYNC_SECONDS + phase


def _liked(
    household: SplitHousehold, row_of: Mapping[str, int], policy: SketchPolicy
) -> list[_Liked]:
    """Titles that qualify, by when they first did, with the classes of that instant."""
    viewings: dict[str, int] = {}
    successes: dict[str, int] = {}
    found: dict[str, _Liked] = {}
    for event in household.train:
        name = event.content_id
        if name not in row_of:
            continue
        viewings[name] = viewings.get(name, 0) + 1
        successes[name] = successes.get(name, 0) + event.success
        rate = successes[name] / viewings[name]
        if name not in found and policy.qualifies(rate, rate, policy.min_samples):
            kind = class_byte(rate_class(rate), count_class(viewings[name]))
            found[name] = _Liked(row_of[name], int(event.occurred_at.timestamp()), kind)
    return sorted(found.values(), key=lambda each: each.second)


def _arrival(
    household: int,
    second: int,
    taken: Sequence[_Liked],
    sketches: Sequence[bytes],
    model_version: str,
    rng: np.random.Generator,
) -> Arrival:
    day = second // _DAY
    request = pb.SyncRequest(
        request_id=str(uuid.UUID(bytes=rng.bytes(16), version=4)),
        model_version=model_version,
        sketches=b"".join(sketches),
        classes=bytes(each.classes for each in taken),
        # The fleet learns once a day and publishes a catalogue once a week.
        state_version=day,
        held=[
            resource_pb2.HeldResource(kind=resource_pb2.RESOURCE_KIND_CATALOGUE, version=day // 7),
            resource_pb2.HeldResource(kind=resource_pb2.RESOURCE_KIND_FACTORS, version=day),
        ],
    )
    titles = np.array([each.title for each in taken], np.int64)
    return Arrival(household, second, request.SerializeToString(), titles)


@dataclass(frozen=True, eq=False)
class Reports:
    """All sketches of a fleet, N of them, with what came beside each."""

    users: IntArray
    """(N,) household."""
    truth: IntArray
    """(N,) title: for scoring only."""
    pushes: IntArray
    """(N,) number of its push."""
    bits: FloatArray
    """(N, 384) of +-1."""
    fields: Mapping[str, IntArray]
    """(N,) classes from 0, by name."""


CARRIER = "sketches"
"""The field of a request that holds the reports themselves."""
_READ_APART = {CARRIER, "classes", "request_id", "state_version", "held"}


def read_pushes(arrivals: Sequence[Arrival]) -> Reports:
    """Parses the requests, and puts what they say into classes.

    The fields: success-rate class; sample-count class; position within the push; sketches in it;
    its size in bytes; hour of the day and day of the week of arrival; period of arrival (24 of
    equal numbers of sketches); how many-th push of its device it is; versions held (as periods);
    first digit of the request id, which is random and must tell nothing; and every further field
    of the request that there may be, value by value.
    """
    rows: list[tuple[int, ...]] = []
    bits: list[FloatArray] = []
    counted: dict[int, int] = {}
    further = [each for each in pb.SyncRequest.DESCRIPTOR.fields if each.name not in _READ_APART]
    values: dict[str, int] = {}
    for number, arrival in enumerate(arrivals):
        request = pb.SyncRequest.FromString(arrival.request)
        nth = counted.get(arrival.household, 0)
        counted[arrival.household] = nth + 1
        at = datetime.fromtimestamp(arrival.second, UTC)
        count = len(request.classes)
        shared = (
            count,
            int(np.digitize(len(arrival.request), _SIZE_EDGES)),
            at.hour,
            at.weekday(),
            arrival.second,
            min(nth, MAX_PUSH_SKETCHES),
            max((request.state_version, *(each.version for each in request.held))),
            int(request.request_id[0], 16),
            *(
                values.setdefault(f"{each.name} {getattr(request, each.name)}", len(values))
                for each in further
            ),
        )
        bits.append(unpack_sketches(request.sketches))
        for position, (title, kind) in enumerate(
            zip(arrival.titles.tolist(), request.classes, strict=True)
        ):
            own = (arrival.household, title, number, *split_class_byte(kind), position)
            rows.append((*own, *shared))
    table = np.array(rows, np.int64).T
    names = (
        "rate class",
        "count class",
        "position in the push",
        "sketches in the push",
        "request size",
        "hour of arrival",
        "day of the week",
        "period of arrival",
        "push of the device",
        "versions held",
        "request id",
        *(each.name.replace("_", " ") for each in further),
    )
    fields = dict(zip(names, table[3:], strict=True))
    for name in ("period of arrival", "versions held"):
        fields[name] = _periods(fields[name])
    found = {name: compact(values) for name, values in fields.items()}
    return Reports(table[0], table[1], table[2], np.concatenate(bits), found)


def _periods(values: IntArray) -> IntArray:
    """Classes of about equal size by rank, equal values in one."""
    ordered = np.sort(values)
    edges = ordered[np.linspace(0, len(ordered) - 1, _PERIODS + 1).astype(int)[1:-1]]
    return np.searchsorted(edges, values, side="left").astype(np.int64)
