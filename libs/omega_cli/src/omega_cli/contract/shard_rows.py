"""Rows of a constellation that no table gives: devices, pushes, claims, what is not there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.resources import files

from omega.constellation.v1 import admin_pb2, directory_pb2, release_pb2
from omega.constellation.v1 import constellation_service_pb2 as pb
from omega_cli.contract.rows import (
    ALONE,
    STOCKED,
    Outcome,
    Row,
    Wanted,
    has,
    names,
    not_found,
    refused,
)
from omega_cli.contract.shard_words import ABSENT, NOBODY, Words
from omega_cli.contract.tables import changed

_CLAIM = 43
GOLDEN = "golden_codebook.bin"
"""The codec's golden codebook, of an encoder that no fleet has."""
_CONFLICT = Wanted("FAILED_PRECONDITION", "model_version", "ENCODER_MISMATCH")


def special(words: Words) -> Iterator[Row]:
    """The rows of ConstellationService, a method after the other."""
    yield from _devices(words)
    yield from _pushes(words)
    unknown = pb.GetGlobalStateRequest(device_id=NOBODY)
    yield Row("GetGlobalState", "an unknown device", (unknown,), Wanted("UNAUTHENTICATED"))
    yield from _moves(words)
    yield from _titles(words)
    yield from _codebooks()
    claimed = directory_pb2.SpendClaimRequest(claim="x" * 43, device_id=NOBODY)
    refusal = Wanted("PERMISSION_DENIED", "claim", "ENROLMENT_REFUSED")
    yield Row("SpendClaim", "an unknown claim", (claimed,), refusal)
    hashless = words.body(base_version=1)
    yield Row("GetResource", "a base without its hash", (hashless,), refused("base_sha256"))
    erase = (pb.EraseDeviceRequest(device_id=words.device_id),)
    yield Row("EraseDevice", "a device with a push", erase, check=has(pushes=1), needs=ALONE)
    yield Row("EraseDevice", "the same once more", erase, check=has(pushes=0))


def special_admin(words: Words) -> Iterator[Row]:
    """The rows of AdminService, a method after the other."""
    nowhere = "contract-nowhere"
    for rpc, request in (
        ("GetShardStats", admin_pb2.GetShardStatsRequest(shard=nowhere)),
        ("ListDevices", admin_pb2.ListDevicesRequest(shard=nowhere)),
    ):
        yield Row(rpc, "an unknown shard", (request,), not_found("shard"))
    few = (admin_pb2.ListDevicesRequest(page_size=1),)
    at_most = names("devices.device_id", "more than page_size", lambda ids: len(ids) <= 1)
    yield Row("ListDevices", "at most page_size", few, check=at_most)
    absent = release_pb2.EndReleaseRequest(release_id=ABSENT)
    yield Row("EndRelease", "an unknown release", (absent,), not_found("release_id"))
    yield Row("CreateClaims", "a claim of a minute", (words.claims(),), check=_one_claim)


def _devices(words: Words) -> Iterator[Row]:
    rpc = "RegisterDevice"
    same = has(device_id=words.device_id)
    sent = (words.registration(),)
    yield Row(rpc, "a device", sent, check=same, needs=ALONE)
    yield Row(rpc, "the same once more", sent, check=same, needs=ALONE)
    moved = (words.registration(region="contract"),)
    yield Row(rpc, "another region than before", moved, check=same, needs=ALONE)
    taken = Wanted("PERMISSION_DENIED", "dpop", "ENROLMENT_REFUSED")
    other = (words.registration(key_sha256=b"y" * 32),)
    yield Row(rpc, "a request_id of another key", other, taken, needs=ALONE)
    unknown = (words.registration(request_id=words.other_id, known_only=True),)
    yield Row(rpc, "one that is known only", unknown, not_found("request_id"))


def _pushes(words: Words) -> Iterator[Row]:
    rpc = "IngestPatterns"
    outcome = pb.PushOutcome
    sent = pb.IngestPatternsRequest(pushes=[words.push(words.device_id), words.push(NOBODY)])
    unknown = outcome.PUSH_OUTCOME_UNKNOWN_DEVICE
    first = _came_of(outcome.PUSH_OUTCOME_STORED, unknown)
    again = _came_of(outcome.PUSH_OUTCOME_DUPLICATE, unknown)
    yield Row(rpc, "a push, and one of nobody", (sent,), check=first, needs=ALONE)
    yield Row(rpc, "the same once more", (sent,), check=again, needs=ALONE)
    many = pb.IngestPatternsRequest(pushes=[words.push(NOBODY)] * 256)
    yield Row(rpc, "pushes = 256", (many,))
    more = pb.IngestPatternsRequest(pushes=[words.push(NOBODY)] * 257)
    yield Row(rpc, "pushes = 257", (more,), refused("pushes"))
    yield Row(rpc, "pushes = none", (pb.IngestPatternsRequest(),), refused("pushes"))


def _moves(words: Words) -> Iterator[Row]:
    rpc, sound = "AdoptDevices", words.adoption()
    later = Wanted("FAILED_PRECONDITION", "directory_version", "DIRECTORY_CONFLICT")
    yield Row(rpc, "devices = 1, of a later directory", (sound,), later)
    for count in (0, 65):
        sent = changed(sound, "devices", [*sound.devices] * count)
        yield Row(rpc, f"devices = {count}", (sent,), refused("devices"))


def _titles(words: Words) -> Iterator[Row]:
    rpc = "UpsertContents"
    other = (words.contents(model_version="contract-none"),)
    yield Row(rpc, "another encoder", other, _CONFLICT, needs=STOCKED)
    for model in ("", "x" * 65, "a\x00b"):
        bad = words.contents(model_version=model)
        yield Row(rpc, f"model_version = {model[:3]!r}", (bad,), refused("model_version"))
    yield Row(rpc, "contents = none", (words.contents(0),), refused("contents"))
    yield Row(rpc, "contents = 1,001", (words.contents(1_001),), refused("contents"))


def _codebooks() -> Iterator[Row]:
    rpc, golden = "PublishCodebook", files(__package__).joinpath(GOLDEN).read_bytes()
    whole = (pb.PublishCodebookRequest(body=golden),)
    yield Row(rpc, "the golden codebook, of another encoder", whole, _CONFLICT, needs=STOCKED)
    for case, body in (
        ("the golden codebook cut short", golden[:-1]),
        ("the golden codebook and a byte", golden + b"\0"),
        ("body = none", b""),
        ("body = 1,048,577 bytes", bytes(1_048_577)),
    ):
        yield Row(rpc, case, (pb.PublishCodebookRequest(body=body),), refused("body"))


def _came_of(*wanted: int) -> Callable[[Outcome], str]:
    def check(found: Outcome) -> str:
        came = [each.outcome for each in found.answers[0].results]
        return "" if came == list(wanted) else f"outcomes {came}"

    return check


def _one_claim(found: Outcome) -> str:
    claims = found.answers[0].claims
    return "" if [len(each) for each in claims] == [_CLAIM] else "not one claim of 43 characters"
