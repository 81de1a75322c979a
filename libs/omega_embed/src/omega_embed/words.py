"""The embeddings of a vocabulary on disk, read a row at a time.

Twelve megabytes of which a text needs a few kilobytes: they stay a file, and what is often read the
system keeps in its page cache, which any program that needs the memory may have.
"""

from __future__ import annotations

import os
import struct
import weakref
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from omega_core.limits import DIMENSION
from omega_core.vectors import FloatArray
from omega_embed.store import damaged

_VALUES = np.dtype([("values", np.int8, (DIMENSION,)), ("step", "<f4")])
_ROW = np.dtype([("embedding", _VALUES), ("crc", "<u4")])
_SIZE = _ROW.itemsize
_CRC = struct.Struct("<I")


def pack(values: NDArray[np.int8], steps: FloatArray) -> bytes:
    """The file of a table: for each token its integers, their step and the CRC-32 of both.

    Args:
        values: (tokens, 384).
        steps: (tokens, 1); an embedding is its integers times its step.
    """
    rows = np.zeros(len(values), _ROW)
    rows["embedding"]["values"] = values
    rows["embedding"]["step"] = steps[:, 0]
    rows["crc"] = [zlib.crc32(embedding.tobytes()) for embedding in rows["embedding"]]
    return rows.tobytes()


class WordTable:
    """Reads rows of a table; safe to use from several threads at once.

    The file stays open: removing or replacing it changes nothing for this reader.

    Args:
        path: what pack() made.

    Raises:
        OmegaError: MODEL_UNAVAILABLE when it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as e:
            raise damaged(f"{path}: {e}") from e
        weakref.finalize(self, os.close, self._file)

    def rows(self, tokens: Sequence[Sequence[int]]) -> FloatArray:
        """The embeddings (batch, length, 384) of a batch of texts of one length.

        Raises:
            OmegaError: MODEL_UNAVAILABLE when the file was damaged meanwhile.
        """
        data = b"".join([self._row(token) for ids in tokens for token in ids])
        rows = np.frombuffer(data, _ROW)["embedding"]
        made: FloatArray = rows["values"] * rows["step"][:, None]
        return made.reshape(len(tokens), -1, DIMENSION)

    def _row(self, token: int) -> bytes:
        try:
            row = os.pread(self._file, _SIZE, token * _SIZE)
        except OSError as e:
            raise damaged(f"{self._path}: {e}") from e
        if len(row) != _SIZE or zlib.crc32(row[: -_CRC.size]) != _CRC.unpack(row[-_CRC.size :])[0]:
            raise damaged(f"{self._path} is not what was opened")
        return row
