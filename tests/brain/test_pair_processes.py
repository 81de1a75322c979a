"""kill -9 of a brain that reports pairs through a real relay and a real randomness server."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.brain.pair_town import Town, town
from tests.brain.test_pair_household import Door, all_of

from omega.brain.v1 import brain_service_pb2 as pb
from omega_client import BrainClient, ClientTls
from omega_core.clock import SystemClock
from omega_core.content import Content
from omega_rpc import local_authority
from omega_testing.gateway import serving
from omega_testing.processes import ServiceProcess
from omega_threshold import KeyRing, Schedule

Publish = Callable[..., None]


@pytest.fixture
def parties(tmp_path: Path) -> Iterator[Town]:
    (tmp_path / "town").mkdir()
    with town(tmp_path / "town", SystemClock()) as made:
        yield made


@pytest.fixture
def gateway(parties: Town) -> Door:
    return Door(parties)


@pytest.fixture
def environ(tmp_path: Path, parties: Town, gateway: Door) -> Iterator[dict[str, str]]:
    (tmp_path / "coins").mkdir()
    now, life = datetime.now(UTC), timedelta(days=1)
    authority = local_authority.authority("parties", now, life)
    server = local_authority.server(authority, ["127.0.0.1", "localhost"], now, life)
    for name, data in (
        ("ca.pem", authority.certificate_pem()),
        ("server.pem", server.certificate_pem()),
        ("server.key", server.key_pem()),
    ):
        path = tmp_path / name
        path.touch(mode=0o600)
        path.write_bytes(data)
    trusts = ClientTls(tmp_path / "ca.pem")
    of_randomness = {
        "OMEGA_RANDOMNESS_LISTEN": "127.0.0.1:0",
        "OMEGA_RANDOMNESS_STORAGE_PATH": str(tmp_path / "coins"),
        "OMEGA_RANDOMNESS_TLS_CERTIFICATE": str(tmp_path / "server.pem"),
        "OMEGA_RANDOMNESS_TLS_KEY": str(tmp_path / "server.key"),
    }
    of_relay = {
        "OMEGA_RELAY_LISTEN": "127.0.0.1:0",
        "OMEGA_RELAY_GATEWAY_TARGET": parties.gateway_at.target,
        "OMEGA_RELAY_TLS_CERTIFICATE": str(tmp_path / "server.pem"),
        "OMEGA_RELAY_TLS_KEY": str(tmp_path / "server.key"),
    }
    with ExitStack() as stack:
        address = stack.enter_context(serving(gateway))
        randomness, relay = (
            stack.enter_context(ServiceProcess([name], settings, tls=trusts))
            for name, settings in (("omega-randomness", of_randomness), ("omega-relay", of_relay))
        )
        file = tmp_path / "coins" / "keys.sqlite"
        # What tells the test which pair a report is of; the operator has nothing like it.
        parties.coins = stack.enter_context(KeyRing(file, "omega.threshold.v1 pairs", Schedule()))
        yield {
            "OMEGA_BRAIN_STORAGE_PATH": str(tmp_path / "tv"),
            "OMEGA_BRAIN_ENCODER": "lexical",
            "OMEGA_BRAIN_LISTEN": "127.0.0.1:0",
            "OMEGA_BRAIN_CONSTELLATION_URL": f"http://{address}",
            "OMEGA_BRAIN_SYNC_INTERVAL_SECS": "0",
            "OMEGA_BRAIN_MIN_SAMPLES": "1",
            "OMEGA_BRAIN_CATALOGUE_HOURS": "0",
            "OMEGA_BRAIN_FACTORS_HOURS": "0",
            "OMEGA_BRAIN_SHARING": "threshold",
            "OMEGA_BRAIN_RELAY_URL": f"https://{relay.address}",
            "OMEGA_BRAIN_RANDOMNESS_URL": f"https://{randomness.address}",
            "OMEGA_BRAIN_RELAY_TLS_CA": str(tmp_path / "ca.pem"),
            "OMEGA_BRAIN_RANDOMNESS_TLS_CA": str(tmp_path / "ca.pem"),
            "OMEGA_BRAIN_PAIR_BYTES_A_DAY": "100000",
        }


def test_a_brain_that_is_killed_again_and_again_tells_each_pair_once(
    environ: dict[str, str],
    parties: Town,
    titles: list[Content],
    publish_catalogue: Publish,
    publish_factors: Publish,
) -> None:
    publish_catalogue(titles)
    publish_factors(list(range(20)))
    parties.known = all_of(titles[:4])
    chance = random.Random(3)  # noqa: S311 - where it dies
    taken, hold, killed = threading.Event(), threading.Event(), 0

    def at(point: str) -> None:
        if point == "took a report":
            taken.set()
            hold.wait(20)

    while len(parties.rows) < len(parties.known):
        hold.clear()
        taken.clear()
        parties.at = at if killed < 4 else lambda _: None
        with (
            ServiceProcess(["omega-brain"], environ) as process,
            BrainClient(process.address) as client,
        ):
            if not killed:
                client.sync_now()
                for number, title in enumerate(titles[:4]):
                    client.observe_event(
                        pb.ObserveEventRequest(
                            event_id=f"e-{number}",
                            content_id=title.content_id,
                            watch_percentage=0.9,
                        )
                    )
            if killed < 4:
                assert taken.wait(30), "a report was taken, and its answer is held"
                if chance.random() < 0.5:
                    hold.set()
                    time.sleep(chance.uniform(0, 0.2))
                process.kill()
                killed += 1
                hold.set()
            else:
                deadline = time.monotonic() + 30
                while client.get_stats().sync.pairs_told < len(parties.known):
                    assert time.monotonic() < deadline
                    time.sleep(0.1)
    assert parties.pairs() == dict.fromkeys(parties.known, 1)
    assert sum(map(len, parties.issued.values())) <= len(parties.known)
