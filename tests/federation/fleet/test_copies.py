"""Every shard gives out what the home shard does: the same versions and the same bytes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from tests.constellation.conftest import serving
from tests.federation.fleet.conftest import FleetOfThree, await_true, newest, run, worker

from omega.common.v1 import resource_pb2
from omega.constellation.v1 import constellation_service_pb2 as pb
from omega_client import ConstellationClient
from omega_core.errors import OmegaError
from omega_delta.transform import decode_news, pack_state
from omega_publish import Copier
from omega_store import Store, devices, erasures, resources
from omega_store.resources import ResourceKind
from omega_testing.codebooks import codebook
from omega_testing.processes import ServiceProcess
from omega_testing.taste_shard import TasteShard

BOOK = codebook()
TABLES = {
    "states": "version, round_id, model_version, published_at, trends_catalogue_version,"
    " trends_at, catalogue_version",
    "global_patterns": "pattern_id, embedding::text, success_rate, device_count_floor, weight,"
    " created_version, changed_version, removed_version",
    "trends": "region, ordinal, score",
    "resources": "kind, version, model_version, sha256, size, body, created_at",
    "withdrawn_resources": "kind, version",
    "releases": "release_id, kind, version, sha256, control_version, stage, salt, begun_at,"
    " stage_since, judged_stage, cause",
    "coded_states": "version, codebook_id, body",
    "contents": "ordinal, content_id, title, kind, genres, year, country, description, providers,"
    " minimum_age, model_version, embedding::text, changed_version, updated_at",
    "encoder_frames": "model_version, mean, frozen_at",
}
"""What is one for the fleet, and its columns."""


def held(store: Store) -> dict[str, list[tuple[object, ...]]]:
    """All that a shard gives out."""
    with store.snapshot() as conn:
        return {
            table: sorted(conn.execute(f"SELECT {columns} FROM {table}").fetchall(), key=repr)  # noqa: S608 - fixed above
            for table, columns in TABLES.items()
        }


def copied(three: FleetOfThree) -> bool:
    """Copies to every other shard; whether anything was new."""
    done = [Copier(three.home, three.shards[name], name).copy() for name in ("b", "c")]
    return any(done)


def assert_same(three: FleetOfThree) -> None:
    expected = held(three.home)
    for name in ("b", "c"):
        found = held(three.shards[name])
        for table in TABLES:
            assert found[table] == expected[table], (name, table)


def publish_codebook(store: Store, seed: int = 0) -> int:
    book = codebook(seed) if seed else BOOK
    with store.transaction() as conn:
        version = resources.following_version(conn, ResourceKind.CODEBOOK)
        resources.publish(
            conn,
            ResourceKind.CODEBOOK,
            version,
            model_version=book.model_version,
            body=book.body,
            now=datetime.now(UTC),
        )
    return book.id


def test_copies_are_the_same_and_cost_nothing_when_nothing_is_new(three: FleetOfThree) -> None:
    assert copied(three)
    assert_same(three)
    assert not copied(three)
    publish_codebook(three.home)
    run(three.home, three.environ(COPY_SECONDS="3600"))
    assert copied(three)
    assert_same(three)
    with three.home.snapshot() as conn:
        assert conn.execute("SELECT count(*) FROM coded_states").fetchone() == (1,)
    assert not copied(three)
    # A catalogue that is published at home without any round, and one more step of the state.
    TasteShard(three.home, three.world).publish_catalogue()
    assert copied(three)
    three.add(9, region="north", at=datetime.now(UTC) - timedelta(days=1))
    run(three.home, three.environ(COPY_SECONDS="3600"))
    assert copied(three)
    assert_same(three)


def test_what_is_withdrawn_at_home_is_withdrawn_everywhere(three: FleetOfThree) -> None:
    run(three.home, three.environ())
    copied(three)
    with three.home.transaction() as conn:
        resources.withdraw(conn, ResourceKind.FACTORS)
    assert copied(three)
    assert_same(three)
    with three.shards["b"].snapshot() as conn:
        assert resources.newest_version(conn, ResourceKind.FACTORS) == 0
        assert resources.following_version(conn, ResourceKind.FACTORS) == 2


def test_a_copy_that_is_cut_off_leaves_what_was_there(three: FleetOfThree) -> None:
    copied(three)
    before = held(three.shards["b"])
    run(three.home, three.environ(COPY_SECONDS="3600"))

    def fails(home: object, other: object) -> None:
        del home, other
        raise OSError("the power went")

    with pytest.raises(OSError, match="power"):
        Copier(three.home, three.shards["b"], "b", also=(fails,)).copy()
    assert held(three.shards["b"]) == before
    assert copied(three)
    assert_same(three)


def test_a_shard_that_had_a_life_of_its_own_gets_that_of_the_fleet(three: FleetOfThree) -> None:
    """Version 1 of its own states and factors goes, and that of the home shard comes."""
    alone = {**three.alone(), "OMEGA_FEDERATION_DATABASE_URL": three.shards["b"].url}
    TasteShard(three.shards["b"], three.world).publish_catalogue()
    run(three.shards["b"], alone)
    run(three.home, three.environ(COPY_SECONDS="3600"))
    assert held(three.shards["b"])["states"] != held(three.home)["states"]
    assert copied(three)
    assert_same(three)


def test_a_serving_worker_copies_what_is_new(three: FleetOfThree) -> None:
    with worker(three.environ(COPY_SECONDS="0.2")):
        await_true(lambda: held(three.shards["c"]) == held(three.home), "the catalogue")
    run(three.home, three.environ(COPY_SECONDS="0.2"))
    with ServiceProcess(["omega-federation-worker"], three.environ(COPY_SECONDS="0.2")) as serving:
        await_true(lambda: held(three.shards["c"]) == held(three.home), "the round's result")
        serving.kill()
    assert_same(three)


def told(store: Store, held_version: int = 0) -> pb.GetGlobalStateResponse:
    """What a shard's constellation tells a TV under the codebook."""
    with (
        serving(store.url) as address,
        ConstellationClient(address, timeout=50.0) as client,
    ):
        return client.get_global_state(
            pb.GetGlobalStateRequest(
                state_version=held_version,
                codec=resource_pb2.Codec.CODEC_TRANSFORM,
                codebook_id=BOOK.id,
            )
        )


def test_a_tv_that_moves_between_shards_gets_a_step_from_what_it_holds(
    three: FleetOfThree,
) -> None:
    """It holds a state of shard b, and shard c leads it on from there."""
    publish_codebook(three.home)
    run(three.home, three.environ(COPY_SECONDS="3600"))
    assert copied(three)
    first = told(three.shards["b"])
    base = decode_news(first.delta, BOOK, None).state
    three.add(30, region="south", at=datetime.now(UTC) - timedelta(days=2))
    run(three.home, three.environ(COPY_SECONDS="3600"), refresh=True)
    assert copied(three)
    answer, whole = told(three.shards["c"], first.state_version), told(three.home)
    assert (first.state_version, answer.state_version, whole.state_version) == (1, 2, 2)
    moved = decode_news(answer.delta, BOOK, base).state
    assert pack_state(moved, BOOK) == pack_state(decode_news(whole.delta, BOOK, None).state, BOOK)
    assert len(answer.delta) < len(whole.delta)
    assert answer.delta == told(three.home, first.state_version).delta


def test_a_device_that_is_erased_anywhere_is_withdrawn_at_home(three: FleetOfThree) -> None:
    run(three.home, three.environ())
    with three.shards["c"].transaction() as conn:
        row = conn.execute("SELECT device_id FROM devices LIMIT 1").fetchone()
        assert row is not None
        devices.erase(conn, row[0])
        assert len(erasures.noted(conn)) == 1
    copied(three)
    with three.home.snapshot() as home, three.shards["c"].snapshot() as other:
        assert (len(erasures.noted(home)), erasures.noted(other)) == (1, [])
    run(three.home, three.environ(), refresh=True)
    assert newest(three.home).figures.devices == 35
    run(three.home, three.environ(), refresh=True)
    with three.home.snapshot() as home:
        assert erasures.noted(home) == []


def test_a_staged_release_is_copied_and_its_counts_are_brought_home(three: FleetOfThree) -> None:
    run(three.home, three.environ(COPY_SECONDS="3600"))
    now = datetime.now(UTC)
    with three.home.transaction() as conn:
        conn.execute(
            "INSERT INTO releases (kind, version, size, sha256, model_version, control_version,"
            " stage, first_permille, second_permille, salt, begun_at, stage_since, judged_stage)"
            " SELECT kind, version, size, sha256, model_version, 0, 1, 10, 100, %s, %s, %s, 1"
            " FROM resources WHERE kind = 2",
            (bytes(8), now, now),
        )
    assert copied(three)
    assert_same(three)
    assert not copied(three)
    for name, slots in (("b", ((0, 5, 2), (1, 3, 3))), ("c", ((0, 4, 1),))):
        with three.shards[name].transaction() as conn:
            for slot, reports, positive in slots:
                conn.execute(
                    "INSERT INTO release_counts (release_id, stage, candidate, period,"
                    " epsilon_hundredths, slot, reports, positive)"
                    " VALUES (1, 1, true, 7, 100, %s, %s, %s)",
                    (slot, reports, positive),
                )
    for _ in range(2):  # told twice, it counts once
        copied(three)
        assert brought(three.home) == [("b", 8, 5), ("c", 4, 1)]
    with three.shards["c"].transaction() as conn:
        conn.execute("UPDATE release_counts SET reports = 6, positive = 2")
    with three.home.transaction() as conn:
        conn.execute("UPDATE releases SET stage = 3, stage_since = now()")
    assert copied(three)
    assert_same(three)
    assert brought(three.home) == [("b", 8, 5), ("c", 6, 2)]


def brought(store: Store) -> list[tuple[str, int, int]]:
    """Counts by the shard that they were brought from."""
    with store.statements() as conn:
        rows = conn.execute(
            "SELECT shard, reports, positive FROM release_counts ORDER BY shard"
        ).fetchall()
    return [(shard, reports, positive) for shard, reports, positive in rows]


def test_the_other_shard_out_of_reach_is_an_error_that_says_so(three: FleetOfThree) -> None:
    with (
        Store.connect("postgresql:///x?host=/nowhere") as lost,
        pytest.raises(OmegaError) as caught,
    ):
        Copier(three.home, lost, "lost").copy()
    assert caught.value.code == "STORAGE_UNAVAILABLE"
