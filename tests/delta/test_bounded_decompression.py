from __future__ import annotations

import tracemalloc

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from omega_core.errors import ErrorCode, OmegaError
from omega_delta import compress, decompress

MEBIBYTE = 1024 * 1024
TEXT = b"a household and what it liked " * 40
UNSIZED = zstandard.ZstdCompressor(write_content_size=False)
SKIPPABLE = b"\x50\x2a\x4d\x18\x04\x00\x00\x00abcd"


def _refused(data: bytes, limit: int = MEBIBYTE) -> OmegaError:
    with pytest.raises(OmegaError) as caught:
        decompress("delta", data, limit)
    assert (caught.value.code, caught.value.field) == (ErrorCode.INVALID_FIELD, "delta")
    return caught.value


def _peak_of_refusing(data: bytes, limit: int) -> int:
    tracemalloc.start()
    try:
        _refused(data, limit)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def _understated(frame: bytes, size: int) -> bytes:
    """The frame with a false content size in its header."""
    true = zstandard.get_frame_parameters(frame).content_size.to_bytes(4, "little")
    at = frame.index(true, 4, 14)
    return frame[:at] + size.to_bytes(4, "little") + frame[at + 4 :]


@given(st.binary(max_size=4_096), st.integers(0, 10))
@settings(deadline=None)
def test_what_was_compressed_comes_back(data: bytes, spare: int) -> None:
    frame = compress(data)
    assert zstandard.get_frame_parameters(frame).content_size == len(data)
    assert decompress("delta", frame, len(data) + spare) == data


def test_a_body_larger_than_the_window_comes_back() -> None:
    data = b"".join(i.to_bytes(4, "little") for i in range(0, 2**31, 1_700))
    assert decompress("catalogue", compress(data), len(data)) == data


def test_one_byte_above_the_limit_is_refused() -> None:
    assert decompress("delta", compress(bytes(100)), 100) == bytes(100)
    assert _refused(compress(bytes(101)), 100).bound == "at most 100 bytes when decompressed"


def test_a_bomb_that_declares_its_size_is_refused_unopened() -> None:
    bomb = compress(bytes(256 * MEBIBYTE))
    assert len(bomb) < 32_768
    assert _peak_of_refusing(bomb, MEBIBYTE) < MEBIBYTE


def test_a_bomb_that_declares_no_size_is_refused_unopened() -> None:
    bomb = UNSIZED.compress(bytes(256 * MEBIBYTE))
    assert len(bomb) < 32_768
    assert _peak_of_refusing(bomb, MEBIBYTE) < MEBIBYTE
    assert _refused(UNSIZED.compress(TEXT)).bound.endswith("declares its content size")


def test_a_bomb_that_understates_its_size_stays_within_the_limit() -> None:
    # The library itself notices only where the stated size is below the window.
    limit = 8 * MEBIBYTE
    bomb = _understated(compress(bytes(256 * MEBIBYTE)), limit)
    stated = zstandard.get_frame_parameters(bomb)
    assert (stated.content_size, stated.window_size) == (limit, 4 * MEBIBYTE)
    assert _peak_of_refusing(bomb, limit) < 4 * MEBIBYTE
    _refused(_understated(compress(bytes(MEBIBYTE)), 70_000))


def test_a_size_that_is_overstated_is_refused() -> None:
    _refused(_understated(compress(bytes(70_000)), 70_001))


def test_a_window_that_would_need_too_much_memory_is_refused() -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=25, compression_level=1)
    _refused(
        zstandard.ZstdCompressor(compression_params=parameters).compress(bytes(40 * MEBIBYTE)),
        limit=64 * MEBIBYTE,
    )


@pytest.mark.parametrize(
    "tail",
    [b"\x00", b"xyz", b"garbage", compress(TEXT), compress(b""), UNSIZED.compress(b""), SKIPPABLE],
)
def test_whatever_follows_the_frame_is_refused(tail: bytes) -> None:
    _refused(compress(TEXT) + tail)


def test_what_is_no_frame_is_refused() -> None:
    nothing_skipped = SKIPPABLE[:4] + bytes(4)
    for data in (
        b"",
        nothing_skipped,
        b"\x28\xb5\x2f\xfd",
        TEXT,
        SKIPPABLE,
        SKIPPABLE + compress(TEXT),
    ):
        _refused(data)


@pytest.mark.parametrize("checksum", [False, True])
def test_a_frame_cut_anywhere_is_refused(checksum: bool) -> None:
    frame = zstandard.ZstdCompressor(write_checksum=checksum).compress(TEXT + bytes(range(256)))
    assert decompress("delta", frame, MEBIBYTE)
    for length in range(len(frame)):
        _refused(frame[:length])


def test_a_checksum_that_does_not_hold_is_refused() -> None:
    frame = zstandard.ZstdCompressor(write_checksum=True).compress(TEXT)
    _refused(frame[:-1] + bytes([frame[-1] ^ 1]))


def test_a_frame_that_needs_a_dictionary_is_refused() -> None:
    samples: list[bytes | bytearray | memoryview[int]] = [
        f"household {i} liked title {i * 7}".encode() for i in range(2_000)
    ]
    dictionary = zstandard.train_dictionary(1_024, samples)
    _refused(zstandard.ZstdCompressor(dict_data=dictionary).compress(samples[5]))


@given(st.binary(max_size=200), st.integers(0, 100_000))
@settings(deadline=None)
def test_random_bytes_raise_nothing_else(data: bytes, limit: int) -> None:
    for frame in (data, zstandard.FRAME_HEADER + data):
        try:
            assert len(decompress("delta", frame, limit)) <= limit
        except OmegaError as error:
            assert error.code == ErrorCode.INVALID_FIELD  # noqa: PT017 - both outcomes are right
