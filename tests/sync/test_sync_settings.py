from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from omega_core.config import load
from omega_core.errors import OmegaError
from omega_rpc.config import ServerConfig
from omega_rpc.tokens import TokenKeys, new_key_line
from omega_sync.app import build
from omega_sync.config import PREFIX, SyncConfig

KEYS = {"OMEGA_SYNC_TOKEN_KEYS": "/etc/omega/token.keys"}
SERVER = ServerConfig("127.0.0.1:0")


def secret(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


def test_only_the_token_keys_must_be_set() -> None:
    assert load(SyncConfig, PREFIX, KEYS) == SyncConfig(Path("/etc/omega/token.keys"))
    with pytest.raises(OmegaError, match="OMEGA_SYNC_TOKEN_KEYS must be set"):
        load(SyncConfig, PREFIX, {})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CONSTELLATION_TARGET", ""),
        ("CONSTELLATION_TARGET", "x" * 257),
        ("CALL_TIMEOUT_SECONDS", "0"),
        ("CALL_TIMEOUT_SECONDS", "61"),
        ("CALL_TIMEOUT_SECONDS", "nan"),
        ("RESOURCE_TIMEOUT_SECONDS", "0.5"),
        ("MAX_RESOURCE_STREAMS", "0"),
        ("MAX_RESOURCE_STREAMS", "65537"),
        ("MOST_WAITING_PUSHES", "0"),
        ("MOST_WAITING_PUSHES", "1048577"),
        ("MTLS_LISTEN", "nowhere"),
    ],
)
def test_a_setting_out_of_bounds_is_named(name: str, value: str) -> None:
    with pytest.raises(OmegaError) as caught:
        load(SyncConfig, PREFIX, {**KEYS, PREFIX + name: value})
    assert caught.value.field == name.lower()


@pytest.mark.parametrize(
    ("files", "field"),
    [
        (["CERTIFICATE"], "constellation_tls_key"),
        (["KEY"], "constellation_tls_key"),
        (["CERTIFICATE", "KEY"], "constellation_tls_ca"),
    ],
)
def test_tls_files_for_the_constellation_belong_together(files: list[str], field: str) -> None:
    settings = {f"OMEGA_SYNC_CONSTELLATION_TLS_{name}": "/etc/omega/x.pem" for name in files}
    with pytest.raises(OmegaError) as caught:
        load(SyncConfig, PREFIX, {**KEYS, **settings})
    assert caught.value.field == field


def test_files_that_a_gateway_cannot_use_are_named(tmp_path: Path) -> None:
    keys = secret(tmp_path / "keys", new_key_line())
    absent = tmp_path / "absent"
    for field, config in {
        "token_keys": SyncConfig(absent),
        "enrolment_key_file": SyncConfig(keys, enrolment_key_file=absent),
        "constellation_tls_ca": SyncConfig(keys, constellation_tls_ca=absent),
    }.items():
        with pytest.raises(OmegaError) as caught:
            build(config, SERVER)
        assert caught.value.field == field
    shared = SyncConfig(keys, enrolment_key_file=secret(tmp_path / "shared", "key", 0o644))
    with pytest.raises(OmegaError, match="enrolment_key_file must be a file that others cannot"):
        build(shared, SERVER)


def test_a_listener_for_certificates_needs_its_files(tmp_path: Path) -> None:
    keys = secret(tmp_path / "keys", new_key_line())
    with pytest.raises(OmegaError, match="device_ca must be set together with mtls_listen"):
        SyncConfig(keys, mtls_listen="127.0.0.1:0")
    with pytest.raises(OmegaError, match="device_ca must be set together with mtls_listen"):
        SyncConfig(keys, device_ca=keys)
    config = SyncConfig(keys, mtls_listen="127.0.0.1:0", device_ca=keys)
    with pytest.raises(OmegaError, match="tls_certificate must be set when device_ca is"):
        build(config, SERVER)


def run(*flags: str, **settings: str) -> subprocess.CompletedProcess[str]:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("OMEGA_")}
    script = Path(sys.prefix) / "bin" / "omega-sync"
    return subprocess.run(
        [script, *flags],
        env={**inherited, **settings},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


def test_a_fresh_key_line_makes_a_key_file(tmp_path: Path) -> None:
    done = run("--new-token-key")
    assert (done.returncode, done.stderr) == (0, "")
    keys = secret(tmp_path / "keys", done.stdout + new_key_line())
    assert len(TokenKeys.read("token_keys", keys).keys) == 2


def test_the_console_script_checks_its_settings() -> None:
    good = run("--check-config", **KEYS)
    assert (good.returncode, good.stdout, good.stderr) == (0, "", "")
    bad = run("--check-config")
    assert bad.returncode == 78
    assert bad.stderr == "omega-sync: OMEGA_SYNC_TOKEN_KEYS must be set\n"
