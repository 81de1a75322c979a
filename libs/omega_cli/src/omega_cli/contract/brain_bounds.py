"""Bounds of the brain's fields: values on this side of each, and beyond."""

from __future__ import annotations

import math
import time

import numpy as np
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from omega.common.v1 import content_pb2
from omega_cli.contract.tables import Bound

TITLE = "contract:1"
"""The title that rows speak of."""
UUID = "00000000-0000-4000-8000-000000000000"
"""Names nothing."""
PROVIDER = content_pb2.Provider(
    provider_id="contract", name="Contract", availability=content_pb2.AVAILABILITY_FREE
)
_NAN, _INF = math.nan, math.inf
_SHARE = ((0.0, 1.0), (-0.1, 1.1, _NAN, _INF))
_BROKEN = Timestamp(seconds=253_402_300_800)
"""A second after the last one that a Timestamp can tell."""
_YEAR_2000 = 946_684_800


def identifier(
    field: str, longest: int, *, good: tuple[str, ...] = (), empty: bool = False
) -> Bound:
    """1 to `longest` characters of [A-Za-z0-9._:-]; `empty`: or none."""
    bad = ("x" * (longest + 1), "a b", "é", *(() if empty else ("",)))
    return Bound(field, (*good, *(("",) if empty else ())), bad)


def items(field: str, most: int, good: object, bad: tuple[object, ...]) -> tuple[Bound, ...]:
    """At most so many items, each within bounds of its own."""
    return (
        Bound(field, ([good] * most,), ([good] * (most + 1),)),
        Bound(field, (), tuple([each] for each in bad), f"{field}[0]"),
    )


CONTEXT = (
    Bound("context.time_of_day", (0, 4), (5, -1)),
    Bound("context.day_type", (0, 3), (4, -1)),
    Bound("context.audience", (0, 4), (5, -1)),
    Bound("context.mood", (0, 4), (5, -1)),
    Bound("context.device_kind", (0, 4), (5, -1)),
)
"""Of a ViewingContext."""
_OF_LISTS = (
    Bound("limit", (0, 1, 100), (101, 4_294_967_295)),
    *CONTEXT,
    *items("content_ids", 1_000, TITLE, ("", "x" * 129, "a b")),
    *items("available_services", 64, "x" * 64, ("", "x" * 65, "a b")),
    Bound("kinds", ([1, 2, 3],), ([1] * 4,)),
    Bound("kinds", (), ([0], [9]), "kinds[0]"),
    Bound("query_text", ("", "x" * 256), ("x" * 257, "a\x00b")),
    identifier("profile_id", 64, empty=True),
    Bound("availabilities", ([1, 2, 3, 4],), ([1] * 5,)),
    Bound("availabilities", (), ([0], [9]), "availabilities[0]"),
    *items("exclude_content_ids", 1_000, "x" * 128, ("", "x" * 129, "a b")),
    *items("exclude_genres", 16, "x" * 64, ("", "x" * 65)),
    Bound("diversity", *_SHARE),
)


def lists(profile: str) -> tuple[Bound, ...]:
    """Of a list that is asked for or watched."""
    return (*_OF_LISTS, *items("company_profile_ids", 7, profile, ("", "x" * 65, "a b")))


PAGES = (
    Bound("offset", (0, 1_000), (1_001,)),
    Bound("cursor", ("",), ("mine", UUID.replace("0", "G"))),
)
"""Of a list that is asked for alone."""
WATCHED = (
    Bound("list.offset", (0,), (1,)),
    Bound("list.cursor", ("",), (UUID, "mine")),
    Bound(
        "least_interval",
        (Duration(), Duration(seconds=3_600)),
        (Duration(seconds=3_600, nanos=1), Duration(seconds=3_601), Duration(seconds=-1)),
    ),
)
"""Of a list that is watched alone."""
EVENT = (
    identifier("event_id", 64),
    identifier("content_id", 128),
    Bound("watch_percentage", *_SHARE),
    Bound("engagement_score", *_SHARE),
    Bound("session_id", ("", "x" * 64), ("x" * 65, "a\x00b")),
    Bound("recommendation_id", ("", UUID), ("mine",)),
    *CONTEXT,
    Bound("action", (0, 8), (9, -1)),
    Bound("watch_seconds", (0, 86_400), (86_401,)),
    Bound("interaction_count", (0, 10_000), (10_001,)),
    Bound("source", (0, 5), (6, -1)),
    # Empty would be the household as a whole, whose events no call takes back one by one.
    Bound("profile_id", (), ("x" * 65, "a b", "é")),
    Bound("verdict", (0, 2), (3, -1)),
)
"""Of an event, its instant apart."""


def instants() -> tuple[Bound, ...]:
    """Of an event's instant, by this machine's clock."""
    now = int(time.time())
    good = (Timestamp(seconds=_YEAR_2000), Timestamp(seconds=now), Timestamp(seconds=now + 120))
    bad = (Timestamp(seconds=_YEAR_2000 - 1), Timestamp(seconds=now + 86_400), _BROKEN)
    return (Bound("occurred_at", good, bad),)


_VECTOR = np.ones(384, "<f4")
MEMORY = (
    Bound("query_text", ("", "x" * 256), ("x" * 257, "a\x00b")),
    Bound("tier", (0, 12), (13, -1)),
    Bound("tiers", ([*range(1, 13)],), ([1] * 13,)),
    Bound("tiers", (), ([0], [13]), "tiers[0]"),
    Bound("limit", (0, 1, 100), (101,)),
    Bound("min_similarity", (-1.0, 1.0), (-1.1, 1.1, _NAN)),
    Bound("min_importance", *_SHARE),
    Bound("created_from", (Timestamp(),), (_BROKEN,)),
    Bound("created_before", (Timestamp(),), (_BROKEN,)),
    Bound(
        "metadata",
        ({str(i): "" for i in range(8)}, {"k" * 64: "v" * 128}),
        ({str(i): "" for i in range(9)}, {"": ""}, {"k" * 65: ""}),
    ),
    Bound("metadata", (), ({"k": "v" * 129},), "metadata[k]"),
    Bound(
        "embedding",
        (b"", _VECTOR.tobytes()),
        (
            _VECTOR[1:].tobytes(),
            _VECTOR.tobytes() + b"\0",
            bytes(1_536),
            np.full(384, _NAN, "<f4").tobytes(),
        ),
    ),
    identifier("profile_id", 64, empty=True),
)
"""Of a question to the memory."""
CONTENT = (
    identifier("content_id", 128, good=("contract:" + "x" * 119,)),
    Bound("title", ("x", "x" * 300), ("", "x" * 301, "a\x00b")),
    Bound("kind", (1, 3), (0, 9)),
    *items("genres", 16, "x" * 64, ("", "x" * 65)),
    Bound("year", (0, 1_870, 2_200), (1, 1_869, 2_201)),
    Bound("country", ("", "x" * 64), ("x" * 65,)),
    Bound("description", ("", "x" * 2_000), ("x" * 2_001,)),
    Bound("providers", ([PROVIDER] * 32,), ([PROVIDER] * 33,)),
    identifier("providers[0].provider_id", 64, good=("x" * 64,)),
    Bound("providers[0].name", ("x", "x" * 128), ("", "x" * 129)),
    Bound("providers[0].availability", (1, 4), (0, 9)),
    Bound("minimum_age", (0, 21), (22,)),
)
"""Of a title, which has one provider."""
PROFILE = (
    identifier("profile.profile_id", 64),
    Bound("profile.name", ("x", "x" * 64), ("", "x" * 65)),
    Bound("profile.max_age_rating", (0, 21), (22,)),
    *items("profile.blocked_genres", 64, "x" * 64, ("", "x" * 65)),
)
"""Of a profile."""
