"""Tokens are counted where a device is, and move with it; reports lie at the home shard."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.sync.shards.conftest import AddShard

from omega.sync.v1 import sync_service_pb2 as pb
from omega_client import GatewayClient, RandomnessClient, ServiceError, SyncClient
from omega_randomness.app import build as build_randomness
from omega_randomness.config import RandomnessConfig
from omega_rpc.config import ServerConfig
from omega_testing.probe import running
from omega_testing.reporting import told_keys
from omega_testing.shard_site import ShardSite
from omega_testing.site import Device, enrolled, write
from omega_threshold import Evaluation, Pair, ReportRequest, TokenRequest
from omega_threshold.intake import Outcome, Submission, outcome_of

QUOTA = 4
PAIR = Pair.of("movie:1", "movie:2")


@pytest.fixture
def randomness_target(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "randomness").mkdir()
    application = build_randomness(
        RandomnessConfig(storage_path=tmp_path / "randomness"),
        ServerConfig("127.0.0.1:0", grace_seconds=0),
    )
    with running(application.server) as address:
        yield address
    application.close()


@pytest.fixture
def randomness(randomness_target: str) -> Iterator[RandomnessClient]:
    with RandomnessClient(randomness_target) as client:
        yield client


@pytest.fixture
def environ(tmp_path: Path, randomness_target: str) -> dict[str, str]:
    """Settings that all shards have."""
    return {
        "OMEGA_CONSTELLATION_THRESHOLD_SECRET_FILE": str(
            write(tmp_path / "secret", os.urandom(32).hex().encode())
        ),
        "OMEGA_CONSTELLATION_TOKENS_PER_EPOCH": str(QUOTA),
        "OMEGA_CONSTELLATION_RANDOMNESS_TARGET": randomness_target,
    }


@pytest.fixture
def tv(site: ShardSite, add: AddShard, environ: dict[str, str]) -> Iterator[SyncClient]:
    """At a gateway that calls b first, of shards a (home), b and c."""
    shards = [add(name, "", environ) for name in "abc"]
    site.publish(shard.entry for shard in shards)
    with SyncClient(site.gateway("b").address) as client:
        yield client


def tokens(tv: SyncClient, device: Device, count: int, request_id: str = "") -> TokenRequest:
    keys = told_keys(tv.get_reporting_keys(credential=device.prover).keys).epochs[-1]
    asked = TokenRequest.drawn(keys.epoch, count)
    ask(tv, device, asked, request_id)
    return asked


def ask(
    tv: SyncClient, device: Device, asked: TokenRequest, request_id: str = ""
) -> pb.IssueTokensResponse:
    request = pb.IssueTokensRequest(
        request_id=request_id or str(uuid.uuid4()),
        epoch=asked.epoch,
        blinded=asked.blinded.elements,
    )
    return tv.issue_tokens(request, credential=device.prover)


def test_every_shard_tells_the_same_and_reports_lie_at_home(
    site: ShardSite, tv: SyncClient, randomness: RandomnessClient
) -> None:
    gateway = site.gateway("c")
    with GatewayClient(gateway.address) as relay:
        told = relay.get_reporting_keys().keys
        keys = told_keys(told).epochs[-1]
        reported = []
        for _ in range(6):
            device = enrolled(tv)
            assert tv.get_reporting_keys(credential=device.prover).keys == told
            asked = TokenRequest.drawn(keys.epoch, 1)
            given = ask(tv, device, asked)
            (token,) = asked.finalize(Evaluation(tuple(given.evaluated), given.proof), keys.tokens)
            coins = ReportRequest.of(keys.epoch, told.threshold, [PAIR])
            evaluated = randomness.evaluate(keys.epoch, coins.blinded.elements)
            (report,) = coins.finalize(
                Evaluation(tuple(evaluated.evaluated), evaluated.proof), keys.randomness
            )
            sent, exchange = Submission(token, report).sealed(keys.gateway)
            answer = relay.handle(sent).encapsulated
            assert outcome_of(exchange, answer) is Outcome.TAKEN
            reported.append((report.encode(),))
    stored = {
        name: shard.rows("SELECT report FROM threshold_inbox")
        for name, shard in site.shards.items()
    }
    assert (sorted(stored.pop("a")), stored) == (sorted(reported), {"b": [], "c": []})


def test_a_move_gives_no_device_its_tokens_anew(
    site: ShardSite, tv: SyncClient, add: AddShard, environ: dict[str, str]
) -> None:
    devices = [enrolled(tv) for _ in range(24)]
    repeated = {}
    for device in devices:
        request_id = str(uuid.uuid4())
        repeated[device.device_id] = (request_id, tokens(tv, device, QUOTA - 1, request_id))
    before = site.devices()
    add("d", "", environ)
    site.publish_all()
    site.still()
    after = site.devices()
    moved = [each for each in devices if after[each.device_id] != before[each.device_id]]
    assert moved
    for device in devices:
        with pytest.raises(ServiceError) as refused:
            tokens(tv, device, 2)
        assert refused.value.reason == "TOKENS_SPENT"
        request_id, asked = repeated[device.device_id]
        assert ask(tv, device, asked, request_id).left == 1
        tokens(tv, device, 1)
    held = [
        str(device_id)
        for shard in site.shards.values()
        for (device_id,) in shard.rows("SELECT DISTINCT device_id FROM threshold_issued")
    ]
    assert sorted(held) == sorted(device.device_id for device in devices)


def test_an_erased_device_leaves_no_count_at_any_shard(site: ShardSite, tv: SyncClient) -> None:
    device = enrolled(tv)
    tokens(tv, device, 1)
    tv.erase_device(credential=device.prover)
    left = [shard.rows("SELECT FROM threshold_issued") for shard in site.shards.values()]
    assert left == [[], [], []]
    with pytest.raises(ServiceError) as refused:
        tokens(tv, device, 1)
    assert refused.value.reason == "UNAUTHENTICATED"
