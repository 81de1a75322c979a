"""Settings of the constellation."""

from __future__ import annotations

import pytest

from omega_constellation.config import PREFIX, ConstellationConfig
from omega_core.config import load
from omega_core.errors import OmegaError

URL = "postgresql://me:secret@host/shard"


def read(**settings: str) -> ConstellationConfig:
    return load(ConstellationConfig, PREFIX, {PREFIX + k.upper(): v for k, v in settings.items()})


def test_only_the_database_must_be_named() -> None:
    config = read(database_url=URL)
    assert (config.pool_size, config.sync_interval_seconds) == (8, 600)
    assert config.migrate_at_start


def test_the_password_does_not_show() -> None:
    assert "secret" not in repr(read(database_url=URL))


def test_settings_reach_the_store_and_the_writer() -> None:
    config = read(database_url=URL, pool_size="3", acquire_seconds="0.5", most_waiting_pushes="300")
    assert (config.store().pool_size, config.store().acquire_seconds) == (3, 0.5)
    assert config.push_writer().most_waiting == 300


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
