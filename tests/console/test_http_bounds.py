"""What HTTP lets in: sizes, forms, paths, and what browsers are told."""

from __future__ import annotations

import json
import logging
import socket
import ssl
from pathlib import Path

import httpx
import pytest
from tests.console.conftest import UNKNOWN, Site, Start

from omega_testing.certificates import Certificates

CLAIMS = {"count": 1, "valid_for_seconds": 60}


@pytest.fixture
def site(shared_site: Site) -> Site:
    return shared_site


def refused(answer: httpx.Response, status: int, code: str = "", field: str = "") -> str:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["status"], problem.get("code", ""), problem.get("field", "")) == (
        status,
        code,
        field,
    )
    assert problem["request_id"] == answer.headers["x-request-id"]
    kind = f"urn:omega-tv:error:{code}" if code else "about:blank"
    assert problem["type"] == kind
    return str(problem["detail"])


@pytest.mark.parametrize(
    ("path", "field", "said"),
    [
        ("devices?page_size=1001", "page_size", "between 0 and 1,000"),
        ("devices?page_size=-1", "page_size", "between 0 and 1,000"),
        ("devices?page_size=1.0", "page_size", "between 0 and 1,000"),
        ("devices?page_size=x", "page_size", "between 0 and 1,000"),
        ("devices?page_token=%00", "page_token", "that of an answer before"),
        ("devices?region=a_b", "region", "at most 16 characters of [A-Za-z0-9-]"),
        ("devices?filter=some", "filter", "unspecified"),
        ("devices?shard=A", "shard", "at most 63 characters"),
        ("devices?colour=red", "colour", "absent"),
        ("devices/tv-1", "device_id", "'tv-' and 32 hexadecimal digits"),
        ("shards/A", "shard", "at most 63 characters"),
        ("shards/x/stats?minutes=1441", "minutes", "between 0 and 1,440"),
        ("content?title_prefix=%07", "title_prefix", "free of control characters"),
        ("federation/rounds/0", "round_id", "between 1 and"),
        ("federation/rounds?before_round_id=99999999999999999999", "before_round_id", "between"),
        ("content/imports/x", "import_id", "a UUID of 36 characters"),
    ],
)
def test_a_wrong_parameter_is_named_with_its_bound(
    viewer: httpx.Client, path: str, field: str, said: str
) -> None:
    assert said in refused(viewer.get(path), 400, "INVALID_FIELD", field)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", "body"),
        (b"{", "body"),
        (b"[]", "body"),
        (b"null", "body"),
        (b"\xff", "body"),
        (b"{}", "count"),
        (b'{"count": 1}', "valid_for_seconds"),
        (b'{"count": "1", "valid_for_seconds": 60}', "count"),
        (b'{"count": true, "valid_for_seconds": 60}', "count"),
        (b'{"count": 0, "valid_for_seconds": 60}', "count"),
        (b'{"count": 1, "valid_for_seconds": 59}', "valid_for_seconds"),
        (b'{"count": 1, "valid_for_seconds": 60, "x": 1}', "x"),
    ],
)
def test_a_wrong_body_is_refused(admin: httpx.Client, body: bytes, field: str) -> None:
    answer = admin.post("claims", content=body, headers={"content-type": "application/json"})
    refused(answer, 400, "INVALID_FIELD", field)


def test_a_body_of_another_type_is_refused(admin: httpx.Client) -> None:
    answer = admin.post(
        "claims", content=json.dumps(CLAIMS), headers={"content-type": "text/plain"}
    )
    refused(answer, 400, "INVALID_FIELD", "body")


def test_a_large_body_is_refused_whether_announced_or_not(admin: httpx.Client) -> None:
    large = b'{"count": 1' + b" " * 65_536
    assert "at most 65,536 bytes" in refused(
        admin.post("claims", content=large), 413, "INVALID_FIELD", "body"
    )
    pieces = (large[begin : begin + 8_192] for begin in range(0, len(large), 8_192))
    refused(admin.post("claims", content=pieces), 413, "INVALID_FIELD", "body")


def test_an_upload_above_its_bound_is_refused(start: Start) -> None:
    with start(upload_mb=1).client("operator") as client:
        for body in (b"x" * (2 << 20), (b"x" * 65_536 for _ in range(20))):
            answer = client.post(
                "content", content=body, headers={"content-type": "application/jsonl"}
            )
            assert "1,048,576" in refused(answer, 413, "INVALID_FIELD", "body")


def test_an_upload_that_does_not_arrive_ends(start: Start) -> None:
    site = start(body_seconds=1.0)
    host, _, port = site.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=20) as line:
        line.sendall(
            b"POST /api/v1/content HTTP/1.1\r\nHost: x\r\nContent-Type: application/jsonl\r\n"
            b"Content-Length: 100\r\nAuthorization: Bearer "
            + site.token("operator").encode()
            + b"\r\n\r\nabc"
        )
        assert line.recv(64).startswith(b"HTTP/1.1 408 ")


def test_paths_and_methods_that_do_not_exist(
    site: Site, viewer: httpx.Client, admin: httpx.Client
) -> None:
    refused(viewer.get("nothing"), 404)
    refused(viewer.get("shards/a/b/c"), 404)
    answer = admin.put("claims", json=CLAIMS)
    refused(answer, 405)
    assert answer.headers["allow"] == "POST"
    for path in ("/api/v2/shards", "/nothing", "/../pyproject.toml", "/api"):
        refused(viewer.get(site.url + path), 404)
    refused(viewer.post(f"{site.url}/index.html"), 405)


def test_the_request_id_is_taken_or_drawn(viewer: httpx.Client) -> None:
    assert viewer.get("info/x", headers={"x-request-id": "mine"}).headers["x-request-id"] == "mine"
    drawn = {
        viewer.get("info/x", headers={"x-request-id": "x" * 65}).headers["x-request-id"]
        for _ in range(2)
    }
    assert len(drawn) == 2


def test_browsers_are_told_what_a_page_may_do(site: Site) -> None:
    with site.client() as client:
        for path in ("", "app.js", "style.css", "api/v1/health/live", "api/v1/shards", "nothing"):
            headers = client.get(f"{site.url}/{path}").headers
            policy = dict(
                part.strip().partition(" ")[::2]
                for part in headers["content-security-policy"].split(";")
            )
            assert policy["default-src"] == "'none'"
            assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
            assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "no-referrer"
            assert "strict-transport-security" not in headers
            assert "access-control-allow-origin" not in headers
            assert "server" not in headers
        assert client.get("health/live").headers["cache-control"] == "no-store"


def test_no_other_site_may_call(viewer: httpx.Client) -> None:
    asked = viewer.options(
        "shards",
        headers={"origin": "https://evil.example", "access-control-request-method": "GET"},
    )
    assert asked.status_code == 405
    assert "access-control-allow-origin" not in asked.headers


def test_the_files_of_the_console_hold_no_inline_code(site: Site) -> None:
    with site.client() as client:
        page = client.get(site.url).text
    assert '<script type="module" src=' in page
    assert "style=" not in page
    assert "onclick" not in page
    assert "://" not in page.replace('xmlns="http://www.w3.org/2000/svg"', "")


def test_over_tls_only_new_versions_and_for_good(start: Start, tmp_path: Path) -> None:
    pki = Certificates(tmp_path / "pki")
    site = start(server={"tls_certificate": pki.server_certificate, "tls_key": pki.server_key})
    site.options["verify"] = ssl.create_default_context(cafile=str(pki.ca))
    with site.client("viewer") as client:
        answer = client.get("content/imports")
        assert answer.status_code == 200
        assert answer.headers["strict-transport-security"] == "max-age=31536000"
    old = ssl.create_default_context(cafile=str(pki.ca))
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    site.options["verify"] = old
    with site.client("viewer") as client, pytest.raises(httpx.ConnectError):
        client.get("content/imports")


def test_where_clients_must_show_a_certificate_no_other_gets_in(
    start: Start, tmp_path: Path
) -> None:
    pki = Certificates(tmp_path / "pki")
    site = start(
        server={
            "tls_certificate": pki.server_certificate,
            "tls_key": pki.server_key,
            "tls_client_ca": pki.ca,
        }
    )
    bare = ssl.create_default_context(cafile=str(pki.ca))
    site.options["verify"] = bare
    with site.client("viewer") as client, pytest.raises(httpx.TransportError):
        client.get("content/imports")
    shown = ssl.create_default_context(cafile=str(pki.ca))
    shown.load_cert_chain(pki.client_certificate, pki.client_key)
    site.options["verify"] = shown
    with site.client("viewer") as client:
        assert client.get("content/imports").status_code == 200


def test_no_token_comes_into_the_log(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    token = site.token("viewer")
    with site.client() as client:
        for value in (token, token[:-5]):
            client.get(f"devices/{UNKNOWN}", headers={"Authorization": f"Bearer {value}"})
    ours = [record.getMessage() for record in caplog.records if "omega" in record.name]
    assert any(f"/api/v1/devices/{UNKNOWN} by ada" in line for line in ours)
    assert not any(part in line for line in ours for part in token.split("."))


def test_more_requests_than_it_takes_are_turned_away(start: Start) -> None:
    site = start(server={"max_concurrent_rpcs": 1})
    host, _, port = site.url.removeprefix("http://").partition(":")
    with (
        socket.create_connection((host, int(port)), timeout=20) as line,
        site.client("operator") as client,
    ):
        line.sendall(
            b"POST /api/v1/content HTTP/1.1\r\nHost: x\r\nContent-Type: application/jsonl\r\n"
            b"Content-Length: 4\r\nExpect: 100-continue\r\nAuthorization: Bearer "
            + site.token("operator").encode()
            + b"\r\n\r\n"
        )
        assert line.recv(64).startswith(b"HTTP/1.1 100 ")  # it is under way
        answer = client.get("content/imports")
        refused(answer, 429, "OVERLOADED")
        assert answer.headers["retry-after"] == "1"
        line.sendall(b"x\ny\n")
        assert line.recv(64).startswith(b"HTTP/1.1 202 ")
        assert client.get("content/imports").status_code == 200
