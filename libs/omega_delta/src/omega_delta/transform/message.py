"""omega.sync.v1.PackedNews: its bounds, its one form, its checksum."""

from __future__ import annotations

import struct
import zlib

from google.protobuf.message import DecodeError

from omega.sync.v1 import sync_service_pb2
from omega_core import limits, validate
from omega_core.errors import invalid
from omega_delta.transform import layout
from omega_delta.transform.codebook import Codebook
from omega_delta.transform.rans import Writer
from omega_delta.transform.state import CodedState

PackedNews = sync_service_pb2.PackedNews
_HEAD = struct.Struct("<IQQIIIIIQ")


def finish(message: PackedNews, writer: Writer, state: CodedState) -> bytes:
    """The serialised message with the payload and its checksum.

    Raises:
        OmegaError: INVALID_FIELD payload when it is too long.
    """
    message.payload = writer.finish()
    if len(message.payload) > layout.MAX_PAYLOAD:
        raise invalid("payload", f"at most {layout.MAX_PAYLOAD:,} bytes")
    message.crc32 = crc32(message, state)
    return message.SerializeToString(deterministic=True)


def parse(data: bytes, book: Codebook) -> PackedNews:
    """The message, held to its bounds and to its one serialised form.

    Raises:
        OmegaError: INVALID_FIELD that names the field.
    """
    try:
        message = PackedNews.FromString(data)
    except DecodeError:
        raise invalid("news", "a serialised omega.sync.v1.PackedNews") from None
    message.DiscardUnknownFields()
    if message.SerializeToString(deterministic=True) != data:
        raise invalid("news", "a PackedNews in its one form: known fields in order, none empty")
    if message.codebook_id != book.id:
        raise invalid("codebook_id", "that of the reader's codebook")
    validate.integer("version", message.version, 1, limits.MAX_VERSION)
    if message.base_version >= message.version:
        raise invalid("base_version", "less than version")
    validate.integer("patterns", message.patterns, 0, layout.MAX_PATTERNS)
    validate.integer("step", message.step, 0, layout.STEPS - 1)
    validate.integer("contents", message.contents, 0, layout.MAX_TITLES)
    validate.integer("content_step", message.content_step, 0, layout.STEPS - 1)
    if message.content_step and not message.contents:
        raise invalid("content_step", "0 without contents")
    validate.integer("trends", message.trends, 0, limits.MAX_TRENDS)
    named = bool(message.trends or message.contents)
    validate.integer(
        "catalogue_version",
        message.catalogue_version,
        int(named),
        limits.MAX_VERSION if named else 0,
    )
    if len(message.payload) > layout.MAX_PAYLOAD:
        raise invalid("payload", f"at most {layout.MAX_PAYLOAD:,} bytes")
    return message


def crc32(message: PackedNews, state: CodedState) -> int:
    """The checksum of a message that leads to a state."""
    head = _HEAD.pack(
        message.codebook_id,
        message.base_version,
        message.version,
        message.patterns,
        message.step,
        message.contents,
        message.content_step,
        message.trends,
        message.catalogue_version,
    )
    return state.crc32(zlib.crc32(message.payload, zlib.crc32(head)))
