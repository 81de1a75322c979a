"""`omega backup`, as an operator uses it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from omega_cli.exits import Exit
from omega_cli.main import main
from omega_store import Store
from omega_testing.fleet import registered
from omega_testing.postgres import EmbeddedPostgres

VARIABLE = "OMEGA_CONSTELLATION_DATABASE_URL"


@pytest.fixture
def fresh_url(postgres: EmbeddedPostgres) -> Iterator[str]:
    name = f"fresh_{uuid.uuid4().hex}"
    yield postgres.create_database(name)
    postgres.drop_database(name)


def test_a_shard_goes_into_files_and_out_of_them(
    store: Store,
    database_url: str,
    fresh_url: str,
    postgres: EmbeddedPostgres,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    registered(store, 2)
    folder, tools = str(tmp_path / "b"), ["--pg-bin", str(postgres.programs)]
    assert main(["backup", "create", folder]) == Exit.FAILED
    assert f"--database-url must be given, or {VARIABLE} set" in capsys.readouterr().err
    monkeypatch.setenv(VARIABLE, database_url)
    assert main(["backup", "create", folder, *tools]) == Exit.DONE
    assert "2 devices, 0 pushes, state 0" in capsys.readouterr().out
    assert main(["backup", "verify", folder, "--json"]) == Exit.DONE
    told = json.loads(capsys.readouterr().out)
    assert (told["folder"], told["counts"]["devices"]) == (folder, 2)
    into = ["--database-url", fresh_url]
    # Nobody can be asked here, so it has to be said.
    assert main(["backup", "restore", folder, *into, *tools]) == Exit.FAILED
    assert main(["backup", "restore", folder, *into, *tools, "--yes"]) == Exit.DONE
    assert "restored: 2 devices" in capsys.readouterr().out
    assert main(["backup", "restore", folder, *into, *tools, "--yes"]) == Exit.FAILED
    assert "the database must be empty" in capsys.readouterr().err
    assert main(["backup", "advance", *into, "--yes"]) == Exit.DONE
    with psycopg.connect(fresh_url) as conn:
        deeds = conn.execute("SELECT action FROM audit ORDER BY entry_id").fetchall()
    assert [deed for (deed,) in deeds] == ["RestoreBackup", "AdvanceVersions"]
