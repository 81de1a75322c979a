"""Settings of the constellation."""

from __future__ import annotations

from pathlib import Path

import pytest

from omega_constellation.app import build
from omega_constellation.config import PREFIX, ConstellationConfig
from omega_core.config import load
from omega_core.errors import OmegaError
from omega_rpc.config import ServerConfig

URL = "postgresql://me:secret@host/shard"


def read(**settings: str) -> ConstellationConfig:
    return load(ConstellationConfig, PREFIX, {PREFIX + k.upper(): v for k, v in settings.items()})


def test_only_the_database_must_be_named() -> None:
    config = read(database_url=URL)
    assert (config.pool_size, config.sync_interval_seconds) == (8, 600)
    assert config.migrate_at_start


def test_the_password_does_not_show() -> None:
    assert ":secret" not in repr(read(database_url=URL))


def test_settings_reach_the_store_and_the_writer() -> None:
    config = read(database_url=URL, pool_size="3", acquire_seconds="0.5", most_waiting_pushes="300")
    assert (config.store().pool_size, config.store().acquire_seconds) == (3, 0.5)
    assert config.push_writer().most_waiting == 300


@pytest.mark.parametrize(
    ("named", "secret", "mode", "ca"),
    [
        ("threshold_secret_file", None, 0, ""),
        ("threshold_secret_file", "x" * 31, 0o600, ""),
        ("threshold_secret_file", "x" * 1_025, 0o600, ""),
        ("threshold_secret_file", "x" * 32, 0o604, ""),
        ("randomness_tls_ca", "x" * 32, 0o600, "no-such-file"),
    ],
)
def test_files_of_reports_are_read_at_the_start(
    tmp_path: Path, named: str, secret: str | None, mode: int, ca: str
) -> None:
    file = tmp_path / "secret"
    if secret is not None:
        file.write_text(secret)
        file.chmod(mode)
    config = read(
        database_url=URL,
        threshold_secret_file=str(file),
        randomness_target="127.0.0.1:1",
        **({"randomness_tls_ca": ca} if ca else {}),
    )
    with pytest.raises(OmegaError) as caught:
        build(config, ServerConfig(listen="127.0.0.1:0"))
    assert caught.value.field == named


@pytest.mark.parametrize(
    ("named", "settings"),
    [
        ("OMEGA_CONSTELLATION_DATABASE_URL", {}),
        ("database_url", {"database_url": "postgresql://x/y?nonsense=1"}),
        ("pool_size", {"pool_size": "1"}),
        ("pool_size", {"pool_size": "257"}),
        ("acquire_seconds", {"acquire_seconds": "0"}),
        ("statement_seconds", {"statement_seconds": "nan"}),
        ("most_waiting_pushes", {"most_waiting_pushes": "255"}),
        ("push_seconds", {"push_seconds": "61"}),
        ("threshold", {"threshold": "1"}),
        ("threshold", {"threshold": "33"}),
        ("epoch_days", {"epoch_days": "367"}),
        ("grace_hours", {"grace_hours": "721"}),
        ("tokens_per_epoch", {"tokens_per_epoch": "0"}),
        ("randomness_target", {"randomness_target": "x" * 257}),
        ("randomness_target", {"randomness_target": "here:1"}),
        ("randomness_target", {"threshold_secret_file": "/secret"}),
        ("randomness_target", {"randomness_tls_ca": "/ca"}),
        ("sync_interval_seconds", {"sync_interval_seconds": "0"}),
        ("OMEGA_CONSTELLATION_MIGRATE_AT_START", {"migrate_at_start": "perhaps"}),
    ],
)
def test_a_wrong_setting_is_named(named: str, settings: dict[str, str]) -> None:
    if settings and "database_url" not in settings:
        settings = {"database_url": URL} | settings
    with pytest.raises(OmegaError) as caught:
        read(**settings)
    assert caught.value.field == named
