"""What is installed on a TV fits together: units, settings, folders, the program that updates."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

import pytest
import tv_release

ROOT = Path(__file__).resolve().parents[2]
TV = ROOT / "deploy" / "tv"
GUIDE = (ROOT / "docs" / "tv-install.md").read_text("utf-8")
SETTINGS = (ROOT / "docs" / "configuration.md").read_text("utf-8")
ENVIRONMENT = dict(
    line.split("=", 1)
    for line in (TV / "brain.env").read_text("utf-8").splitlines()
    if not line.startswith("#")
)


@pytest.fixture
def unit() -> configparser.SectionProxy:
    read = configparser.ConfigParser(strict=False, interpolation=None)
    read.optionxform = str  # type: ignore[assignment, method-assign]  # keys of units keep their case
    read.read(TV / "omega-brain.service", "utf-8")
    return read["Service"]


def test_every_setting_of_the_file_is_one_of_the_brain() -> None:
    assert {name for name in ENVIRONMENT if f"| `{name}` |" not in SETTINGS} == set()


def test_the_brain_may_write_where_its_settings_send_it(unit: configparser.SectionProxy) -> None:
    assert ENVIRONMENT["OMEGA_BRAIN_STORAGE_PATH"] == f"/var/lib/{unit['StateDirectory']}"
    socket = ENVIRONMENT["OMEGA_BRAIN_LISTEN"].removeprefix("unix:")
    assert Path(socket).parent == Path("/run", unit["RuntimeDirectory"])
    assert unit["ProtectSystem"] == "strict"


def test_the_unit_starts_what_the_program_installs(unit: configparser.SectionProxy) -> None:
    program = (TV / "omega_update.py").read_text("utf-8")
    (root,) = re.findall(r'default=Path\("([^"]+)"\), help="of the slots"', program)
    assert unit["ExecStart"] == f"{root}/current/bin/omega-brain"
    assert ENVIRONMENT["OMEGA_CACHE_DIR"] == f"{root}/current/cache"
    assert f'default=Path("{unit["EnvironmentFile"]}")' in program


@pytest.mark.parametrize("name", ["MemoryMax", "CPUQuota", "CPUWeight", "IOWeight"])
def test_the_guide_states_the_limits_of_the_unit(
    name: str, unit: configparser.SectionProxy
) -> None:
    assert f"`{name}={unit[name]}`" in GUIDE


def test_the_guide_installs_every_file() -> None:
    assert [path.name for path in TV.iterdir() if path.is_file() and path.name not in GUIDE] == []


def test_the_guide_states_every_exit_code() -> None:
    program = (TV / "omega_update.py").read_text("utf-8")
    (count,) = re.findall(r"= range\((\d)\)", program)
    rows = re.findall(r"^\| (\d) \|", GUIDE, re.MULTILINE)
    assert rows == [str(code) for code in range(int(count))]


def test_the_guide_makes_wheels_of_all_that_a_brain_needs() -> None:
    (command,) = (line for line in GUIDE.splitlines() if line.startswith("pip wheel "))
    (libs,) = re.findall(r"\./libs/omega_\{([\w,]+)\}", command)
    named = {"brain", *(f"omega_{name}" for name in libs.split(","))}
    assert named == {folder.name for folder in tv_release.folders(ROOT)}
    assert "-c constraints.txt --no-build-isolation" in command


def test_another_version_is_written_where_the_old_one_stands(tmp_path: Path) -> None:
    tree = tv_release.copied(ROOT, tmp_path / "tree", tv_release.version(ROOT), "9.8.7")
    assert tv_release.version(tree) == "9.8.7"
    assert len(tv_release.folders(tree)) == len(tv_release.folders(ROOT))
    with pytest.raises(ValueError, match="must hold"):
        tv_release.copied(ROOT, tmp_path / "other", "0.0.0", "9.8.7")
