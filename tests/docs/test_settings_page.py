"""docs/configuration.md names every setting, its default and its range, and no other."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
import typing
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import omega_brain.__main__
import omega_console.__main__
import omega_constellation.__main__
import omega_federation_worker.__main__
import omega_randomness.__main__
import omega_relay.__main__
import omega_sync.__main__
from omega_brain.config import BrainConfig
from omega_console.config import ConsoleConfig
from omega_constellation.config import ConstellationConfig
from omega_core.config import load, variable
from omega_core.errors import ErrorCode, OmegaError
from omega_federation_worker.config import FederationConfig
from omega_randomness.config import RandomnessConfig
from omega_relay.config import RelayConfig
from omega_rpc.config import ServerConfig
from omega_sync.config import SyncConfig
from omega_testing.documents import Row
from omega_testing.sources import distributions

ROOT = Path(__file__).resolve().parents[2]
PAGE = "configuration.md"
ANY = "OMEGA_<SERVICE>_"
NEEDED = {
    "database_url": "postgresql://omega@db/omega",
    "token_keys": "token-keys",
    "jwks": "keys",
    "issuer": "x",
    "gateway_target": "gateway:443",
}
"""A value for each setting without a default."""
_NAME = re.compile(r"\b(?:OMEGA|OTEL|XDG|GRPC)_[A-Z_]*[A-Z]\b")
_RANGE = re.compile(r"([\d.,]*\d) to ([\d.,]*\d)")

Table = Callable[..., list[Row]]


@dataclass(frozen=True)
class Documented:
    """A service as its main module starts it."""

    main: ModuleType
    config: type[Any]

    def argument(self, name: str) -> str:
        """A text that the main module hands to Service(...)."""
        tree = ast.parse(inspect.getsource(self.main))
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
        (call,) = [call for call in calls if ast.unparse(call.func) == "Service"]
        (value,) = [keyword.value for keyword in call.keywords if keyword.arg == name]
        found = getattr(self.main, value.id) if isinstance(value, ast.Name) else value
        return str(ast.literal_eval(found) if isinstance(found, ast.AST) else found)

    def settings(self) -> dict[str, tuple[type[Any], dataclasses.Field[Any]]]:
        """Variable -> the class and field behind it."""
        prefix = self.argument("prefix")
        return {
            variable(prefix, field.name): (cls, field)
            for cls in (self.config, ServerConfig)
            for field in dataclasses.fields(cls)
        }


SERVICES = [
    Documented(omega_brain.__main__, BrainConfig),
    Documented(omega_sync.__main__, SyncConfig),
    Documented(omega_constellation.__main__, ConstellationConfig),
    Documented(omega_federation_worker.__main__, FederationConfig),
    Documented(omega_console.__main__, ConsoleConfig),
    Documented(omega_randomness.__main__, RandomnessConfig),
    Documented(omega_relay.__main__, RelayConfig),
]
each_service = pytest.mark.parametrize("service", SERVICES, ids=lambda s: s.config.__name__)


@pytest.fixture(scope="module")
def rows(table: Table) -> dict[str, Row]:
    """Variable -> its row; the shared ones once for each service."""
    found: dict[str, Row] = {}
    for row in table(PAGE, "range"):
        (name,) = row.code("variable")
        for service in SERVICES if name.startswith(ANY) else [None]:
            known = name.replace(ANY, service.argument("prefix")) if service else name
            assert known not in found, f"{known} stands twice"
            found[known] = row
    return found


def test_every_setting_is_there_and_no_other(rows: dict[str, Row]) -> None:
    assert set(rows) == {name for service in SERVICES for name in service.settings()}


@each_service
def test_defaults_are_those_of_the_code(service: Documented, rows: dict[str, Row]) -> None:
    said = {name: rows[name].cells["default"] for name in service.settings()}
    defaults = {name: _shown(field.default) for name, (_, field) in service.settings().items()}
    defaults[f"{service.argument('prefix')}LISTEN"] = f"`{service.argument('listen')}`"
    assert said == defaults


def _shown(default: object) -> str:
    if default is dataclasses.MISSING:
        return "must be set"
    if default is None:
        return "none"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    return f"`{default}`" if str(default) else "empty"


@each_service
def test_numbers_are_held_to_the_stated_range(service: Documented, rows: dict[str, Row]) -> None:
    prefix = service.argument("prefix")
    for name, (cls, field) in service.settings().items():
        kind = typing.get_type_hints(cls)[field.name]
        if kind not in {int, float}:
            continue
        match = _RANGE.search(rows[name].cells["range"])
        assert match, f"{name} states no range"
        least, most = (kind(bound.replace(",", "")) for bound in match.groups())
        for value in (least, most):
            assert getattr(_read(cls, prefix, name, value), field.name) == value
        step = 1 if kind is int else 1e-4
        for value in (least - step, most + step):
            with pytest.raises(OmegaError) as caught:
                _read(cls, prefix, name, value)
            assert (caught.value.code, caught.value.field) == (ErrorCode.INVALID_FIELD, field.name)


def _read(cls: type[Any], prefix: str, name: str, value: float) -> Any:
    needed = {variable(prefix, field): text for field, text in NEEDED.items()}
    listen = {variable(prefix, "listen"): "127.0.0.1:0"}
    return load(cls, prefix, {**needed, **listen, name: str(value)})


def test_variables_that_the_code_reads_by_name_are_there(table: Table) -> None:
    said = {name for row in table(PAGE, "read by") for name in row.code("variable")}
    prefixes = tuple(service.argument("prefix") for service in SERVICES)
    texts = {text for each in distributions(ROOT) for text in each.strings()}
    read = {text for text in texts if _NAME.fullmatch(text) and not text.startswith(prefixes)}
    assert read == said


@pytest.mark.parametrize("folder", [".", "docs", "docs/adr", "tests/interop"])
def test_no_page_names_a_variable_that_does_not_exist(folder: str, table: Table) -> None:
    known = {name for service in SERVICES for name in service.settings()}
    known |= {name for row in table(PAGE, "read by") for name in row.code("variable")}
    pages = sorted((ROOT / folder).glob("*.md")) + sorted((ROOT / folder).glob("*.py"))
    found = {name for page in pages for name in _NAME.findall(page.read_text("utf-8"))}
    assert {name for name in found if name.startswith("OMEGA_")} <= known
