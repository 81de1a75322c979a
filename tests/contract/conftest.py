from __future__ import annotations

from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto

from omega_testing.contract_comments import Element, read, walk

PROTO = Path(__file__).resolve().parents[2] / "proto"


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[FileDescriptorProto]:
    """The contracts as parsed by protoc, with their comments."""
    return read(PROTO, tmp_path_factory.mktemp("contract") / "set.binpb")


@pytest.fixture(scope="session")
def elements(files: list[FileDescriptorProto]) -> dict[str, Element]:
    """Full name, such as omega.sync.v1.SyncRequest.sketches -> element."""
    return {element.name: element for file in files for element in walk(file)}
