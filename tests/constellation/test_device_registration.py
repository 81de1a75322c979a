"""RegisterDevice over a socket."""

from __future__ import annotations

import re
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from omega.constellation.v1 import constellation_service_pb2 as pb
from omega_client import ConstellationClient
from omega_store import Store, devices
from omega_testing.refusals import Refusal, refused


def request(**changed: Any) -> pb.RegisterDeviceRequest:
    fields: dict[str, Any] = {
        "request_id": str(uuid.uuid4()),
        "platform": "tizen",
        "app_version": "1.2.3",
    }
    return pb.RegisterDeviceRequest(**(fields | changed))


def test_an_identity_is_made_once_for_a_request_id(
    client: ConstellationClient, store: Store
) -> None:
    wanted = request()
    first = client.register_device(wanted)
    assert re.fullmatch(r"tv-[0-9a-f]{32}", first.device_id)
    assert client.register_device(wanted) == first
    assert client.register_device(request()).device_id != first.device_id
    with store.transaction() as conn:
        device = devices.get(conn, first.device_id)
    assert device is not None
    assert (device.platform, device.app_version) == ("tizen", "1.2.3")
    assert device.registered_at == first.registered_at.ToDatetime(device.registered_at.tzinfo)


def test_concurrent_registrations_of_one_request_id_agree(client: ConstellationClient) -> None:
    wanted = request()
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(client.register_device, [wanted] * 16))
    assert len({answer.device_id for answer in made}) == 1


def test_platform_and_version_may_be_absent(client: ConstellationClient) -> None:
    assert client.register_device(request(platform="", app_version="")).device_id


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("request_id", ""),
        ("request_id", "7"),
        ("request_id", "0A8F2B3C-0000-4000-8000-000000000000"),
        ("platform", "x" * 65),
        ("platform", "no spaces"),
        ("app_version", "x" * 65),
        ("app_version", "1\n2"),
    ],
)
def test_a_field_out_of_bounds_is_named(
    shared_client: ConstellationClient, field: str, value: str
) -> None:
    wrong = request(**{field: value})
    expected = Refusal("INVALID_ARGUMENT", "INVALID_FIELD", field)
    assert refused(lambda: shared_client.register_device(wrong)) == expected
