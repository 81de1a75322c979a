"""Forms in which a sound message may reach a server."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.resources import files

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message

from omega_delta.later import later_field

LAST_RELEASE = "last_release.binpb"
"""Descriptors of the last release, as proto/baseline has them."""


def unknown_field(message: Message) -> bytes:
    """The message and a field that only a release to come knows."""
    return message.SerializeToString() + later_field()


def padded(size: int) -> Callable[[Message], bytes]:
    """Makes a message so many bytes large, at least 16 more than it has, by an unknown field."""

    def made(message: Message) -> bytes:
        known = message.SerializeToString()
        frame = len(later_field(bytes(size - len(known) - 8))) - (size - len(known) - 8)
        return known + later_field(bytes(size - len(known) - frame))

    return made


def of_last_release(message: Message) -> bytes:
    """The message with the fields alone that the last release knew."""
    old = _class(message.DESCRIPTOR.full_name)()
    old.ParseFromString(message.SerializeToString())
    old.DiscardUnknownFields()
    return old.SerializeToString()


def read_by_last_release(name: str, data: bytes) -> Message:
    """What the last release makes of a message of that full name.

    Raises:
        DecodeError: it cannot read it.
    """
    old = _class(name)()
    old.ParseFromString(data)
    return old


def in_last_release(service: str, rpc: str) -> bool:
    """Whether the last release had the method."""
    try:
        return rpc in _pool().FindServiceByName(service).methods_by_name
    except KeyError:
        return False


@cache
def _pool() -> descriptor_pool.DescriptorPool:
    data = files(__package__).joinpath(LAST_RELEASE).read_bytes()
    made = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(data).file:
        made.Add(file)
    return made


@cache
def _class(name: str) -> type[Message]:
    return message_factory.GetMessageClass(_pool().FindMessageTypeByName(name))
