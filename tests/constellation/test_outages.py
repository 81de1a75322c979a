"""The constellation as a process: crashes, a database that goes and comes, and its flags."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from omega.common.v1 import resource_pb2
from omega.constellation.v1 import constellation_service_pb2 as pb
from omega_client import ConstellationClient, ServiceError
from omega_core.vectors import pack_f16
from omega_delta import content_to_proto
from omega_store import Store, migrate, pending, pushes
from omega_testing.fleet import MODEL, push, registered, titles
from omega_testing.postgres import EmbeddedPostgres
from omega_testing.processes import ServiceProcess
from omega_testing.refusals import Refusal, refused

SCRIPT = "omega-constellation"
PREFIX = "OMEGA_CONSTELLATION_"


def started(url: str, *, serving: bool = True, **settings: str) -> ServiceProcess:
    environ = {"DATABASE_URL": url, "LISTEN": "127.0.0.1:0"} | settings
    return ServiceProcess([SCRIPT], {PREFIX + k: v for k, v in environ.items()}, serving=serving)


def run(*flags: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Runs the script to its end."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith(PREFIX)}
    return subprocess.run(
        [Path(sys.prefix) / "bin" / SCRIPT, *flags],
        env=environ | {PREFIX + k: v for k, v in settings.items()},
        capture_output=True,
        text=True,
        check=False,
    )


def request(device_id: str) -> pb.IngestPatternsRequest:
    made = push(device_id, 3)
    return pb.IngestPatternsRequest(
        pushes=[
            pb.DevicePush(
                device_id=device_id,
                request_id=made.request_id,
                model_version=MODEL,
                sketches=made.sketches,
                classes=made.classes,
            )
        ]
    )


@pytest.fixture
def cluster() -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres() as own:
        yield own


def test_an_answered_push_survives_a_killed_constellation(database_url: str, store: Store) -> None:
    ids = registered(store, 40)
    sent = [request(device_id) for device_id in ids]
    answered: list[str] = []
    with started(database_url) as process:

        def work(mine: list[pb.IngestPatternsRequest]) -> None:
            with contextlib.suppress(ServiceError), ConstellationClient(process.address) as client:
                for one in mine:
                    client.ingest_patterns(one)
                    answered.append(one.pushes[0].device_id)

        threads = [threading.Thread(target=work, args=(sent[i::4],)) for i in range(4)]
        for thread in threads:
            thread.start()
        while len(answered) < 12:
            time.sleep(0.001)
        process.kill()
        for thread in threads:
            thread.join()
        assert process.running() is False
    with store.snapshot() as conn:
        held = {device.device_id for device in pushes.iterate(conn, MODEL)}
    assert set(answered) <= held
    # What was stored without an answer is a duplicate when it is sent again.
    with started(database_url) as process, ConstellationClient(process.address) as client:
        for one in sent:
            client.ingest_patterns(one)
    with store.snapshot() as conn:
        found = {d.device_id: d.sketches for d in pushes.iterate(conn, MODEL)}
    assert found == {one.pushes[0].device_id: one.pushes[0].sketches for one in sent}


def every_call(client: ConstellationClient, device_id: str) -> dict[str, Callable[[], object]]:
    row = titles(1)[0]
    upsert = pb.UpsertContentsRequest(
        contents=[
            pb.EmbeddedContent(
                content=content_to_proto(row.content), embedding=pack_f16(row.embedding)
            )
        ],
        model_version=MODEL,
    )
    registration = pb.RegisterDeviceRequest(request_id="00000000-0000-4000-8000-000000000000")
    kind = resource_pb2.ResourceKind.RESOURCE_KIND_CATALOGUE
    return {
        "RegisterDevice": lambda: client.register_device(registration),
        "IngestPatterns": lambda: client.ingest_patterns(request(device_id)),
        "GetGlobalState": lambda: client.get_global_state(
            pb.GetGlobalStateRequest(device_id=device_id)
        ),
        "UpsertContents": lambda: client.upsert_contents(upsert),
        "GetResource": lambda: list(client.get_resource(kind, 1)),
        "EraseDevice": lambda: client.erase_device(device_id),
        "GetClusterStatus": client.get_cluster_status,
    }


def test_without_a_database_every_call_is_unavailable_and_all_recovers(
    cluster: EmbeddedPostgres,
) -> None:
    with (
        started(cluster.url, ACQUIRE_SECONDS="0.2") as process,
        ConstellationClient(process.address) as client,
        Store.connect(cluster.url) as store,
    ):
        [device_id] = registered(store, 1)
        calls = every_call(client, device_id)
        cluster.kill()
        while process.serving():
            time.sleep(0.02)
        with ThreadPoolExecutor(len(calls)) as threads:  # a client's retries take their time
            refusals = list(threads.map(refused, calls.values()))
        assert refusals == [Refusal("UNAVAILABLE", "STORAGE_UNAVAILABLE", "")] * 7
        cluster.restart()
        process.wait_serving()
        del calls["GetResource"]  # there is none
        for call in calls.values():
            assert call()


def test_it_starts_before_its_database(cluster: EmbeddedPostgres) -> None:
    cluster.kill()
    with started(cluster.url, serving=False, ACQUIRE_SECONDS="0.2") as process:
        assert not process.serving()
        cluster.restart()
        process.wait_serving()
        assert pending(cluster.url) == ()


def test_it_does_not_serve_before_the_migrations_are_applied(empty_database_url: str) -> None:
    with started(empty_database_url, serving=False, MIGRATE_AT_START="false") as process:
        while "migrations are missing: 0001_shard" not in process.log():
            assert not process.serving()
            time.sleep(0.02)
        assert pending(empty_database_url) != ()
        done = run("--migrate-only", DATABASE_URL=empty_database_url)
        assert (done.returncode, pending(empty_database_url)) == (0, ())
        process.wait_serving()


def test_two_that_start_at_once_migrate_once(empty_database_url: str) -> None:
    with started(empty_database_url, serving=False) as one, started(empty_database_url) as other:
        one.wait_serving()
        assert other.serving()
    assert migrate(empty_database_url) == ()


def test_sigterm_ends_it_in_order(database_url: str) -> None:
    with started(database_url) as process:
        assert process.terminate() == 0


def test_migrate_only_says_that_the_database_is_not_there() -> None:
    done = run("--migrate-only", DATABASE_URL="postgresql://postgres@127.0.0.1:1/postgres")
    assert done.returncode == 69
    assert "the database does not answer" in done.stderr


def test_a_wrong_setting_ends_it_with_the_name_of_the_variable() -> None:
    done = run("--check-config", DATABASE_URL="postgresql://x/y", POOL_SIZE="many")
    assert done.returncode == 78
    assert "OMEGA_CONSTELLATION_POOL_SIZE must be an integer" in done.stderr


def test_good_settings_pass_without_a_database() -> None:
    done = run("--check-config", DATABASE_URL="postgresql://x/y")
    assert (done.returncode, done.stderr) == (0, "")


def test_other_machines_are_refused_until_tls_is_configured() -> None:
    done = run(DATABASE_URL="postgresql://127.0.0.1:1/y", LISTEN="0.0.0.0:0")
    assert done.returncode == 78
    assert "listen must be a loopback address" in done.stderr


def test_a_killed_process_says_so(database_url: str) -> None:
    with started(database_url) as process:
        os.kill(process.pid, signal.SIGKILL)
        assert process.terminate() == 128 + signal.SIGKILL
    assert not process.running()
