"""`omega doctor` against things that are really wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from omega.constellation.v1 import (
    admin_pb2,
    constellation_service_pb2,
    constellation_service_pb2_grpc,
)
from omega_cli import certs
from omega_cli.doctor.certificates import check_certificates
from omega_cli.doctor.database import check_database
from omega_cli.doctor.findings import Finding, Level
from omega_cli.doctor.settings import GENERAL
from omega_cli.exits import Exit
from omega_cli.main import main
from omega_rpc.config import ServerConfig
from omega_rpc.server import Binding, Server
from omega_store import migrate
from omega_testing.documents import table_rows
from omega_testing.postgres import EmbeddedPostgres
from omega_testing.probe import running

NOW = datetime.now(UTC)
PAGE = Path(__file__).resolve().parents[2] / "docs" / "configuration.md"
ADMIN = "omega.constellation.v1.AdminService"
METHODS = set(constellation_service_pb2.DESCRIPTOR.services_by_name["AdminService"].methods_by_name)
Doctor = Callable[..., tuple[int, list[dict[str, Any]]]]


@pytest.fixture(scope="module")
def cluster() -> Iterator[EmbeddedPostgres]:
    """A Postgres that syncs every commit; that which all tests share does not."""
    with EmbeddedPostgres() as own:
        yield own


@pytest.fixture
def database_url(cluster: EmbeddedPostgres) -> Iterator[str]:
    """A migrated database of it."""
    url = cluster.create_database("well")
    migrate(url)
    yield url
    cluster.drop_database("well")


@pytest.fixture
def doctor(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Doctor:
    """doctor(*words, **variables) -> exit code and findings."""

    def run(*words: str, **variables: str) -> tuple[int, list[dict[str, Any]]]:
        file = tmp_path / "environment"
        file.write_text("# a comment\n\n" + "".join(f"{k}={v}\n" for k, v in variables.items()))
        code = main(["doctor", "--json", "--environment", str(file), *words])
        return code, json.loads(capsys.readouterr().out)["findings"]

    return run


def bad(found: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    return [(f["check"], f["level"], f["what"]) for f in found if f["level"] != "ok"]


def worse(found: Iterator[Finding]) -> list[Finding]:
    return [each for each in found if each.level is not Level.OK]


def test_a_shard_that_is_well_is_said_to_be(
    doctor: Doctor, target: str, database_url: str, tmp_path: Path
) -> None:
    certs.make(tmp_path / "pki", ["localhost"], timedelta(days=90), NOW)
    code, found = doctor(
        "--target",
        target,
        "--address",
        target,
        OMEGA_CONSTELLATION_DATABASE_URL=database_url,
        OMEGA_CONSTELLATION_TLS_CERTIFICATE=str(tmp_path / "pki" / "server.pem"),
        OMEGA_CONSTELLATION_TLS_KEY=str(tmp_path / "pki" / "server.key"),
    )
    # How full this machine's disk is does not depend on the code.
    assert [each for each in bad(found) if "of its disk" not in each[2]] == []
    assert code in {Exit.DONE, Exit.PARTLY}
    assert {each["check"] for each in found} == {
        "settings",
        "versions",
        "certificates",
        "database",
        "clocks",
        "health",
    }
    assert sum("have the same time" in each["what"] for each in found) == 2


def test_names_that_nobody_reads_and_values_that_are_refused_are_told(doctor: Doctor) -> None:
    code, found = doctor(
        "--offline",
        OMEGA_SYNC_TOKEN_KEY="keys",  # noqa: S106 - the misspelt variable is the point
        OMEGA_CONSTELLATION_DATABASE_URL="postgresql://omega@127.0.0.1:1/omega",
        OMEGA_CONSTELLATION_POOL_SIZE="1",
        OMEGA_FLUX="x",
    )
    assert code == Exit.FAILED
    advice = {each["what"]: each["advice"] for each in found}
    (near,) = (advice[what] for what in advice if what.startswith("OMEGA_SYNC_TOKEN_KEY "))
    assert near == "did you mean OMEGA_SYNC_TOKEN_KEYS?"
    assert "OMEGA_FLUX is set, and nothing here reads it" in advice
    told = [what for check, _, what in bad(found) if check == "settings"]
    assert any(what.startswith("omega-constellation would not start: pool_size") for what in told)
    assert any(what.startswith("it does not answer: ") for _, _, what in bad(found))


def test_an_environment_of_no_use_is_named(tmp_path: Path) -> None:
    file = tmp_path / "environment"
    assert main(["doctor", "--environment", str(file)]) == Exit.FAILED
    file.write_text("OMEGA_DATA\n")
    assert main(["doctor", "--environment", str(file)]) == Exit.FAILED


def test_general_variables_are_those_of_the_page() -> None:
    rows = [row for row in table_rows(PAGE.read_text("utf-8")) if "read by" in row.cells]
    said = {name for row in rows for name in row.code("variable") if name.startswith("OMEGA_")}
    assert said == set(GENERAL)


def certificates(folder: Path, **variables: str) -> dict[str, str]:
    return {
        "OMEGA_SYNC_TLS_CERTIFICATE": str(folder / "server.pem"),
        "OMEGA_SYNC_TLS_KEY": str(folder / "server.key"),
        "OMEGA_SYNC_DEVICE_CA": str(folder / "device-ca.pem"),
        **variables,
    }


@pytest.mark.parametrize(
    ("age", "level", "said"),
    [
        (100, Level.FAULT, "ended at"),
        (85, Level.WARNING, "ends at"),
        (-5, Level.FAULT, "begins only at"),
    ],
)
def test_a_certificate_is_good_for_its_time_alone(
    tmp_path: Path, age: int, level: Level, said: str
) -> None:
    certs.make(tmp_path / "pki", ["localhost"], timedelta(days=90), NOW - timedelta(days=age))
    found = worse(check_certificates(certificates(tmp_path / "pki"), NOW))
    told = [each for each in found if each.what.startswith("OMEGA_SYNC_TLS_CERTIFICATE")]
    assert [each.level for each in told] == [level]
    assert said in told[0].what
    # The authorities were made at the same time, and last longer.
    assert len(found) == (1 if age > 0 else 2)


def test_certificates_go_with_their_keys_and_keys_are_secret(tmp_path: Path) -> None:
    for name in ("one", "two"):
        certs.make(tmp_path / name, ["localhost"], timedelta(days=90), NOW)
    one, two = tmp_path / "one", tmp_path / "two"
    (one / "server.key").chmod(0o640)
    (one / "chain.pem").write_bytes(
        (one / "server.pem").read_bytes() + (two / "server-ca.pem").read_bytes()
    )
    (one / "token-keys").write_text("a:b\n")
    (one / "token-keys").chmod(0o644)
    variables = certificates(
        one,
        OMEGA_SYNC_TLS_KEY=str(two / "server.key"),
        OMEGA_SYNC_TOKEN_KEYS=str(one / "token-keys"),
        OMEGA_SYNC_CONSTELLATION_TLS_CA=str(one / "server.key"),
        OMEGA_BRAIN_CONSTELLATION_TLS_CA=str(tmp_path / "nothing"),
        OMEGA_BRAIN_TLS_CERTIFICATE=str(one / "chain.pem"),
        OMEGA_BRAIN_TLS_KEY=str(one / "server.key"),
    )
    found = {each.what: each.advice for each in worse(check_certificates(variables))}
    missing = f"{tmp_path}/nothing cannot be read"
    assert sorted(found) == sorted(
        [
            f"OMEGA_BRAIN_CONSTELLATION_TLS_CA: {missing} (No such file or directory)",
            "OMEGA_BRAIN_TLS_CERTIFICATE: a certificate is not signed by the one below it",
            f"OMEGA_BRAIN_TLS_KEY: {one}/server.key has mode 640, and others may read it",
            f"OMEGA_SYNC_CONSTELLATION_TLS_CA: {one}/server.key holds no PEM certificate",
            f"OMEGA_SYNC_TLS_CERTIFICATE has another key than {two}/server.key",
            f"OMEGA_SYNC_TOKEN_KEYS: {one}/token-keys has mode 644, and others may read it",
        ]
    )
    assert f"chmod 600 {one}/token-keys" in found.values()


def test_a_database_that_lacks_migrations_and_loses_commits_is_told(
    empty_database_url: str,
) -> None:
    name = empty_database_url.partition("?")[0].rpartition("/")[2]
    with psycopg.connect(empty_database_url, autocommit=True) as conn:
        conn.execute(f"ALTER DATABASE {name} SET synchronous_commit = off".encode())
    found = {
        each.what.partition(":")[0]: each for each in worse(check_database(empty_database_url))
    }
    assert found["synchronous_commit is off"].level is Level.FAULT
    assert found["the extension vector is not created yet"].level is Level.WARNING
    assert found["migrations are missing"].advice == "run omega-constellation --migrate-only"
    assert "0001" in found["migrations are missing"].what


def test_a_database_that_was_stopped_is_told(cluster: EmbeddedPostgres) -> None:
    assert next(check_database(cluster.url)).level is Level.OK
    cluster.kill()
    (found,) = check_database(cluster.url)
    cluster.restart()
    assert (found.level, found.what[:19]) == (Level.FAULT, "it does not answer:")


def test_a_clock_that_is_wrong_is_told(doctor: Doctor) -> None:
    """A server whose clock is slow, since that of this machine cannot be set."""
    slow = datetime.now(UTC) - timedelta(minutes=3)

    def stats(_request: object, _context: object) -> admin_pb2.GetShardStatsResponse:
        answer = admin_pb2.GetShardStatsResponse()
        answer.stats.counted_at.FromDatetime(slow)
        return answer

    servicer = SimpleNamespace(GetShardStats=stats, **dict.fromkeys(METHODS - {"GetShardStats"}))
    add = constellation_service_pb2_grpc.add_AdminServiceServicer_to_server
    config = ServerConfig("127.0.0.1:0", grace_seconds=0)
    with running(Server(config, [Binding(ADMIN, add, servicer)])) as address:
        code, found = doctor("--target", address)
    assert code == Exit.FAILED
    ((check, level, what),) = bad(found)
    assert (check, level) == ("clocks", "fault")
    assert what.startswith("the clock of the constellation and this one differ by ")


def test_a_server_of_another_release_and_one_that_is_away_are_told(doctor: Doctor) -> None:
    config = ServerConfig("127.0.0.1:0", grace_seconds=0)
    with running(Server(config, [])) as address:
        code, found = doctor("--target", address)
        assert code == Exit.PARTLY
        ((check, level, what),) = bad(found)
        assert (check, level) == ("versions", "warning")
        assert "of an older release" in what
    code, found = doctor("--target", address)
    assert code == Exit.FAILED
    assert bad(found)[0][2].startswith(
        f"the constellation at {address} does not serve: UNAVAILABLE"
    )
