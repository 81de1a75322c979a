"""`omega contract federation` at a real worker, spoilt on the way, and by a program's calls."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.contract.conftest import Tried

from omega_cli import main as omega
from omega_cli.contract import federation
from omega_cli.contract.rows import UNUSED, Row
from omega_federation_worker.app import build
from omega_federation_worker.config import FederationConfig
from omega_rpc.config import ServerConfig
from omega_store import Store
from omega_testing.between import Between
from omega_testing.probe import running
from omega_testing.published import publish
from omega_testing.spoilt_services import SPOILT

METHOD = "/omega.federation.v1.FederationService/"
SUCCEEDED = ("RunRound", "a round that succeeded, once more")
IMPOSSIBLE = ("RunRound", "a round that was not possible, once more")
ROWS = federation.suite().rows
NEEDY = {(row.rpc, row.case) for row in ROWS if row.needs == UNUSED}
PROGRAM = Path(__file__).with_name("program_client.py")


@pytest.fixture
def address(store: Store) -> Iterator[str]:
    """Of a worker of a shard without anything."""
    config = FederationConfig(database_url=store.url, period_seconds=0)
    application = build(config, ServerConfig("127.0.0.1:0", grace_seconds=0))
    try:
        with running(application.server) as address:
            yield address
    finally:
        application.close()


def test_of_a_shard_without_anything_a_round_is_asked_for_and_fails(
    address: str, tried: Tried
) -> None:
    said = tried("federation", address)
    assert (said.code, said.failed) == (5, set())
    assert said.left_out == {SUCCEEDED}
    first = said.got("RunRound", "a shard's first round")
    assert first.split()[:2] == ["FAILED_PRECONDITION", "ROUND_NOT_POSSIBLE"]


def test_where_a_round_is_on_record_none_is_run(address: str, store: Store, tried: Tried) -> None:
    publish(store)
    said = tried("federation", address)
    assert (said.code, said.failed) == (5, set())
    assert said.left_out == NEEDY | {IMPOSSIBLE}


def _is_spoilt(row: Row) -> bool:
    # Of the refusals that gRPC gives itself nothing more is told.
    return {
        # An answer has a round more, behind the others.
        "ListRounds": row.case in {"newest first", "at most page_size", "before round 1"},
        # A bound is not held: the first round is taken for none.
        "GetRound": row.case in {"round_id = 0", "x-request-id comes back"},
        # What is wrong is not said.
        "RunRound": bool(row.wanted.reason or row.wanted.field),
    }[row.rpc]


def test_of_a_spoilt_worker_exactly_the_rows_at_fault_fail(
    address: str, store: Store, tried: Tried
) -> None:
    publish(store)
    with Between(address, SPOILT) as between:
        said = tried("federation", between.address)
    assert said.code == 1
    left_out = NEEDY | {IMPOSSIBLE}
    assert said.left_out == left_out
    spoilt = {(row.rpc, row.case) for row in ROWS if _is_spoilt(row)}
    assert said.failed == spoilt - left_out


def test_the_table_has_a_column_a_client(
    address: str, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    publish(store)
    program = f"--client=other={sys.executable} {PROGRAM}"
    code = omega.main(["contract", "federation", address, "--client=python", program])
    printed = capsys.readouterr().out
    tried = [row for row in ROWS if (row.rpc, row.case) not in NEEDY | {IMPOSSIBLE}]
    left_out = len(ROWS) - len(tried)
    unsaid = sum(row.rpc == "RunRound" for row in tried)
    misread = sum(row.rpc == "GetRound" and row.wanted.status == "OK" for row in tried)
    held = len(tried) - unsaid - misread
    assert code == 1
    assert f"python: {len(tried)} rows hold, 0 do not, {left_out} were left out" in printed
    said = f"other: {held} rows hold, {misread} do not, {left_out + unsaid} were left out"
    assert said in printed
    assert printed.count("other: an answer that the client reads otherwise") == misread == 1


@pytest.mark.parametrize("command", ["", "=x", "own", "python=x", "a=/nowhere/at/all"])
def test_a_client_that_cannot_be_is_named(
    command: str, address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert omega.main(["contract", "federation", address, "--client", command]) == 1
    assert "--client" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["echo hello", "true"], ids=["talks", "ends"])
def test_a_program_that_does_not_keep_to_the_protocol_is_told_from_a_server_at_fault(
    command: str, address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert omega.main(["contract", "federation", address, f"--client=odd={command}"]) == 1
    assert "--client must be a program that keeps to the protocol" in capsys.readouterr().err
