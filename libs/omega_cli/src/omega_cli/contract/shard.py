"""What is asked of a constellation: ConstellationService and AdminService of a shard."""

from __future__ import annotations

from collections.abc import Iterator

from omega.constellation.v1 import admin_pb2, directory_pb2, release_pb2
from omega.constellation.v1 import constellation_service_pb2 as pb
from omega_cli.contract import shard_bounds as table
from omega_cli.contract import shard_rows
from omega_cli.contract.calls import Line
from omega_cli.contract.rows import ALONE, STOCKED, How, Row, Wanted, not_found, refused
from omega_cli.contract.shard_words import ABSENT, NOBODY, Words
from omega_cli.contract.suite import Suite
from omega_cli.contract.sync_bounds import BODY
from omega_cli.contract.tables import Sound, bounds, every_method

SERVICE = pb.DESCRIPTOR.services_by_name["ConstellationService"]
ADMIN = pb.DESCRIPTOR.services_by_name["AdminService"]
LEAVES = (
    "Registers one device, which it erases again with its push. Leaves behind: a few claims that"
    " end within a minute, and their entries in the audit log. Stores no title and no codebook,"
    " runs no round and publishes no directory, because no call takes those back: of these methods"
    " what is refused is tried, and a server that takes it has it."
)
"""For the command's help."""
_DOWN = "the shard's database would have to be down"
_FULL = "the shard would have to be full, or its queue"
_RELEASE = "a release that has ended would have to be there"
_OWNERS = "a directory would have to be published, which no call takes back"
_OPEN = "an epoch that is open would have to be known, which GatewayService tells to relays"
UNPROVOKED = {
    **{
        (rpc, "UNAVAILABLE"): _DOWN
        for rpc in (
            "RegisterDevice",
            "IngestPatterns",
            "EraseDevice",
            "GetHeads",
            "PublishCodebook",
            "GetDirectory",
            "AdoptDevices",
            "SpendClaim",
            "IssueTokens",
        )
    },
    **{
        ("IssueTokens", status): _OPEN
        for status in ("NOT_FOUND", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED")
    },
    ("RegisterDevice", "RESOURCE_EXHAUSTED"): _FULL,
    ("IngestPatterns", "RESOURCE_EXHAUSTED"): _FULL,
    ("RegisterDevice", "FAILED_PRECONDITION"): _OWNERS,
}
UNPROVOKED_ADMIN = {
    **{(rpc, "UNAVAILABLE"): _DOWN for rpc in ADMIN.methods_by_name},
    ("PublishDirectory", "FAILED_PRECONDITION"): _OWNERS,
    ("EndRelease", "FAILED_PRECONDITION"): _RELEASE,
}
_STORED = "what is within its bounds would be stored for good"


def suites(words: Words) -> tuple[Suite, Suite]:
    """The rows of one run: of ConstellationService, and of AdminService."""
    untaken = dict.fromkeys(("UpsertContents", "PublishCodebook"), _STORED)
    rounds = {"TriggerFederation": "a round would be run", "EndRelease": "a release would end"}
    return (
        Suite(SERVICE, tuple(_rows(words)), UNPROVOKED, untaken),
        Suite(ADMIN, tuple(_admin_rows(words)), UNPROVOKED_ADMIN, rounds),
    )


def found(line: Line) -> set[str]:
    """What a shard is: whether it has titles, and whether it is alone.

    Raises:
        ServiceError: it does not answer.
    """
    stocked = line.ask("GetClusterStatus", pb.GetClusterStatusRequest()).contents
    held = line.ask("GetDirectory", directory_pb2.GetDirectoryRequest()).directory.version
    return ({STOCKED} if stocked else set()) | (set() if held else {ALONE})


def leave(line: Line, words: Words) -> None:
    """Erases the device of a run that may have broken off."""
    gone = pb.EraseDeviceRequest(device_id=words.device_id)
    line.call("EraseDevice", (gone,), How())


def _rows(words: Words) -> Iterator[Row]:
    bases = _sound(words)
    yield from every_method(SERVICE, bases)
    of = {base.rpc: base for base in bases}
    yield from bounds(of["RegisterDevice"], table.REGISTRATION)
    yield from bounds(of["IngestPatterns"], table.PUSHED, "pushes[0].")
    yield from bounds(of["GetGlobalState"], table.STATE)
    titled = Sound("UpsertContents", (words.contents(),))
    yield from bounds(titled, table.EMBEDDED, "contents[0].")
    yield from bounds(of["GetResource"], BODY)
    yield from bounds(of["EraseDevice"], (table.DEVICE,))
    yield from bounds(of["GetHeads"], table.HEADS)
    yield from bounds(of["GetClusterStatus"], table.STATUS)
    yield from bounds(of["AdoptDevices"], table.ADOPTION)
    yield from bounds(of["AdoptDevices"], table.MOVED, "devices[0].")
    yield from bounds(of["AdoptDevices"], table.MOVED_PUSH, "devices[0].pushes[0].")
    yield from bounds(of["AdoptDevices"], table.MOVED_TOKENS, "devices[0].tokens[0].")
    yield from bounds(of["SpendClaim"], table.CLAIM)
    yield from bounds(of["IssueTokens"], table.ISSUED)
    yield from shard_rows.special(words)


def _admin_rows(words: Words) -> Iterator[Row]:
    bases = _sound_admin(words)
    yield from every_method(ADMIN, bases)
    of = {base.rpc: base for base in bases}
    tables = {
        "CreateClaims": table.CLAIMS,
        "RevokeDevice": (table.DEVICE,),
        "GetShardStats": table.STATS,
        "ListDevices": table.DEVICES,
        "GetDevice": (table.DEVICE,),
        "EraseDevice": (table.DEVICE,),
        "ListContents": table.CONTENTS,
        "ListTrends": table.TRENDS,
        "ListRounds": table.listing("before_round_id"),
        "ListAudit": table.listing("before_entry_id"),
        "ListReleases": table.listing("before_release_id"),
    }
    for rpc, fields in tables.items():
        yield from bounds(of[rpc], fields)
    published = Sound("PublishDirectory", (words.directory(),), refused("directory.shards"))
    yield from bounds(published, table.DIRECTORY, "directory.")
    yield from shard_rows.special_admin(words)


def _sound(words: Words) -> tuple[Sound, ...]:
    untitled = words.contents()
    untitled.contents[0].content.title = ""
    return (
        Sound(
            "RegisterDevice",
            (words.registration(),),
            bad=(words.registration(platform="a b"), "platform"),
            needs=ALONE,
        ),
        Sound(
            "IngestPatterns",
            (words.pushes(),),
            bad=(pb.IngestPatternsRequest(), "pushes"),
        ),
        Sound(
            "GetGlobalState",
            (pb.GetGlobalStateRequest(),),
            bad=(pb.GetGlobalStateRequest(page=128), "page"),
        ),
        Sound(
            "UpsertContents",
            (untitled,),
            refused("contents[0].content.title"),
            bad=(untitled, "contents[0].content.title"),
        ),
        Sound(
            "GetResource",
            (words.body(),),
            Wanted("NOT_FOUND", "", "UNKNOWN_RESOURCE"),
            bad=(words.body(version=0), "version"),
        ),
        Sound(
            "EraseDevice",
            (pb.EraseDeviceRequest(device_id=NOBODY),),
            bad=(pb.EraseDeviceRequest(), "device_id"),
        ),
        Sound(
            "GetHeads",
            (pb.GetHeadsRequest(),),
            bad=(pb.GetHeadsRequest(revocations_after=2**63), "revocations_after"),
        ),
        Sound(
            "PublishCodebook",
            (pb.PublishCodebookRequest(body=b"x"),),
            refused("body"),
            bad=(pb.PublishCodebookRequest(), "body"),
        ),
        Sound(
            "GetClusterStatus",
            (pb.GetClusterStatusRequest(),),
            bad=(pb.GetClusterStatusRequest(max_devices=1_001), "max_devices"),
        ),
        Sound("GetDirectory", (directory_pb2.GetDirectoryRequest(),)),
        Sound(
            "AdoptDevices",
            (words.adoption(),),
            Wanted("FAILED_PRECONDITION", "directory_version", "DIRECTORY_CONFLICT"),
            bad=(directory_pb2.AdoptDevicesRequest(), "from_shard"),
        ),
        Sound(
            "SpendClaim",
            (directory_pb2.SpendClaimRequest(claim="x" * 43, device_id=NOBODY),),
            Wanted("PERMISSION_DENIED", "claim", "ENROLMENT_REFUSED"),
            bad=(directory_pb2.SpendClaimRequest(claim="x"), "device_id"),
        ),
        Sound(
            "IssueTokens",
            (words.tokens(),),
            Wanted("FAILED_PRECONDITION"),
            bad=(words.tokens(device_id=""), "device_id"),
        ),
    )


def _sound_admin(words: Words) -> tuple[Sound, ...]:
    nobody = {"device_id": NOBODY}
    many = admin_pb2.ListRoundsRequest(page_size=1_001)
    return (
        Sound("CreateClaims", (words.claims(),), bad=(pb.CreateClaimsRequest(), "count")),
        Sound(
            "RevokeDevice",
            (pb.RevokeDeviceRequest(**nobody),),
            not_found("device_id"),
            bad=(pb.RevokeDeviceRequest(), "device_id"),
        ),
        Sound("ListShards", (admin_pb2.ListShardsRequest(),)),
        Sound(
            "GetShardStats",
            (admin_pb2.GetShardStatsRequest(),),
            bad=(admin_pb2.GetShardStatsRequest(minutes=1_441), "minutes"),
        ),
        Sound(
            "PublishDirectory",
            (words.directory(),),
            refused("directory.shards"),
            bad=(directory_pb2.PublishDirectoryRequest(), "directory.version"),
        ),
        Sound(
            "ListDevices",
            (admin_pb2.ListDevicesRequest(),),
            bad=(admin_pb2.ListDevicesRequest(page_size=1_001), "page_size"),
        ),
        Sound(
            "GetDevice",
            (admin_pb2.GetDeviceRequest(**nobody),),
            not_found("device_id"),
            bad=(admin_pb2.GetDeviceRequest(), "device_id"),
        ),
        Sound(
            "EraseDevice",
            (admin_pb2.AdminServiceEraseDeviceRequest(**nobody),),
            bad=(admin_pb2.AdminServiceEraseDeviceRequest(), "device_id"),
        ),
        Sound(
            "ListContents",
            (admin_pb2.ListContentsRequest(),),
            bad=(admin_pb2.ListContentsRequest(page_size=1_001), "page_size"),
        ),
        Sound(
            "ListTrends",
            (admin_pb2.ListTrendsRequest(),),
            bad=(admin_pb2.ListTrendsRequest(region="a b"), "region"),
        ),
        Sound(
            "TriggerFederation",
            (admin_pb2.TriggerFederationRequest(),),
            refused("request_id"),
            bad=(admin_pb2.TriggerFederationRequest(request_id="mine"), "request_id"),
        ),
        Sound("ListRounds", (admin_pb2.ListRoundsRequest(),), bad=(many, "page_size")),
        Sound(
            "ListAudit",
            (admin_pb2.ListAuditRequest(),),
            bad=(admin_pb2.ListAuditRequest(page_size=1_001), "page_size"),
        ),
        Sound(
            "ListReleases",
            (release_pb2.ListReleasesRequest(),),
            bad=(release_pb2.ListReleasesRequest(page_size=1_001), "page_size"),
        ),
        Sound(
            "EndRelease",
            (release_pb2.EndReleaseRequest(release_id=ABSENT),),
            not_found("release_id"),
            bad=(release_pb2.EndReleaseRequest(), "release_id"),
        ),
    )
