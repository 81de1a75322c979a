"""`omega contract brain` at a real brain, and at one that is spoilt on the way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from tests.contract.conftest import Tried

from omega.brain.v1 import brain_service_pb2 as pb
from omega.brain.v1 import brain_service_pb2_grpc
from omega_brain.brain import Brain
from omega_brain.config import BrainConfig
from omega_brain.servicer import BrainServicer
from omega_cli import main as omega
from omega_cli.contract import brain
from omega_cli.contract.calls import Line, nobody
from omega_cli.contract.clients.orders import Target
from omega_cli.contract.clients.python import PythonClient
from omega_cli.contract.rows import FRESH, Row
from omega_cli.contract.suite import run
from omega_client import BrainClient
from omega_rpc.config import ServerConfig
from omega_rpc.server import Binding, Server
from omega_testing.between import Between
from omega_testing.deaf import Deaf
from omega_testing.probe import running
from omega_testing.spoilt_services import SPOILT

pytestmark = pytest.mark.timeout(300)  # hundreds of real calls a test

METHOD = "/omega.brain.v1.BrainService/"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of a brain without a household, which it is again after each run."""
    config = BrainConfig(
        storage_path=tmp_path_factory.mktemp("tv") / "storage",
        encoder="lexical",
        constellation_url="",
        recommend_timeout_ms=10_000,
    )
    with closing(Brain(config)) as opened:
        binding = Binding(
            brain.SERVICE.full_name,
            brain_service_pb2_grpc.add_BrainServiceServicer_to_server,
            BrainServicer(opened),
        )
        server = Server(ServerConfig("127.0.0.1:0", grace_seconds=0), [binding], local_only=True)
        with running(server) as address:
            yield address


def test_every_row_holds_and_the_household_is_gone(address: str, tried: Tried) -> None:
    said = tried("brain", address)
    assert (said.failed, said.left_out) == (set(), set())
    assert (said.code, said.held) == (0, len(brain.suite("test").rows))
    with BrainClient(address) as client:
        stats = client.get_stats()
    assert (stats.events, stats.profiles) == (0, 0)


def _is_spoilt(row: Row) -> bool:
    beyond = {"limit = 101", "limit = 4294967295", "x-request-id comes back"}
    return {
        # A bound is not held: more than 100 titles are taken for 100.
        "GetRecommendations": row.case in beyond,
        # What it does not know is refused.
        "UpsertContents": row.case == "a field of a release to come",
        # An answer says something else.
        "ObserveEvent": row.case == "the same once more",
        # The status is another.
        "DeleteProfile": row.wanted.status == "NOT_FOUND",
        # What is wrong is not said.
        "QueryMemory": bool(row.wanted.reason or row.wanted.field),
        # The id of the call is lost.
        "PutProfile": row.case == "x-request-id comes back",
    }.get(row.rpc, False)


def test_of_a_spoilt_brain_with_a_household_the_rows_at_fault_fail_and_the_household_is_kept(
    address: str, tried: Tried
) -> None:
    with BrainClient(address) as client, Between(address, SPOILT) as between:
        client.put_profile(pb.Profile(profile_id="ours", name="Ours"))
        said = tried("brain", between.address)
        assert [each.profile_id for each in client.list_profiles().profiles] == ["ours"]
        client.delete_profile("ours")
    rows = brain.suite("test").rows
    needy = {(row.rpc, row.case) for row in rows if row.needs == FRESH}
    assert said.code == 1
    assert said.left_out == needy
    assert said.failed == {(row.rpc, row.case) for row in rows if _is_spoilt(row)} - needy


def test_of_a_brain_that_hears_no_deadline_the_rows_of_deadlines_fail(address: str) -> None:
    whole = brain.suite("deaf")
    rows = [
        row
        for row in whole.rows
        if row.rpc in HEARD and (row.how.told or row.case == "a sound request")
    ]
    with Deaf(address) as deaf, PythonClient() as client:
        line = Line(client, client, Target(deaf.address), brain.SERVICE)
        came = list(run(replace(whole, rows=tuple(rows)), line, lambda _: nobody, {FRESH}))
    assert [each.ok for each in came] == [not row.how.told for row in rows]


HEARD = {"GetStats", "ListProfiles", "WatchRecommendations"}
"""Methods of each form of answer; nothing of them is left behind."""


def test_a_server_that_is_not_there_is_no_fault_of_its_rows(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert omega.main(["contract", "brain", f"unix:{tmp_path}/absent.sock"]) == 4
    assert "does not answer" in capsys.readouterr().err
