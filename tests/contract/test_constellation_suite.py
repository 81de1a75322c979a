"""`omega contract constellation` at a real shard, and at one that is spoilt on the way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from tests.contract.conftest import Tried

from omega_cli.contract import shard, shard_words
from omega_cli.contract.rows import STOCKED, Row
from omega_client import AdminClient, ClientTls, ConstellationClient
from omega_constellation.app import build
from omega_constellation.config import ConstellationConfig
from omega_rpc.config import ServerConfig
from omega_store import Store, contents
from omega_testing.between import Between
from omega_testing.certificates import Certificates
from omega_testing.fleet import MODEL, NOW, titles
from omega_testing.probe import running
from omega_testing.spoilt_services import SPOILT

pytestmark = pytest.mark.timeout(300)  # hundreds of real calls a test

LOCAL = ServerConfig("127.0.0.1:0", grace_seconds=0)
SHARD = "/omega.constellation.v1.ConstellationService/"
ADMIN = "/omega.constellation.v1.AdminService/"


@contextmanager
def serving(url: str, server: ServerConfig) -> Iterator[str]:
    """Address of a shard's constellation."""
    application = build(ConstellationConfig(database_url=url), server)
    try:
        with running(application.server) as address:
            yield address
    finally:
        application.close()


def rows() -> dict[tuple[str, str], Row]:
    """Every row by what the table calls it."""
    first, second = shard.suites(shard_words.Words())
    named = {(row.rpc, row.case): row for row in first.rows}
    return named | {(f"AdminService.{row.rpc}", row.case): row for row in second.rows}


def test_every_row_holds_over_mutual_tls_and_nothing_stays_but_claims(
    store: Store, tried: Tried, tmp_path: Path
) -> None:
    with store.transaction() as conn:
        contents.upsert(conn, titles(1), model_version=MODEL, catalogue_version=0, now=NOW)
    pems = Certificates(tmp_path)
    trust = ["--tls-ca", str(pems.ca), "--tls-certificate", str(pems.client_certificate)]
    server = replace(
        LOCAL,
        tls_certificate=pems.server_certificate,
        tls_key=pems.server_key,
        tls_client_ca=pems.ca,
    )
    with serving(store.url, server) as address:
        said = tried("constellation", address, *trust, "--tls-key", str(pems.client_key))
        tls = ClientTls(pems.ca, pems.client_certificate, pems.client_key)
        with ConstellationClient(address, tls=tls) as client:
            status = client.get_cluster_status()
        with AdminClient(address, tls=tls) as admin:
            assert {entry.action for entry in admin.list_audit().entries} == {"CreateClaims"}
    assert (said.failed, said.left_out) == (set(), set())
    assert (said.code, said.held) == (0, len(rows()))
    assert (status.total_devices, status.pushes, status.contents) == (0, 0, 1)


def _is_spoilt(rpc: str, row: Row) -> bool:
    beyond = {"page_size = 1001", f"page_size = {2**32 - 1}", "x-request-id comes back"}
    return {
        # A bound is not held.
        "AdminService.ListDevices": row.case in beyond,
        # What it does not know is not passed over.
        "SpendClaim": row.case == "a field of a release to come",
        # Whatever comes is said to be stored.
        "IngestPatterns": row.case in {"a push, and one of nobody", "the same once more"},
        # The status is another.
        "AdminService.GetDevice": row.wanted.status == "NOT_FOUND",
        # What is wrong is not said.
        "GetHeads": bool(row.wanted.reason or row.wanted.field),
    }.get(rpc, False)


def test_of_a_spoilt_shard_without_titles_the_rows_at_fault_fail_and_none_is_stored(
    store: Store, tried: Tried
) -> None:
    with serving(store.url, LOCAL) as address, Between(address, SPOILT) as between:
        said = tried("constellation", between.address)
        with ConstellationClient(address) as client:
            status = client.get_cluster_status()
    assert said.code == 1
    assert said.left_out == {name for name, row in rows().items() if row.needs == STOCKED}
    assert said.failed == {name for name, row in rows().items() if _is_spoilt(name[0], row)}
    assert (status.contents, status.total_devices) == (0, 0)
