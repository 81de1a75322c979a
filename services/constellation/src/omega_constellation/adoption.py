"""Devices between shards as messages."""

from __future__ import annotations

from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from omega.constellation.v1 import directory_pb2 as pb
from omega_constellation import answers
from omega_core import limits, validate
from omega_core.directory import shard_name
from omega_core.errors import invalid
from omega_delta import bounds
from omega_store.certificates import MOST as MOST_CERTIFICATES
from omega_store.moves import MovingDevice, MovingPush, MovingTokens

MOST_DEVICES = 64
"""Devices of one AdoptDevices."""
_MOST_PUSHES = 100_000
_MOST_CALLS, _MOST_TOKENS = 100_000, 128
_MOST_SERIAL = 20
_SHA256_BYTES = 32


def devices(request: pb.AdoptDevicesRequest) -> list[MovingDevice]:
    """The devices of a request, held to their bounds; a bad one refuses all of them.

    Raises:
        OmegaError: INVALID_FIELD that names the field, such as "devices[3].pushes[0].classes".
    """
    shard_name("from_shard", request.from_shard)
    bounds.version("directory_version", request.directory_version, 1)
    validate.count("devices", request.devices, MOST_DEVICES, 1)
    found = [_device(f"devices[{i}]", message) for i, message in enumerate(request.devices)]
    if len({device.device_id for device in found}) < len(found):
        raise invalid("devices", "each named once")
    return found


def device_message(device: MovingDevice) -> pb.MovedDevice:
    """A device without its pushes and tokens."""
    return pb.MovedDevice(
        device_id=device.device_id,
        request_id=device.request_id,
        platform=device.platform,
        app_version=device.app_version,
        region=device.region,
        registered_at=_stamp(device.registered_at),
        last_seen_at=_stamp(device.last_seen_at),
        revoked_at=_stamp(device.revoked_at),
        key_sha256=device.key_sha256 or b"",
        certificates=[
            pb.MovedCertificate(serial=serial, expires_at=_stamp(ends))
            for serial, ends in device.certificates
        ],
    )


def push_message(push: MovingPush) -> pb.MovedPush:
    """A push."""
    return pb.MovedPush(
        request_id=push.request_id,
        model_version=push.model_version,
        sketches=push.sketches,
        classes=push.classes,
        sigma_hundredths=push.sigma_hundredths or 0,
        received_at=_stamp(push.received_at),
    )


def tokens_message(given: MovingTokens) -> pb.MovedTokens:
    """Tokens that a device had by one call."""
    return pb.MovedTokens(
        request_id=given.request_id,
        epoch=given.epoch,
        tokens=given.tokens,
        blinded_sha256=given.blinded_sha256,
    )


def _device(name: str, message: pb.MovedDevice) -> MovingDevice:
    validate.device_id(f"{name}.device_id", message.device_id)
    validate.uuid(f"{name}.request_id", message.request_id)
    validate.identifier(f"{name}.platform", message.platform, limits.MAX_SHORT_ID, optional=True)
    validate.identifier(
        f"{name}.app_version", message.app_version, limits.MAX_SHORT_ID, optional=True
    )
    validate.region(f"{name}.region", message.region)
    if message.key_sha256:
        validate.size(f"{name}.key_sha256", message.key_sha256, _SHA256_BYTES)
    validate.count(f"{name}.pushes", message.pushes, _MOST_PUSHES)
    validate.count(f"{name}.tokens", message.tokens, _MOST_CALLS)
    validate.count(f"{name}.certificates", message.certificates, MOST_CERTIFICATES)
    for i, certificate in enumerate(message.certificates):
        if not 1 <= len(certificate.serial) <= _MOST_SERIAL:
            raise invalid(f"{name}.certificates[{i}].serial", f"1 to {_MOST_SERIAL} bytes")
    seen = message.last_seen_at if message.HasField("last_seen_at") else None
    revoked = message.revoked_at if message.HasField("revoked_at") else None
    return MovingDevice(
        device_id=message.device_id,
        request_id=message.request_id,
        platform=message.platform,
        app_version=message.app_version,
        region=message.region,
        registered_at=_instant(f"{name}.registered_at", message.registered_at),
        last_seen_at=seen and _instant(f"{name}.last_seen_at", seen),
        revoked_at=revoked and _instant(f"{name}.revoked_at", revoked),
        key_sha256=message.key_sha256 or None,
        pushes=tuple(_push(f"{name}.pushes[{i}]", p) for i, p in enumerate(message.pushes)),
        certificates=tuple(
            (c.serial, _instant(f"{name}.certificates[{i}].expires_at", c.expires_at))
            for i, c in enumerate(message.certificates)
        ),
        tokens=tuple(_tokens(f"{name}.tokens[{i}]", t) for i, t in enumerate(message.tokens)),
    )


def _tokens(name: str, message: pb.MovedTokens) -> MovingTokens:
    return MovingTokens(
        validate.uuid(f"{name}.request_id", message.request_id),
        message.epoch,
        validate.integer(f"{name}.tokens", message.tokens, 1, _MOST_TOKENS),
        validate.size(f"{name}.blinded_sha256", message.blinded_sha256, _SHA256_BYTES),
    )


def _push(name: str, message: pb.MovedPush) -> MovingPush:
    validate.uuid(f"{name}.request_id", message.request_id)
    validate.text(f"{name}.model_version", message.model_version, limits.MAX_SHORT_ID, 1)
    bounds.sketches(f"{name}.", message.sketches, message.classes)
    bounds.sigma(f"{name}.sigma_hundredths", message.sigma_hundredths)
    return MovingPush(
        request_id=message.request_id,
        model_version=message.model_version,
        sketches=message.sketches,
        classes=message.classes,
        sigma_hundredths=message.sigma_hundredths or None,
        received_at=_instant(f"{name}.received_at", message.received_at),
    )


def _instant(name: str, stamp: Timestamp) -> datetime:
    try:
        found = stamp.ToDatetime(UTC)
    except (ValueError, OverflowError) as error:
        raise invalid(name, "an instant") from error
    if found < validate.EARLIEST:
        raise invalid(name, f"not before {validate.EARLIEST:%Y-%m-%d}")
    return found


def _stamp(instant: datetime | None) -> Timestamp | None:
    return answers.timestamp(None if instant is None else instant.astimezone(UTC))
