"""docs/contracts.md names the services and methods that there are."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from omega_testing.documents import Row

PROTO = Path(__file__).resolve().parents[2] / "proto"


def test_every_method_of_the_contracts_is_there_in_order(table: Callable[..., list[Row]]) -> None:
    files = [path.relative_to(PROTO).with_suffix("") for path in PROTO.rglob("*.proto")]
    modules = [import_module(".".join(path.parts) + "_pb2") for path in files]
    methods = {
        service.full_name: [method.name for method in service.methods]
        for module in modules
        for service in module.DESCRIPTOR.services_by_name.values()
    }
    said = {
        row.code("service")[0]: row.cells["methods"].split(", ")
        for row in table("contracts.md", "methods")
    }
    assert said == methods
