"""A hundred threads under sanitizers, while the brain is killed and comes back."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from omega_core.content import Content
from omega_testing.c_build import HEADER, Built
from omega_testing.processes import ServiceProcess

pytestmark = pytest.mark.timeout(300)  # the first test waits for a build
MAY_COME = {"list": {0, -2}, "event": {0, -3}, "json": {0, -2, -8}, "init": {0, -1}}


def test_no_call_hangs_or_gives_another_code(
    sanitized: Built,
    storage: Path,
    stocked: ServiceProcess,
    start: Any,
    titles: list[Content],
    tmp_path: Path,
) -> None:
    program = tmp_path / "hammer"
    source = Path(__file__).with_name("hammer.c")
    command = ["cc", "-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-pthread"]
    command += ["-fsanitize=address,undefined", f"-I{HEADER.parent}", str(source)]
    command += [str(sanitized.library), f"-Wl,-rpath,{sanitized.folder}", "-o", str(program)]
    subprocess.run(command, check=True)
    with subprocess.Popen(
        [program, storage, titles[0].content_id],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as hammer:
        try:
            brain = stocked
            for _ in range(2):
                time.sleep(1)
                brain.kill()
                time.sleep(0.3)
                brain = start()
            time.sleep(1)
            out, errors = hammer.communicate("", timeout=60)
        finally:
            hammer.kill()
    assert (hammer.returncode, errors) == (0, "")
    came: dict[str, set[int]] = {}
    for name, code in (line.split() for line in out.splitlines()):
        came.setdefault(name, set()).add(int(code))
    assert {name: codes | MAY_COME[name] for name, codes in came.items()} == MAY_COME
    assert all({0, min(MAY_COME[name] - {-8})} <= came[name] for name in ("list", "event"))
