from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega.common.v1 import resource_pb2
from omega.sync.v1 import sync_service_pb2 as pb
from omega_core.errors import ErrorCode, OmegaError
from omega_sync import checks

Kind = resource_pb2.ResourceKind
ID = str(uuid.UUID(int=7))


def exchange(**changes: object) -> pb.SyncRequest:
    good: dict[str, object] = {
        "request_id": ID,
        "model_version": "encoder-1",
        "sketches": bytes(96),
        "classes": b"\x00\x1f",
        "state_version": 3,
        "held": [resource_pb2.HeldResource(kind=Kind.RESOURCE_KIND_FACTORS, version=1)],
    }
    return pb.SyncRequest(**{**good, **changes})  # type: ignore[arg-type]  # fields by name


def registration(**changes: Any) -> pb.RegisterDeviceRequest:
    return pb.RegisterDeviceRequest(**{"request_id": ID, **changes})


def body(**changes: int) -> pb.GetResourceRequest:
    good = {"kind": Kind.RESOURCE_KIND_CATALOGUE, "version": 1}
    return pb.GetResourceRequest(**{**good, **changes})  # type: ignore[arg-type]  # the same


def refused(check: Callable[[], object]) -> tuple[str, str]:
    with pytest.raises(OmegaError) as caught:
        check()
    assert caught.value.code is ErrorCode.INVALID_FIELD
    return caught.value.field, caught.value.bound


HELD = [resource_pb2.HeldResource(kind=Kind.RESOURCE_KIND_FACTORS)]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"sketches": b"", "classes": b""},
        {"sketches": bytes(48 * 19), "classes": bytes(19), "held": []},
        {"state_version": 2**63 - 1},
        {"held": HELD * 8},
        {"model_version": "m" * 64},
        {"sigma_hundredths": 50},
        {"sigma_hundredths": 6_400},
        {"sketches": b"", "classes": b"", "sigma_hundredths": 500},
    ],
)
def test_an_exchange_within_its_bounds_passes(changes: dict[str, object]) -> None:
    checks.exchange(exchange(**changes))


@pytest.mark.parametrize(
    ("changes", "field", "bound"),
    [
        ({"request_id": ""}, "request_id", "a UUID of 36 characters"),
        ({"request_id": ID.replace("-", "")}, "request_id", "a UUID of 36 characters"),
        ({"request_id": ID[:-1] + "G"}, "request_id", "a UUID of 36 characters"),
        ({"request_id": ID + "\n"}, "request_id", "a UUID of 36 characters"),
        ({"model_version": ""}, "model_version", "1 to 64 characters"),
        ({"model_version": "m" * 65}, "model_version", "1 to 64 characters"),
        ({"model_version": "m\n"}, "model_version", "free of control characters"),
        ({"sketches": bytes(47)}, "sketches", "0 to 20 sketches of 48 bytes"),
        ({"sketches": bytes(97)}, "sketches", "0 to 20 sketches of 48 bytes"),
        ({"classes": b""}, "classes", "a byte a sketch, 2 in all"),
        ({"classes": bytes(3)}, "classes", "a byte a sketch, 2 in all"),
        ({"sketches": b""}, "classes", "a byte a sketch, 0 in all"),
        ({"classes": b"\x00\x20"}, "classes", "0 to 31 in every byte"),
        ({"classes": b"\xff\x00"}, "classes", "0 to 31 in every byte"),
        ({"sigma_hundredths": 1}, "sigma_hundredths", "0, or 50 to 6,400 hundredths"),
        ({"sigma_hundredths": 49}, "sigma_hundredths", "0, or 50 to 6,400 hundredths"),
        ({"sigma_hundredths": 6_401}, "sigma_hundredths", "0, or 50 to 6,400 hundredths"),
        ({"sigma_hundredths": 2**32 - 1}, "sigma_hundredths", "0, or 50 to 6,400 hundredths"),
        ({"state_version": 2**63}, "state_version", "between 0 and 9,223,372,036,854,775,807"),
        ({"held": HELD * 9}, "held", "0 to 8 items"),
        ({"held": [resource_pb2.HeldResource()]}, "held[0].kind", "one of the stated values"),
        (
            {"held": [*HELD, resource_pb2.HeldResource(kind=7)]},  # type: ignore[arg-type]  # no kind
            "held[1].kind",
            "one of the stated values",
        ),
        (
            {
                "held": [
                    resource_pb2.HeldResource(kind=Kind.RESOURCE_KIND_FACTORS, version=2**64 - 1)
                ]
            },
            "held[0].version",
            "between 0 and 9,223,372,036,854,775,807",
        ),
        (
            {"sketches": bytes(48 * 20), "classes": bytes(20), "model_version": "m" * 64},
            "request",
            "at most 1,024 bytes serialised",
        ),
        ({"sketches": bytes(4096)}, "request", "at most 1,024 bytes serialised"),
    ],
)
def test_an_exchange_out_of_bounds_names_field_and_bound(
    changes: dict[str, object], field: str, bound: str
) -> None:
    assert refused(lambda: checks.exchange(exchange(**changes))) == (field, bound)


@given(
    sketches=st.binary(max_size=1000), classes=st.binary(max_size=24), padding=st.integers(1, 64)
)
@settings(deadline=None, max_examples=200)
def test_an_exchange_passes_exactly_when_every_bound_holds(
    sketches: bytes, classes: bytes, padding: int
) -> None:
    request = exchange(sketches=sketches, classes=classes, model_version="m" * padding)
    good = (
        len(request.SerializeToString()) <= 1024
        and len(sketches) == 48 * len(classes)
        and all(byte < 32 for byte in classes)
    )
    try:
        checks.exchange(request)
    except OmegaError:
        assert not good
    else:
        assert good


@given(st.integers(0, 19), st.data())
@settings(deadline=None, max_examples=50)
def test_whole_sketches_with_good_classes_pass(count: int, data: st.DataObject) -> None:
    sketches = data.draw(st.binary(min_size=48 * count, max_size=48 * count))
    classes = bytes(data.draw(st.lists(st.integers(0, 31), min_size=count, max_size=count)))
    checks.exchange(exchange(sketches=sketches, classes=classes, held=[]))


def test_the_largest_exchange_has_1024_bytes() -> None:
    full = {"sketches": bytes(48 * 19), "classes": bytes(19), "held": [], "state_version": 0}
    largest = exchange(**full, model_version="m" * 48)
    assert len(largest.SerializeToString()) == 1024
    checks.exchange(largest)
    larger = exchange(**full, model_version="m" * 49)
    assert refused(lambda: checks.exchange(larger))[0] == "request"


def test_bytes_of_unknown_fields_count_too() -> None:
    smuggled = exchange().SerializeToString() + b"\xfa\x3f\xe8\x07" + bytes(1000)
    request = pb.SyncRequest.FromString(smuggled)
    assert refused(lambda: checks.exchange(request))[0] == "request"


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"platform": "p" * 64, "app_version": "1.0.0-rc.1:2_3", "enrolment_key": "k" * 256},
        {"region": "North-Rhine-West"},
    ],
)
def test_a_registration_within_its_bounds_passes(changes: dict[str, str]) -> None:
    checks.registration(registration(**changes))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"request_id": "1"}, "request_id"),
        ({"platform": "p" * 65}, "platform"),
        ({"platform": "a platform"}, "platform"),
        ({"app_version": "v" * 65}, "app_version"),
        ({"app_version": "ü"}, "app_version"),
        ({"enrolment_key": "k" * 257}, "enrolment_key"),
        ({"region": "r" * 17}, "region"),
        ({"region": "a region"}, "region"),
    ],
)
def test_a_registration_out_of_bounds_names_its_field(changes: dict[str, str], field: str) -> None:
    assert refused(lambda: checks.registration(registration(**changes)))[0] == field


@pytest.mark.parametrize("changes", [{}, {"version": 2**63 - 1}, {"offset": 67_108_864}])
def test_a_wanted_body_within_its_bounds_passes(changes: dict[str, int]) -> None:
    checks.body(body(**changes))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"kind": 0}, "kind"),
        ({"kind": 9}, "kind"),
        ({"version": 0}, "version"),
        ({"version": 2**63}, "version"),
        ({"offset": 67_108_865}, "offset"),
    ],
)
def test_a_wanted_body_out_of_bounds_names_its_field(changes: dict[str, int], field: str) -> None:
    assert refused(lambda: checks.body(body(**changes)))[0] == field
