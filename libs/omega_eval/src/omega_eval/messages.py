"""The messages that carry sketches: split, serialised and read back as TV and server do it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

import numpy as np

from omega.sync.v1 import sync_service_pb2 as pb
from omega_delta import most_sketches
from omega_learn import DeviceSketches

_UUID4 = 4


@dataclass(frozen=True)
class Delivery:
    """A message as it reached the server."""

    sender: str
    """The device that the connection's token names; empty where a policy hides it."""
    body: bytes
    """The serialised message."""


def pushes(
    sketches: list[bytes],
    classes: bytes,
    model_version: str,
    sigma_hundredths: int,
    rng: np.random.Generator,
) -> list[bytes]:
    """Serialised SyncRequests that carry all sketches of a TV, in random order.

    Args:
        sketches: 48 bytes each.
        classes: the class byte of each.
        model_version: encoder of the sketches.
        sigma_hundredths: their noise scale, 50 to 6,400; 0 = not stated.
        rng: draws the order and the request ids; on a TV the operating system does.
    """
    order = rng.permutation(len(sketches)).tolist()
    most = most_sketches(model_version)
    messages = []
    for start in range(0, len(order), most):
        chosen = order[start : start + most]
        request = pb.SyncRequest(
            request_id=str(UUID(bytes=rng.bytes(16), version=_UUID4)),
            model_version=model_version,
            sketches=b"".join(sketches[i] for i in chosen),
            classes=bytes(classes[i] for i in chosen),
            sigma_hundredths=sigma_hundredths,
        )
        messages.append(request.SerializeToString())
    return messages


def device_sketches(deliveries: Iterable[Delivery], model_version: str) -> list[DeviceSketches]:
    """What a round learns from, read from the messages as the server stores them.

    Args:
        deliveries: serialised SyncRequests, in the order of arrival.
        model_version: encoder of the round; sketches of another are left out.
    """
    found = []
    for delivery in deliveries:
        request = pb.SyncRequest.FromString(delivery.body)
        if request.model_version == model_version:
            sigma = request.sigma_hundredths / 100 if request.sigma_hundredths else None
            found.append(DeviceSketches(delivery.sender, request.sketches, request.classes, sigma))
    return found
