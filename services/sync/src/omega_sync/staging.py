"""Who gets which version of a resource, and who is asked how it fares."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from omega.common.v1 import resource_pb2
from omega.constellation.v1 import constellation_service_pb2 as pb
from omega_core.dealing import device_number

Held = Sequence[tuple[int, int]]
"""Kind and version of what a TV holds."""


def newer(
    heads: pb.GetHeadsResponse, device_id: str, held: Held
) -> list[resource_pb2.ResourceInfo]:
    """Resources for a TV of a newer version than any that it holds.

    Of a kind that is being released the version for the TV's number; versions only rise, so a TV
    that holds one which is not for it is told of none until there is a higher one.
    """
    return [
        info
        for info in for_device(heads, device_id)
        if all(kind != info.kind or version < info.version for kind, version in held)
    ]


def for_device(heads: pb.GetHeadsResponse, device_id: str) -> list[resource_pb2.ResourceInfo]:
    """What a TV is to hold, one of each kind."""
    chosen = {info.kind: info for info in heads.resources}
    for staged in heads.staged:
        if device_number(staged.salt, device_id) < staged.permille:
            chosen[staged.resource.kind] = staged.resource
    return list(chosen.values())


def recalled(
    heads: pb.GetHeadsResponse, held: Held, told: Iterable[resource_pb2.ResourceInfo]
) -> list[resource_pb2.ResourceKind.ValueType]:
    """Of the kinds that a TV is told of, those of which it holds a version that was taken back."""
    gone = {(each.kind, each.version) for each in heads.withdrawn}
    kinds = {kind for kind, version in held if (kind, version) in gone}
    return [info.kind for info in told if info.kind in kinds]


def asked(heads: pb.GetHeadsResponse, device_id: str) -> bool:
    """Whether a TV is asked for reports: of each release those inside, and as many outside."""
    return any(
        device_number(staged.salt, device_id) < staged.permille + staged.control_permille
        for staged in heads.staged
    )
