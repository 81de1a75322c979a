"""What a shared object is for, and whether it was stripped (ELF gABI, little-endian, 64 bits)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

_MAGIC = b"\x7fELF\x02\x01"
_SYMTAB = 2


@dataclass(frozen=True)
class Elf:
    """The head of a program or library."""

    machine: int
    """`e_machine`: 62 = x86-64, 183 = AArch64."""
    stripped: bool
    """Whether it has no table of symbols that only a debugger or linker reads."""


def read(data: bytes) -> Elf | None:
    """Reads it; None when it is no such file.

    Raises:
        ValueError: it is one, and is cut off.
    """
    if not data.startswith(_MAGIC):
        return None
    try:
        (machine,) = struct.unpack_from("<H", data, 18)
        (table,) = struct.unpack_from("<Q", data, 40)
        size, count = struct.unpack_from("<HH", data, 58)
        kinds = [struct.unpack_from("<I", data, table + n * size + 4)[0] for n in range(count)]
    except struct.error as error:
        raise ValueError("the file is cut off") from error
    return Elf(machine, _SYMTAB not in kinds)
