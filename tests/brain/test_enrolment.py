"""Who a TV is to the fleet: a key of its own, a claim shown once, credentials renewed in time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import pytest

from omega_brain.brain import Brain
from omega_brain.config import BrainConfig
from omega_core.clock import ManualClock
from omega_core.content import Content
from omega_core.errors import ErrorCode, OmegaError
from omega_core.viewing import ViewingEvent
from omega_rpc import local_authority
from omega_rpc.authorities import DeviceAuthority
from omega_rpc.device_keys import DeviceKey
from omega_testing.gateway import Fault, Gateway, serving

if TYPE_CHECKING:
    from tests.brain.conftest import Tv

Publish = Callable[..., None]
Viewing = Callable[..., ViewingEvent]


def _key(tv: Tv) -> str:
    identity = tv.brain.stores.meta.identity()
    assert identity is not None
    return DeviceKey.from_pem("key", identity.device_key.encode()).public.thumbprint


def test_a_key_is_drawn_once_and_kept(tv: Tv, open_tv: Callable[..., Tv]) -> None:
    tv.sync()
    drawn = _key(tv)
    tv.close()
    again = open_tv()
    again.sync()
    assert _key(again) == drawn
    stats_of = again.brain.stores.meta.credentials()
    assert stats_of is not None
    assert stats_of.until is None


def test_a_claim_is_shown_when_the_tv_registers_and_not_again(
    open_tv: Callable[..., Tv], gateway: Gateway, tmp_path: Path
) -> None:
    claim = tmp_path / "claim"
    gateway.access.claims = {"one-time_claim"}
    tv = open_tv(claim_file=claim)
    with pytest.raises(OmegaError):
        tv.sync()
    claim.write_text("one-time_claim\n")
    tv.sync()
    gateway.access.forget_tokens()
    tv.sync()
    assert [r.claim for r in gateway.registrations] == ["", "one-time_claim", ""]
    assert len({r.request_id for r in gateway.registrations}) == 1


def test_an_answer_that_was_lost_costs_no_second_claim(
    open_tv: Callable[..., Tv], gateway: Gateway, tmp_path: Path
) -> None:
    claim = tmp_path / "claim"
    claim.write_text("one-time_claim")
    gateway.access.claims = {"one-time_claim"}
    gateway.registration_faults.append(Fault(grpc.StatusCode.INTERNAL, stored=True))
    tv = open_tv(claim_file=claim)
    with pytest.raises(OmegaError):
        tv.sync()
    tv.sync()
    assert gateway.access.claims == set()


def test_an_identity_is_backed_up_before_it_is_used(
    tv: Tv, gateway: Gateway, config: BrainConfig
) -> None:
    """A claim is spent once: what a damaged database loses must not be the identity."""
    tv.sync()
    tv.brain.persistence.database.close()
    database = config.storage_path / "brain.db"
    backup = config.storage_path / "brain.db.backup"
    database.write_bytes(backup.read_bytes())
    tv.closed = True
    with Brain(tv.brain.config) as again:
        again.sync()
    assert len(gateway.registrations) == 1


def test_credentials_are_renewed_at_two_thirds_of_their_life_under_the_same_identity(
    config: BrainConfig, gateway: Gateway
) -> None:
    gateway.access.lives = timedelta(days=30)
    clock = ManualClock(datetime.now(UTC))
    with serving(gateway) as address:
        where = replace(config, constellation_url=f"http://{address}")
        with Brain(where, clock=clock) as brain:
            brain.sync()
            clock.advance(timedelta(days=19))
            brain.sync()
            assert len(gateway.registrations) == 1
            clock.advance(timedelta(days=2))
            gateway.registration_faults.append(Fault(grpc.StatusCode.INTERNAL))
            brain.sync()
            assert len(gateway.registrations) == 2, "it failed, and what is held serves still"
            brain.sync()
            brain.sync()
    first, *others = gateway.registrations
    assert len(others) == 2
    assert all(other.request_id == first.request_id for other in others)


def test_a_token_that_has_ended_is_renewed_and_the_push_repeated(
    tv: Tv, gateway: Gateway, titles: list[Content], publish_catalogue: Publish, viewing: Viewing
) -> None:
    publish_catalogue(titles)
    tv.sync()
    before = tv.brain.stores.meta.identity()
    tv.watch([viewing(title.content_id) for title in titles[:5]])
    gateway.access.forget_tokens()
    assert tv.sync().pushed_sketches == 5
    after = tv.brain.stores.meta.identity()
    assert before is not None
    assert after is not None
    assert (after.device_id, after.device_key) == (before.device_id, before.device_key)
    assert after.auth_token != before.auth_token


def test_a_tv_of_another_shard_begins_anew_with_its_key(
    tv: Tv, gateway: Gateway, titles: list[Content], publish_catalogue: Publish, viewing: Viewing
) -> None:
    publish_catalogue(titles)
    tv.sync()
    old, key = tv.brain.stores.meta.identity(), _key(tv)
    tv.watch([viewing(title.content_id) for title in titles[:5]])
    gateway.faults.append(Fault(OmegaError(ErrorCode.WRONG_SHARD)))
    assert tv.sync().pushed_sketches == 5
    first, second = gateway.registrations
    assert first.request_id != second.request_id
    new = tv.brain.stores.meta.identity()
    assert old is not None
    assert new is not None
    assert new.device_id != old.device_id
    assert _key(tv) == key
    assert gateway.requests[-1].state_version == 0, "versions of another shard mean nothing here"


def test_a_clock_that_is_wrong_is_no_reason_to_register_again(tv: Tv, gateway: Gateway) -> None:
    tv.sync()
    gateway.faults.append(Fault(OmegaError(ErrorCode.UNAUTHENTICATED, field="dpop")))
    with pytest.raises(OmegaError):
        tv.sync()
    assert len(gateway.registrations) == 1
    tv.sync()


def test_an_old_identity_whose_token_has_ended_is_erased_all_the_same(
    tv: Tv, gateway: Gateway
) -> None:
    tv.sync()
    old, key = tv.brain.stores.meta.identity(), _key(tv)
    assert old is not None
    tv.brain.clear_data("3f2c1de4-0000-4000-8000-000000000003")
    gateway.access.forget_tokens()
    tv.sync()
    assert old.device_id in gateway.erased
    assert not tv.brain.stores.erasures.pending()
    assert _key(tv) != key, "the next household's TV is another one to the fleet"


def test_a_tv_of_an_earlier_release_gets_a_key_under_the_identity_that_it_has(
    tv: Tv, gateway: Gateway
) -> None:
    tv.sync()
    with tv.brain.stores.database.transaction() as connection:
        connection.execute("DELETE FROM meta WHERE key = 'device_key'")
    gateway.access.forget_keys()
    tv.sync()
    first, second = gateway.registrations
    assert first.request_id == second.request_id
    assert _key(tv)


def test_with_an_address_for_it_the_tv_shows_a_certificate(
    config: BrainConfig, gateway: Gateway, tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    devices = local_authority.authority("devices", now, timedelta(days=9))
    servers = local_authority.authority("servers", now, timedelta(days=9))
    shown = local_authority.server(servers, ["127.0.0.1", "localhost"], now, timedelta(days=9))
    ca = tmp_path / "ca.pem"
    ca.write_bytes(servers.certificate_pem())
    pair = [(shown.key_pem(), shown.certificate_pem())]
    mutual = grpc.ssl_server_credentials(
        pair, root_certificates=devices.certificate_pem(), require_client_auth=True
    )
    gateway.access.authority = DeviceAuthority((devices.certificate,), devices.key)
    gateway.access.lives = timedelta(hours=3)
    clock = ManualClock(now)
    with (
        serving(gateway, grpc.ssl_server_credentials(pair)) as plain,
        serving(gateway, mutual) as by_certificate,
    ):
        where = replace(
            config,
            constellation_url=f"https://{plain}",
            constellation_mtls_url=f"https://{by_certificate}",
            constellation_tls_ca=ca,
        )
        with Brain(where, clock=clock) as brain:
            brain.sync()
            (registration,) = gateway.registrations
            assert registration.csr
            gateway.access.forget_tokens()
            brain.sync()
            assert len(gateway.registrations) == 1, "no token is needed"
            clock.advance(timedelta(hours=2, minutes=1))
            brain.sync()
            assert len(gateway.registrations) == 2
            held = brain.stores.meta.credentials()
            assert held is not None
            assert len(held.certificates) == 2
