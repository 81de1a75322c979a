"""A constellation that is killed: TVs are told, nothing acknowledged is lost, all recovers."""

from __future__ import annotations

import os
import time
import uuid
from pathlib import Path

from omega.sync.v1 import sync_service_pb2 as pb
from omega_client import ServiceError, SyncClient
from omega_rpc.dpop import Prover
from omega_testing.fleet import MODEL
from omega_testing.processes import ServiceProcess
from omega_testing.refusals import Refusal, refused
from omega_testing.site import enrolled


def push() -> pb.SyncRequest:
    return pb.SyncRequest(
        request_id=str(uuid.uuid4()),
        model_version=MODEL,
        sketches=os.urandom(96),
        classes=bytes(2),
    )


def sync_until_answered(
    tv: SyncClient, request: pb.SyncRequest, credential: Prover
) -> pb.SyncResponse:
    """Repeats the call while the server is away, as a TV does."""
    deadline = time.monotonic() + 30
    while True:
        try:
            return tv.sync(request, credential=credential)
        except ServiceError as error:
            if error.status != "UNAVAILABLE" or time.monotonic() > deadline:
                raise


def test_a_killed_constellation_is_unavailable_and_recovers_with_every_acknowledged_push(
    database_url: str, key_file: Path, tmp_path: Path
) -> None:
    settings = {
        "OMEGA_CONSTELLATION_DATABASE_URL": database_url,
        "OMEGA_CONSTELLATION_LISTEN": f"unix:{tmp_path}/c.sock",
    }
    gateway = {
        "OMEGA_SYNC_TOKEN_KEYS": str(key_file),
        "OMEGA_SYNC_LISTEN": f"unix:{tmp_path}/s.sock",
        "OMEGA_SYNC_CONSTELLATION_TARGET": f"unix:{tmp_path}/c.sock",
        "OMEGA_SYNC_DEVICE_SYNC_BURST": "1000",
    }
    with (
        ServiceProcess(["omega-constellation"], settings) as constellation,
        ServiceProcess(["omega-sync"], gateway) as sync,
        SyncClient(sync.address) as tv,
    ):
        device = enrolled(tv)
        registration, credential = device.registration(), device.prover
        acknowledged = [push() for _ in range(3)]
        for request in acknowledged:
            assert not tv.sync(request, credential=credential).duplicate
        constellation.kill()
        lost = push()
        away = Refusal("UNAVAILABLE", "UPSTREAM_UNAVAILABLE", "")
        assert refused(lambda: tv.sync(lost, credential=credential)) == away
        assert refused(lambda: tv.register_device(registration)) == away
        assert refused(lambda: tv.erase_device(credential=credential)) == away
        with ServiceProcess(["omega-constellation"], settings):
            assert sync_until_answered(tv, lost, credential).accepted_sketches == 2
            for request in acknowledged:
                replayed = tv.sync(request, credential=credential)
                assert (replayed.accepted_sketches, replayed.duplicate) == (2, True)
            assert tv.register_device(registration).device_id == device.device_id
            assert tv.erase_device(credential=credential).pushes == 4
            sync.wait_serving()
            assert sync.terminate() == 0
