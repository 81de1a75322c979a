from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega.sync.v1 import sync_service_pb2
from omega_core.errors import ErrorCode, OmegaError
from omega_rpc.call import Caller, Principal
from omega_rpc.tokens import TokenKeys
from omega_sync.access import DeviceTokens, Enrolment

SERVICE = sync_service_pb2.DESCRIPTOR.services_by_name["SyncService"]
METHODS = {f"/{SERVICE.full_name}/{method.name}" for method in SERVICE.methods}
OPEN = "/omega.sync.v1.SyncService/RegisterDevice"
KEYS = TokenKeys("a", {"a": bytes(32)})
DEVICE = "tv-" + "0" * 32
TOKEN = KEYS.sign(DEVICE, datetime(2026, 11, 23, tzinfo=UTC))


@pytest.mark.parametrize("method", sorted(METHODS - {OPEN}))
def test_every_method_but_the_registration_needs_a_token(method: str) -> None:
    authenticate = DeviceTokens(KEYS)
    assert authenticate(Caller(method, {"authorization": f"Bearer {TOKEN}"})) == Principal(DEVICE)
    with pytest.raises(OmegaError) as caught:
        authenticate(Caller(method, {}))
    assert caught.value.code is ErrorCode.UNAUTHENTICATED


def test_a_registration_needs_none() -> None:
    assert OPEN in METHODS
    assert DeviceTokens(KEYS)(Caller(OPEN, {})) is None


def test_without_a_key_file_every_tv_may_enrol() -> None:
    Enrolment.read("enrolment_key_file", None).check("")
    Enrolment.read("enrolment_key_file", None).check("anything")


@given(shown=st.text(max_size=40))
@settings(deadline=None)
def test_only_the_equal_key_enrols(shown: str) -> None:
    enrolment = Enrolment("the operator's key")
    enrolment.check("the operator's key")
    with pytest.raises(OmegaError) as caught:
        enrolment.check(shown)
    assert caught.value.code is ErrorCode.ENROLMENT_REFUSED


@pytest.mark.parametrize("content", ["", "\n", "k" * 257, "two\nlines", "ä"])
def test_a_key_file_of_no_use_names_its_setting(tmp_path: Path, content: str) -> None:
    path = tmp_path / "enrolment.key"
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(OmegaError, match="enrolment_key_file"):
        Enrolment.read("enrolment_key_file", path)


def test_a_key_file_is_read_without_its_line_end(tmp_path: Path) -> None:
    path = tmp_path / "enrolment.key"
    path.write_text("a key\n")
    path.chmod(0o600)
    Enrolment.read("enrolment_key_file", path).check("a key")
