"""Keys that sign operators' tokens are read again when they are old or a new one is named."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from omega_console.keys import SigningKeys, UnknownKeyError, parse
from omega_core.errors import ErrorCode, OmegaError
from omega_rpc.local_operators import OperatorKey, key_set
from omega_testing.certificates import Certificates
from omega_testing.site import Seconds


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "operators.jwks"


def known(keys: SigningKeys, key: OperatorKey) -> bool:
    try:
        keys.key(key.kid)
    except UnknownKeyError:
        return False
    return True


def test_a_key_that_is_new_is_found_and_one_that_is_gone_ends(path: Path) -> None:
    old, new, clock = OperatorKey.generate(), OperatorKey.generate(), Seconds()
    path.write_bytes(key_set([old]))
    keys = SigningKeys(str(path), seconds=300, clock=clock)
    path.write_bytes(key_set([new]))
    # Read a moment ago: whoever names keys at random does not make it read for each.
    assert known(keys, old)
    assert not known(keys, new)
    clock.now += 10
    assert known(keys, new)
    assert not known(keys, old)


def test_a_key_that_was_taken_out_ends_with_its_time(path: Path) -> None:
    old, new, clock = OperatorKey.generate(), OperatorKey.generate(), Seconds()
    path.write_bytes(key_set([old]))
    keys = SigningKeys(str(path), seconds=300, clock=clock)
    path.write_bytes(key_set([new]))
    clock.now += 300
    assert known(keys, old)
    clock.now += 1
    assert not known(keys, old)


def test_what_was_read_stays_good_while_the_file_is_broken(path: Path) -> None:
    key, clock = OperatorKey.generate(), Seconds()
    path.write_bytes(key_set([key]))
    keys = SigningKeys(str(path), seconds=300, clock=clock)
    for broken in (b"", b"{}", b"[]", b'{"keys": []}', b"\xff", b" " * 300_000):
        path.write_bytes(broken)
        clock.now += 1_000
        assert known(keys, key)
    path.unlink()
    clock.now += 1_000
    assert known(keys, key)


@pytest.mark.parametrize("content", [None, b"", b"{}", b'{"keys": [{"kty": "oct", "k": "AA"}]}'])
def test_a_file_without_a_key_ends_the_start(path: Path, content: bytes | None) -> None:
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(OmegaError) as caught:
        SigningKeys(str(path))
    assert (caught.value.code, caught.value.field) == (ErrorCode.INVALID_FIELD, "jwks")


def test_only_keys_for_signatures_are_kept() -> None:
    good = OperatorKey.generate().public
    others = [
        {**good, "kid": "use", "use": "enc"},
        {**good, "kid": "alg", "alg": "ES384"},
        {**good, "kid": ""},
        {**good, "kid": "kty", "kty": "unknown"},
        {**good, "kid": "x", "x": "AA"},
        "text",
    ]
    assert list(parse(json.dumps({"keys": [good, *others]}).encode())) == [good["kid"]]


class _Answer(BaseHTTPRequestHandler):
    """Serves the key set of a provider, or sends the caller somewhere else."""

    body = b""

    def do_GET(self) -> None:
        self.send_response(302 if self.path == "/moved" else 200)
        self.send_header("Location", "/keys")
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@contextmanager
def provider(certificates: Certificates, body: bytes) -> Iterator[str]:
    """Serves `body` over https; gives the address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Answer", (_Answer,), {"body": body}))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.server_certificate, certificates.server_key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_keys_come_from_a_provider_that_is_trusted_and_from_nowhere_else(tmp_path: Path) -> None:
    certificates, key = Certificates(tmp_path / "pki"), OperatorKey.generate()
    other = Certificates(tmp_path / "other")
    with provider(certificates, key_set([key])) as address:
        assert known(SigningKeys(f"{address}/keys", certificates.ca), key)
        assert not known(SigningKeys(f"{address}/keys", other.ca), key)
        assert not known(SigningKeys(f"{address}/moved", certificates.ca), key)
    assert not SigningKeys(f"{address}/keys", certificates.ca).known()


def test_a_provider_that_sends_too_much_is_not_read(tmp_path: Path) -> None:
    certificates, key = Certificates(tmp_path / "pki"), OperatorKey.generate()
    with provider(certificates, key_set([key]) + b" " * 262_144) as address:
        assert not known(SigningKeys(f"{address}/keys", certificates.ca), key)


def test_certificates_of_no_use_are_named(tmp_path: Path) -> None:
    with pytest.raises(OmegaError) as caught:
        SigningKeys("https://localhost/keys", tmp_path / "absent.pem")
    assert caught.value.field == "jwks_ca"
