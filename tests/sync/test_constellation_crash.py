"""A constellation that is killed: TVs are told, nothing acknowledged is lost, all recovers."""

from __future__ import annotations

import os
import time
import uuid
from pathlib import Path

from omega.sync.v1 import sync_service_pb2 as pb
from omega_client import ServiceError, SyncClient
from omega_testing.fleet import MODEL
from omega_testing.processes import ServiceProcess
from omega_testing.refusals import Refusal, refused


def push() -> pb.SyncRequest:
    return pb.SyncRequest(
        request_id=str(uuid.uuid4()),
        model_version=MODEL,
        sketches=os.urandom(96),
        classes=bytes(2),
    )


def sync_until_answered(tv: SyncClient, request: pb.SyncRequest, token: str) -> pb.SyncResponse:
    """Repeats the call while the server is away, as a TV does."""
    deadline = time.monotonic() + 30
    while True:
        try:
            return tv.sync(request, token=token)
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
    }
    with (
        ServiceProcess(["omega-constellation"], settings) as constellation,
        ServiceProcess(["omega-sync"], gateway) as sync,
        SyncClient(sync.address) as tv,
    ):
        registration = pb.RegisterDeviceRequest(request_id=str(uuid.uuid4()))
        made = tv.register_device(registration)
        acknowledged = [push() for _ in range(3)]
        for request in acknowledged:
            assert not tv.sync(request, token=made.auth_token).duplicate
        constellation.kill()
        lost = push()
        away = Refusal("UNAVAILABLE", "UPSTREAM_UNAVAILABLE", "")
        assert refused(lambda: tv.sync(lost, token=made.auth_token)) == away
        assert refused(lambda: tv.register_device(registration)) == away
        assert refused(lambda: tv.erase_device(token=made.auth_token)) == away
        with ServiceProcess(["omega-constellation"], settings):
            assert sync_until_answered(tv, lost, made.auth_token).accepted_sketches == 2
            for request in acknowledged:
                replayed = tv.sync(request, token=made.auth_token)
                assert (replayed.accepted_sketches, replayed.duplicate) == (2, True)
            assert tv.register_device(registration) == made
            assert tv.erase_device(token=made.auth_token).pushes == 4
            sync.wait_serving()
            assert sync.terminate() == 0
