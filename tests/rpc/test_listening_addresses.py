from __future__ import annotations

import socket
import stat
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest

from omega_core.errors import OmegaError
from omega_rpc.config import ServerConfig
from omega_rpc.server import Server
from omega_testing import probe
from omega_testing.probe import ProbeClient, running

Open = Callable[[str], grpc.Channel]


def echo_server(listen: str, *, local_only: bool = False) -> Server:
    return Server(
        ServerConfig(listen, grace_seconds=0), [probe.probe(bytes)], local_only=local_only
    )


def call(channel: grpc.Channel) -> bytes:
    return ProbeClient(channel).unary(b"hello", timeout=20)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_loopback_is_served_on_a_free_port(dial: Open, host: str) -> None:
    if host == "[::1]" and not _has_ipv6():
        host = "127.0.0.2"
    with running(echo_server(f"{host}:0", local_only=True)) as address:
        assert address.startswith(f"{host}:")
        assert int(address.rpartition(":")[2]) > 0
        assert call(dial(address)) == b"hello"


def _has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


@pytest.mark.parametrize("listen", ["0.0.0.0:0", "[::]:0", "192.0.2.1:50071", "tv.example:50071"])
def test_an_address_others_can_reach_is_refused_without_tls(listen: str) -> None:
    with pytest.raises(OmegaError, match="loopback address or unix socket until TLS"):
        ServerConfig(listen)


def test_a_local_only_server_refuses_such_an_address_even_with_tls() -> None:
    config = ServerConfig(
        "0.0.0.0:0", tls_certificate=Path("/nowhere/c.pem"), tls_key=Path("/nowhere/k.pem")
    )
    with pytest.raises(OmegaError, match="listen must be a loopback address or unix socket"):
        Server(config, [probe.probe(bytes)], local_only=True)


def test_a_second_server_on_the_same_port_is_refused(
    dial: Open, capfd: pytest.CaptureFixture[str]
) -> None:
    with running(echo_server("127.0.0.1:0")) as address:
        second = echo_server(address)
        with pytest.raises(OmegaError, match="listen must be an address of this machine"):
            second.start()
        second.stop()
        assert call(dial(address)) == b"hello"
    capfd.readouterr()
    with running(echo_server(address)):
        assert call(dial(address)) == b"hello"


def test_a_unix_socket_is_for_owner_and_group_only(dial: Open, tmp_path: Path) -> None:
    path = tmp_path / "run" / "omega.sock"
    with running(echo_server(f"unix:{path}", local_only=True)) as address:
        assert address == f"unix:{path}"
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o750
        assert call(dial(address)) == b"hello"


def test_a_second_server_on_the_same_socket_is_refused_until_the_first_stops(
    dial: Open, tmp_path: Path
) -> None:
    listen = f"unix:{tmp_path / 'omega.sock'}"
    with running(echo_server(listen)):
        with pytest.raises(OmegaError, match="listen must be a socket path that no other server"):
            echo_server(listen).start()
        assert call(dial(listen)) == b"hello"
    with running(echo_server(listen)):
        assert call(dial(listen)) == b"hello"


def test_a_socket_left_by_a_dead_server_is_replaced(dial: Open, tmp_path: Path) -> None:
    path = tmp_path / "omega.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with running(echo_server(f"unix:{path}")) as address:
        assert call(dial(address)) == b"hello"


def test_a_file_on_the_path_is_not_deleted(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("precious")
    with pytest.raises(OmegaError, match="listen must be a path where no file lies"):
        echo_server(f"unix:{path}").start()
    assert path.read_text() == "precious"


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OmegaError, match="listen must be a socket path this user may make"):
        echo_server(f"unix:{tmp_path / 'file' / 'omega.sock'}").start()
