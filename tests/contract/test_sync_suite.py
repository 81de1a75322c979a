"""`omega contract sync` at a real gateway, and at one that is spoilt on the way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from omega.sync.v1 import sync_service_pb2 as pb
from omega_cli import main as omega
from omega_cli.contract import sync, sync_words
from omega_cli.contract.rows import Row
from omega_client import ConstellationClient
from omega_constellation.app import build as build_constellation
from omega_constellation.config import ConstellationConfig
from omega_rpc.config import ServerConfig
from omega_rpc.tokens import new_key_line
from omega_sync.app import build
from omega_sync.config import SyncConfig
from omega_testing.between import Between, Metadata, Spoilt
from omega_testing.postgres import EmbeddedPostgres
from omega_testing.probe import running

pytestmark = pytest.mark.timeout(300)  # hundreds of real calls a test

LOCAL = ServerConfig("127.0.0.1:0", grace_seconds=0)
METHOD = "/omega.sync.v1.SyncService/"
KEY = "the operator's key"


@pytest.fixture(scope="module")
def addresses(
    postgres: EmbeddedPostgres, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, str]]:
    """Of a gateway with the limits that it ships with, and of its constellation."""
    keys = tmp_path_factory.mktemp("secrets") / "token.keys"
    keys.write_text(new_key_line())
    keys.chmod(0o600)
    url = postgres.create_database("contract_sync", template_database)
    with ExitStack() as stack:
        stack.callback(postgres.drop_database, "contract_sync")
        shard = build_constellation(ConstellationConfig(database_url=url), LOCAL)
        stack.callback(shard.close)
        target = stack.enter_context(running(shard.server))
        gateway = build(
            SyncConfig(
                token_keys=keys,
                enrolment_key_file=_secret(keys.with_name("enrolment")),
                constellation_target=target,
            ),
            LOCAL,
        )
        stack.callback(gateway.close)
        yield stack.enter_context(running(gateway.server)), target


def _secret(path: Path) -> Path:
    path.write_text(KEY)
    path.chmod(0o600)
    return path


def tried(
    address: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> tuple[int, dict[str, Any]]:
    key = _secret(folder / "enrolment")
    flags = ["--json", "--enrolment-key-file", str(key)]
    code = omega.main(["contract", "sync", address, *flags])
    return code, json.loads(capsys.readouterr().out)


def test_every_row_holds_and_no_device_is_left(
    addresses: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = tried(addresses[0], tmp_path, capsys)
    assert [row for row in said["rows"] if row["ok"] is not True] == []
    assert (code, said["held"]) == (0, len(sync.suite(sync_words.Words()).rows) + 1)
    with ConstellationClient(addresses[1]) as constellation:
        status = constellation.get_cluster_status()
    assert (status.total_devices, status.pushes) == (0, 0)


def _answer(method: str, message: bytes) -> bytes:
    if method == METHOD + "PushPatterns":
        pushed = pb.PushPatternsResponse.FromString(message)
        pushed.duplicate = False
        return pushed.SerializeToString()
    if method == METHOD + "PullPatterns":
        news = pb.PullPatternsResponse.FromString(message)
        news.delta += bytes(5_120)
        return news.SerializeToString()
    return message


def _request(method: str, message: bytes) -> bytes:
    if method == METHOD + "GetResource":
        wanted = pb.GetResourceRequest.FromString(message)
        wanted.offset = min(wanted.offset, 67_108_864)
        return wanted.SerializeToString()
    return message


def _metadata(method: str, found: Metadata) -> Metadata:
    if method == METHOD + "Sync":
        return tuple(pair for pair in found if pair[0] != "x-request-id")
    return found


SPOILT = Spoilt(
    request=_request,
    answer=_answer,
    metadata=_metadata,
    # What states no deadline is given one.
    seconds=lambda _, left: 20.0 if left is None else left,
    # When to come back is not said, nor what is wrong.
    trailers=lambda method, found: () if method == METHOD + "StreamSync" else found,
)


def _is_spoilt(row: Row) -> bool:
    within_stream = row.case.startswith(("exchange.", "a refused exchange", "more than"))
    return row.case == "no deadline" or {
        # What was stored before is told as new.
        "PushPatterns": row.case == "the same once more",
        # News are larger than a TV takes.
        "PullPatterns": row.case.startswith("news by"),
        # A bound is not held.
        "GetResource": row.case == "offset = 67108865",
        # The id of the call is lost.
        "Sync": row.case == "x-request-id comes back",
        # Where the stream ends by a refusal, what is wrong is not said.
        "StreamSync": bool(row.wanted.reason) and not within_stream,
    }.get(row.rpc, False)


def test_of_a_spoilt_gateway_exactly_the_rows_at_fault_fail(
    addresses: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Between(addresses[0], SPOILT) as between:
        code, said = tried(between.address, tmp_path, capsys)
    rows = sync.suite(sync_words.Words()).rows
    assert code == 1
    assert {(row["rpc"], row["case"]) for row in said["rows"] if row["ok"] is False} == {
        (row.rpc, row.case) for row in rows if _is_spoilt(row)
    }
