"""What is asked of a brain: omega.brain.v1.BrainService."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from omega.brain.v1 import brain_service_pb2 as pb
from omega_cli.contract import brain_bounds as table
from omega_cli.contract import brain_rows
from omega_cli.contract.brain_words import NOBODY, Words, titles
from omega_cli.contract.calls import Line
from omega_cli.contract.rows import FRESH, How, Row, Wanted, not_found, refused
from omega_cli.contract.suite import Suite
from omega_cli.contract.tables import Sound, bounds, changed, every_method

SERVICE = pb.DESCRIPTOR.services_by_name["BrainService"]
LEAVES = (
    "Leaves behind: titles whose ids begin with contract:, which no call takes back. All else goes"
    " into a profile that is deleted at the end. On a brain without events and profiles consent is"
    " also taken back and given again, and at the end ClearData erases the household; on any other"
    " these rows are left out."
)
"""For the command's help."""
_DISK = "the disk of the brain would have to be full"
UNPROVOKED = {
    ("ObserveEvent", "RESOURCE_EXHAUSTED"): _DISK,
    ("ObserveEvents", "RESOURCE_EXHAUSTED"): _DISK,
    ("PutProfile", "RESOURCE_EXHAUSTED"): _DISK,
    ("ClearData", "RESOURCE_EXHAUSTED"): _DISK,
    ("SetSyncOptions", "RESOURCE_EXHAUSTED"): _DISK,
    ("SyncNow", "UNAVAILABLE"): "the fleet that the brain is set up with would have to be down",
}
"""Statuses that gRPC's own bounds give besides are not meant."""


def suite(run: str) -> Suite:
    """The rows of one run; `run` is 1 to 16 characters of [a-z0-9] that no other run has."""
    return Suite(SERVICE, tuple(_rows(Words(run))), UNPROVOKED)


def found(line: Line) -> set[str]:
    """What a brain is: fresh where it has no household that could be lost.

    Raises:
        ServiceError: it does not answer.
    """
    stats = line.ask("GetStats", pb.GetStatsRequest())
    return set() if stats.events or stats.profiles else {FRESH}


def leave(line: Line, run: str) -> None:
    """Deletes the profile of a run that may have broken off."""
    gone = pb.DeleteProfileRequest(profile_id=Words(run).profile)
    line.call("DeleteProfile", (gone,), How())


def _rows(words: Words) -> Iterator[Row]:
    yield from brain_rows.beginning(words)
    bases = _sound(words)
    yield from every_method(SERVICE, bases)
    of = {base.rpc: base for base in bases}
    lists = table.lists(words.profile)
    yield from bounds(of["GetRecommendations"], (*lists, *table.PAGES))
    watched = of["WatchRecommendations"]
    yield from bounds(watched, lists, "list.")
    yield from bounds(watched, table.WATCHED)
    events = (*table.EVENT, *table.instants())
    for number, row in enumerate(bounds(of["ObserveEvent"], events)):
        yield row if row.case.startswith("event_id") else _numbered(row, number, words)
    yield from bounds(of["QueryMemory"], table.MEMORY)
    yield from bounds(of["UpsertContents"], table.CONTENT, "contents[0].")
    yield from bounds(of["PutProfile"], table.PROFILE)
    yield from brain_rows.special(words)
    yield from brain_rows.ending(words)


def _numbered(row: Row, number: int, words: Words) -> Row:
    """The row with an event of its own, so that no answer is that of an earlier one."""
    (message,) = row.messages
    event_id = words.event(number).event_id
    return replace(row, messages=(changed(message, "event_id", event_id),))


def _sound(words: Words) -> tuple[Sound, ...]:
    nan = words.event(watch_percentage=math.nan)
    untitled = titles("a b")
    return (
        Sound("GetRecommendations", (words.list(),), bad=(words.list(limit=101), "limit")),
        Sound(
            "WatchRecommendations",
            (words.watch(),),
            take=1,
            bad=(words.watch(limit=101), "list.limit"),
        ),
        Sound("ObserveEvent", (words.event(),), bad=(nan, "watch_percentage")),
        Sound("ObserveEvents", (pb.ObserveEventsRequest(event=words.event()),)),
        Sound(
            "QueryMemory",
            (pb.QueryMemoryRequest(),),
            bad=(pb.QueryMemoryRequest(limit=101), "limit"),
        ),
        Sound("UpsertContents", (titles(table.TITLE),), bad=(untitled, "contents[0].content_id")),
        Sound("PutProfile", (words.put(),), bad=(pb.PutProfileRequest(), "profile.profile_id")),
        Sound("ListProfiles", (pb.ListProfilesRequest(),)),
        Sound(
            "DeleteProfile",
            (pb.DeleteProfileRequest(profile_id=NOBODY),),
            not_found("profile_id"),
            bad=(pb.DeleteProfileRequest(), "profile_id"),
        ),
        Sound(
            "ClearData",
            (pb.ClearDataRequest(),),
            refused("request_id"),
            bad=(pb.ClearDataRequest(request_id="mine"), "request_id"),
        ),
        Sound(
            "SyncNow",
            (pb.SyncNowRequest(),),
            Wanted("OK/FAILED_PRECONDITION/UNAVAILABLE"),
        ),
        Sound("SetSyncOptions", (pb.SetSyncOptionsRequest(),)),
        Sound("GetStats", (pb.GetStatsRequest(),)),
    )
