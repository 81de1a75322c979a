"""The contracts with their comments, as protoc reads them."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
)

# Field numbers of descriptor.proto: what a source location's path is made of.
_MESSAGES, _ENUMS, _SERVICES = 4, 5, 6
_FIELDS, _NESTED_MESSAGES = 2, 3
_METHODS = _VALUES = 2
_STATUS = re.compile(
    r"\b(CANCELLED|UNKNOWN|INVALID_ARGUMENT|DEADLINE_EXCEEDED|NOT_FOUND|ALREADY_EXISTS"
    r"|PERMISSION_DENIED|RESOURCE_EXHAUSTED|FAILED_PRECONDITION|ABORTED|OUT_OF_RANGE"
    r"|UNIMPLEMENTED|INTERNAL|UNAVAILABLE|DATA_LOSS|UNAUTHENTICATED)\b"
)
_OTHER = re.compile(r"\bas\s+(?://\s*)?([A-Z]\w+)")


@dataclass(frozen=True)
class Element:
    """A thing that the contracts define."""

    name: str
    """Full name, "omega.sync.v1.SyncRequest.sketches"."""
    comment: str
    """What stands before it, without slashes."""
    field: FieldDescriptorProto | None = None
    """Its descriptor, of a field."""


def read(proto: Path, out: Path) -> list[FileDescriptorProto]:
    """The files below `proto`, by way of a file `out` that is written."""
    command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{proto}", "--include_source_info"]
    sources = sorted(proto.glob("omega/**/*.proto"))
    subprocess.run([*command, f"--descriptor_set_out={out}", *sources], check=True, timeout=50)
    return list(FileDescriptorSet.FromString(out.read_bytes()).file)


def walk(file: FileDescriptorProto) -> Iterator[Element]:
    """Everything that a file defines."""
    comments = {
        tuple(location.path): location.leading_comments.strip()
        for location in file.source_code_info.location
    }
    for i, message in enumerate(file.message_type):
        yield from _message(comments, (_MESSAGES, i), f"{file.package}.{message.name}", message)
    for i, enum in enumerate(file.enum_type):
        name = f"{file.package}.{enum.name}"
        yield Element(name, comments.get((_ENUMS, i), ""))
        for j, value in enumerate(enum.value):
            yield Element(f"{name}.{value.name}", comments.get((_ENUMS, i, _VALUES, j), ""))
    for i, service in enumerate(file.service):
        name = f"{file.package}.{service.name}"
        yield Element(name, comments.get((_SERVICES, i), ""))
        for j, method in enumerate(service.method):
            yield Element(f"{name}.{method.name}", comments.get((_SERVICES, i, _METHODS, j), ""))


def _message(
    comments: Mapping[tuple[int, ...], str],
    path: tuple[int, ...],
    name: str,
    found: DescriptorProto,
) -> Iterator[Element]:
    yield Element(name, comments.get(path, ""))
    for i, field in enumerate(found.field):
        yield Element(f"{name}.{field.name}", comments.get((*path, _FIELDS, i), ""), field)
    for i, nested in enumerate(found.nested_type):
        # A map's entry is made by protoc: the comment stands at its field.
        if not nested.options.map_entry:
            below = f"{name}.{nested.name}"
            yield from _message(comments, (*path, _NESTED_MESSAGES, i), below, nested)
    if found.enum_type:
        raise ValueError(f"{name}: nested enums are not followed")


def statuses(elements: Mapping[str, Element], service: str, rpc: str) -> set[str]:
    """Statuses of gRPC that a method's comment names, those included of a method that it names."""
    comment = elements[f"{service}.{rpc}"].comment
    found = set(_STATUS.findall(comment))
    for other in _OTHER.findall(comment):
        if f"{service}.{other}" in elements and other != rpc:
            found |= statuses(elements, service, other)
    return found
