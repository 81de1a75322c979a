"""What a build gives out: symbols, size, what it needs, and how it is found."""

from __future__ import annotations

import ctypes
import hashlib
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from omega_testing import c_build, c_types
from omega_testing.c_build import HEADER, ROOT, SOURCES, Built, declared

pytestmark = pytest.mark.timeout(300)  # the first test waits for a build
MOST_BYTES = 256_000
THIRD_PARTY = ROOT / "third_party"


def output(*command: str | Path) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_the_shared_library_gives_out_the_functions_of_the_header_alone(built: Built) -> None:
    lines = output("nm", "-D", "--defined-only", built.library).splitlines()
    symbols = {line.split()[-1] for line in lines}
    assert symbols == {"OMEGA_TV_1"} | {f"{name}@@OMEGA_TV_1" for name in declared()}
    mapped = re.findall(r"^ {4}(\w+);", (SOURCES / "omega_tv.map").read_text("utf-8"), re.MULTILINE)
    assert len(mapped) == len(declared()) == 18


def test_the_version_of_the_interface_is_the_one_of_the_header(built: Built) -> None:
    (version,) = re.findall(r"#define OMEGA_ABI_VERSION (\d+)", HEADER.read_text("utf-8"))
    dynamic = output("readelf", "-d", built.library)
    assert f"[libomega_tv.so.{version}]" in dynamic
    assert f"OMEGA_TV_{version} {{" in (SOURCES / "omega_tv.map").read_text("utf-8")


def test_it_needs_the_c_library_alone_and_is_small(built: Built, tmp_path: Path) -> None:
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", output("readelf", "-d", built.library))
    assert {name.partition(".")[0].partition("-")[0] for name in needed} <= {
        "libc",
        "libpthread",
        "ld",
    }
    stripped = tmp_path / "stripped"
    output("strip", "-o", stripped, built.library)
    assert stripped.stat().st_size <= MOST_BYTES


def test_the_archive_meets_no_other_nghttp2(built: Built) -> None:
    lines = output("nm", "-g", "--defined-only", built.archive).splitlines()
    assert {line.split()[-1] for line in lines if len(line.split()) == 3} == declared()


def compile_c(source: str, folder: Path, *options: str | Path) -> Path:
    (folder / "main.c").write_text(source, "utf-8")
    program = folder / "main"
    output("cc", "-std=c11", "-Wall", "-Werror", folder / "main.c", "-o", program, *options)
    return program


def test_ctypes_sees_the_structs_as_a_compiler_does(tmp_path: Path) -> None:
    checks = [
        f'_Static_assert(sizeof({name}) == {ctypes.sizeof(struct)}, "size of {name}");'
        for name, struct in c_types.STRUCTS.items()
    ]
    checks += [
        f"_Static_assert(offsetof({name}, {field[0]}) == {getattr(struct, field[0]).offset}, "
        f'"{name}.{field[0]}");'
        for name, struct in c_types.STRUCTS.items()
        for field in struct._fields_
    ]
    source = "\n".join(["#include <omega_tv.h>", *checks, "int main(void) { return 0; }\n"])
    compile_c(source, tmp_path, f"-I{HEADER.parent}")
    assert set(re.findall(r"^\} (omega_\w+);", HEADER.read_text("utf-8"), re.MULTILINE)) == {
        *c_types.STRUCTS
    }


PROGRAM = """
#include <omega_tv.h>
#include <string.h>
int main(void) {
  return omega_is_initialized() || strcmp(omega_version(), VERSION) || omega_shutdown() != -8;
}
"""


@pytest.mark.parametrize("kind", ["shared", "static"])
def test_an_installed_library_is_found_by_its_pkg_config_file(
    kind: str, built: Built, tmp_path: Path
) -> None:
    c_build.install(built, tmp_path / "usr")
    (file,) = (tmp_path / "usr").rglob("omega_tv.pc")
    said = {"pcfiledir": str(file.parent)}
    for name, value in re.findall(r"^(\w+)[=:] ?(.*)$", file.read_text("utf-8"), re.MULTILINE):
        said[name] = re.sub(r"\$\{(\w+)\}", lambda known: said[known[1]], value)
    if kind == "static":
        link: list[str | Path] = [Path(said["libdir"], "libomega_tv.a"), "-pthread"]
    else:
        link = [*said["Libs"].split(), f"-Wl,-rpath,{said['libdir']}"]
    version = f'-DVERSION="{said["Version"]}"'
    program = compile_c(PROGRAM, tmp_path, *said["Cflags"].split(), version, *link)
    assert subprocess.run([program], check=False).returncode == 0


def test_a_cpp_compiler_takes_the_header(tmp_path: Path) -> None:
    (tmp_path / "main.cc").write_text("#include <omega_tv.h>\nint main() {}\n", "utf-8")
    command = ["g++", "-Wall", "-Wextra", "-Werror", "-pedantic", f"-I{HEADER.parent}"]
    subprocess.run([*command, "-fsyntax-only", tmp_path / "main.cc"], check=True)


def test_sources_of_others_are_as_they_came() -> None:
    listed = {}
    for line in (THIRD_PARTY / "SHA256SUMS").read_text("utf-8").splitlines():
        digest, name = line.split()
        listed[name] = digest
    there = {
        str(path.relative_to(THIRD_PARTY)): hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in ("nghttp2", "nanopb")
        for path in (THIRD_PARTY / folder).rglob("*")
        if path.is_file()
    }
    assert there == listed
    assert {"nghttp2/COPYING", "nanopb/LICENSE.txt"} <= there.keys()


def test_the_tools_that_read_a_library_are_those_of_the_compiler() -> None:
    assert all(shutil.which(tool) for tool in ("cc", "g++", "nm", "readelf", "strip"))
