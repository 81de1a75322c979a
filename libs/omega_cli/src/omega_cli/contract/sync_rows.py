"""Rows of the fleet's door that no table gives: who calls, sketches, repeats, budgets, streams."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from google.protobuf.message import Message

from omega.sync.v1 import sync_service_pb2 as pb
from omega_cli.contract import wire
from omega_cli.contract.news import Reader
from omega_cli.contract.rows import (
    CERTIFIED,
    OK,
    How,
    Messages,
    Outcome,
    Row,
    Wanted,
    has,
    refused,
)
from omega_cli.contract.sync_tokens import Tokens
from omega_cli.contract.sync_words import ABSENT, SKETCH, Words, body, pull

_LARGEST = 1_024
_CHAIN, _CERTIFICATE = 4, 4_096
_REPORTS = {"GetReportingKeys", "IssueTokens"}
"""Refused at a fleet that takes no reports before it asks who calls."""
_FLOOD = 40
"""More exchanges at once than a device has."""


def unknown(field: str) -> Wanted:
    """Credentials that are not good, by what is wrong with them."""
    return Wanted("UNAUTHENTICATED", field, "UNAUTHENTICATED")


def special(words: Words) -> Iterator[Row]:
    """The rows, a method after the other."""
    yield from _registrations(words)
    sent: dict[str, Messages] = {
        "Sync": (words.exchange(),),
        "PushPatterns": (words.push(),),
        "PullPatterns": (pull(),),
        "StreamSync": words.streamed(),
        "GetResource": (body(),),
        "EraseDevice": (pb.EraseDeviceRequest(),),
        "GetReportingKeys": (pb.GetReportingKeysRequest(),),
        "IssueTokens": (words.tokens(),),
    }
    for rpc, messages in sent.items():
        yield from _callers(rpc, messages)
    yield from _sketches("Sync", words.exchange)
    yield from _sketches("PushPatterns", words.push)
    yield from _sketches("StreamSync", words.streaming, "exchange.")
    yield from _sizes(words)
    yield from _exchanges(words)
    yield from _pulls()
    yield from Reader().rows(words)
    yield from _streams(words)
    yield from Tokens().rows(words)
    hashless = (body(base_version=1),)
    yield Row("GetResource", "a base without its hash", hashless, refused("base_sha256"))
    yield Row(
        "GetResource",
        "a base with its hash",
        (body(base_version=1, base_sha256=bytes(32)),),
        Wanted("NOT_FOUND", "", "UNKNOWN_RESOURCE"),
    )
    erase = (pb.EraseDeviceRequest(),)
    yield Row("EraseDevice", "a device that was erased", erase, check=has(pushes=0), who="erased")


def _registrations(words: Words) -> Iterator[Row]:
    rpc, sent = "RegisterDevice", (words.registration(),)
    yield Row(rpc, "without a proof", sent, unknown("dpop"), who="nobody")
    yield Row(rpc, "a proof of another method", sent, unknown("dpop"), who="astray")
    taken = Wanted("PERMISSION_DENIED", "dpop", "ENROLMENT_REFUSED")
    yield Row(rpc, "a request_id of another key", sent, taken, who="stranger")
    csr = words.key.csr()
    by_csr = (words.registration(csr=csr),)
    yield Row(rpc, "csr = that of the key", by_csr, check=_certified, who="nobody")
    for case, bad in (
        ("csr = one that was cut short", csr[:-1]),
        ("csr = 2,049 bytes", bytes(2_049)),
    ):
        yield Row(rpc, case, (words.registration(csr=bad),), refused("csr"), who="nobody")


def _callers(rpc: str, messages: Messages) -> Iterator[Row]:
    """Whoever may not call."""
    row = Row(rpc, "without credentials", messages, unknown("authorization"), who="nobody")
    yield row
    yield replace(row, case="a token of its own making", who="forged")
    row = replace(row, wanted=unknown("dpop"))
    yield replace(row, case="a token with a proof of another key", who="thief")
    yield replace(row, case="a proof of another method", who="astray")
    yield replace(row, case="a proof of five minutes ago", who="late")
    # Where the first call is answered a stream is left open; the second shows what the first did.
    yield replace(row, case="a proof that was shown before", who="repeater", how=_twice(rpc))
    if rpc not in {"EraseDevice", "PullPatterns", "GetResource", *_REPORTS}:
        yield replace(row, case="a device that was erased", wanted=unknown(""), who="erased")
    row = replace(row, wanted=Wanted("UNAVAILABLE"), needs=CERTIFIED)
    yield replace(row, case="a certificate of its own making", who="self-signed")
    yield replace(row, case="no certificate where one is asked for", who="uncertified")


def _twice(rpc: str) -> How:
    despite = ("NOT_FOUND", "FAILED_PRECONDITION")
    return How(take=int(rpc == "StreamSync"), together=2, despite=despite)


def _sketches(rpc: str, made: Callable[..., Message], before: str = "") -> Iterator[Row]:
    """Whole sketches with a good class each; `before` is the message that they are in."""
    how = How(take=int(rpc == "StreamSync"))
    for count in (1, 18):
        sent = (made(count, classes=bytes([31]) * count),)
        yield Row(
            rpc, f"{before}sketches = {count}", sent, how=how, check=_accepted(count), who="new"
        )
    for case, field, request in (
        ("47 bytes", "sketches", made(1, sketches=bytes(SKETCH - 1))),
        ("49 bytes", "sketches", made(1, sketches=bytes(SKETCH + 1))),
        ("one too few", "classes", made(2, classes=b"\0")),
        ("one too many", "classes", made(1, classes=b"\0\0")),
        ("32", "classes", made(1, classes=b"\x20")),
    ):
        yield Row(rpc, f"{before}{field} = {case}", (request,), refused(field), how)


def _accepted(count: int) -> Callable[[Outcome], str]:
    def check(found: Outcome) -> str:
        (said,) = found.answers
        pushed = said.answer if hasattr(said, "answer") else said
        accepted = pushed.accepted_sketches
        return "" if accepted == count else f"{accepted} sketches are accepted, not {count}"

    return check


def _sizes(words: Words) -> Iterator[Row]:
    sent = {
        "Sync": words.exchange(),
        "PushPatterns": words.push(),
        "PullPatterns": pull(),
    }
    for rpc, message in sent.items():
        least = Row(rpc, "1,024 bytes", (message,), how=How(wire=wire.padded(_LARGEST)))
        yield least
        yield replace(
            least,
            case="1,025 bytes",
            wanted=refused("request"),
            how=How(wire=wire.padded(_LARGEST + 1)),
        )
    yield Row("PushPatterns", "no sketch", (words.push(0),), refused("sketches"))


def _exchanges(words: Words) -> Iterator[Row]:
    for rpc, message in (("Sync", words.exchange(2)), ("PushPatterns", words.push(2))):
        row = Row(rpc, "a push", (message,), check=has(accepted_sketches=2, duplicate=False))
        row = replace(row, who=f"repeats {rpc}")
        yield row
        again = has(accepted_sketches=2, duplicate=True)
        yield replace(row, case="the same once more", check=again)
        full = Wanted("RESOURCE_EXHAUSTED", "device", "RATE_LIMITED")
        flood = Row(rpc, "more than a burst", (message,), full, How(together=_FLOOD), _comes_back)
        yield replace(flood, who=f"floods {rpc}")


def _pulls() -> Iterator[Row]:
    last = (pull(page=127, wanted_version=ABSENT),)
    yield Row("PullPatterns", "page = 127 of a version that is not kept", last)
    yield Row("PullPatterns", "page = 1 of no version", (pull(page=1),), refused("wanted_version"))


def _streams(words: Words) -> Iterator[Row]:
    rpc, one = "StreamSync", words.streamed()
    two = words.streamed(words.exchange(model_version=""), words.exchange())
    yield Row(
        rpc,
        "a refused exchange leaves the stream open",
        two,
        refused("model_version"),
        How(take=2),
        _goes_on,
    )
    yield Row(rpc, "no message", (pb.StreamSyncRequest(),), refused("message"))
    early = _acknowledged(0)
    yield Row(rpc, "an acknowledgement before any exchange", (early,), refused("message"))
    yield Row(rpc, "acknowledgement.state_version = 0", (*one, early))
    beyond = refused("acknowledgement.state_version")
    yield Row(
        rpc, "acknowledgement.state_version above the highest", (*one, _acknowledged(2**63)), beyond
    )
    yield Row(
        rpc,
        "a stream ends with its deadline",
        one,
        Wanted("DEADLINE_EXCEEDED"),
        How(deadline=None, told="1S", hold=True),
    )
    full = Wanted("RESOURCE_EXHAUSTED", "device", "RATE_LIMITED")
    flood = How(take=1, together=_FLOOD)
    yield Row(rpc, "more than a burst", one, full, flood, _comes_back, who="floods StreamSync")
    yield Row(rpc, "after a stream was left", one, OK, How(take=1))


def _acknowledged(version: int) -> pb.StreamSyncRequest:
    said = pb.StreamAcknowledgement(state_version=version)
    return pb.StreamSyncRequest(acknowledgement=said)


def _comes_back(found: Outcome) -> str:
    return "" if found.retry_after > 0 else "no RetryInfo"


def _goes_on(found: Outcome) -> str:
    ids = [answer.HasField("answer") for answer in found.answers]
    return "" if ids == [False, True] else "the stream does not go on"


def _certified(found: Outcome) -> str:
    chain = found.answers[0].certificates
    longest = max(map(len, chain), default=0)
    within = len(chain) <= _CHAIN and longest <= _CERTIFICATE
    return "" if within else f"{len(chain)} certificates of at most {longest:,} bytes"
