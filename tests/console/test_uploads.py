"""Titles in a file: taken at once, worked off in the background, watched until they end."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.console.conftest import Site, Start
from tests.console.test_http_bounds import refused

from omega.constellation.v1 import constellation_service_pb2 as pb
from omega_client import ConstellationClient
from omega_console.app import build
from omega_console.config import ConsoleConfig
from omega_console.imports import Imports
from omega_core.clock import SystemClock
from omega_core.errors import ErrorCode, OmegaError
from omega_core.vectors import FloatArray
from omega_delta import content_to_proto
from omega_embed import LexicalEncoder
from omega_rpc.config import ServerConfig
from omega_rpc.local_operators import ISSUER, OperatorKey, key_set
from omega_testing.fleet import titles

CSV = "content_id,title,kind,year\n"
UNKNOWN = "00000000-0000-4000-8000-000000000000"


def lines(number: int, name: str = "m") -> bytes:
    made = (
        {"content_id": f"{name}{i}", "title": f"Title {i}", "kind": "movie"} for i in range(number)
    )
    return "".join(json.dumps(each) + "\n" for each in made).encode()


def upload(client: httpx.Client, body: bytes, kind: str = "application/jsonl") -> httpx.Response:
    return client.post("content", content=body, headers={"content-type": kind})


def ended(client: httpx.Client, answer: httpx.Response) -> dict[str, Any]:
    """The import as it ended."""
    assert answer.status_code == 202, answer.text
    place = answer.headers["location"]
    assert place == f"/api/v1/content/imports/{answer.json()['import_id']}"
    while True:
        job: dict[str, Any] = client.get(place.removeprefix("/api/v1/")).json()
        if job["state"] in {"succeeded", "failed"}:
            assert job["finished_at"] >= job["created_at"]
            return job


def test_titles_are_stored_with_vectors_and_published(site: Site, operator: httpx.Client) -> None:
    job = ended(operator, upload(operator, lines(1_200)))
    assert (job["state"], job["code"], job["detail"]) == ("succeeded", None, "")
    assert (job["total"], job["done"], job["added"]) == (1_200, 1_200, 1_200)
    assert (job["actor"], job["model_version"]) == ("ada", LexicalEncoder().model_version)
    assert job["catalogue_version"] == 1
    with ConstellationClient(site.constellation) as client:
        assert client.get_cluster_status().contents == 1_200
    again = ended(operator, upload(operator, lines(1_200)))
    assert (again["unchanged"], again["catalogue_version"]) == (1_200, 1)
    listed = operator.get("content/imports").json()["imports"]
    assert [each["import_id"] for each in listed] == [again["import_id"], job["import_id"]]


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/csv", CSV + "a,A film,movie,1999\nb,A series,series,\n"),
        ("text/csv; charset=utf-8", CSV + "a,A film,movie,1999\nb,A series,series,\n"),
        ("application/x-ndjson", lines(2).decode()),
        (
            "application/xml",
            "<tv><programme><title>A</title></programme><programme><title>B</title></programme></tv>",
        ),
    ],
)
def test_forms_of_files(operator: httpx.Client, kind: str, body: str) -> None:
    job = ended(operator, upload(operator, body.encode(), kind))
    assert (job["state"], job["added"]) == ("succeeded", 2), job


def test_rows_at_fault_are_named_and_nothing_is_stored(site: Site, operator: httpx.Client) -> None:
    body = CSV + "a,A film,movie,1999\nb,,movie,2000\nc,Name,film,2001\nd,Name\n"
    job = ended(operator, upload(operator, body.encode(), "text/csv"))
    assert (job["state"], job["code"], job["bad_rows"]) == ("failed", "INVALID_FIELD", 3)
    assert job["detail"].startswith("line 3, title, must be")
    places = [(row["line"], row["field"]) for row in job["errors"]]
    assert places == [(3, "title"), (4, "kind"), (5, "")]
    assert all(row["bound"] for row in job["errors"])
    with ConstellationClient(site.constellation) as client:
        assert client.get_cluster_status().contents == 0


def test_only_the_first_hundred_rows_are_named(operator: httpx.Client) -> None:
    job = ended(operator, upload(operator, b"x\n" * 150))
    assert (job["bad_rows"], len(job["errors"]), job["errors"][99]["line"]) == (150, 100, 100)


@pytest.mark.parametrize("body", [b"", b"x,y\n1,2\n", CSV.encode()])
def test_a_file_that_holds_no_title(operator: httpx.Client, body: bytes) -> None:
    job = ended(operator, upload(operator, body, "text/csv"))
    assert (job["state"], job["code"], job["done"]) == ("failed", "INVALID_FIELD", 0)


def test_a_file_of_another_encoder_is_refused(site: Site, operator: httpx.Client) -> None:
    with ConstellationClient(site.constellation) as client:
        (title,) = titles(1)
        client.upsert_contents(
            pb.UpsertContentsRequest(
                contents=[
                    pb.EmbeddedContent(
                        content=content_to_proto(title.content),
                        embedding=title.embedding.astype("<f2").tobytes(),
                    )
                ],
                model_version="another-384-r1",
            )
        )
    job = ended(operator, upload(operator, lines(1)))
    assert (job["state"], job["code"]) == ("failed", "ENCODER_MISMATCH")


@pytest.mark.parametrize("kind", ["", "application/json", "multipart/form-data; boundary=x"])
def test_a_body_of_another_type_is_refused(operator: httpx.Client, kind: str) -> None:
    detail = refused(upload(operator, lines(1), kind), 415)
    assert "text/csv, application/jsonl" in detail


def test_an_import_that_nobody_knows(viewer: httpx.Client) -> None:
    refused(viewer.get(f"content/imports/{UNKNOWN}"), 404)


def test_without_an_encoder_there_is_no_upload(start: Start) -> None:
    with start(encoder="none").client("operator") as client:
        detail = refused(upload(client, lines(1)), 409, "MODEL_UNAVAILABLE")
        assert "OMEGA_CONSOLE_ENCODER" in detail
        health = client.get("health").json()
    parts = {part["name"]: part["status"] for part in health["components"]}
    assert (health["status"], parts["encoder"]) == ("healthy", "degraded")


def test_a_model_that_is_not_there_ends_the_start(tmp_path: Path) -> None:
    jwks = tmp_path / "keys"
    jwks.write_bytes(key_set([OperatorKey.generate()]))
    config = ConsoleConfig(str(jwks), ISSUER, encoder="minilm", cache_dir=tmp_path)
    with pytest.raises(OmegaError) as caught:
        build(config, ServerConfig("127.0.0.1:0"))
    assert caught.value.code == ErrorCode.MODEL_UNAVAILABLE


class Gate(LexicalEncoder):
    """An encoder that waits until it may."""

    def __init__(self) -> None:
        super().__init__()
        self.open = threading.Event()

    def encode(self, texts: Sequence[str]) -> FloatArray:
        assert self.open.wait(20)
        return super().encode(texts)


def spooled(folder: Path, number: int) -> Path:
    path = folder / f"upload-{number}"
    path.write_bytes(lines(1, f"n{number}-"))
    return path


def test_a_few_may_wait_and_files_do_not_stay(site: Site, tmp_path: Path) -> None:
    gate = Gate()
    imports = Imports(site.constellation, None, gate, SystemClock())
    for number in range(4):
        imports.submit(spooled(tmp_path, number), "application/jsonl", "ada")
    with pytest.raises(OmegaError) as caught:
        imports.submit(spooled(tmp_path, 9), "application/jsonl", "ada")
    assert (caught.value.code, caught.value.retry_after) == (ErrorCode.OVERLOADED, 10)
    assert not (tmp_path / "upload-9").exists()
    imports.start()
    gate.open.set()
    while any(job.finished_at is None for job in imports.all()):
        pass
    imports.stop()
    assert {job.state for job in imports.all()} == {"succeeded"}
    assert not list(tmp_path.glob("upload-*"))


def test_a_stop_ends_after_the_batch_under_way(site: Site, tmp_path: Path) -> None:
    gate = Gate()
    imports = Imports(site.constellation, None, gate, SystemClock())
    path = tmp_path / "upload"
    path.write_bytes(lines(1_200))
    job = imports.submit(path, "application/jsonl", "ada")
    waiting = imports.submit(spooled(tmp_path, 1), "application/jsonl", "ada")
    imports.start()
    while job.total == 0:
        pass
    stopping = threading.Thread(target=imports.stop)
    stopping.start()
    while not imports._stopping:
        pass
    gate.open.set()
    stopping.join()
    assert (job.state, job.code, job.done) == ("failed", "UPSTREAM_UNAVAILABLE", 500)
    assert waiting.state == "waiting"
    assert not list(tmp_path.glob("upload*"))
