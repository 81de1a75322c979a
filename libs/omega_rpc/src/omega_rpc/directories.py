"""The directory of shards between its message and its dataclass."""

from __future__ import annotations

from omega.constellation.v1 import directory_pb2 as pb
from omega_core import validate
from omega_core.directory import MAX_SHARDS, Directory, ShardEntry
from omega_core.errors import OmegaError, invalid

_STATES = (pb.ShardState.SHARD_STATE_ACTIVE, pb.ShardState.SHARD_STATE_DRAINING)


def to_proto(directory: Directory) -> pb.Directory:
    """The message: by ascending name, so that equal directories are equal bytes."""
    return pb.Directory(
        version=directory.version,
        home=directory.home,
        shards=[entry_to_proto(e) for e in sorted(directory.shards, key=lambda entry: entry.shard)],
    )


def entry_to_proto(entry: ShardEntry) -> pb.ShardEntry:
    """One shard's message."""
    return pb.ShardEntry(
        shard=entry.shard,
        region=entry.region,
        target=entry.target,
        state=_STATES[0] if entry.active else _STATES[1],
        split_of=entry.split_of,
    )


def from_proto(message: pb.Directory, field: str = "directory") -> Directory:
    """The dataclass, held to its bounds.

    Raises:
        OmegaError: INVALID_FIELD that names the field behind `field`, as "directory.home".
    """
    validate.count(f"{field}.shards", message.shards, MAX_SHARDS)
    for i, entry in enumerate(message.shards):
        if entry.state not in _STATES:
            raise invalid(f"{field}.shards[{i}].state", "one of the stated values")
    try:
        return Directory(
            version=message.version,
            home=message.home,
            shards=tuple(
                ShardEntry(
                    shard=entry.shard,
                    target=entry.target,
                    region=entry.region,
                    active=entry.state == pb.ShardState.SHARD_STATE_ACTIVE,
                    split_of=entry.split_of,
                )
                for entry in message.shards
            ),
        )
    except OmegaError as error:
        raise invalid(f"{field}.{error.field}", error.bound) from error


def dump(directory: Directory) -> bytes:
    """As it is stored: equal directories are equal bytes."""
    return to_proto(directory).SerializeToString(deterministic=True)


def load(body: bytes) -> Directory:
    """What dump() gave.

    Raises:
        OmegaError: INVALID_FIELD when it is none.
    """
    return from_proto(pb.Directory.FromString(body))
