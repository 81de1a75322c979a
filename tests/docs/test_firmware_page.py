"""docs/firmware.md installs what a brain imports, and nothing else, and can be followed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from firmware_guide import PAGE, Step, follow, steps

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


def test_each_step_has_its_place_on_the_page() -> None:
    install, *todo = steps(PAGE.read_text("utf-8"))
    assert install.commands.startswith("apt-get install ")
    assert not install.printed
    assert [bool(step.printed) for step in todo] == [True] * 5
    programs = {name for step in todo for name in re.findall(r"box/build/(\w+) ", step.commands)}
    examples = {path.stem for path in (ROOT / "libs" / "omega_sdk" / "examples").glob("*.c")}
    assert programs == {"epg", "simple"} <= examples


@pytest.mark.parametrize(
    ("printed", "output", "fits"),
    [
        ("", "anything\n", True),
        ("a (1)\n", "a (1)\n\n", True),
        ("a ... c\n", "a b\nb c\n", True),
        ("a ... c\n", "a b d\n", False),
        ("a.c\n", "abc\n", False),
        ("a\n", "a\nb\n", False),
    ],
)
def test_what_is_printed_has_to_be_what_the_page_says(
    printed: str, output: str, fits: bool
) -> None:
    assert Step("", printed).fits(output) == fits


def test_steps_share_a_shell_and_end_with_the_first_that_fails(tmp_path: Path) -> None:
    todo = [
        Step("x=$(basename $PWD)\necho $x > file\n", ""),
        Step("cat file\necho $x\n", f"{tmp_path.name}\n...\n"),
        Step("echo more\nfalse\n", "more\n"),
        Step("echo never\n", "never\n"),
    ]
    done = follow(todo, tmp_path)
    assert [(step.output, step.fits) for step in done] == [
        ("", True),
        (f"{tmp_path.name}\n{tmp_path.name}\n", True),
        ("more\n", False),
    ]
