"""What of the group does not come from the library: bounds, and results that are the identity."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import rbcl
from hypothesis import given
from hypothesis import strategies as st

from omega_core.errors import OmegaError
from omega_threshold import ristretto
from omega_threshold.in_memory import FOLDER, libraries_in_memory
from omega_threshold.suite import Mode, hash_to_group, prefixed

SCALARS = st.integers(0, ristretto.ORDER - 1)
ELEMENT = hash_to_group(Mode.OPRF, b"an element")


def encoded(number: int) -> bytes:
    return number.to_bytes(32, "little")


@given(SCALARS, SCALARS)
def test_multiples_of_an_element_add_up_as_their_factors_do(a: int, b: int) -> None:
    apart = ristretto.plus(
        ristretto.times(encoded(a), ELEMENT), ristretto.times(encoded(b), ELEMENT)
    )
    assert apart == ristretto.times(encoded((a + b) % ristretto.ORDER), ELEMENT)


def test_nothing_times_an_element_is_the_identity_and_adds_nothing() -> None:
    nothing = ristretto.times(encoded(0), ELEMENT)
    assert nothing == ristretto.generated(encoded(0)) == ristretto.IDENTITY
    assert ristretto.plus(nothing, ELEMENT) == ELEMENT


@pytest.mark.parametrize(
    "data",
    [b"", ELEMENT[:31], ELEMENT + b"\0", bytes(32), b"\xff" * 32, b"\1" + bytes(31)],
    ids=["none", "short", "long", "identity", "not canonical", "negative"],
)
def test_what_is_no_element_is_refused(data: bytes) -> None:
    with pytest.raises(OmegaError, match="asked must be an element of ristretto255"):
        ristretto.decode_element("asked", data)


@pytest.mark.parametrize("number", [ristretto.ORDER, ristretto.ORDER + 1, 2**256 - 1])
def test_a_scalar_has_one_encoding(number: int) -> None:
    with pytest.raises(OmegaError, match="proof must be a scalar"):
        ristretto.decode_scalar("proof", encoded(number))
    assert ristretto.decode_scalar("proof", encoded(ristretto.ORDER - 1))


_LOADS = """
import tempfile, threading
named = tempfile.NamedTemporaryFile
import omega_threshold.ristretto, rbcl
print(rbcl._sodium._name, tempfile.NamedTemporaryFile is named)
"""


def test_the_library_is_loaded_from_memory_and_needs_no_folder(tmp_path: Path) -> None:
    """As where the root file system is read-only and /tmp executes nothing."""
    environ = {**os.environ, **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(tmp_path))}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", _LOADS],
        env=environ, capture_output=True, text=True, check=True,
    )  # fmt: skip
    name, restored = done.stdout.split()
    assert name.startswith("/proc/self/fd/")
    assert restored == "True"
    assert not list(tmp_path.iterdir())


def test_temporary_files_of_other_threads_stay_files() -> None:
    """And a library that was loaded from a folder, as by another importer, is not left there."""
    with libraries_in_memory(), ThreadPoolExecutor(1) as pool:
        here = tempfile.NamedTemporaryFile()  # noqa: SIM115 - none: it stands for one
        assert here.name.startswith(FOLDER)
        os.close(int(here.name.removeprefix(f"{FOLDER}/")))
        with pool.submit(tempfile.NamedTemporaryFile).result() as there:
            assert not there.name.startswith(FOLDER)
    assert rbcl._sodium._name.startswith(FOLDER) or not Path(rbcl._sodium._name).exists()


def test_modes_hash_to_elements_of_their_own() -> None:
    assert hash_to_group(Mode.OPRF, b"one") != hash_to_group(Mode.VOPRF, b"one")


def test_parts_behind_their_lengths_cannot_be_shifted() -> None:
    assert prefixed(b"ab", b"c") != prefixed(b"a", b"bc")
    with pytest.raises(OmegaError, match="65,535 bytes"):
        prefixed(bytes(65_536))
