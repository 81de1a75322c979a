"""`omega contract sync` at a real gateway, and at one that is spoilt on the way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from tests.contract.conftest import Tried

from omega.common.v1 import resource_pb2
from omega.sync.v1 import sync_service_pb2 as pb
from omega_cli.contract import sync, sync_words
from omega_cli.contract.calls import Line
from omega_cli.contract.clients.orders import Target
from omega_cli.contract.clients.python import PythonClient
from omega_cli.contract.news import Reader
from omega_cli.contract.rows import CERTIFIED, Row
from omega_cli.contract.suite import run
from omega_cli.contract.sync_devices import Devices
from omega_client import ConstellationClient
from omega_constellation.app import build as build_constellation
from omega_constellation.config import ConstellationConfig
from omega_core.limits import DIMENSION
from omega_randomness.app import build as build_randomness
from omega_randomness.config import RandomnessConfig
from omega_rpc.config import ServerConfig
from omega_rpc.local_authority import authority
from omega_rpc.tokens import new_key_line
from omega_store import Store
from omega_store.states import Pattern
from omega_sync.app import build
from omega_sync.config import SyncConfig
from omega_testing.between import Between, Spoilt
from omega_testing.certificates import Certificates
from omega_testing.postgres import EmbeddedPostgres
from omega_testing.probe import running
from omega_testing.published import publish
from omega_testing.site import write
from omega_testing.spoilt_services import SPOILT

pytestmark = pytest.mark.timeout(300)  # hundreds of real calls a test

LOCAL = ServerConfig("127.0.0.1:0", grace_seconds=0)
METHOD = "/omega.sync.v1.SyncService/"
CODEC = Path(__file__).with_name("codec")
BOOK = CODEC / "codebook.bin"
MODEL = "made-up-384"
"""Encoder of the golden codebook."""


@dataclass(frozen=True)
class Fleet:
    """A gateway with the limits that it ships with, over TLS, before a shard with golden news."""

    folder: Path
    """Of its files."""
    ca: Path
    """Signs its certificate."""
    address: str
    """Where tokens are shown."""
    certified: str
    """Where certificates are shown."""
    constellation: str
    """Behind it, without TLS."""

    @property
    def flags(self) -> list[str]:
        """Of every run."""
        return ["--enrolment-key-file", str(self.folder / "enrolment")]


@pytest.fixture(scope="module")
def fleet(
    postgres: EmbeddedPostgres, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Fleet]:
    folder = tmp_path_factory.mktemp("fleet")
    pems, now = Certificates(folder), datetime.now(UTC)
    devices = authority("devices", now, timedelta(days=1))
    device_ca = write(folder / "devices.pem", devices.certificate_pem())
    url = postgres.create_database("contract_sync", template_database)
    with ExitStack() as stack:
        stack.callback(postgres.drop_database, "contract_sync")
        (folder / "randomness").mkdir()
        randomness = build_randomness(RandomnessConfig(storage_path=folder / "randomness"), LOCAL)
        stack.callback(randomness.close)
        shard = build_constellation(
            ConstellationConfig(
                database_url=url,
                threshold_secret_file=write(folder / "secret", b"x" * 32),
                randomness_target=stack.enter_context(running(randomness.server)),
                device_ca_certificate=device_ca,
                device_ca_key=write(folder / "devices.key", devices.key_pem()),
            ),
            LOCAL,
        )
        stack.callback(shard.close)
        target = stack.enter_context(running(shard.server))
        with ConstellationClient(target) as client, Store.connect(url) as store:
            client.publish_codebook(BOOK.read_bytes())
            publish(store, _patterns(), model_version=MODEL)
        gateway = build(
            SyncConfig(
                token_keys=write(folder / "token.keys", new_key_line().encode()),
                enrolment_key_file=write(folder / "enrolment", b"the operator's key"),
                constellation_target=target,
                mtls_listen="127.0.0.1:0",
                device_ca=device_ca,
            ),
            replace(LOCAL, tls_certificate=pems.server_certificate, tls_key=pems.server_key),
        )
        stack.callback(gateway.close)
        address = stack.enter_context(running(gateway.server))
        yield Fleet(folder, pems.ca, address, gateway.server.addresses["mtls_listen"], target)


def _patterns() -> list[Pattern]:
    """The golden vectors."""
    vectors = np.fromfile(CODEC / "vectors.f32", "<f4").reshape(-1, DIMENSION)
    return [Pattern(0, vector, 0.75, 4, 0.1) for vector in vectors[:9]]


def test_every_row_holds_over_tls_and_mutual_tls_and_no_device_is_left(
    fleet: Fleet, tried: Tried
) -> None:
    trust = ["--tls-ca", str(fleet.ca), "--mtls-address", fleet.certified]
    said = tried("sync", fleet.address, *trust, *fleet.flags)
    assert (said.failed, said.left_out) == (set(), set())
    assert (said.code, said.held) == (0, len(sync.suite(sync_words.Words()).rows) + 1)
    with ConstellationClient(fleet.constellation) as constellation:
        status = constellation.get_cluster_status()
    assert (status.total_devices, status.pushes) == (0, 0)


@pytest.mark.parametrize("accepted", [True, False])
def test_golden_news_in_a_pulls_answer_are_told_from_broken_ones(
    fleet: Fleet, accepted: bool
) -> None:
    stated = json.loads((CODEC / "cases.json").read_text("utf-8"))["cases"]
    by_name = {case["name"]: case for case in stated}
    served = [
        each
        for case in stated
        if case["accepted"] is accepted
        for each in filter(None, (by_name.get(case["base"]), case))
    ]
    given = iter(served)

    def answer(method: str, message: bytes) -> bytes:
        news = pb.PullPatternsResponse.FromString(message)
        if method != METHOD + "PullPatterns" or news.codec == resource_pb2.CODEC_U8_ZSTD:
            return message
        case = next(given)
        news.codec, news.delta = resource_pb2.CODEC_TRANSFORM, bytes.fromhex(case["message"])
        news.state_version = case["version"] or 1
        return news.SerializeToString()

    words = sync_words.Words((fleet.folder / "enrolment").read_text())
    named = {(row.rpc, row.case): row for row in Reader().rows(words)}
    first = named["PullPatterns", "news by CODEC_U8_ZSTD"]
    book = named["GetResource", "the codebook that is announced"]
    rest = [named["PullPatterns", "news under that codebook"]] * len(served)
    suite = replace(sync.suite(words), rows=(first, book, *rest))
    with (
        Between(fleet.address, Spoilt(answer=answer), fleet.ca.read_bytes()) as between,
        PythonClient() as client,
    ):
        line = Line(client, client, Target(between.address), sync.SERVICE)
        devices = Devices(line, words)
        came = list(run(suite, line, devices.callers, ()))
        assert devices.erase().ok
    assert [each.ok for each in came] == [True, True, *[accepted] * len(served)]


def _is_spoilt(row: Row) -> bool:
    within_stream = row.case.startswith(("exchange.", "a refused exchange", "more than"))
    return row.case == "no deadline" or {
        # What was stored before is told as new.
        "PushPatterns": row.case == "the same once more",
        # News are larger than a TV takes.
        "PullPatterns": row.case.startswith("news"),
        # A bound is not held.
        "GetResource": row.case == "offset = 67108865",
        # The id of the call is lost.
        "Sync": row.case == "x-request-id comes back",
        # Where the stream ends by a refusal, what is wrong is not said.
        "StreamSync": bool(row.wanted.reason) and not within_stream,
    }.get(row.rpc, False)


def test_of_a_spoilt_gateway_exactly_the_rows_at_fault_fail(fleet: Fleet, tried: Tried) -> None:
    with Between(fleet.address, SPOILT, fleet.ca.read_bytes()) as between:
        said = tried("sync", between.address, *fleet.flags)
    rows = sync.suite(sync_words.Words()).rows
    assert said.code == 1
    assert said.left_out == {(row.rpc, row.case) for row in rows if row.needs == CERTIFIED}
    assert said.failed == {(row.rpc, row.case) for row in rows if _is_spoilt(row)}
