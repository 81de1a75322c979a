"""A constellation whose own certificate is replaced shows the new one to other shards."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from omega.constellation.v1 import constellation_service_pb2 as pb
from omega.constellation.v1 import directory_pb2
from omega_constellation.peers import LONGEST_SECONDS, Peers
from omega_rpc.tls import ClientTls
from omega_testing.certificates import Certificates
from omega_testing.probe import running
from omega_testing.shown_certificates import noting, noting_server
from omega_testing.site import Seconds


def test_the_next_call_shows_the_new_certificate_and_calls_under_way_end_well(
    tmp_path: Path,
) -> None:
    files, owner = Certificates(tmp_path), noting()
    peers = Peers(ClientTls(files.ca, files.client_certificate, files.client_key))
    directory = directory_pb2.GetDirectoryRequest()
    with running(noting_server(owner, files)) as address, ThreadPoolExecutor(1) as aside:
        peers.shard(address).GetDirectory(directory, timeout=20)
        slow = peers.shard(address)
        under_way = aside.submit(slow.GetGlobalState, pb.GetGlobalStateRequest(), timeout=20)
        assert owner.held.wait(20)
        files.renew_client()
        for _ in range(2):
            peers.shard(address).GetDirectory(directory, timeout=20)
        owner.go_on.set()
        assert under_way.result().state_version == 7
        peers.close()
    first, second, third = owner.shown
    assert first
    assert second == third != first


def test_a_call_outlasts_replacements_in_quick_succession_and_its_channel_does_not_outlast_it(
    tmp_path: Path,
) -> None:
    files, owner, seconds = Certificates(tmp_path), noting(), Seconds()
    peers = Peers(ClientTls(files.ca, files.client_certificate, files.client_key), seconds)
    directory = directory_pb2.GetDirectoryRequest()
    with running(noting_server(owner, files)) as address, ThreadPoolExecutor(1) as aside:
        first = peers.shard(address)
        under_way = aside.submit(first.GetGlobalState, pb.GetGlobalStateRequest(), timeout=20)
        assert owner.held.wait(20)
        for _ in range(3):
            files.renew_client()
            seconds.now += LONGEST_SECONDS / 4
            peers.shard(address).GetDirectory(directory, timeout=20)
        owner.go_on.set()
        assert under_way.result().state_version == 7
        assert len(peers._left) == 3
        # Those that were left earlier are closed, and the one that was left just now is not.
        seconds.now += LONGEST_SECONDS
        second = peers.shard(address)
        files.renew_client()
        peers.shard(address)
        seconds.now += LONGEST_SECONDS
        peers.shard(address)
        assert len(peers._left) == 1
        second.GetDirectory(directory, timeout=20)
        peers.close()
    assert len(set(owner.shown)) == 3
