"""Blocks of a shard's devices on disk: a round reads them several times and holds one at a time."""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Generic, Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from omega_learn.arrays import Arrays


class Block(Protocol):
    """What is made of arrays."""

    def arrays(self) -> Arrays:
        """All that it holds, by name."""
        ...

    @classmethod
    def of(cls, arrays: Arrays) -> Self:
        """From arrays()."""
        ...


T = TypeVar("T", bound=Block)


class Spool(Generic[T]):
    """Blocks in a file without a name, which goes with this object or with the process.

    Not to be shared between threads.

    Args:
        kind: of the blocks.
        directory: where the file lies; None = where temporary files do.
    """

    def __init__(self, kind: type[T], directory: Path | None = None) -> None:
        self._kind = kind
        self._file = tempfile.TemporaryFile(dir=directory)  # noqa: SIM115 - it lives as long as this
        weakref.finalize(self, self._file.close)
        self._starts: list[int] = []
        self._end = 0

    def append(self, block: T) -> None:
        """Adds a block."""
        self._file.seek(self._end)
        arrays = block.arrays()
        np.save(self._file, np.array(list(arrays), np.str_))
        for each in arrays.values():
            np.save(self._file, np.ascontiguousarray(each))
        self._starts.append(self._end)
        self._end = self._file.tell()

    def __len__(self) -> int:
        """Blocks."""
        return len(self._starts)

    def __iter__(self) -> Iterator[T]:
        """The blocks in their order."""
        for start in self._starts:
            self._file.seek(start)
            yield self._kind.of({name: self._load() for name in self._load().tolist()})

    def _load(self) -> NDArray[Any]:
        found: NDArray[Any] = np.load(self._file)
        return found
