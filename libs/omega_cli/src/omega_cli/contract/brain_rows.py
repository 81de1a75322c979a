"""Rows of a brain that no table gives: what is not there, what is done twice, and streams."""

from __future__ import annotations

import math
import uuid
from collections.abc import Iterator

from omega.brain.v1 import brain_service_pb2 as pb
from omega_cli.contract.brain_bounds import TITLE, UUID
from omega_cli.contract.brain_words import NOBODY, TITLES, UNKNOWN, Words, title, titles
from omega_cli.contract.rows import (
    FRESH,
    OK,
    How,
    Kept,
    Outcome,
    Row,
    Wanted,
    has,
    names,
    not_found,
    refused,
)

_MOST_WATCHERS = 64
_MOST_PROFILES = 16
_LISTED = "recommendations.content_id"


def beginning(words: Words) -> Iterator[Row]:
    """Stores what later rows speak of."""
    yield Row("UpsertContents", "titles of the suite", (titles(),), check=_stored)
    yield Row("PutProfile", "a profile of the suite", (words.put(),), check=has(added=True))


def special(words: Words) -> Iterator[Row]:
    """The rows, a method after the other."""
    yield from _lists(words)
    yield from _watched(words)
    yield from _events(words)
    yield Row(
        "QueryMemory",
        "an unknown profile",
        (pb.QueryMemoryRequest(profile_id=NOBODY),),
        not_found("profile_id"),
    )
    new = f"contract:{words.run}"
    yield Row(
        "UpsertContents",
        "a batch with one title at fault",
        (pb.UpsertContentsRequest(contents=[title(new), title("contract:2", title="")]),),
        refused("contents[1].title"),
    )
    yield Row(
        "UpsertContents", "contents = none", (pb.UpsertContentsRequest(),), refused("contents")
    )
    yield Row("UpsertContents", "contents = 500 titles", (titles(*[TITLE] * 500),))
    yield Row(
        "UpsertContents", "contents = 501 titles", (titles(*[TITLE] * 501),), refused("contents")
    )
    yield Row(
        "GetRecommendations",
        "nothing of a batch with a title at fault was stored",
        (words.list(content_ids=[new]),),
        not_found("content_ids[0]"),
    )
    yield Row(
        "PutProfile", "a profile once more", (words.put(),), check=has(added=False)
    )  # what the table made of it is undone
    yield Row(
        "ListProfiles",
        "the suite's is among them",
        (pb.ListProfilesRequest(),),
        check=names("profiles.profile_id", "it is not", lambda ids: words.profile in ids),
    )


def ending(words: Words) -> Iterator[Row]:
    """Rows that erase and change, and those that take back what the suite left."""
    others = range(1, _MOST_PROFILES)
    for number in others:
        yield Row("PutProfile", f"profile {number + 1} of 16", (words.put(number),), needs=FRESH)
    yield Row(
        "PutProfile",
        "a profile above 16",
        (words.put(_MOST_PROFILES),),
        refused("profile"),
        needs=FRESH,
    )
    for number in others:
        name = words.put(number).profile.profile_id
        yield Row(
            "DeleteProfile",
            f"profile {number + 1} of 16",
            (pb.DeleteProfileRequest(profile_id=name),),
            needs=FRESH,
        )
    gone = pb.DeleteProfileRequest(profile_id=words.profile)
    yield Row("DeleteProfile", "the profile of the suite", (gone,))
    yield Row("DeleteProfile", "the same once more", (gone,), not_found("profile_id"))
    yield from _consent()
    erase = pb.ClearDataRequest(request_id=str(uuid.uuid4()))
    for case in ("a household is erased", "the same once more"):
        yield Row("ClearData", case, (erase,), check=has(remaining=0), needs=FRESH)


def _lists(words: Words) -> Iterator[Row]:
    rpc = "GetRecommendations"
    yield Row(
        rpc,
        "at most limit",
        (words.list(limit=1),),
        check=names(_LISTED, "more than limit", lambda ids: len(ids) <= 1),
    )
    asked = words.list(content_ids=TITLES, exclude_content_ids=[TITLE])
    yield Row(
        rpc,
        "a title that is excluded",
        (asked,),
        check=names(_LISTED, "it is shown", lambda ids: TITLE not in ids),
    )
    absent = words.list(content_ids=[TITLE, UNKNOWN])
    yield Row(rpc, "an unknown title", (absent,), not_found("content_ids[1]"))
    yield Row(rpc, "an unknown profile", (words.list(profile_id=NOBODY),), not_found("profile_id"))
    company = words.list(company_profile_ids=[NOBODY])
    yield Row(rpc, "unknown company", (company,), not_found("company_profile_ids[0]"))
    yield Row(rpc, "a cursor that is not kept", (words.list(cursor=UUID),), not_found("cursor"))
    both = words.list(cursor=UUID, offset=1)
    yield Row(rpc, "an offset with a cursor", (both,), refused("offset"))


def _watched(words: Words) -> Iterator[Row]:
    rpc, sent = "WatchRecommendations", (words.watch(),)
    absent = words.watch(content_ids=[UNKNOWN])
    yield Row(rpc, "an unknown title", (absent,), not_found("content_ids[0]"))
    yield Row(rpc, "an unknown profile", (words.watch(profile_id=NOBODY),), not_found("profile_id"))
    yield Row(rpc, "the first list has number 1", sent, how=How(take=1), check=has(number=1))
    yield Row(
        rpc,
        "a stream ends with its deadline",
        sent,
        Wanted("DEADLINE_EXCEEDED"),
        How(deadline=None, told="500m"),
    )
    yield Row(
        rpc,
        "more watchers than it has seats",
        sent,
        Wanted("RESOURCE_EXHAUSTED", "", "OVERLOADED"),
        How(take=1, together=_MOST_WATCHERS + 1),
    )
    yield Row(rpc, "after they have hung up", sent, OK, How(take=1))


def _events(words: Words) -> Iterator[Row]:
    sent = (words.event("once", engagement_score=1.0),)
    yield Row("ObserveEvent", "an event", sent, check=has(reward=0.65, duplicate=False))
    yield Row("ObserveEvent", "the same once more", sent, check=has(duplicate=True))
    absent = words.event("absent", content_id=UNKNOWN)
    yield Row("ObserveEvent", "an unknown title", (absent,), not_found("content_id"))
    nobody = words.event("nobody", profile_id=NOBODY)
    yield Row("ObserveEvent", "an unknown profile", (nobody,), not_found("profile_id"))
    stream = [
        pb.ObserveEventsRequest(event=event)
        for event in (
            words.event("many"),
            words.event("once"),
            words.event("late", watch_percentage=math.nan),
            absent,
        )
    ]
    yield Row(
        "ObserveEvents",
        "one new, one known, two at fault",
        stream,
        check=has(recorded=1, duplicates=1, refused=2),
    )
    yield Row(
        "ObserveEvents", "no event at all", (), check=has(recorded=0, duplicates=0, refused=0)
    )


def _consent() -> Iterator[Row]:
    rpc = "SetSyncOptions"
    yield Row(rpc, "what holds now", (pb.SetSyncOptionsRequest(),), keep="options")
    no = pb.SetSyncOptionsRequest(consent=False, metered=True)
    yield Row(
        rpc, "consent is taken back", (no,), check=has(consent=False, metered=True), needs=FRESH
    )
    yield Row(
        "SyncNow",
        "without consent",
        (pb.SyncNowRequest(),),
        Wanted("FAILED_PRECONDITION"),
        needs=FRESH,
    )
    yield Row(rpc, "as it was", (), made=_as_it_was, needs=FRESH)


def _as_it_was(kept: Kept) -> tuple[pb.SetSyncOptionsRequest]:
    options = kept["options"]
    return (pb.SetSyncOptionsRequest(consent=options.consent, metered=options.metered),)


def _stored(found: Outcome) -> str:
    answer = found.answers[0]
    stored: int = answer.added + answer.updated + answer.unchanged
    return "" if stored == len(TITLES) else f"{stored} titles are counted, not {len(TITLES)}"
