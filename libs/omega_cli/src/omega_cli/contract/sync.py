"""What is asked of the fleet's door: omega.sync.v1.SyncService."""

from __future__ import annotations

from collections.abc import Iterator

from omega.sync.v1 import sync_service_pb2 as pb
from omega_cli.contract import sync_bounds as table
from omega_cli.contract import sync_rows
from omega_cli.contract.rows import Row, Wanted
from omega_cli.contract.suite import Suite
from omega_cli.contract.sync_tokens import PERHAPS
from omega_cli.contract.sync_words import Words, body, pull
from omega_cli.contract.tables import Sound, bounds, every_method

SERVICE = pb.DESCRIPTOR.services_by_name["SyncService"]
LEAVES = (
    "Plays some dozens of devices with keys of their own, and erases each with its pushes at the"
    " end: nothing is left behind but what a gateway counts and logs. A claim admits one device, so"
    " that a fleet which asks for claims cannot be tried."
)
"""For the command's help."""
_LARGEST = 65_536
_NEEDS_DEADLINE = Wanted("INVALID_ARGUMENT", "", "DEADLINE_REQUIRED")
_REVOKED = "an operator would have to shut the device out meanwhile"
_MOVED = "credentials of another shard would have to be at hand"
_DOWN = "the constellation behind the gateway would have to be down"
_MANY = "a device may make hundreds of these calls at once, and a network thousands"
_AS_SYNC = ("Sync", "PushPatterns", "PullPatterns", "StreamSync", "GetResource")
_REPORTS = ("GetReportingKeys", "IssueTokens")
UNPROVOKED = {
    **{(rpc, "PERMISSION_DENIED"): _REVOKED for rpc in (*_AS_SYNC, *_REPORTS)},
    **{(rpc, "FAILED_PRECONDITION"): _MOVED for rpc in (*_AS_SYNC, "GetReportingKeys")},
    **{
        (rpc, "UNAVAILABLE"): _DOWN
        for rpc in (*_AS_SYNC, *_REPORTS, "RegisterDevice", "EraseDevice")
    },
    **{
        (rpc, "RESOURCE_EXHAUSTED"): _MANY
        for rpc in ("PullPatterns", "GetResource", "RegisterDevice", "GetReportingKeys")
    },
}
"""Statuses that gRPC's own bounds give besides are not meant."""


def suite(words: Words) -> Suite:
    """The rows of one run."""
    return Suite(SERVICE, tuple(_rows(words)), UNPROVOKED)


def _rows(words: Words) -> Iterator[Row]:
    bases = _sound(words)
    yield from every_method(SERVICE, bases, largest=_LARGEST, without_deadline=_NEEDS_DEADLINE)
    of = {base.rpc: base for base in bases}
    yield from bounds(of["RegisterDevice"], table.REGISTRATION)
    exchanges = (*table.PUSH, *table.HOLDINGS)
    yield from bounds(of["Sync"], exchanges)
    yield from bounds(Sound("Sync", (words.reporting(),)), table.REPORT, "report.")
    yield from bounds(of["PushPatterns"], table.PUSH)
    yield from bounds(of["PullPatterns"], (*table.HOLDINGS, *table.PAGES))
    yield from bounds(of["StreamSync"], exchanges, "exchange.", "")
    yield from bounds(
        Sound("StreamSync", words.streamed(words.reporting()), take=1),
        table.REPORT,
        "exchange.report.",
        "report.",
    )
    yield from bounds(of["GetResource"], table.BODY)
    yield from bounds(of["IssueTokens"], table.TOKENS)
    yield from sync_rows.special(words)


def _sound(words: Words) -> tuple[Sound, ...]:
    return (
        Sound(
            "RegisterDevice",
            (words.registration(),),
            bad=(words.registration(platform="a b"), "platform"),
            who="registrant",
        ),
        Sound("Sync", (words.exchange(),), bad=(words.exchange(model_version=""), "model_version")),
        Sound("PushPatterns", (words.push(),), bad=(words.push(0), "sketches")),
        Sound("PullPatterns", (pull(),), bad=(pull(page=128), "page")),
        Sound("StreamSync", words.streamed(), take=1),
        Sound(
            "GetResource",
            (body(),),
            Wanted("NOT_FOUND", "", "UNKNOWN_RESOURCE"),
            bad=(body(version=0), "version"),
        ),
        Sound("EraseDevice", (pb.EraseDeviceRequest(),), who="new"),
        Sound("GetReportingKeys", (pb.GetReportingKeysRequest(),), PERHAPS),
        Sound(
            "IssueTokens",
            (words.tokens(),),
            Wanted("FAILED_PRECONDITION"),
            bad=(words.tokens(blinded=[]), "blinded"),
        ),
    )
