"""Credentials of every kind, good and bad, on both listeners of a real gateway."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import grpc
import pytest
from cryptography.hazmat.primitives import serialization

from omega.sync.v1 import sync_service_pb2 as pb
from omega_rpc import local_authority
from omega_rpc.authorities import DeviceAuthority, read_certificate
from omega_rpc.dpop import Prover
from omega_rpc.tokens import TokenClaims
from omega_testing.probe import eventually
from omega_testing.refusals import Refusal
from omega_testing.site import SERVICE, Device, Site, Stub, refusal
from omega_testing.stand_in import CATALOGUE_KIND

Push = Callable[..., pb.SyncRequest]
HOUR = timedelta(hours=1)
SHUT_OUT = Refusal("PERMISSION_DENIED", "REVOKED", "")


def denied(call: Callable[[], object]) -> Refusal:
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return refusal(caught.value)


def wrong(field: str) -> Refusal:
    return Refusal("UNAUTHENTICATED", "UNAUTHENTICATED", field)


def stored(site: Site) -> int:
    return site.operator.get_cluster_status().pushes


def test_a_device_pushes_by_its_certificate_and_by_its_token(site: Site, push: Push) -> None:
    device = site.device()
    assert site.mutual(device).Sync(push(3), timeout=20).accepted_sketches == 3
    assert site.dial().Sync(push(2), **device.call("Sync")).accepted_sketches == 2
    assert site.operator.get_cluster_status(5).devices[0].sketches == 5


def test_a_token_works_on_the_listener_for_certificates_too_but_the_certificate_says_who(
    site: Site, push: Push
) -> None:
    shown, other = site.device(), site.device()
    site.mutual(shown).Sync(push(3), **other.call("Sync"))
    held = {d.device_id: d.sketches for d in site.operator.get_cluster_status(5).devices}
    assert held == {shown.device_id: 3, other.device_id: 0}


def test_a_device_that_makes_no_request_for_a_certificate_proves_its_key(
    site: Site, push: Push
) -> None:
    device = site.new_device()
    request = device.registration(csr=b"")
    made = site.dial().RegisterDevice(request, **device.call("RegisterDevice"))
    assert not made.certificates
    device.take(made)
    assert site.dial().Sync(push(1), **device.call("Sync")).accepted_sketches == 1
    again = site.dial().RegisterDevice(device.registration(), timeout=20)
    assert (again.device_id, len(again.certificates)) == (made.device_id, 2)


def test_a_registration_proves_a_key(site: Site) -> None:
    device, other = site.new_device(), site.new_device()
    tv = site.dial()
    without = device.registration(csr=b"")
    assert denied(lambda: tv.RegisterDevice(without, timeout=20)) == wrong("dpop")
    sync = device.call("Sync")
    assert denied(lambda: tv.RegisterDevice(without, **sync)) == wrong("dpop")
    theirs = other.call("RegisterDevice")
    assert denied(lambda: tv.RegisterDevice(device.registration(), **theirs)) == wrong("dpop")
    damaged = device.registration(csr=device.key.csr()[:-1])
    assert denied(lambda: tv.RegisterDevice(damaged, timeout=20)) == Refusal(
        "INVALID_ARGUMENT", "INVALID_FIELD", "csr"
    )
    assert site.operator.get_cluster_status().total_devices == 0


def test_whoever_learns_a_request_id_gets_nothing_without_the_key(site: Site) -> None:
    device, thief = site.device(), site.new_device()
    thief.request_id = device.request_id
    tv = site.dial()
    assert denied(lambda: tv.RegisterDevice(thief.registration(), timeout=20)) == Refusal(
        "PERMISSION_DENIED", "ENROLMENT_REFUSED", "csr"
    )
    call = thief.call("RegisterDevice")
    assert denied(lambda: tv.RegisterDevice(thief.registration(csr=b""), **call)) == Refusal(
        "PERMISSION_DENIED", "ENROLMENT_REFUSED", "dpop"
    )


def test_a_claim_admits_one_device(build_site: Callable[..., Site]) -> None:
    site = build_site(enrolment={"require_claim": True})
    [claim] = site.admin.create_claims(1, HOUR)
    device = site.device(claim=claim)
    assert device.device_id
    for shown in (claim, ""):
        request = site.new_device().registration(claim=shown)
        assert denied(partial(site.dial().RegisterDevice, request, timeout=20)) == Refusal(
            "PERMISSION_DENIED", "ENROLMENT_REFUSED", "claim"
        )
    renewed = site.dial().RegisterDevice(device.registration(), timeout=20)
    assert renewed.device_id == device.device_id


ELEMENT = bytes.fromhex("e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76")
"""The generator of ristretto255 (RFC 9496, appendix A.1)."""
METHODS: dict[str, Callable[[Stub, dict[str, Any], pb.SyncRequest], object]] = {
    "Sync": lambda tv, call, push: tv.Sync(push, **call),
    "PushPatterns": lambda tv, call, push: tv.PushPatterns(
        pb.PushPatternsRequest(
            request_id=push.request_id,
            model_version=push.model_version,
            sketches=push.sketches,
            classes=push.classes,
        ),
        **call,
    ),
    "PullPatterns": lambda tv, call, _: tv.PullPatterns(pb.PullPatternsRequest(), **call),
    "StreamSync": lambda tv, call, push: list(
        tv.StreamSync(iter([pb.StreamSyncRequest(exchange=push)]), **call)
    ),
    "GetResource": lambda tv, call, _: list(
        tv.GetResource(pb.GetResourceRequest(kind=CATALOGUE_KIND, version=1), **call)
    ),
    "EraseDevice": lambda tv, call, _: tv.EraseDevice(pb.EraseDeviceRequest(), **call),
    "GetReportingKeys": lambda tv, call, _: tv.GetReportingKeys(
        pb.GetReportingKeysRequest(), **call
    ),
    "IssueTokens": lambda tv, call, push: tv.IssueTokens(
        pb.IssueTokensRequest(request_id=push.request_id, epoch=1, blinded=[ELEMENT]), **call
    ),
}
NOT_TAKEN = Refusal("FAILED_PRECONDITION", "REPORTS_NOT_TAKEN", "")
LACKING = {
    "GetResource": Refusal("NOT_FOUND", "UNKNOWN_RESOURCE", ""),
    "GetReportingKeys": NOT_TAKEN,
    "IssueTokens": NOT_TAKEN,
}
"""What a site cannot give where nothing is published and no reports are taken."""
every_method = pytest.mark.parametrize("method", sorted(METHODS))


def test_every_method_is_tried() -> None:
    service = pb.DESCRIPTOR.services_by_name["SyncService"]
    assert {method.name for method in service.methods} == {*METHODS, "RegisterDevice"}


@every_method
def test_a_stolen_token_is_worth_nothing_without_the_key(
    site: Site, push: Push, method: str
) -> None:
    victim = site.device()
    thief = site.new_device()
    thief.token = victim.token
    tv, call = site.dial(), METHODS[method]
    alone = {"metadata": (("authorization", f"DPoP {victim.token}"),), "timeout": 20}
    bearer = {"metadata": (("authorization", f"Bearer {victim.token}"),), "timeout": 20}
    assert denied(lambda: call(tv, alone, push())) == wrong("dpop")
    assert denied(lambda: call(tv, bearer, push())) == wrong("authorization")
    assert denied(lambda: call(tv, thief.call(method), push())) == wrong("dpop")
    assert denied(lambda: call(tv, {"timeout": 20}, push())) == wrong("authorization")
    assert stored(site) == 0
    assert site.operator.get_cluster_status().total_devices == 1


@every_method
def test_a_proof_is_good_for_one_call_of_one_method(site: Site, push: Push, method: str) -> None:
    device = site.device()
    tv, call = site.dial(), METHODS[method]
    once = device.call(method)
    assert refusal_of(lambda: call(tv, once, push())) == LACKING.get(method)
    before = stored(site)
    assert denied(lambda: call(tv, once, push())) == wrong("dpop")
    elsewhere = device.call("RegisterDevice")
    assert denied(lambda: call(tv, elsewhere, push())) == wrong("dpop")
    assert stored(site) == before


def test_a_proof_of_another_time_is_refused(site: Site, push: Push) -> None:
    device = site.device()
    early = device.call("Sync")
    site.clock.advance(timedelta(seconds=61))
    assert denied(lambda: site.dial().Sync(push(), **early)) == wrong("dpop")
    assert site.dial().Sync(push(), **device.call("Sync")).accepted_sketches == 2


def test_a_replayed_request_is_stored_once(site: Site, push: Push) -> None:
    device = site.device()
    request = push(4)
    tv = site.dial()
    assert not tv.Sync(request, **device.call("Sync")).duplicate
    assert tv.Sync(request, **device.call("Sync")).duplicate
    assert site.mutual(device).Sync(request, timeout=20).duplicate
    assert stored(site) == 1


def test_a_registration_proof_is_taken_once(site: Site) -> None:
    device = site.new_device()
    once = device.call("RegisterDevice")
    tv = site.dial()
    tv.RegisterDevice(device.registration(csr=b""), **once)
    assert denied(lambda: tv.RegisterDevice(device.registration(csr=b""), **once)) == wrong("dpop")


def test_a_token_ends(build_site: Callable[..., Site], push: Push) -> None:
    site = build_site(token_hours=2)
    device = site.device()
    site.clock.advance(2 * HOUR - timedelta(seconds=1))
    assert site.dial().Sync(push(), **device.call("Sync")).accepted_sketches == 2
    site.clock.advance(timedelta(seconds=1))
    assert denied(lambda: site.dial().Sync(push(), **device.call("Sync"))) == wrong("authorization")
    device.take(site.dial().RegisterDevice(device.registration(), timeout=20))
    assert site.dial().Sync(push(), **device.call("Sync")).accepted_sketches == 2


def test_a_token_of_another_key_file_or_device_is_refused(site: Site, push: Push) -> None:
    device, other = site.device(), site.device()
    token = device.token
    stem, _, mac = token.rpartition(".")
    forged = stem.replace(device.device_id, other.device_id) + "." + mac
    for bad in (forged, token[:-1], token + "x", "v1.a.b.c", ""):
        device.token = bad
        assert denied(lambda: site.dial().Sync(push(), **device.call("Sync"))) == wrong(
            "authorization"
        )


def test_a_certificate_ends_on_an_open_connection(
    build_site: Callable[..., Site], push: Push
) -> None:
    site = build_site(enrolment={"device_certificate_hours": 1})
    device = site.device()
    tv = site.mutual(device)
    assert tv.Sync(push(), timeout=20).accepted_sketches == 2
    site.clock.advance(HOUR + timedelta(minutes=1))
    assert denied(lambda: tv.Sync(push(), timeout=20)) == wrong("certificate")
    assert stored(site) == 1


def issued(site: Site, device: Device, shard: str, hours: int = 1) -> tuple[bytes, ...]:
    """A certificate of the site's authority with other contents."""
    authority = DeviceAuthority((site.device_ca.certificate,), site.device_ca.key)
    now = site.clock.now() if hours > 0 else site.clock.now() - 2 * HOUR
    key = device.key.public.public
    return authority.sign(key, device.device_id, shard, now, HOUR).chain


def test_an_expired_certificate_opens_no_connection(site: Site, push: Push) -> None:
    device = site.device()
    ended = issued(site, device, "local", hours=-1)
    assert read_certificate(ended[0]).not_after < site.clock.now()
    tv = site.dial_with(ended, device.key.pem())
    assert denied(lambda: tv.Sync(push(), timeout=20)).status == "UNAVAILABLE"


def test_credentials_of_another_shard_are_told_apart(site: Site, push: Push) -> None:
    device = site.device()
    elsewhere = Refusal("FAILED_PRECONDITION", "WRONG_SHARD", "")
    tv = site.dial_with(issued(site, device, "north-2"), device.key.pem())
    assert denied(lambda: tv.Sync(push(), timeout=20)) == elsewhere
    now = site.clock.now()
    claims = TokenClaims(device.device_id, "north-2", device.key.public.thumbprint, now, now + HOUR)
    device.token = site.keys.issue(claims)
    assert denied(lambda: site.dial().Sync(push(), **device.call("Sync"))) == elsewhere


def test_the_mutual_listener_answers_nobody_without_a_device_certificate(
    site: Site, push: Push
) -> None:
    device = site.device()
    stranger = local_authority.authority("stranger", site.clock.now(), HOUR)
    theirs = DeviceAuthority((stranger.certificate,), stranger.key)
    key = device.key.public.public
    forged = theirs.sign(key, device.device_id, "local", site.clock.now(), HOUR).chain
    without = site.open(site.mutual_address, site.tls())
    for tv in (without, site.dial_with(forged, device.key.pem(), "forged")):
        for call in ({"timeout": 20}, device.call("Sync")):
            assert denied(partial(tv.Sync, push(), **call)).status == "UNAVAILABLE"
    assert stored(site) == 0


def test_a_certificate_that_names_no_device_is_nobodys(site: Site, push: Push) -> None:
    leaf = local_authority.server(site.device_ca, ["localhost"], site.clock.now(), HOUR)
    chain = tuple(
        c.public_bytes(serialization.Encoding.DER)
        for c in (leaf.certificate, site.device_ca.certificate)
    )
    tv = site.dial_with(chain, leaf.key_pem())
    refused = denied(lambda: tv.Sync(push(), timeout=20))
    assert refused.status in {"UNAUTHENTICATED", "UNAVAILABLE"}
    assert stored(site) == 0


@pytest.mark.parametrize("form", ["certificate", "token"])
def test_a_revoked_device_is_refused_everywhere_once_gateways_have_looked(
    site: Site, push: Push, form: str
) -> None:
    device, other = site.device(), site.device()
    tv, call = site.speaking(device, form)
    assert tv.Sync(push(), **call("Sync")).accepted_sketches == 2
    site.admin.revoke_device(device.device_id)
    # Pushes are refused at once; what stores nothing, when the gateway has looked.
    assert denied(lambda: tv.Sync(push(), **call("Sync"))) == SHUT_OUT
    body = METHODS["GetResource"]
    eventually(
        lambda: refusal_of(lambda: body(tv, call("GetResource"), push())),
        lambda told: told == SHUT_OUT,
    )
    for method, make in METHODS.items():
        if method == "EraseDevice":
            continue
        assert denied(partial(make, tv, call(method), push())) == SHUT_OUT
    assert denied(lambda: tv.RegisterDevice(device.registration(), timeout=20)) == SHUT_OUT
    assert site.dial().Sync(push(), **other.call("Sync")).accepted_sketches == 2
    assert site.operator.get_cluster_status().total_devices == 1
    # A household may take back what it gave.
    assert tv.EraseDevice(pb.EraseDeviceRequest(), **call("EraseDevice")).pushes == 1


def refusal_of(call: Callable[[], object]) -> Refusal | None:
    try:
        call()
    except grpc.RpcError as error:
        return refusal(error)
    return None


def test_an_open_stream_ends_when_its_device_is_revoked(site: Site, push: Push) -> None:
    device = site.device()
    said = [pb.StreamSyncRequest(exchange=push())]
    stay = threading.Event()

    def words() -> Iterator[pb.StreamSyncRequest]:
        yield from said
        stay.wait(30)

    stream = site.dial().StreamSync(words(), **device.call("StreamSync"))
    try:
        assert next(stream).answer.accepted_sketches == 2
        site.admin.revoke_device(device.device_id)
        assert denied(lambda: next(stream)) == SHUT_OUT
    finally:
        stay.set()


def test_an_erased_device_is_nobody(site: Site, push: Push) -> None:
    device = site.device()
    tv = site.mutual(device)
    assert tv.EraseDevice(pb.EraseDeviceRequest(), timeout=20).pushes == 0
    assert denied(lambda: tv.Sync(push(), timeout=20)).reason == "UNAUTHENTICATED"


def test_every_call_needs_a_deadline(site: Site, push: Push) -> None:
    device = site.device()
    call = {"metadata": device.call("Sync")["metadata"]}
    assert denied(lambda: site.dial().Sync(push(), **call)) == Refusal(
        "INVALID_ARGUMENT", "DEADLINE_REQUIRED", ""
    )


def test_a_proof_without_a_token_is_no_identity(site: Site, push: Push) -> None:
    device = site.device()
    metadata = Prover(device.key, "", site.clock).metadata(SERVICE + "Sync")
    assert denied(lambda: site.dial().Sync(push(), metadata=metadata, timeout=20)) == wrong(
        "authorization"
    )
