"""Who did what to a shard, whatever service took the deed."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from omega.constellation.v1 import constellation_service_pb2 as pb
from omega_client import AdminClient, ClientTls, ConstellationClient
from omega_constellation.app import build
from omega_constellation.config import ConstellationConfig
from omega_core.vectors import pack_f16
from omega_delta import content_to_proto
from omega_rpc.config import ServerConfig
from omega_testing.certificates import Certificates
from omega_testing.codebooks import codebook
from omega_testing.fleet import MODEL, titles
from omega_testing.probe import running


def test_what_is_published_is_noted_once(client: ConstellationClient, address: str) -> None:
    request = pb.UpsertContentsRequest(
        contents=[
            pb.EmbeddedContent(
                content=content_to_proto(row.content), embedding=pack_f16(row.embedding)
            )
            for row in titles(2)
        ],
        model_version=MODEL,
    )
    client.upsert_contents(request)
    request.publish = True
    for _ in range(2):
        client.upsert_contents(request)
        client.publish_codebook(codebook().body)
    with AdminClient(address) as admin:
        log = admin.list_audit().entries
    assert [(e.action, e.subject) for e in log] == [
        ("PublishCodebook", "codebook 1"),
        ("UpsertContents", "catalogue 1"),
    ]


def test_a_certificate_names_who_acts_unless_the_call_does(
    database_url: str, tmp_path: Path
) -> None:
    made = Certificates(tmp_path)
    application = build(
        ConstellationConfig(database_url=database_url),
        ServerConfig(
            "127.0.0.1:0",
            tls_certificate=made.server_certificate,
            tls_key=made.server_key,
            tls_client_ca=made.ca,
        ),
    )
    tls = ClientTls(made.ca, made.client_certificate, made.client_key)
    try:
        with running(application.server) as address:
            for actor in ("", "ada"):
                with AdminClient(address, tls=tls, actor=actor) as admin:
                    admin.create_claims(1, timedelta(hours=1))
                    log = admin.list_audit().entries
    finally:
        application.close()
    assert [e.actor for e in log] == ["ada", "client@omega.test"]
