"""What must not be in an image is found when it is."""

from __future__ import annotations

import io
import json
import struct
import tarfile
from importlib.util import find_spec
from pathlib import Path

import pytest
from images import check, elf
from images.make import Built
from images.plan import ARCHES, IMAGES, SBOM, USER, Arch

SITE = "opt/omega/lib/python3.11/site-packages"


class Archive:
    """What an engine exports of an image of these files."""

    def __init__(self) -> None:
        self._members: list[tuple[tarfile.TarInfo, bytes]] = []

    def add(self, name: str, data: bytes = b"", mode: int = 0o644, uid: int = 0) -> None:
        info = tarfile.TarInfo(name)
        info.size, info.mode, info.uid = len(data), mode, uid
        self._members.append((info, data))

    def write(self, path: Path) -> Path:
        with tarfile.open(path, "w") as tar:
            for info, data in self._members:
                tar.addfile(info, io.BytesIO(data))
        return path


def _object(arch: Arch, *, stripped: bool) -> bytes:
    """The least file that is a shared object: a head and one section."""
    head = bytearray(64)
    head[:6] = b"\x7fELF\x02\x01"
    struct.pack_into("<HH", head, 16, 3, arch.elf)
    struct.pack_into("<Q", head, 40, 64)
    struct.pack_into("<HH", head, 58, 64, 1)
    return bytes(head) + struct.pack("<II", 0, 3 if stripped else 2) + bytes(56)


def _good() -> Archive:
    archive = Archive()
    sbom = {"components": [{"name": "numpy"}], "metadata": {"component": {"name": "omega-sync"}}}
    archive.add(SBOM.removeprefix("/"), json.dumps(sbom).encode())
    archive.add(f"{SITE}/numpy-2.4.6.dist-info/METADATA")
    archive.add(f"{SITE}/omega_sync-0.4.0.dist-info/METADATA")
    archive.add(f"{SITE}/numpy/core.so", _object(ARCHES["amd64"], stripped=True))
    archive.add("usr/bin/python3.11", mode=0o755)
    return archive


def _contents(archive: Archive, folder: Path, arch: str = "amd64") -> check.Contents:
    built = Built(IMAGES["sync"], arch, "localhost/omega-sync", "localhost/omega-base", 0)
    return check.contents(built, archive.write(folder / "root.tar"))


def test_an_image_as_it_must_be_has_no_faults(tmp_path: Path) -> None:
    found = _contents(_good(), tmp_path)
    assert found.faults == []
    assert found.distributions == {"numpy", "omega-sync"}
    assert found.objects == 1


@pytest.mark.parametrize(
    ("name", "mode", "uid", "fault"),
    [
        ("usr/bin/x86_64-linux-gnu-gcc", 0o755, 0, "a compiler's"),
        ("usr/bin/x86_64-linux-gnu-g++-12", 0o755, 0, "a compiler's"),
        ("usr/local/bin/pip3", 0o755, 0, "installs software"),
        (f"{SITE}/numpy/tests/test_a.py", 0o644, 0, "is a test"),
        ("root/.cache/pip/wheel", 0o644, 0, "is a cache"),
        ("var/lib/apt/lists/Packages", 0o644, 0, "is a cache"),
        ("usr/bin/su", 0o4755, 0, "gives rights"),
        ("opt/omega/open", 0o666, 0, "can be written"),
        ("opt/omega/own", 0o644, USER, "can be written"),
        (f"{SITE}/rich-15.0.0.dist-info/METADATA", 0o644, 0, "SBOM does not name rich"),
    ],
)
def test_what_must_not_be_there_is_named(
    name: str, mode: int, uid: int, fault: str, tmp_path: Path
) -> None:
    archive = _good()
    archive.add(name, mode=mode, uid=uid)
    (said,) = _contents(archive, tmp_path).faults
    assert fault in said


def test_a_shared_object_for_another_processor_or_with_symbols_is_named(tmp_path: Path) -> None:
    archive = _good()
    archive.add(f"{SITE}/other.so", _object(ARCHES["arm64"], stripped=True))
    archive.add(f"{SITE}/fat.cpython-311.so", _object(ARCHES["amd64"], stripped=False))
    other, fat = _contents(archive, tmp_path).faults
    assert other.endswith("is for processor 183, not 62")
    assert fat.endswith("is not stripped")


def test_the_same_image_is_wrong_for_another_processor(tmp_path: Path) -> None:
    (fault,) = _contents(_good(), tmp_path, "arm64").faults
    assert fault.endswith("is for processor 62, not 183")


def test_real_shared_objects_are_read() -> None:
    spec = find_spec("numpy._core._multiarray_umath")
    assert spec is not None
    assert spec.origin is not None
    data = Path(spec.origin).read_bytes()
    found = elf.read(data)
    assert found is not None
    assert found.machine in {arch.elf for arch in ARCHES.values()}
    assert elf.read(b"#!/bin/sh\n") is None
    with pytest.raises(ValueError, match="cut off"):
        elf.read(data[:50])
