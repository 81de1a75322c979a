"""`omega codebook train` against a real constellation."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from omega.constellation.v1 import constellation_service_pb2 as pb
from omega_cli.exits import Exit
from omega_cli.main import main
from omega_client import ConstellationClient
from omega_core.vectors import pack_f16
from omega_delta import content_to_proto
from omega_delta.transform import Codebook
from omega_testing.codebooks import alike
from omega_testing.fleet import MODEL, titles


def _add_titles(target: str, number: int) -> None:
    rows = zip(titles(number), alike(number), strict=True)
    with ConstellationClient(target) as client:
        client.upsert_contents(
            pb.UpsertContentsRequest(
                contents=[
                    pb.EmbeddedContent(content=content_to_proto(row.content), embedding=pack_f16(v))
                    for row, v in rows
                ],
                model_version=MODEL,
                publish=True,
            )
        )


def _heads(target: str) -> pb.GetHeadsResponse:
    with ConstellationClient(target) as client:
        return client.get_heads(pb.GetHeadsRequest())


def _train(target: str, *more: str) -> int:
    return main(["codebook", "train", "--target", target, *more])


def test_a_codebook_of_the_newest_catalogue_is_published_once(
    target: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _add_titles(target, 300)
    out = tmp_path / "codebook"
    assert _train(target, "--json", "--out", str(out)) == 0
    report = json.loads(capsys.readouterr().out)
    book = Codebook.decode(out.read_bytes())
    assert (report["codebook_id"], report["version"]) == (book.id, 1)
    assert (report["titles"], report["catalogue_version"]) == (270, 1)
    assert (report["model_version"], report["codebook_bytes"]) == (MODEL, len(book.body))
    assert report["patterns"]["vectors"] == 64
    assert report["contents"]["bytes_each"] < report["plain_bytes"] / 5
    assert report["contents"]["cosine_mean"] > 0.95
    assert _heads(target).codebook_id == book.id
    # The same titles and seed give the same codebook, which is there already.
    assert _train(target) == 0
    assert capsys.readouterr().out.endswith("published as version 1\n")


def test_a_dry_run_publishes_nothing(target: str, capsys: pytest.CaptureFixture[str]) -> None:
    _add_titles(target, 90)
    assert _train(target, "--dry-run", "--seed", "3") == 0
    shown = capsys.readouterr().out
    assert "new titles" in shown
    assert shown.endswith("not published\n")
    assert _heads(target).codebook_id == 0


def test_too_few_titles_or_none_are_refused(
    target: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _train(target) == Exit.NOT_FOUND
    assert "import titles first" in capsys.readouterr().err
    _add_titles(target, 20)
    assert _train(target) == Exit.FAILED
    assert "contents must be at least 64" in capsys.readouterr().err
