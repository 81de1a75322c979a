"""`omega content import` against a real constellation."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from omega_cli.exits import Exit
from omega_cli.main import main
from omega_client import ConstellationClient

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample" / "titles.jsonl"
TITLES = 30


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "titles.jsonl"
    lines = SAMPLE.read_text("utf-8").splitlines(keepends=True)[:TITLES]
    path.write_text("".join(lines), "utf-8")
    return path


def _import(file: Path, target: str, *more: str) -> int:
    # An empty cache holds no model, so the lexical encoder embeds.
    cache = str(file.parent / "cache")
    return main(["content", "import", str(file), "--target", target, "--cache-dir", cache, *more])


def test_titles_are_published_once(
    file: Path, target: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _import(file, target, "--json") == 0
    assert json.loads(capsys.readouterr().out) == {
        "titles": TITLES,
        "bad_rows": 0,
        "bad": [],
        "imported": {
            "added": TITLES,
            "updated": 0,
            "unchanged": 0,
            "catalogue_version": 1,
            "model_version": "lexical-384-r1",
        },
    }
    with file.open("a", encoding="utf-8") as more:
        more.write('{"content_id": "live:news", "title": "News", "kind": "live"}\n')
    assert _import(file, target) == 0
    assert capsys.readouterr().out == (
        f"catalogue 2: 1 titles added, 0 updated, {TITLES} unchanged (lexical-384-r1)\n"
    )
    assert _import(file, target) == 0
    assert f"catalogue 2: 0 titles added, 0 updated, {TITLES + 1} unchanged" in (
        capsys.readouterr().out
    )
    with ConstellationClient(target) as client:
        assert client.get_cluster_status().contents == TITLES + 1


@pytest.fixture
def with_bad_lines(file: Path) -> Path:
    with file.open("a", encoding="utf-8") as more:
        more.write('{"content_id": "a b", "title": "A", "kind": "movie"}\n')
        more.write('{"content_id": "last", "title": "Last", "kind": "movie"}\n')
        more.write("{}\n" * 25)
    return file


def test_a_bad_line_is_refused_before_anything_is_sent(
    with_bad_lines: Path, target: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _import(with_bad_lines, target) == Exit.FAILED
    said = capsys.readouterr()
    first, *_, last = said.err.splitlines()
    assert first.startswith(f"omega: titles.jsonl: line {TITLES + 1}: content_id must be 1 to 128")
    assert last == "omega: titles.jsonl: 6 more bad rows"
    assert said.out == f"{TITLES + 1} titles, 26 bad rows; nothing was sent\n"
    with ConstellationClient(target) as client:
        assert client.get_cluster_status().contents == 0


def test_the_rest_of_a_file_is_imported_on_request(
    with_bad_lines: Path, target: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _import(with_bad_lines, target, "--skip-bad", "--json") == Exit.PARTLY
    report = json.loads(capsys.readouterr().out)
    assert report["imported"]["added"] == TITLES + 1
    assert report["bad_rows"] == 26
    assert report["bad"][0]["line"] == TITLES + 1
    with ConstellationClient(target) as client:
        assert client.get_cluster_status().contents == TITLES + 1


def test_a_dry_run_sends_nothing(
    file: Path, with_bad_lines: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere = "127.0.0.1:1"
    assert _import(with_bad_lines, nowhere, "--dry-run") == Exit.FAILED
    assert _import(with_bad_lines, nowhere, "--dry-run", "--skip-bad") == Exit.PARTLY
    file.write_text("content_id,title,kind\na,A,movie\n")
    assert _import(file, nowhere, "--dry-run", "--format", "csv") == Exit.DONE
    assert capsys.readouterr().out.endswith("1 titles, 0 bad rows; nothing was sent\n")
    file.write_text("content_id,title,kind\n")
    assert _import(file, nowhere, "--format", "csv") == Exit.NOT_FOUND


def test_a_constellation_that_is_away_is_said_to_be(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _import(file, "127.0.0.1:1") == Exit.UNREACHABLE
    said = capsys.readouterr().err
    assert "omega: 0 of 30 titles are stored and no catalogue has them yet; run it again" in said
    assert said.endswith("[UNAVAILABLE]\n")
