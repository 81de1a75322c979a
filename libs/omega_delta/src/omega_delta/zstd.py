"""Compression on the wire: one zstd frame that declares its content size, read within a bound."""

from __future__ import annotations

import zstandard

from omega_core.errors import OmegaError, invalid

LEVEL = 9
"""Best ratio that stays below a second a catalogue of 10,000 titles."""
MAX_WINDOW = 8 * 1024 * 1024
"""Largest window that a frame may ask for, in bytes: what RFC 8878 asks every decoder to grant."""
_PIECE = 1024 * 1024


def compress(data: bytes) -> bytes:
    """One zstd frame of `data` that declares its content size."""
    return zstandard.ZstdCompressor(level=LEVEL, write_content_size=True).compress(data)


def decompress(field: str, data: bytes, limit: int) -> bytes:
    """The content of one zstd frame, never more than `limit` bytes of it in memory.

    The declared size alone is not trusted: a frame may lie, the library ignores its own
    max_output_size when a size is declared, and it writes on past a declared size that exceeds
    the window. So the frame is first read through in pieces.

    Args:
        field: name of the field that holds `data`, for errors.
        data: exactly one frame.
        limit: most bytes of content.

    Raises:
        OmegaError: INVALID_FIELD when `data` is no frame, declares no size or more than `limit`,
            yields another number of bytes than declared, is cut short, damaged, or is followed
            by anything.
    """
    declared = _declared_size(field, data)
    if declared > limit:
        raise invalid(field, f"at most {limit:,} bytes when decompressed")
    decoder = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW)
    try:
        if _measure(decoder, data, declared + 1) != declared:
            raise _refused(field)
        unpacked = decoder.decompressobj()
        content = unpacked.decompress(data)
    except zstandard.ZstdError as error:
        raise _refused(field) from error
    if not unpacked.eof or unpacked.unused_data or len(content) != declared:
        raise _refused(field)
    return content


def _declared_size(field: str, data: bytes) -> int:
    if not data.startswith(zstandard.FRAME_HEADER):
        raise _refused(field)
    try:
        size = zstandard.get_frame_parameters(data).content_size
    except zstandard.ZstdError as error:
        raise _refused(field) from error
    if size == zstandard.CONTENTSIZE_UNKNOWN:
        raise _refused(field)
    return size


def _measure(decoder: zstandard.ZstdDecompressor, data: bytes, most: int) -> int:
    """Bytes that the first frame yields, counted up to `most`."""
    length = 0
    with decoder.stream_reader(data) as reader:
        while length < most and (piece := reader.read(min(_PIECE, most - length))):
            length += len(piece)
    return length


def _refused(field: str) -> OmegaError:
    return invalid(field, "one whole zstd frame that declares its content size")
