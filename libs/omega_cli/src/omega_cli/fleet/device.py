"""One TV of the fleet simulator: a state machine without a clock, a network or a brain.

It says when it wants to act and what it asks, and is told what came of it. What it does follows the
brain: its schedule (docs/adr/0040), its outbox (docs/adr/0018), its credentials, its downloads.
"""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

import numpy as np
from cryptography.hazmat.primitives.asymmetric import ed25519

from omega.common.v1 import resource_pb2
from omega.sync.v1 import sync_service_pb2 as pb
from omega_cli.fleet.homes import HOUR, Home, HomeDay, Homes, Standby, succeeded
from omega_core.errors import ErrorCode
from omega_core.vectors import FloatArray
from omega_delta import most_sketches
from omega_privacy import SketchPolicy
from omega_privacy.classes import class_byte, count_class, rate_class
from omega_privacy.secure import draw_delay
from omega_privacy.sketch import draw_noise, make_sketch
from omega_rpc.device_keys import DeviceKey

CATALOGUE = resource_pb2.ResourceKind.RESOURCE_KIND_CATALOGUE
FACTORS = resource_pb2.ResourceKind.RESOURCE_KIND_FACTORS
CODEBOOK = resource_pb2.ResourceKind.RESOURCE_KIND_CODEBOOK
KINDS = (CODEBOOK, CATALOGUE, FACTORS)
"""Resources in the order in which a TV fetches them."""

_PERIODS = {CODEBOOK: 6 * HOUR, CATALOGUE: 6 * HOUR, FACTORS: 24 * HOUR}
_MEAN = 600.0
_CAP = 6
_LEAST = 1.0
_DAY_SECONDS = 86_400.0
_RENEW_AT = 2 / 3
_LONGEST_DELAY = timedelta(hours=24)
_GOLDEN = 0.6180339887498949  # multiples of it lie evenly in [0, 1)


@dataclass(frozen=True)
class Setting:
    """What all TVs share."""

    homes: Homes
    """How their households live."""
    embeddings: FloatArray
    """Centred unit vectors of the titles, float32 (n, 384), in the order of the world's titles."""
    model_version: str
    """Encoder of them."""
    policy: SketchPolicy
    """What leaves a TV."""
    app_version: str
    """Told at registration."""


class Waiting(NamedTuple):
    """A sketch on its way out."""

    release_at: float
    """Seconds since 1970 from which it may leave."""
    sketch: bytes
    """48 bytes, its noise already in it."""
    classes: int
    """Class byte."""


class Push(NamedTuple):
    """What is sent until it is acknowledged, under one request id."""

    request_id: uuid.UUID
    """The idempotency key."""
    sketches: bytes
    """48 bytes each."""
    classes: bytes
    """One each."""


class Device:
    """A TV. All instants are seconds since 1970 by true time, whatever its own clock says.

    Args:
        number: of its household, from 0.
        setting: what all share.
    """

    __slots__ = (
        "_private",
        "_register_id",
        "coded",
        "day",
        "device_id",
        "events",
        "failures",
        "held",
        "home",
        "last_success",
        "next_at",
        "number",
        "poisoned",
        "push",
        "renew",
        "reported",
        "setting",
        "skew",
        "state_version",
        "taken_at",
        "token",
        "token_since",
        "token_until",
        "waiting",
    )

    def __init__(self, number: int, setting: Setting) -> None:
        self.number = number
        self.setting = setting
        self.home: Home = setting.homes.home(number)
        self._private = ed25519.Ed25519PrivateKey.generate()
        self._register_id = uuid.uuid4().bytes
        self.device_id = ""
        self.token = ""
        self.token_since = self.token_until = 0.0
        self.renew = False
        """Whether the fleet did not take the credentials."""
        self.day: HomeDay | None = None
        self.events = 0
        """Viewings so far."""
        self.reported: bytes = b""
        """Rows of the titles whose sketches were made, two bytes each."""
        self.waiting: tuple[Waiting, ...] = ()
        self.push: Push | None = None
        self.state_version = 0
        self.coded = False
        """Whether the state is held under the codebook."""
        self.held = (0,) * len(KINDS)
        """Versions of KINDS."""
        self.taken_at = (0.0,) * len(KINDS)
        self.failures = 0
        self.next_at = 0.0
        """When it acts next."""
        self.last_success = 0.0
        self.skew = 0.0
        """Seconds by which its clock is ahead."""
        self.poisoned = False
        """Whether it sends sketches of one title, without noise, as often as it may."""

    @property
    def key(self) -> DeviceKey:
        """Its key, on Ed25519: a fifth of the memory of one on P-256.

        What others know it by is reckoned at each use: kept, it would take more than all else.
        """
        return DeviceKey(self._private)

    # What it asks

    def must_register(self, now: float) -> bool:
        """Whether it needs credentials before anything else, or fresh ones."""
        lasted = self.token_until - self.token_since
        return not self.token or self.renew or now >= self.token_since + lasted * _RENEW_AT

    def registration(self) -> pb.RegisterDeviceRequest:
        """Asks for an identity, or for the same one with a fresh token."""
        return pb.RegisterDeviceRequest(
            request_id=str(uuid.UUID(bytes=self._register_id)),
            platform="simulated",
            app_version=self.setting.app_version,
            region=self.home.region,
        )

    def request(self, now: float) -> pb.SyncRequest:
        """The exchange that is due, with the open push or a new one."""
        push = self._next_push(now)
        setting = self.setting
        codebook = self.held[0]
        return pb.SyncRequest(
            request_id=str(push.request_id if push else uuid.uuid4()),
            model_version=setting.model_version,
            sketches=push.sketches if push else b"",
            classes=push.classes if push else b"",
            sigma_hundredths=setting.policy.sigma_hundredths if push else 0,
            # A state that is held in another form is of no use as a base.
            state_version=self.state_version if self.coded == bool(codebook) else 0,
            codec=resource_pb2.CODEC_TRANSFORM if codebook else resource_pb2.CODEC_U8_ZSTD,
            held=[
                resource_pb2.HeldResource(kind=kind, version=version)
                for kind, version in zip(KINDS, self.held, strict=True)
                if version
            ],
        )

    def wanted(
        self, announced: list[resource_pb2.ResourceInfo], now: float
    ) -> list[resource_pb2.ResourceInfo]:
        """What it fetches of what is announced: the first at once, newer ones in its turn."""
        found = {info.kind: info for info in announced}
        wanted = []
        for place, kind in enumerate(KINDS):
            info = found.get(kind)
            if info is not None and info.version > self.held[place] and self._turn(place, now):
                wanted.append(info)
        return wanted

    # What it is told

    def registered(self, answer: pb.RegisterDeviceResponse, now: float) -> None:
        """It has an identity and a token."""
        self.device_id, self.token = answer.device_id, answer.auth_token
        self.token_since = now
        self.token_until = answer.token_expires_at.seconds
        self.renew = False

    def exchanged(self, answer: pb.SyncResponse, now: float) -> Push | None:
        """The exchange went well; the push that is acknowledged by it."""
        sent, self.push = self.push, None
        self.failures = 0
        self.last_success = now
        self._plan(now, _seconds(answer))
        return sent

    def fetched(self, info: resource_pb2.ResourceInfo, now: float) -> None:
        """It holds a resource."""
        place = KINDS.index(info.kind)
        self.held = (*self.held[:place], info.version, *self.held[place + 1 :])
        self.taken_at = (*self.taken_at[:place], now, *self.taken_at[place + 1 :])

    def failed(self, reason: str, field: str, asked: float, now: float) -> None:
        """The turn failed: it waits with full jitter, after what the refusal asked for."""
        self.failures += 1
        if reason == ErrorCode.UNAUTHENTICATED and field != "dpop":
            self.renew = True
        if reason == ErrorCode.REVOKED:
            asked = _DAY_SECONDS
        top = _MEAN * min(2 ** min(self.failures - 1, 10), _CAP)
        self._plan(now, asked + random.uniform(0.0, top))  # noqa: S311 - no secret

    # How it lives

    def reachable(self, begin: float, end: float) -> float:
        """Seconds between two instants of its present day in which it is on."""
        if self.day is None:
            return 0.0
        edges = self.day.on
        return sum(
            max(min(edges[i + 1], end) - max(edges[i], begin), 0.0) for i in range(0, len(edges), 2)
        )

    def is_on(self, now: float) -> bool:
        """Whether somebody has switched it on."""
        return self.reachable(now, now + _LEAST) > 0

    def begin(self, now: float) -> None:
        """Its household begins to live with it."""
        self.day = self.setting.homes.day(self.number, self.home, now)
        # Those that came out of the box together do not sync together.
        self._plan(now, random.uniform(0.0, _MEAN))  # noqa: S311 - no secret

    def _plan(self, now: float, wait: float) -> None:
        """Sets next_at: after so many seconds of being on, or when it wakes from standby."""
        if self.day is None:
            self.next_at = now + wait
            return
        left, at = max(wait, _LEAST), now
        for _ in range(366):
            found = _due(self.day, at, left, self._wakes())
            if isinstance(found, float):
                break
            left = found.left
            self._live(self.day.ends)
            at = self.day.ends
            self.day = self.setting.homes.day(self.number, self.home, at)
        else:
            found = at
        self.next_at = max(found, now + _LEAST)

    def _wakes(self) -> Wakes | None:
        """When it wakes in standby, at a time of its own; None = it does not."""
        if self.home.standby is not Standby.NETWORKED:
            return None
        period = self.setting.homes.habits.wake_minutes * 60
        return Wakes(period, period * (self.number * _GOLDEN % 1.0))

    def _live(self, until: float) -> None:
        """Takes up what was watched of the present day, and makes sketches of what was liked."""
        day = self.day
        if day is None:
            return
        while day.viewings and day.viewings[0] <= until:
            ended, row, share = day.viewings[:3]
            del day.viewings[:3]
            self.events += 1
            self._liked(ended, int(row), share)

    def _liked(self, ended: float, row: int, share: float) -> None:
        policy, known = self.setting.policy, row.to_bytes(2, "little")
        told = (self.reported[i : i + 2] for i in range(0, len(self.reported), 2))
        if not succeeded(share) or not policy.qualifies(1.0, 1.0, self.events) or known in told:
            return
        self.reported += known
        sketch = make_sketch(self.setting.embeddings[row], draw_noise(), policy)
        release = ended + draw_delay(_LONGEST_DELAY).total_seconds()
        classes = class_byte(rate_class(1.0), count_class(1))
        self.waiting = (*self.waiting, Waiting(release, sketch, classes))

    def _next_push(self, now: float) -> Push | None:
        """The open push, unchanged since its first attempt, or a new one of what is due."""
        self._live(now)
        if self.push is not None:
            return self.push
        most = most_sketches(self.setting.model_version)
        if self.poisoned:
            target = np.packbits(self.setting.embeddings[0] >= 0).tobytes()
            self.push = Push(uuid.uuid4(), target * most, bytes([31] * most))
            return self.push
        due = [each for each in self.waiting if each.release_at <= now][:most]
        if not due:
            return None
        self.waiting = tuple(each for each in self.waiting if each not in due)
        random.SystemRandom().shuffle(due)
        self.push = Push(
            uuid.uuid4(),
            b"".join(each.sketch for each in due),
            bytes(each.classes for each in due),
        )
        return self.push

    def _turn(self, place: int, now: float) -> bool:
        """Whether this is its own time of the period (omega_brain.resource_times)."""
        if not self.held[place]:
            return True
        period, taken = _PERIODS[KINDS[place]], self.taken_at[place]
        offset = period * (int(self.device_id[3:19], 16) / 2**64)
        own = now - (now - offset) % period
        return taken < own and now - taken >= period / 2


class Wakes(NamedTuple):
    """Instants at which a TV in networked standby wakes."""

    period: float
    """Seconds between two."""
    phase: float
    """Seconds of the first one after the beginning of 1970."""

    def after(self, at: float) -> float:
        """The first one after an instant."""
        return at + self.period - (at - self.phase) % self.period


class _Left(NamedTuple):
    """A day ended before a wait."""

    left: float


def _due(day: HomeDay, at: float, left: float, wakes: Wakes | None) -> float | _Left:
    """When a TV acts that is to act after `left` seconds of being on, or when it wakes before.

    Args:
        day: its day.
        at: from when on, within the day.
        left: seconds.
        wakes: when it wakes in standby; None = never.
    """
    for place in range(0, len(day.on), 2):
        begin, end = day.on[place], day.on[place + 1]
        if wakes and at < begin and (woken := wakes.after(at)) < begin:
            return woken
        if at < end:
            start = max(at, begin)
            if start + left <= end:
                return start + left
            left -= end - start
            at = end
    if wakes and (woken := wakes.after(at)) < day.ends:
        return woken
    return _Left(left)


def _seconds(answer: pb.SyncResponse) -> float:
    return answer.retry_after.seconds + answer.retry_after.nanos / 1e9
