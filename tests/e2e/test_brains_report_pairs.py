"""Brains report what they like through a real fleet, relay and randomness server, by gRPC and HTTP.

Before factors are published, that is titles alone.
"""

from __future__ import annotations

import os
import time
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from omega.brain.v1 import brain_service_pb2 as pb
from omega_client import BrainClient, ConstellationClient
from omega_embed import open_encoder
from omega_eval.sample import load_sample
from omega_rpc.tokens import new_key_line
from omega_store import migrate
from omega_testing.postgres import EmbeddedPostgres
from omega_testing.processes import AT_ONCE, ServiceProcess, free_port
from omega_testing.site import write
from omega_threshold import Pair, Report, open_group
from omega_titles.importing import import_contents

THRESHOLD = 2
LIKED = 3


@pytest.fixture
def url(postgres: EmbeddedPostgres) -> str:
    url = postgres.create_database("brains_report")
    migrate(url)
    return url


def test_two_brains_report_the_same_titles_and_the_operator_opens_them(
    url: str, postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    contents = load_sample()[:40]
    secret = write(tmp_path / "secret", os.urandom(32).hex().encode())
    token_keys = write(tmp_path / "token.keys", new_key_line().encode())
    port = free_port()
    with ExitStack() as stack:
        stack.callback(postgres.drop_database, "brains_report")
        (tmp_path / "coins").mkdir()

        def started(name: str, **settings: str) -> str:
            prefix = name.upper().replace("-", "_")
            environ = {f"{prefix}_{key}": value for key, value in settings.items()}
            environ[f"{prefix}_LISTEN"] = "127.0.0.1:0"
            return stack.enter_context(ServiceProcess([name], environ)).address

        randomness = started("omega-randomness", STORAGE_PATH=str(tmp_path / "coins"))
        constellation = started(
            "omega-constellation",
            DATABASE_URL=url,
            THRESHOLD_SECRET_FILE=str(secret),
            THRESHOLD=str(THRESHOLD),
            RANDOMNESS_TARGET=randomness,
        )
        with ConstellationClient(constellation) as shard:
            import_contents(shard, open_encoder(kind="lexical"), contents)
        sync = started(
            "omega-sync",
            CONSTELLATION_TARGET=constellation,
            TOKEN_KEYS=str(token_keys),
            HTTP_LISTEN=f"127.0.0.1:{port}",
        )
        relay = started("omega-relay", GATEWAY_TARGET=sync)
        for way in ("grpc", "http1"):
            environ = {
                **AT_ONCE,
                "OMEGA_BRAIN_STORAGE_PATH": str(tmp_path / way),
                "OMEGA_BRAIN_ENCODER": "lexical",
                "OMEGA_BRAIN_LISTEN": "127.0.0.1:0",
                "OMEGA_BRAIN_CONSTELLATION_URL": f"http://{sync}",
                "OMEGA_BRAIN_CONSTELLATION_HTTP_URL": f"http://127.0.0.1:{port}",
                "OMEGA_BRAIN_TRANSPORTS": way,
                "OMEGA_BRAIN_MIN_SAMPLES": "1",
                "OMEGA_BRAIN_SHARING": "threshold",
                "OMEGA_BRAIN_RELAY_URL": f"http://{relay}",
                "OMEGA_BRAIN_RANDOMNESS_URL": f"http://{randomness}",
            }
            brain = stack.enter_context(ServiceProcess(["omega-brain"], environ))
            with BrainClient(brain.address) as client:
                _live(client, [each.content_id for each in contents[:LIKED]])
                figures = client.get_stats().sync
                assert (figures.transport, figures.last_report_error) == (way, "")
        with psycopg.connect(url) as conn:
            rows = conn.execute("SELECT report FROM threshold_inbox").fetchall()
            issued = conn.execute("SELECT device_id, tokens FROM threshold_issued").fetchall()
            pushed = conn.execute("SELECT sum(length(sketches)) FROM pushes").fetchone()
    groups = defaultdict(list)
    for (row,) in rows:
        report = Report.decode(bytes(row))
        groups[report.group].append(report)
    opened = [open_group(reports) for reports in groups.values()]
    found = {each.pair: each.count for each in opened if each is not None}
    assert found == {Pair.of(each.content_id, each.content_id): 2 for each in contents[:LIKED]}
    assert len({device for device, _ in issued}) == 2
    assert sum(tokens for _, tokens in issued) == 2 * LIKED
    assert pushed in {(None,), (0,)}, "no sketch"


def _live(client: BrainClient, liked: list[str]) -> None:
    """An evening, and the reports of it."""
    client.sync_now()
    for number, content_id in enumerate(liked):
        client.observe_event(
            pb.ObserveEventRequest(
                event_id=f"e-{number}", content_id=content_id, watch_percentage=0.95
            )
        )
    deadline = time.monotonic() + 40
    while client.get_stats().sync.pairs_told < len(liked):
        assert time.monotonic() < deadline, client.get_stats().sync
        time.sleep(0.1)
