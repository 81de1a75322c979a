"""docs/firmware.md installs what a brain imports, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

from omega_testing.sources import distributions

ROOT = Path(__file__).resolve().parents[2]


def test_the_install_names_exactly_what_runs_on_a_tv() -> None:
    packages = {each.package: each for each in distributions(ROOT)}
    waiting, on_tv = ["omega_brain"], set[str]()
    while waiting:
        package = waiting.pop()
        if package in packages and package not in on_tv:
            on_tv.add(package)
            waiting += [name.partition(".")[0] for name in packages[package].imports()]
    page = (ROOT / "docs" / "firmware.md").read_text("utf-8")
    (braces,) = re.findall(r"\./libs/omega_\{([a-z_,]+)\}", page)
    libraries = {f"libs/omega_{name}" for name in braces.split(",")}
    needed = {str(packages[package].folder.relative_to(ROOT)) for package in on_tv}
    assert libraries | {"services/brain"} == needed
