"""A hundred threads under sanitizers, while the brain is killed and comes back."""

from __future__ import annotations

from pathlib import Path

import pytest

from omega_testing import c_hammer
from omega_testing.c_build import Built
from omega_testing.c_household import household

pytestmark = pytest.mark.timeout(300)  # the first test waits for a build


def test_no_call_hangs_or_gives_another_code(sanitized: Built, tmp_path: Path) -> None:
    flags = "-fsanitize=address,undefined"
    program = c_hammer.compiled(sanitized, tmp_path / "hammer", flags)
    with household() as home:
        assert c_hammer.strike([program], home, (1, 1)) == []
