"""Every method over every transport: the same answers, and the same errors field by field."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from google.protobuf.message import Message
from tests.sync.transports.conftest import TRANSPORTS, Ask, Place, Transport

from omega.common.v1 import resource_pb2
from omega.constellation.v1 import constellation_service_pb2 as upstream_pb
from omega.sync.v1 import sync_service_pb2 as pb
from omega_client import ServiceError
from omega_core import limits
from omega_core.errors import CATALOGUE, ErrorCode, OmegaError
from omega_testing.stand_in import CATALOGUE_KIND, StandIn

ID = str(uuid.UUID(int=7))
REQUESTS: dict[str, Message] = {
    "RegisterDevice": pb.RegisterDeviceRequest(request_id=ID, platform="linux"),
    "Sync": pb.SyncRequest(
        request_id=ID,
        model_version="m",
        sketches=bytes(96),
        classes=bytes(2),
        codec=resource_pb2.CODEC_U8_ZSTD,
    ),
    "PushPatterns": pb.PushPatternsRequest(
        request_id=ID, model_version="m", sketches=bytes(48), classes=bytes(1)
    ),
    "PullPatterns": pb.PullPatternsRequest(
        state_version=8, codec=resource_pb2.CODEC_U8_ZSTD, page=2, wanted_version=9
    ),
    "StreamSync": pb.StreamSyncRequest(exchange=pb.SyncRequest(request_id=ID, model_version="m")),
    "GetResource": pb.GetResourceRequest(kind=CATALOGUE_KIND, version=4),
    "EraseDevice": pb.EraseDeviceRequest(),
    "GetReportingKeys": pb.GetReportingKeysRequest(),
    "IssueTokens": pb.IssueTokensRequest(request_id=ID, epoch=7, blinded=[bytes(32)] * 128),
}
WRONG: dict[str, list[tuple[Message, str]]] = {
    "RegisterDevice": [(pb.RegisterDeviceRequest(request_id="1"), "request_id")],
    "Sync": [
        (pb.SyncRequest(request_id=ID), "model_version"),
        (pb.SyncRequest(request_id=ID, model_version="m" * 1_100), "request"),
        (pb.SyncRequest(request_id=ID, model_version="m", sketches=bytes(47)), "sketches"),
    ],
    "PushPatterns": [(pb.PushPatternsRequest(request_id=ID, model_version="m"), "sketches")],
    "PullPatterns": [
        (pb.PullPatternsRequest(page=128), "page"),
        (pb.PullPatternsRequest(page=1), "wanted_version"),
    ],
    "StreamSync": [(pb.StreamSyncRequest(), "message")],
    "IssueTokens": [
        (pb.IssueTokensRequest(request_id="1", epoch=7, blinded=[bytes(32)]), "request_id"),
        (pb.IssueTokensRequest(request_id=ID, epoch=7), "blinded"),
        (pb.IssueTokensRequest(request_id=ID, epoch=7, blinded=[bytes(32)] * 129), "blinded"),
        (pb.IssueTokensRequest(request_id=ID, blinded=[bytes(32), bytes(31)]), "blinded[1]"),
    ],
    "GetResource": [
        (pb.GetResourceRequest(), "kind"),
        (pb.GetResourceRequest(kind=CATALOGUE_KIND, version=1, base_version=1), "base_sha256"),
    ],
}
EACH_STATUS = sorted(
    {CATALOGUE[code].status: code for code in ErrorCode if code is not ErrorCode.INTERNAL}.values()
)
"""A code for each status; the last of the catalogue."""
each_method = pytest.mark.parametrize("method", REQUESTS)
VERSIONS = itertools.count(100)
Failing = Callable[[], object]


def told(failing: Failing) -> dict[str, Any]:
    """Every field of a refusal, but for the id of the call."""
    with pytest.raises(ServiceError) as caught:
        failing()
    error = caught.value
    assert error.request_id or not error.reason
    return {
        name: getattr(error, name)
        for name in ("status", "reason", "field", "bound", "message", "retry_after")
    }


def unheld(method: str) -> Message:
    """A request that the gateway cannot answer by itself: a body that nobody asked for yet."""
    if method == "GetResource":
        return pb.GetResourceRequest(kind=CATALOGUE_KIND, version=next(VERSIONS))
    return REQUESTS[method]


def offers(transport: Transport, method: str) -> bool:
    """Whether there is anything to hold to; what is not offered is refused as that."""
    if method != "StreamSync" or transport.streams:
        return True
    assert told(partial(transport.ask, method, REQUESTS[method]))["status"] == "UNKNOWN"
    return False


def without_jitter(answer: Message) -> Message:
    """An answer whose time of return, drawn at random, is cut off."""
    plain = type(answer)()
    plain.CopyFrom(answer)
    inner = plain.answer if isinstance(plain, pb.StreamSyncResponse) else plain
    if "retry_after" in inner.DESCRIPTOR.fields_by_name:
        inner.ClearField("retry_after")
    return plain


@each_method
def test_a_method_answers_the_same(
    transport: Transport,
    transports: dict[str, Transport],
    upstream: StandIn,
    ask: Ask,
    method: str,
) -> None:
    if not offers(transport, method):
        return
    upstream.pages, upstream.region = 5, "FR-75"
    upstream.trend_regions = ("FR-75",)
    upstream.await_poll()
    answers = ask(transport, method, REQUESTS[method])
    assert answers
    alike = ask(transports["grpc"], method, REQUESTS[method])
    assert [without_jitter(a) for a in answers] == [without_jitter(a) for a in alike]


@each_method
@pytest.mark.parametrize("code", EACH_STATUS)
def test_a_refusal_is_the_same_field_by_field(
    transport: Transport, upstream: StandIn, ask: Ask, method: str, code: ErrorCode
) -> None:
    if not offers(transport, method):
        return
    upstream.failure = OmegaError(code, field="a_field", bound="a bound", retry_after=7.5)
    if method == "StreamSync" and code not in {ErrorCode.UNAUTHENTICATED, ErrorCode.REVOKED}:
        (answer,) = ask(transport, method, unheld(method))
        assert (answer.refusal.reason, answer.refusal.field) == (code, "a_field")
        return
    assert told(lambda: ask(transport, method, unheld(method))) == {
        "status": CATALOGUE[code].status,
        "reason": code,
        "field": "a_field",
        "bound": "a bound",
        "message": upstream.failure.public_text,
        "retry_after": 7.5,
    }


@each_method
def test_a_fault_of_the_server_tells_nothing_but_an_id(
    transport: Transport, upstream: StandIn, ask: Ask, method: str
) -> None:
    if not offers(transport, method):
        return
    upstream.failure = RuntimeError("secret")
    if method == "StreamSync":
        (answer,) = ask(transport, method, unheld(method))
        assert answer.refusal == pb.StreamRefusal(status=13, reason="INTERNAL")
        return
    refusal = told(lambda: ask(transport, method, unheld(method)))
    assert (refusal["status"], refusal["reason"]) == ("INTERNAL", "INTERNAL")
    assert refusal["message"] == CATALOGUE[ErrorCode.INTERNAL].text


@pytest.mark.parametrize(
    ("method", "request_", "field"),
    [(m, request, field) for m, rows in WRONG.items() for request, field in rows],
)
def test_what_is_out_of_bounds_is_named_alike(
    transport: Transport,
    transports: dict[str, Transport],
    upstream: StandIn,
    ask: Ask,
    method: str,
    request_: Message,
    field: str,
) -> None:
    if not offers(transport, method):
        return
    refusal = told(lambda: ask(transport, method, request_))
    assert (refusal["reason"], refusal["field"]) == ("INVALID_FIELD", field)
    assert refusal == told(lambda: ask(transports["grpc"], method, request_))
    assert not upstream.asked


@each_method
@pytest.mark.parametrize("transport", sorted(set(TRANSPORTS) - {"grpc mutual TLS"}), indirect=True)
def test_nobody_gets_in_without_credentials(
    transport: Transport, upstream: StandIn, place: Place, method: str
) -> None:
    if not offers(transport, method):
        return
    proof = dict(place.shown(method))
    another = dict(place.shown("Sync" if method != "Sync" else "PushPatterns"))
    shown: list[tuple[dict[str, str], str]] = [({}, "dpop"), (another, "dpop")]
    if method != "RegisterDevice":
        altered = {**proof, "authorization": proof["authorization"] + "x"}
        shown = [({}, "authorization"), (altered, "authorization"), (another, "dpop")]
    for wrong, field in shown:
        refusal = told(
            partial(transport.ask, method, REQUESTS[method], metadata=tuple(wrong.items()))
        )
        assert (refusal["reason"], refusal["field"]) == ("UNAUTHENTICATED", field)
    assert not upstream.asked


@each_method
def test_a_call_without_a_deadline_is_refused(
    transport: Transport, upstream: StandIn, ask: Ask, method: str
) -> None:
    if not offers(transport, method):
        return
    refusal = told(lambda: ask(transport, method, REQUESTS[method], timeout=None))
    assert (refusal["status"], refusal["reason"]) == ("INVALID_ARGUMENT", "DEADLINE_REQUIRED")
    assert not upstream.asked


def test_a_repeated_push_and_a_revoked_device_are_said_alike(
    transport: Transport, upstream: StandIn, ask: Ask
) -> None:
    outcomes = upstream_pb.PushOutcome
    upstream.outcome = outcomes.PUSH_OUTCOME_DUPLICATE
    (answer,) = ask(transport, "Sync", REQUESTS["Sync"])
    assert (answer.accepted_sketches, answer.duplicate) == (2, True)
    for outcome, reason in (
        (outcomes.PUSH_OUTCOME_UNKNOWN_DEVICE, "UNAUTHENTICATED"),
        (outcomes.PUSH_OUTCOME_REVOKED_DEVICE, "REVOKED"),
    ):
        upstream.outcome = outcome
        refusal = told(lambda: ask(transport, "Sync", REQUESTS["Sync"]))
        assert refusal["reason"] == reason


def test_a_deadline_that_passes_is_said_alike(
    transport: Transport, upstream: StandIn, ask: Ask
) -> None:
    upstream.held.clear()
    refusal = told(lambda: ask(transport, "Sync", REQUESTS["Sync"], timeout=0.3))
    assert refusal["status"] == "DEADLINE_EXCEEDED"
    upstream.held.set()


def test_a_message_too_large_to_read_is_refused(
    transport: Transport, upstream: StandIn, ask: Ask
) -> None:
    large = pb.SyncRequest(request_id=ID, model_version="m" * limits.MAX_GATEWAY_REQUEST)
    refusal = told(lambda: ask(transport, "Sync", large))
    assert refusal["status"] == "RESOURCE_EXHAUSTED"
    assert not upstream.asked


def test_several_exchanges_share_a_stream(
    transport: Transport, upstream: StandIn, ask: Ask
) -> None:
    if not offers(transport, "StreamSync"):
        return
    said = [
        pb.StreamSyncRequest(
            exchange=pb.SyncRequest(
                request_id=str(uuid.UUID(int=n)),
                model_version="m",
                state_version=9,
                sketches=bytes(48 * n),
                classes=bytes(n),
            )
        )
        for n in range(4)
    ]
    heard = ask(transport, "StreamSync", *said)
    assert [h.request_id for h in heard] == [s.exchange.request_id for s in said]
    assert [h.answer.accepted_sketches for h in heard] == [0, 1, 2, 3]
    assert len(upstream.asked) == 4
