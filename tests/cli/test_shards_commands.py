"""`omega shards`: a fleet that grows from one shard, as an operator types it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from omega_cli.exits import Exit
from omega_cli.main import main
from omega_constellation.app import build
from omega_constellation.config import ConstellationConfig
from omega_rpc.config import ServerConfig
from omega_store import Store, devices
from omega_testing.fleet import registered
from omega_testing.postgres import EmbeddedPostgres
from omega_testing.processes import free_port

Omega = Callable[..., tuple[int, str]]


@pytest.fixture
def shards(postgres: EmbeddedPostgres, template_database: str) -> Iterator[Callable[[str], Any]]:
    """shards(name) -> address and store of a new constellation."""
    with ExitStack() as stack:

        def begin(name: str) -> tuple[str, Store]:
            database = f"cli_{uuid.uuid4().hex}"
            url = postgres.create_database(database, template_database)
            stack.callback(postgres.drop_database, database)
            address = f"127.0.0.1:{free_port()}"
            config = ConstellationConfig(url, shard=name, move_seconds=0.05)
            application = build(config, ServerConfig(listen=address, grace_seconds=0))
            stack.callback(application.close)
            application.server.start()
            stack.callback(application.server.stop)
            application.started()
            return address, stack.enter_context(Store.connect(url))

        yield begin


@pytest.fixture
def omega(capsys: pytest.CaptureFixture[str]) -> Omega:
    """omega(*words) -> exit code and what was printed, errors after it."""

    def run(*words: str) -> tuple[int, str]:
        code = main(("shards", *words))
        said = capsys.readouterr()
        return code, said.out + said.err

    return run


def held(store: Store) -> int:
    with store.statements() as conn:
        return devices.number(conn)


def test_a_fleet_grows_drains_splits_and_shrinks(
    shards: Callable[[str], tuple[str, Store]], omega: Omega, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, first = shards("local")
    monkeypatch.setenv("OMEGA_CLI_TARGET", home)
    registered(first, 40)
    code, said = omega("directory")
    assert (code, "none" in said) == (Exit.DONE, True)
    other, second = shards("b")
    code, said = omega("add", "b", other)
    assert (code, "local, the shard that is asked" in said) == (Exit.FAILED, True)
    assert omega("add", "local", home)[0] == Exit.DONE
    code, said = omega("add", "c", other)
    assert (code, "SHARD" in said) == (Exit.FAILED, True), "another name than it has"
    assert omega("add", "b", other, "--watch")[0] == Exit.DONE
    assert held(first) + held(second) == 40
    assert held(second) > 0
    assert omega("add", "b", other)[0] == Exit.FAILED, "twice"
    third, part = shards("b2")
    before = held(second)
    assert omega("split", "b", "b2", third, "--watch")[0] == Exit.DONE
    assert held(second) + held(part) == before
    code, said = omega("list", "--json")
    listed = json.loads(said)
    assert [s["shard"] for s in listed["shards"]] == ["b", "b2", "local"]
    assert sum(s["total_devices"] for s in listed["shards"]) == 40
    assert (listed["version"], listed["home"]) == (3, "local")
    for refused in (("remove", "local", "--yes"), ("remove", "b", "--yes"), ("remove", "b2")):
        assert omega(*refused)[0] == Exit.FAILED
    assert omega("drain", "nobody")[0] == Exit.NOT_FOUND
    assert omega("drain", "b2", "--watch")[0] == Exit.DONE
    assert held(part) == 0
    assert omega("remove", "b2", "--yes")[0] == Exit.DONE
    code, said = omega("directory", "--json")
    assert [s["shard"] for s in json.loads(said)["shards"]] == ["b", "local"]
    assert omega("drain", "b", "--watch")[0] == Exit.DONE
    assert omega("drain", "local")[0] == Exit.FAILED, "nobody else takes TVs"
    assert omega("drain", "b", "--back")[0] == Exit.DONE


def test_a_shard_that_is_away_is_named(
    shards: Callable[[str], tuple[str, Store]], omega: Omega, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, _ = shards("local")
    monkeypatch.setenv("OMEGA_CLI_TARGET", home)
    assert omega("add", "local", home)[0] == Exit.DONE
    nowhere = f"127.0.0.1:{free_port()}"
    assert omega("add", "b", nowhere)[0] == Exit.UNREACHABLE
    monkeypatch.setenv("OMEGA_CLI_TARGET", nowhere)
    assert omega("list")[0] == Exit.UNREACHABLE
