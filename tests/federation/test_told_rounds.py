"""What a worker tells of its rounds to whoever collects."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from tests.federation.conftest import serving

from omega.federation.v1 import federation_service_pb2 as pb
from omega_client import FederationClient, ServiceError
from omega_federation_worker import metering
from omega_store import Store
from omega_testing.probe import eventually
from omega_testing.recording import Counted, counting, recording
from omega_testing.taste_shard import TasteShard

Client = FederationClient
_ROUND = "omega.federation.round"


@pytest.fixture
def counted() -> Iterator[Counted]:
    with counting(metering) as found:
        yield found


def ask(client: Client, *, refresh: bool = False) -> pb.Round:
    request = pb.RunRoundRequest(request_id=str(uuid.uuid4()), refresh=refresh)
    return client.run_round(request).round


def key(metric: str, **told: str) -> tuple[str, frozenset[tuple[str, object]]]:
    return metric, frozenset((f"omega.{name}", value) for name, value in told.items())


@pytest.mark.usefixtures("fleet")
def test_rounds_are_counted_by_kind_and_their_figures_told(
    client: Client, counted: Counted
) -> None:
    with recording() as recorded:
        figures = [ask(client), ask(client)]
    seen = counted()
    assert seen[key(f"{_ROUND}s", kind="refresh", outcome="succeeded")] == 2
    assert seen[key(f"{_ROUND}.duration", kind="refresh")] == 2
    assert seen[key("omega.federation.sketches.decoded")] == sum(
        each.decoded_sketches for each in figures
    )
    last = figures[-1]
    told = {
        "omega.federation.devices": last.devices,
        "omega.federation.pattern.shift": last.pattern_shift,
        "omega.federation.quality": last.quality,
        "omega.federation.privacy.mu": 0,
    }
    assert {name: seen[key(name)] for name in told} == pytest.approx(told)
    ended = seen[key("omega.federation.last.success", kind="refresh")]
    assert ended == pytest.approx(last.finished_at.ToNanoseconds() / 1e9, rel=0, abs=1e-3)
    phases = [s.name for s in recorded.all() if s.name.startswith("phase ")]
    assert len(phases) == 2 * len(set(phases)) > 0
    assert {"round", "read", "learn", "publish"} <= {s.name for s in recorded.all()}


@pytest.mark.usefixtures("fleet")
def test_a_worker_that_begins_anew_tells_what_rounds_there_were(database_url: str) -> None:
    with serving(database_url, refresh_hours=24) as before:
        refresh, step = ask(before, refresh=True), ask(before)
    assert (refresh.refreshed, step.refreshed) == (True, False)
    with counting(metering) as counted, serving(database_url):
        seen = eventually(counted, lambda found: key("omega.federation.privacy.mu") in found)
    assert not [name for name, _ in seen if name == f"{_ROUND}s"], "it ran one itself"
    for kind, figures in (("refresh", refresh), ("step", step)):
        ended = figures.finished_at.ToNanoseconds() / 1e9
        told = seen[key("omega.federation.last.success", kind=kind)]
        assert told == pytest.approx(ended, rel=0, abs=1e-3)


def test_a_round_that_fails_is_counted_by_its_cause(
    client: Client, store: Store, shard: TasteShard, counted: Counted
) -> None:
    with pytest.raises(ServiceError), recording() as recorded:
        ask(client)
    shard.publish_catalogue()
    shard.add_households(24)
    with store.transaction() as conn:
        conn.execute("UPDATE resources SET body = decode(repeat('00', size::int), 'hex')")
    with pytest.raises(ServiceError):
        ask(client, refresh=True)
    seen = counted()
    # What was asked for, where it failed before it was known what it would be.
    assert seen[key(f"{_ROUND}s", kind="step", outcome="ROUND_NOT_POSSIBLE")] == 1
    assert seen[key(f"{_ROUND}s", kind="refresh", outcome="ROUND_FAILED")] == 1
    assert not [name for name, _ in seen if name == "omega.federation.last.success"]
    failed = recorded.named("round") + recorded.named("read")
    assert [dict(s.attributes or {})["error.type"] for s in failed] == ["ROUND_NOT_POSSIBLE"] * 2
