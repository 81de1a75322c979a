"""`omega contract constellation` at a real shard, and at one that is spoilt on the way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import grpc
import pytest

from omega.constellation.v1 import admin_pb2
from omega.constellation.v1 import constellation_service_pb2 as pb
from omega_cli import main as omega
from omega_cli.contract import shard, shard_words
from omega_cli.contract.rows import STOCKED, Row
from omega_client import AdminClient, ConstellationClient
from omega_constellation.app import build
from omega_constellation.config import ConstellationConfig
from omega_rpc.config import ServerConfig
from omega_store import Store, contents
from omega_testing.between import Between, Spoilt
from omega_testing.fleet import MODEL, NOW, titles
from omega_testing.probe import running

pytestmark = pytest.mark.timeout(300)  # hundreds of real calls a test

LOCAL = ServerConfig("127.0.0.1:0", grace_seconds=0)
SHARD = "/omega.constellation.v1.ConstellationService/"
ADMIN = "/omega.constellation.v1.AdminService/"


@pytest.fixture
def address(store: Store) -> Iterator[str]:
    """Of a shard without anything."""
    with ExitStack() as stack:
        application = build(ConstellationConfig(database_url=store.url), LOCAL)
        stack.callback(application.close)
        yield stack.enter_context(running(application.server))


@pytest.fixture
def stocked(address: str, store: Store) -> str:
    """Of a shard with a title."""
    with store.transaction() as conn:
        contents.upsert(conn, titles(1), model_version=MODEL, catalogue_version=0, now=NOW)
    return address


def tried(address: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    code = omega.main(["contract", "constellation", address, "--json"])
    return code, json.loads(capsys.readouterr().out)


def rows() -> dict[tuple[str, str], Row]:
    """Every row by what the table calls it."""
    first, second = shard.suites(shard_words.Words())
    named = {(row.rpc, row.case): row for row in first.rows}
    return named | {(f"AdminService.{row.rpc}", row.case): row for row in second.rows}


def test_every_row_holds_and_nothing_stays_but_claims(
    stocked: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = tried(stocked, capsys)
    assert [row for row in said["rows"] if row["ok"] is not True] == []
    assert (code, said["held"]) == (0, len(rows()))
    with ConstellationClient(stocked) as client:
        status = client.get_cluster_status()
    assert (status.total_devices, status.pushes, status.contents) == (0, 0, 1)
    with AdminClient(stocked) as admin:
        assert {entry.action for entry in admin.list_audit().entries} == {"CreateClaims"}


def test_on_a_shard_without_titles_their_rows_are_left_out_and_none_is_stored(
    address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = tried(address, capsys)
    left_out = {(row["rpc"], row["case"]) for row in said["rows"] if row["ok"] is None}
    assert code == 5
    assert left_out == {name for name, row in rows().items() if row.needs == STOCKED}
    with ConstellationClient(address) as client:
        status = client.get_cluster_status()
    assert (status.contents, status.total_devices) == (0, 0)


def _request(method: str, message: bytes) -> bytes:
    if method == ADMIN + "ListDevices":
        wanted = admin_pb2.ListDevicesRequest.FromString(message)
        wanted.page_size = min(wanted.page_size, 1_000)
        return wanted.SerializeToString()
    # Of what it does not know the rest is lost, too.
    if method == SHARD + "SpendClaim" and b"of a release to come" in message:
        return b""
    return message


def _answer(method: str, message: bytes) -> bytes:
    if method == SHARD + "IngestPatterns":
        stored = pb.IngestPatternsResponse.FromString(message)
        for result in stored.results:
            result.outcome = pb.PushOutcome.PUSH_OUTCOME_STORED
        return stored.SerializeToString()
    return message


def _status(method: str, code: grpc.StatusCode) -> grpc.StatusCode:
    if method == ADMIN + "GetDevice" and code is grpc.StatusCode.NOT_FOUND:
        return grpc.StatusCode.INTERNAL
    return code


SPOILT = Spoilt(
    request=_request,
    answer=_answer,
    status=_status,
    trailers=lambda method, found: () if method == SHARD + "GetHeads" else found,
)


def _is_spoilt(rpc: str, row: Row) -> bool:
    beyond = {"page_size = 1001", f"page_size = {2**32 - 1}", "x-request-id comes back"}
    return {
        # A bound is not held.
        "AdminService.ListDevices": row.case in beyond,
        # What it does not know is not passed over.
        "SpendClaim": row.case == "a field of a release to come",
        # Whatever comes is said to be stored.
        "IngestPatterns": row.case in {"a push, and one of nobody", "the same once more"},
        # The status is another.
        "AdminService.GetDevice": row.wanted.status == "NOT_FOUND",
        # What is wrong is not said.
        "GetHeads": bool(row.wanted.reason or row.wanted.field),
    }.get(rpc, False)


def test_of_a_spoilt_shard_exactly_the_rows_at_fault_fail(
    stocked: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with Between(stocked, SPOILT) as between:
        code, said = tried(between.address, capsys)
    wanted = {name for name, row in rows().items() if _is_spoilt(name[0], row)}
    assert code == 1
    assert {(row["rpc"], row["case"]) for row in said["rows"] if row["ok"] is False} == wanted
