"""What a backup says of itself is read apart from whether its dump is as it says."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from omega_core.errors import OmegaError
from omega_store.backup_manifest import DUMP, MANIFEST, Manifest, read_manifest, verify, write

BODY = b"a dump"
TOLD = Manifest(
    form=1,
    made_at="2026-11-30T12:00:00+00:00",
    release="0.5.0",
    postgres=18,
    tools=18,
    dialect="vector",
    schema={"0001_begin": "00"},
    counts={"devices": 1},
    state_version=2,
    dump_bytes=len(BODY),
    dump_sha256=hashlib.sha256(BODY).hexdigest(),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, TOLD)
    (tmp_path / DUMP).write_bytes(BODY)
    return tmp_path


def test_a_whole_backup_is_what_it_says(folder: Path) -> None:
    assert read_manifest(folder) == verify(folder) == TOLD
    assert (folder / MANIFEST).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("body", [b"", b"a dumq", b"a dump and more"])
def test_a_damaged_dump_is_found_by_verify_alone(body: bytes, folder: Path) -> None:
    (folder / DUMP).write_bytes(body)
    assert read_manifest(folder) == TOLD
    with pytest.raises(OmegaError, match="whole"):
        verify(folder)


def test_a_dump_that_is_missing_is_found_by_verify_alone(folder: Path) -> None:
    (folder / DUMP).unlink()
    assert read_manifest(folder) == TOLD
    with pytest.raises(OmegaError, match=DUMP):
        verify(folder)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("form", 2),
        ("made_at", 5),
        ("release", None),
        ("postgres", "18"),
        ("tools", True),
        ("schema", {"0001_begin": 1}),
        ("schema", []),
        ("counts", {"devices": "1"}),
        ("counts", {"devices": -1}),
        ("state_version", 1.5),
        ("dump_bytes", -1),
        ("dump_sha256", print),  # left out
        ("more", 1),
    ],
)
def test_a_field_that_does_not_fit_is_named(name: str, value: Any, folder: Path) -> None:
    told = asdict(TOLD) | {name: value}
    if callable(value):
        del told[name]
    (folder / MANIFEST).write_text(json.dumps(told))
    for read in (read_manifest, verify):
        with pytest.raises(OmegaError, match=name) as caught:
            read(folder)
        assert caught.value.field == "the backup"


@pytest.mark.parametrize("body", ["", "5", "{", "[" * 100_000, "\udcff"])
def test_what_is_no_manifest_is_refused(body: str, folder: Path) -> None:
    (folder / MANIFEST).write_bytes(body.encode("utf-8", "surrogateescape"))
    with pytest.raises(OmegaError, match=MANIFEST):
        read_manifest(folder)
