"""Releases as gateways and operators see them: heads, lists, ends, and two codebooks at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from tests.constellation.conftest import serving

from omega.common.v1 import release_pb2 as common_pb
from omega.common.v1 import resource_pb2
from omega.constellation.v1 import constellation_service_pb2 as pb
from omega.constellation.v1 import release_pb2
from omega_client import AdminClient, ConstellationClient
from omega_core.clock import day_of
from omega_core.dealing import device_number
from omega_delta import apply_factor_delta, decode_factors, encode_factors, factors_sha256
from omega_delta.transform import Codebook, CodedState, decode_news
from omega_store import Store, releases, resources
from omega_store.releases import ReleasePlan
from omega_testing.codebooks import narrow_codebook, patterns_alike
from omega_testing.fleet import MODEL, push, registered
from omega_testing.news import factors_of
from omega_testing.published import publish
from omega_testing.refusals import Refusal, refused

FACTORS = resource_pb2.RESOURCE_KIND_FACTORS
CODEBOOK = resource_pb2.RESOURCE_KIND_CODEBOOK
TRANSFORM = resource_pb2.Codec.CODEC_TRANSFORM


@pytest.fixture
def admin(address: str) -> Iterator[AdminClient]:
    with AdminClient(address) as opened:
        yield opened


@pytest.fixture
def devices(store: Store) -> list[str]:
    """A shard whose plan is 30, then 60 %, and its devices."""
    with store.transaction() as conn:
        releases.set_plan(conn, ReleasePlan(300, 600, 10))
    return registered(store, 60)


@pytest.fixture
def staged(store: Store, devices: list[str]) -> Store:
    """Factors 2 are on their way after factors 1."""
    assert devices
    for version in (1, 2):
        pack = factors_of(range(10), version, model_version=MODEL, seed=version)
        publish(store, factors=encode_factors(pack))
    return store


def body_of(client: ConstellationClient, version: int) -> bytes:
    return b"".join(chunk.data for chunk in client.get_resource(FACTORS, version))


def heads(client: ConstellationClient) -> pb.GetHeadsResponse:
    return client.get_heads(pb.GetHeadsRequest())


def test_heads_say_who_gets_which_version(client: ConstellationClient, staged: Store) -> None:
    found = heads(client)
    assert [(info.kind, info.version) for info in found.resources] == [(FACTORS, 1)]
    (release,) = found.staged
    assert (release.resource.kind, release.resource.version) == (FACTORS, 2)
    assert (release.permille, release.control_permille, len(release.salt)) == (300, 300, 8)
    assert not found.withdrawn
    with staged.statements() as conn:
        assert resources.info(conn, FACTORS, 2).sha256 == release.resource.sha256


@pytest.mark.usefixtures("staged")
def test_one_that_is_taken_back_is_followed_by_the_one_before(
    client: ConstellationClient, admin: AdminClient
) -> None:
    ended = admin.end_release(1, complete=False)
    assert (ended.stage, ended.cause) == (release_pb2.RELEASE_STAGE_ROLLED_BACK, "by hand")
    found = heads(client)
    assert [(info.kind, info.version) for info in found.resources] == [(FACTORS, 3)]
    assert not found.staged
    assert [(gone.kind, gone.version) for gone in found.withdrawn] == [(FACTORS, 2)]
    before, after = (decode_factors(body_of(client, version)) for version in (1, 3))
    assert after.version == 3
    assert (after.factors == before.factors).all()


@pytest.mark.usefixtures("staged")
def test_a_release_is_completed_by_hand_once(
    client: ConstellationClient, admin: AdminClient
) -> None:
    for _ in range(2):
        ended = admin.end_release(1, complete=True)
        assert (ended.stage, ended.permille) == (release_pb2.RELEASE_STAGE_COMPLETE, 1_000)
    assert [info.version for info in heads(client).resources] == [2]
    expected = Refusal("FAILED_PRECONDITION", "RELEASE_ENDED", "release_id")
    assert refused(lambda: admin.end_release(1, complete=False)) == expected


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (
            lambda admin: admin.end_release(7, complete=True),
            Refusal("NOT_FOUND", "UNKNOWN_RELEASE", "release_id"),
        ),
        (
            lambda admin: admin.end_release(0, complete=True),
            Refusal("INVALID_ARGUMENT", "INVALID_FIELD", "release_id"),
        ),
        (
            lambda admin: admin.list_releases(1_001),
            Refusal("INVALID_ARGUMENT", "INVALID_FIELD", "page_size"),
        ),
        (
            lambda admin: admin.list_releases(before=2**63),
            Refusal("INVALID_ARGUMENT", "INVALID_FIELD", "before_release_id"),
        ),
    ],
)
def test_what_breaks_a_bound_is_refused(
    admin: AdminClient, call: Callable[[AdminClient], object], expected: Refusal
) -> None:
    assert refused(lambda: call(admin)) == expected


def test_without_a_database_operators_are_told() -> None:
    nowhere = "postgresql://omega@127.0.0.1:1/omega?connect_timeout=2"
    with serving(nowhere, acquire_seconds=0.1) as address, AdminClient(address) as admin:
        expected = Refusal("UNAVAILABLE", "STORAGE_UNAVAILABLE", "")
        assert refused(admin.list_releases) == expected
        assert refused(lambda: admin.end_release(1, complete=True)) == expected


def test_releases_are_listed_page_by_page(admin: AdminClient, staged: Store) -> None:
    admin.end_release(1, complete=True)
    publish(staged, factors=encode_factors(factors_of(range(10), 3, model_version=MODEL)))
    first = admin.list_releases(1)
    assert ([r.release_id for r in first.releases], first.more) == ([2], True)
    rest = admin.list_releases(before=2)
    assert ([r.release_id for r in rest.releases], rest.more) == ([1], False)
    assert first.releases[0].resource.version == 3
    assert first.releases[0].control_version == 2


def report(version: int, period: int, *, watched: bool = True) -> common_pb.ReleaseReport:
    held = [resource_pb2.HeldResource(kind=FACTORS, version=version)]
    return common_pb.ReleaseReport(
        period=period, held=held, watched=watched, epsilon_hundredths=100
    )


def said(device_id: str, told: common_pb.ReleaseReport) -> pb.DevicePush:
    request_id = push(device_id, 0).request_id
    return pb.DevicePush(
        device_id=device_id, request_id=request_id, model_version=MODEL, report=told
    )


def test_reports_are_counted_and_shown(
    client: ConstellationClient, admin: AdminClient, staged: Store, devices: list[str]
) -> None:
    with staged.statements() as conn:
        (release,) = releases.under_way(conn)
    inside = [each for each in devices if device_number(release.salt, each) < 300]
    today = day_of(datetime.now(UTC))
    pushes = [said(each, report(2, today - 1, watched=i == 0)) for i, each in enumerate(inside)]
    for _ in range(2):
        client.ingest_patterns(pb.IngestPatternsRequest(pushes=pushes))
    (shown,) = admin.list_releases().releases
    assert (shown.candidate.reports, shown.candidate.positive) == (len(inside), 1)
    assert shown.candidate.standard_error > 0
    assert shown.control == release_pb2.ReleaseCounts()


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("period", {"period": 0}),
        ("period", {"period": 65_536}),
        ("epsilon_hundredths", {"epsilon_hundredths": 9}),
        ("epsilon_hundredths", {"epsilon_hundredths": 301}),
        ("held", {"held": []}),
        ("held[0].version", {"held": [resource_pb2.HeldResource(kind=FACTORS)]}),
        ("held[0].kind", {"held": [resource_pb2.HeldResource(version=1)]}),
    ],
)
def test_a_report_out_of_bounds_is_refused(
    shared_client: ConstellationClient, field: str, change: dict[str, object]
) -> None:
    told = report(1, 20_000)
    for name in change:
        told.ClearField(name)  # type: ignore[arg-type]  # by name
    told.MergeFrom(common_pb.ReleaseReport(**change))  # type: ignore[arg-type]  # by name
    request = pb.IngestPatternsRequest(pushes=[said(f"tv-{'0' * 32}", told)])
    expected = Refusal("INVALID_ARGUMENT", "INVALID_FIELD", f"pushes[0].report.{field}")
    assert refused(lambda: shared_client.ingest_patterns(request)) == expected


def test_two_codebooks_serve_their_devices_at_once(
    client: ConstellationClient, admin: AdminClient, store: Store, devices: list[str]
) -> None:
    old, new = narrow_codebook(0), narrow_codebook(1)
    assert devices
    client.publish_codebook(old.body)
    assert client.publish_codebook(new.body).version == 2
    # The one that is on its way again changes nothing, another one has to wait.
    assert client.publish_codebook(new.body).version == 2
    busy = Refusal("FAILED_PRECONDITION", "RELEASE_UNDER_WAY", "body")
    assert refused(lambda: client.publish_codebook(narrow_codebook(2).body)) == busy
    assert refused(lambda: client.publish_codebook(old.body)) == busy
    found = heads(client)
    assert found.codebook_id == old.id
    assert [staged.resource.version for staged in found.staged] == [2]
    publish(store, patterns_alike(5))
    first = {book.id: _state(client, book) for book in (old, new)}
    publish(store, patterns_alike(5, seed=1))
    for book in (old, new):
        state = _state(client, book, first[book.id])
        assert state.version == 2
    # Taken back: the same codebook again, so devices keep their state under it.
    admin.end_release(1, complete=False)
    found = heads(client)
    assert found.codebook_id == old.id
    assert [(info.kind, info.version) for info in found.resources] == [(CODEBOOK, 3)]
    assert _state(client, old, first[old.id]).version == 2


def _state(
    client: ConstellationClient, book: Codebook, base: CodedState | None = None
) -> CodedState:
    answer = client.get_global_state(
        pb.GetGlobalStateRequest(
            state_version=base.version if base else 0, codec=TRANSFORM, codebook_id=book.id
        )
    )
    assert answer.codec == TRANSFORM
    return decode_news(answer.delta, book, base).state


@pytest.mark.usefixtures("staged")
def test_bodies_go_from_either_version_to_the_next_as_steps(
    client: ConstellationClient, admin: AdminClient
) -> None:
    """Also back: a TV that holds what was taken back is led from it."""
    admin.end_release(1, complete=False)
    bodies = {held: body_of(client, held) for held in (1, 2)}
    for held, body in bodies.items():
        chunks = list(client.get_resource(FACTORS, 3, base=(held, factors_sha256(body))))
        data = b"".join(chunk.data for chunk in chunks)
        led = apply_factor_delta(body, data) if chunks[0].info.base_version else data
        assert decode_factors(led).version == 3
        assert (decode_factors(led).factors == decode_factors(bodies[1]).factors).all()
