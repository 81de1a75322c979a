"""A TV that was away for a year, put back from a backup or moved ends as a new one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from shutil import copytree

import pytest
from tests.sync.convergence.shard import CALLED, Shard
from tests.sync.convergence.tv import CODEBOOK, TRANSFORM, Tv

from omega.common.v1 import resource_pb2
from omega.constellation.v1 import constellation_service_pb2 as upstream_pb
from omega.sync.v1 import sync_service_pb2 as pb
from omega_store import Store, backup, states
from omega_testing.codebooks import narrow_codebook, patterns_alike
from omega_testing.fleet import registered
from omega_testing.postgres import EmbeddedPostgres
from omega_testing.published import publish

U8 = resource_pb2.Codec.CODEC_U8_ZSTD
F16 = resource_pb2.Codec.CODEC_F16_ZSTD
NONE = resource_pb2.Codec.CODEC_UNSPECIFIED
EVERY_CODEC = pytest.mark.parametrize(
    "codec", [TRANSFORM, U8, F16, NONE], ids=["transform", "u8", "f16", "unstated"]
)


@pytest.fixture
def other_shard(
    postgres: EmbeddedPostgres, template_database: str, loop_runner: asyncio.Runner
) -> Iterator[Shard]:
    """Another shard of the fleet."""
    with Store.connect(postgres.create_database("other_shard", template_database)) as store:
        opened = Shard(store, loop_runner)
        yield opened
        opened.close()
    postgres.drop_database("other_shard")


class Site:
    """Makes TVs and brings them up to date."""

    def __init__(self, made: Path, path: Path) -> None:
        self._made, self._path, self._made_so_far = made, path, 0

    def tv(self, shard: Shard, codec: resource_pb2.Codec.ValueType) -> Tv:
        """A new TV."""
        self._made_so_far += 1
        path = self._path / f"tv{self._made_so_far}"
        copytree(self._made, path.with_name(f"{path.name}-0"))
        return Tv(path, registered(shard.store, 1)[0], codec, self._made_so_far)

    def fresh_state(self, shard: Shard, codec: resource_pb2.Codec.ValueType) -> tuple[object, ...]:
        """What a new TV of a shard comes to hold."""
        tv = self.tv(shard, codec)
        sync(shard, tv)
        state = tv.state
        tv.close()
        return state


@pytest.fixture
def site(made: Path, tmp_path: Path) -> Site:
    return Site(made, tmp_path)


def sync(shard: Shard, tv: Tv) -> list[pb.SyncResponse]:
    """Exchanges until there is nothing new."""
    answers: list[pb.SyncResponse] = []
    shard.poll()
    while not answers or answers[-1].delta:
        answers.append(shard.exchange(tv.request(), tv.device_id))
        assert len(answers) < 6
        tv.take(answers[-1], lambda asked: shard.pull(asked, tv.device_id))
        for info in answers[-1].resources:
            if info.kind == CODEBOOK and tv.codec == TRANSFORM and tv.codebook is None:
                tv.keep_codebook(info, shard.body(info))
                answers.append(pb.SyncResponse(delta=b"the codebook"))
    return answers


def begin(shard: Shard, patterns: int = 12, seed: int = 0) -> None:
    """A codebook and a first state."""
    body = narrow_codebook().body
    shard.constellation.PublishCodebook(
        upstream_pb.PublishCodebookRequest(body=body),
        CALLED,
    )
    publish(shard.store, patterns_alike(patterns, seed))


def change(shard: Shard, times: int = 1, seed: int = 100) -> None:
    """Further states: a pattern changes in each."""
    for n in range(times):
        publish(shard.store, patterns_alike(1, seed + n, ids=[1 + n % 5]))


@EVERY_CODEC
def test_a_tv_that_was_away_for_a_year_ends_as_a_new_one(
    shard: Shard, site: Site, codec: resource_pb2.Codec.ValueType
) -> None:
    begin(shard)
    tv = site.tv(shard, codec)
    sync(shard, tv)
    change(shard, states.KEEP_STEPS + 3)
    sync(shard, tv)
    assert tv.version == states.KEEP_STEPS + 4
    assert tv.state == site.fresh_state(shard, codec)
    tv.close()


@EVERY_CODEC
def test_a_tv_put_back_from_a_backup_ends_as_a_new_one(
    shard: Shard, site: Site, codec: resource_pb2.Codec.ValueType
) -> None:
    begin(shard)
    tv = site.tv(shard, codec)
    sync(shard, tv)
    tv.back_up()
    change(shard)
    sync(shard, tv)
    change(shard, seed=200)
    sync(shard, tv)
    tv.restore()
    assert tv.version == 1
    sync(shard, tv)
    assert tv.version == 3
    assert tv.state == site.fresh_state(shard, codec)
    tv.close()


@EVERY_CODEC
@pytest.mark.parametrize("versions", [1, 6], ids=["higher than any here", "not kept here"])
def test_a_tv_of_another_shard_ends_as_a_new_one(
    shard: Shard,
    other_shard: Shard,
    site: Site,
    codec: resource_pb2.Codec.ValueType,
    versions: int,
) -> None:
    begin(shard)
    change(shard, 3)
    tv = site.tv(shard, codec)
    sync(shard, tv)
    assert tv.version == 4
    begin(other_shard, seed=7)
    change(other_shard, versions - 1, seed=300)
    with other_shard.store.transaction() as conn:
        conn.execute("DELETE FROM states WHERE version = 4")
    (tv.device_id,) = registered(other_shard.store, 1)
    sync(other_shard, tv)
    assert tv.version == versions
    assert tv.state == site.fresh_state(other_shard, codec)
    tv.close()


def test_a_version_that_names_another_state_there_is_told_by_its_checksum(
    shard: Shard, other_shard: Shard, site: Site
) -> None:
    for each, seed in ((shard, 0), (other_shard, 7)):
        begin(each, seed=seed)
        sync(each, site.tv(each, TRANSFORM))
    tv = site.tv(shard, TRANSFORM)
    sync(shard, tv)
    change(other_shard, seed=300)
    (tv.device_id,) = registered(other_shard.store, 1)
    sync(other_shard, tv)
    assert tv.state == site.fresh_state(other_shard, TRANSFORM)
    tv.close()


def test_a_shard_put_back_from_a_backup_leads_every_tv_on(
    shard: Shard, other_shard: Shard, site: Site
) -> None:
    begin(shard)
    change(shard, 3)
    ahead = site.tv(shard, TRANSFORM)
    sync(shard, ahead)
    assert ahead.version == 4
    # The backup: the same fleet, two versions earlier.
    begin(other_shard)
    change(other_shard)
    in_step = site.tv(other_shard, TRANSFORM)
    sync(other_shard, in_step)
    with other_shard.store.transaction() as conn:
        backup.leave_gap(conn)
    other_shard.crash()
    change(other_shard, 3, seed=400)
    rotated = upstream_pb.PublishCodebookRequest(body=narrow_codebook(1).body)
    answer = other_shard.constellation.PublishCodebook(rotated, CALLED)
    assert answer.version > 1_000_000
    (ahead.device_id,) = registered(other_shard.store, 1)
    for tv in (ahead, in_step):
        sync(other_shard, tv)
        assert tv.version == 1_000_005
        body = other_shard.body(resource_pb2.ResourceInfo(kind=CODEBOOK, version=answer.version))
        assert body == narrow_codebook(1).body
    assert ahead.state == in_step.state
    ahead.close()
    in_step.close()


def test_versions_of_a_shard_only_grow(shard: Shard, site: Site) -> None:
    begin(shard)
    tv = site.tv(shard, TRANSFORM)
    held = []
    for seed in range(5):
        change(shard, seed=seed)
        shard.crash()
        sync(shard, tv)
        held.append(tv.version)
    assert held == [2, 3, 4, 5, 6]
    tv.close()
