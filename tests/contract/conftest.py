from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto

from omega_cli import main as omega
from omega_testing.contract_comments import Element, read, walk

PROTO = Path(__file__).resolve().parents[2] / "proto"
Tried = Callable[..., "Said"]


class Said:
    """What `omega contract` printed, and how it ended."""

    def __init__(self, code: int, printed: dict[str, Any]) -> None:
        self.code = code
        self.held: int = printed["held"]
        self._rows: list[dict[str, Any]] = printed["rows"]

        self.failed = self._those(ok=False)
        """Method and case of the rows that do not hold."""
        self.left_out = self._those(ok=None)
        """Of those that were not tried."""

    def _those(self, *, ok: bool | None) -> set[tuple[str, str]]:
        return {(row["rpc"], row["case"]) for row in self._rows if row["ok"] is ok}

    def got(self, rpc: str, case: str) -> str:
        """What came of a row."""
        (found,) = (row["got"] for row in self._rows if (row["rpc"], row["case"]) == (rpc, case))
        return str(found)


@pytest.fixture
def tried(capsys: pytest.CaptureFixture[str]) -> Tried:
    """tried("brain", address, flags...) -> what came of it."""

    def run(*arguments: str) -> Said:
        code = omega.main(["contract", *arguments, "--json"])
        return Said(code, json.loads(capsys.readouterr().out))

    return run


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[FileDescriptorProto]:
    """The contracts as parsed by protoc, with their comments."""
    return read(PROTO, tmp_path_factory.mktemp("contract") / "set.binpb")


@pytest.fixture(scope="session")
def elements(files: list[FileDescriptorProto]) -> dict[str, Element]:
    """Full name, such as omega.sync.v1.SyncRequest.sketches -> element."""
    return {element.name: element for file in files for element in walk(file)}
