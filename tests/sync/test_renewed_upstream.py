"""A gateway whose own certificate is replaced shows the new one to its constellation."""

from __future__ import annotations

import asyncio
from pathlib import Path

from omega.constellation.v1 import constellation_service_pb2 as pb
from omega_rpc.tls import ClientTls, RenewedCredentials
from omega_sync.upstream import Constellation
from omega_testing.certificates import Certificates
from omega_testing.probe import running
from omega_testing.shown_certificates import noting, noting_server


def test_the_next_question_shows_the_new_certificate_and_calls_under_way_end_well(
    tmp_path: Path,
) -> None:
    files, owner = Certificates(tmp_path), noting()
    tls = ClientTls(files.ca, files.client_certificate, files.client_key)

    async def course(address: str) -> None:
        upstream = Constellation(address, RenewedCredentials(tls), 20, 20)
        await upstream.start()
        await upstream.heads(pb.GetHeadsRequest())
        under_way = asyncio.create_task(upstream.news(pb.GetGlobalStateRequest()))
        await asyncio.to_thread(owner.held.wait, 20)
        files.renew_client()
        await upstream.heads(pb.GetHeadsRequest())
        await upstream.heads(pb.GetHeadsRequest())
        owner.go_on.set()
        assert (await under_way).state_version == 7
        await upstream.stop(0)

    with running(noting_server(owner, files)) as address:
        asyncio.run(course(address))
    first, second, third = owner.shown
    assert first
    assert second == third != first
