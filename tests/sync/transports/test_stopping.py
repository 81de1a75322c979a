from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.sync.transports.conftest import begin

from omega.sync.v1 import sync_service_pb2 as pb
from omega_client import ClientTls, ServiceError
from omega_client.connect import SyncConnectClient, Version
from omega_rpc.dpop import Prover
from omega_testing.probe import eventually
from omega_testing.stand_in import StandIn

VERSIONS: dict[Version, str] = {"1.1": "http_listen", "2": "http_listen", "3": "quic_listen"}
REQUEST = pb.SyncRequest(
    request_id="00000000-0000-4000-8000-000000000001",
    model_version="encoder-1",
    sketches=bytes(48),
    classes=bytes(1),
)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_stop_lets_requests_under_way_end_and_takes_no_more(
    version: Version, key_file: Path, tmp_path: Path
) -> None:
    upstream = StandIn()  # type: ignore[abstract]  # operators' methods stay unimplemented
    upstream.ready.set()
    with ExitStack() as stack, ThreadPoolExecutor(2) as pool:
        place = begin(upstream, key_file, tmp_path, stack, grace=20)
        prover = Prover(place.key, place.token, place.clock)
        url = f"https://{place.at(VERSIONS[version])}"
        trust = ClientTls(place.ca)
        tv = stack.enter_context(SyncConnectClient(url, version=version, tls=trust))
        tv.erase_device(credential=prover)
        upstream.held.clear()
        under_way = pool.submit(tv.sync, REQUEST, credential=prover)
        eventually(lambda: len(upstream.asked), lambda asked: asked == 2)
        stopped = pool.submit(place.application.server.stop)
        with SyncConnectClient(url, version=version, tls=trust, timeout=2) as late:

            def refused() -> bool:
                try:
                    late.erase_device(credential=prover)
                except ServiceError:
                    return True
                return False

            eventually(refused, bool)
        upstream.held.set()
        assert under_way.result(20).accepted_sketches == 1
        stopped.result(30)
