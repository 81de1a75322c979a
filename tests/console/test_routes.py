"""Each route before a real constellation: what it answers, and each status that it can."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import psycopg
import pytest
from tests.console.conftest import UNKNOWN, Site, Start, serving
from tests.console.test_http_bounds import refused

from omega.constellation.v1 import constellation_service_pb2 as pb
from omega_client import ConstellationClient
from omega_console.app import build
from omega_console.config import ConsoleConfig
from omega_delta import content_to_proto
from omega_rpc.config import ServerConfig
from omega_rpc.local_operators import ISSUER, OperatorKey, key_set
from omega_testing.fleet import MODEL, titles
from omega_testing.processes import free_port

INSTANT = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


@pytest.fixture
def constellation(site: Site) -> Iterator[ConstellationClient]:
    with ConstellationClient(site.constellation) as client:
        yield client


def registered(client: ConstellationClient, number: int = 1, region: str = "AT") -> list[str]:
    """Devices, by ascending id."""
    made = (
        client.register_device(
            pb.RegisterDeviceRequest(
                request_id=str(uuid.uuid4()), platform="tv", app_version="1.2", region=region
            )
        ).device_id
        for _ in range(number)
    )
    return sorted(made)


def pushed(client: ConstellationClient, device_id: str, sketches: int = 3) -> None:
    """A push of a device, all of the best class."""
    push = pb.DevicePush(
        device_id=device_id,
        request_id=str(uuid.uuid4()),
        model_version=MODEL,
        sketches=bytes(48 * sketches),
        classes=bytes([28] * sketches),
    )
    answer = client.ingest_patterns(pb.IngestPatternsRequest(pushes=[push]))
    assert answer.results[0].outcome == pb.PUSH_OUTCOME_STORED


def test_shards_and_their_figures(viewer: httpx.Client, constellation: ConstellationClient) -> None:
    (device,) = registered(constellation)
    pushed(constellation, device)
    listed = viewer.get("shards").json()
    (shard,) = listed["shards"]
    name = shard["entry"]["shard"]
    assert (listed["home"], shard["reachable"], shard["total_devices"]) == (name, True, 1)
    assert shard["entry"]["state"] == "active"
    assert viewer.get(f"shards/{name}").json() == shard
    stats = viewer.get(f"shards/{name}/stats?minutes=60").json()
    assert (stats["shard"], stats["pushes"], stats["sketches"]) == (name, 1, 3)
    assert len(stats["sketches_by_rate"]) == 8
    assert sum(stats["sketches_by_rate"]) == 3
    assert stats["regions"] == [{"region": "AT", "devices": 1, "active_devices": 1}]
    assert stats["database_bytes"] > 1_000_000
    assert INSTANT.fullmatch(stats["last_push_at"])
    for path in ("shards/other", "shards/other/stats"):
        refused(viewer.get(path), 404, "UNKNOWN_SHARD", "shard")


def test_devices_page_by_page(viewer: httpx.Client, constellation: ConstellationClient) -> None:
    ids = registered(constellation, 3)
    other = registered(constellation, 1, "DE")
    pushed(constellation, ids[0])
    found: list[str] = []
    token = ""
    while True:
        page = viewer.get("devices", params={"page_size": 3, "page_token": token}).json()
        found += [device["device_id"] for device in page["devices"]]
        token = page["next_page_token"]
        if not token:
            break
    assert found == sorted(ids + other)
    regional = viewer.get("devices?region=DE").json()["devices"]
    assert [device["device_id"] for device in regional] == other
    active = viewer.get("devices?filter=active").json()["devices"]
    assert [device["device_id"] for device in active] == [ids[0]]
    refused(viewer.get("devices?page_token=abc"), 400, "INVALID_FIELD", "page_token")
    refused(viewer.get("devices?shard=other"), 404, "UNKNOWN_SHARD", "shard")


def test_a_device_is_shown_shut_out_and_erased(
    viewer: httpx.Client,
    operator: httpx.Client,
    admin: httpx.Client,
    constellation: ConstellationClient,
) -> None:
    (device,) = registered(constellation)
    pushed(constellation, device)
    shown = viewer.get(f"devices/{device}").json()
    assert (shown["device_id"], shown["platform"], shown["sketches"]) == (device, "tv", 3)
    assert (shown["region"], shown["has_key"], shown["revoked_at"]) == ("AT", False, None)
    assert INSTANT.fullmatch(shown["registered_at"])
    revoked = operator.post(f"devices/{device}/revoke").json()
    assert operator.post(f"devices/{device}/revoke").json() == revoked
    assert viewer.get(f"devices/{device}").json()["revoked_at"] == revoked["revoked_at"]
    listed = viewer.get("devices?filter=revoked").json()["devices"]
    assert [each["device_id"] for each in listed] == [device]
    assert admin.delete(f"devices/{device}").json() == {"pushes": 1}
    assert admin.delete(f"devices/{device}").json() == {"pushes": 0}
    refused(viewer.get(f"devices/{device}"), 404, "UNKNOWN_DEVICE", "device_id")


def test_a_device_that_is_not_there(viewer: httpx.Client, operator: httpx.Client) -> None:
    refused(viewer.get(f"devices/{UNKNOWN}"), 404, "UNKNOWN_DEVICE", "device_id")
    refused(operator.post(f"devices/{UNKNOWN}/revoke"), 404, "UNKNOWN_DEVICE", "device_id")


def test_titles_page_by_page(viewer: httpx.Client, constellation: ConstellationClient) -> None:
    made = titles(5)
    constellation.upsert_contents(
        pb.UpsertContentsRequest(
            contents=[
                pb.EmbeddedContent(
                    content=content_to_proto(each.content),
                    embedding=each.embedding.astype("<f2").tobytes(),
                )
                for each in made
            ],
            model_version=MODEL,
        )
    )
    page = viewer.get("content?page_size=3").json()
    assert (page["total"], len(page["contents"])) == (5, 3)
    first = page["contents"][0]
    assert (first["content_id"], first["kind"], first["minimum_age"]) == ("t0", "movie", None)
    assert first["providers"] == [{"provider_id": "p1", "name": "Provider", "availability": "free"}]
    rest = viewer.get("content", params={"page_token": page["next_page_token"]}).json()
    assert [each["content_id"] for each in rest["contents"]] == ["t3", "t4"]
    found = viewer.get("content", params={"title_prefix": "title 2"}).json()["contents"]
    assert [each["content_id"] for each in found] == ["t2"]
    assert viewer.get("content", params={"title_prefix": "%"}).json()["contents"] == []


def test_a_round_is_asked_for_once(viewer: httpx.Client, operator: httpx.Client) -> None:
    asked = operator.post("federation/trigger", json={"refresh": True})
    assert asked.status_code == 202
    made = asked.json()
    assert (made["status"], made["finished_at"]) == ("requested", None)
    assert asked.headers["location"] == f"/api/v1/federation/rounds/{made['round_id']}"
    assert (
        operator.post("federation/trigger", json={"request_id": made["request_id"]}).json() == made
    )
    again = operator.post("federation/trigger", headers={"idempotency-key": made["request_id"]})
    assert again.json() == made
    other = operator.post("federation/trigger")
    assert other.json()["round_id"] > made["round_id"]
    rounds = viewer.get("federation/rounds").json()
    assert [each["round_id"] for each in rounds["rounds"]] == [
        other.json()["round_id"],
        made["round_id"],
    ]
    assert rounds["more"] is False
    earlier = viewer.get(f"federation/rounds?before_round_id={other.json()['round_id']}").json()
    assert earlier["rounds"] == [made]
    assert viewer.get(f"federation/rounds/{made['round_id']}").json() == made
    missing = viewer.get(f"federation/rounds/{other.json()['round_id'] + 9}")
    refused(missing, 404, "UNKNOWN_ROUND", "round_id")


def test_trends_and_releases_where_there_are_none(
    viewer: httpx.Client, admin: httpx.Client
) -> None:
    assert viewer.get("trends").json() == {"trends": [], "scored_at": None, "regions": []}
    assert viewer.get("releases").json() == {"releases": [], "more": False}
    ended = admin.post("releases/1/end", json={"complete": False})
    refused(ended, 404, "UNKNOWN_RELEASE", "release_id")


def test_claims_are_made_and_shown_once(admin: httpx.Client) -> None:
    made = admin.post("claims", json={"count": 3, "valid_for_seconds": 3_600})
    assert made.status_code == 201
    claims = made.json()["claims"]
    assert len(set(claims)) == 3
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", claim) for claim in claims)


def test_deeds_stand_in_the_audit_log_under_the_name_of_the_token(
    site: Site, viewer: httpx.Client, constellation: ConstellationClient
) -> None:
    (device,) = registered(constellation)
    for role, subject in (("operator", "olga"), ("admin", "anton")):
        token = site.token(role, subject=subject)
        with site.client(authorization=f"Bearer {token}") as client:
            if role == "operator":
                client.post(f"devices/{device}/revoke")
            else:
                client.delete(f"devices/{device}")
    entries = viewer.get("audit").json()["entries"]
    deeds = [(each["actor"], each["action"]) for each in entries]
    assert deeds[:2] == [("anton", "EraseDevice"), ("olga", "RevokeDevice")]
    older = viewer.get(f"audit?page_size=1&before_entry_id={entries[0]['entry_id']}").json()
    assert older["entries"] == [entries[1]]


def test_who_asks_and_what_answers(site: Site) -> None:
    with site.client("operator") as client:
        info = client.get("info").json()
    assert (info["name"], info["subject"], info["role"]) == ("omega-console", "ada", "operator")
    assert (info["shards"], info["total_devices"]) == (1, 0)
    assert datetime.fromisoformat(info["token_expires_at"]) > datetime.now(UTC)
    assert info["uploads"]["largest_bytes"] == 64 << 20
    assert "text/csv" in info["uploads"]["media_types"]


def test_health_of_each_part(viewer: httpx.Client) -> None:
    health = viewer.get("health").json()
    assert health["status"] == "healthy"
    assert {part["name"]: part["status"] for part in health["components"]} == {
        "constellation": "healthy",
        "keys": "healthy",
        "encoder": "healthy",
    }


def test_a_constellation_that_is_away_is_a_503(tmp_path: Path) -> None:
    jwks, key = tmp_path / "keys", OperatorKey.generate()
    jwks.write_bytes(key_set([key]))
    config = ConsoleConfig(
        str(jwks), ISSUER, constellation_target=f"127.0.0.1:{free_port()}", call_timeout_seconds=2
    )
    with serving(build(config, ServerConfig("127.0.0.1:0", grace_seconds=0))) as address:
        site = Site(f"http://{address}", key, jwks, "")
        with site.client("viewer") as client:
            refused(client.get("shards"), 503, "UPSTREAM_UNAVAILABLE")
            assert client.get("health").json()["status"] == "unhealthy"
            refused(client.get("health/ready"), 503, "UPSTREAM_UNAVAILABLE")


def test_an_answer_that_takes_too_long_is_a_504(start: Start, database_url: str) -> None:
    site = start(call_timeout_seconds=0.5)
    with psycopg.connect(database_url) as conn, site.client("viewer") as client:
        conn.execute("LOCK TABLE devices IN ACCESS EXCLUSIVE MODE")
        refused(client.get("devices"), 504, "DEADLINE_EXCEEDED")
