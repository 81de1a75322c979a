"""A worker of a fleet tells of rounds that other processes led."""

from __future__ import annotations

import pytest
from tests.federation.fleet.conftest import FleetOfThree, run

from omega_federation_worker import metering
from omega_federation_worker.config import FederationConfig
from omega_federation_worker.fleet import Fleet
from omega_testing.probe import eventually
from omega_testing.recording import counting


def test_a_refresh_of_another_process_is_told(three: FleetOfThree) -> None:
    done = run(three.home, three.environ(), refresh=True)
    assert done.finished_at is not None
    last = "omega.federation.last.success", frozenset({("omega.kind", "refresh")})
    with counting(metering) as counted, Fleet(FederationConfig(shards_file=three.file)) as fleet:
        fleet.serve()
        told = eventually(counted, lambda found: last in found)
    assert told[last] == pytest.approx(done.finished_at.timestamp(), rel=0, abs=1e-3)
    assert not [name for name, _ in told if name == "omega.federation.rounds"], "it led one itself"
