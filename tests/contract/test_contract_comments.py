from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
)

from omega_core import content, limits

PROTO = Path(__file__).resolve().parents[2] / "proto"
# Field numbers of descriptor.proto: what a source location's path is made of.
MESSAGES, ENUMS, SERVICES = 4, 5, 6
FIELDS, NESTED_MESSAGES, NESTED_ENUMS = 2, 3, 4
METHODS = VALUES = 2


@dataclass(frozen=True)
class Element:
    """A thing that the contracts define."""

    name: str
    comment: str
    field: FieldDescriptorProto | None = None


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[FileDescriptorProto]:
    """The contracts as parsed by protoc, with their comments."""
    out = tmp_path_factory.mktemp("contract") / "set.binpb"
    command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{PROTO}", "--include_source_info"]
    sources = sorted(PROTO.glob("omega/**/*.proto"))
    subprocess.run([*command, f"--descriptor_set_out={out}", *sources], check=True, timeout=50)
    return list(FileDescriptorSet.FromString(out.read_bytes()).file)


@pytest.fixture(scope="module")
def elements(files: list[FileDescriptorProto]) -> dict[str, Element]:
    """Full name, such as omega.sync.v1.SyncRequest.sketches -> element."""
    return {element.name: element for file in files for element in walk(file)}


def walk(file: FileDescriptorProto) -> Iterator[Element]:
    comments = {
        tuple(location.path): location.leading_comments.strip()
        for location in file.source_code_info.location
    }

    def message(path: tuple[int, ...], name: str, found: DescriptorProto) -> Iterator[Element]:
        yield Element(name, comments.get(path, ""))
        for i, field in enumerate(found.field):
            comment = comments.get((*path, FIELDS, i), "")
            yield Element(f"{name}.{field.name}", comment, field)
        for i, nested in enumerate(found.nested_type):
            if nested.options.map_entry:
                continue  # made by protoc: the comment of a map stands at its field
            yield from message((*path, NESTED_MESSAGES, i), f"{name}.{nested.name}", nested)
        assert not found.enum_type, "walk() does not follow nested enums"

    for i, found in enumerate(file.message_type):
        yield from message((MESSAGES, i), f"{file.package}.{found.name}", found)
    for i, enum in enumerate(file.enum_type):
        name = f"{file.package}.{enum.name}"
        yield Element(name, comments.get((ENUMS, i), ""))
        for j, value in enumerate(enum.value):
            yield Element(f"{name}.{value.name}", comments.get((ENUMS, i, VALUES, j), ""))
    for i, service in enumerate(file.service):
        name = f"{file.package}.{service.name}"
        yield Element(name, comments.get((SERVICES, i), ""))
        for j, method in enumerate(service.method):
            yield Element(f"{name}.{method.name}", comments.get((SERVICES, i, METHODS, j), ""))


def requested(files: list[FileDescriptorProto]) -> set[str]:
    """Full names of the messages that clients send, whole or as a part."""
    parts = {
        f".{file.package}.{message.name}": [f.type_name for f in message.field if f.type_name]
        for file in files
        for message in file.message_type
    }
    waiting = [
        method.input_type for file in files for service in file.service for method in service.method
    ]
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in parts and name not in found:
            found.add(name)
            waiting += parts[name]
    return {name.removeprefix(".") for name in found}


def test_every_service_method_message_field_and_value_says_what_it_is(
    elements: dict[str, Element],
) -> None:
    assert len(elements) > 200
    silent = [
        name for name, element in elements.items() if not element.comment.endswith((".", ")"))
    ]
    assert silent == []


def test_whatever_can_grow_in_a_request_states_its_bound(
    files: list[FileDescriptorProto], elements: dict[str, Element]
) -> None:
    grows = {FieldDescriptorProto.TYPE_STRING, FieldDescriptorProto.TYPE_BYTES}
    sent = requested(files)
    assert "omega.common.v1.Provider" in sent
    unbounded = [
        element.name
        for element in elements.values()
        if element.field is not None
        and element.name.rpartition(".")[0] in sent
        and (
            element.field.label == FieldDescriptorProto.LABEL_REPEATED
            or element.field.type in grows
        )
        and not re.search(r"\d", element.comment)
    ]
    assert unbounded == []


@pytest.mark.parametrize(
    ("name", "bounds"),
    [
        ("omega.common.v1.Content.content_id", [limits.MAX_ID]),
        ("omega.common.v1.Content.title", [limits.MAX_TITLE]),
        ("omega.common.v1.Content.genres", [limits.MAX_GENRES]),
        ("omega.common.v1.Content.description", [limits.MAX_DESCRIPTION]),
        ("omega.common.v1.Content.providers", [limits.MAX_PROVIDERS]),
        ("omega.common.v1.Content.minimum_age", [limits.MAX_AGE]),
        ("omega.common.v1.Provider.provider_id", [limits.MAX_SHORT_ID]),
        ("omega.common.v1.ResourceInfo.size_bytes", [limits.MAX_RESOURCE]),
        ("omega.common.v1.ResourceInfo.model_version", [limits.MAX_SHORT_ID]),
        ("omega.common.v1.ResourceChunk.data", [limits.MAX_CHUNK]),
        ("omega.common.v1.CataloguePack.dimension", [limits.DIMENSION]),
        ("omega.common.v1.CataloguePack.entries", [limits.MAX_CATALOGUE]),
        ("omega.brain.v1.GetRecommendationsRequest.query_text", [limits.MAX_QUERY]),
        ("omega.brain.v1.ObserveEventRequest.event_id", [limits.MAX_SHORT_ID]),
        ("omega.brain.v1.ObserveEventRequest.content_id", [limits.MAX_ID]),
        ("omega.brain.v1.QueryMemoryRequest.query_text", [limits.MAX_QUERY]),
        ("omega.brain.v1.PutProfileRequest.profile", [limits.MAX_PROFILES]),
        ("omega.brain.v1.Profile.max_age_rating", [limits.MAX_AGE]),
        (
            "omega.brain.v1.Profile.blocked_genres",
            [limits.MAX_BLOCKED_GENRES, limits.MAX_SHORT_ID],
        ),
        ("omega.sync.v1.SyncRequest", [limits.MAX_SYNC_REQUEST]),
        ("omega.sync.v1.SyncRequest.sketches", [limits.SKETCH_BYTES, limits.MAX_PUSH_SKETCHES]),
        ("omega.sync.v1.SyncRequest.sigma_hundredths", [limits.MIN_SIGMA, limits.MAX_SIGMA]),
        ("omega.sync.v1.SyncResponse.delta", [limits.MAX_DELTA, limits.MAX_DELTA_RAW]),
        ("omega.sync.v1.GlobalPattern", [limits.MIN_DEVICES]),
        ("omega.sync.v1.GlobalPattern.embedding", [2 * limits.DIMENSION]),
        (
            "omega.constellation.v1.DevicePush.sketches",
            [limits.SKETCH_BYTES, limits.MAX_PUSH_SKETCHES],
        ),
        (
            "omega.constellation.v1.DevicePush.sigma_hundredths",
            [limits.MIN_SIGMA, limits.MAX_SIGMA],
        ),
        ("omega.constellation.v1.GetGlobalStateResponse.delta", [limits.MAX_DELTA]),
        ("omega.constellation.v1.EmbeddedContent.embedding", [2 * limits.DIMENSION]),
    ],
)
def test_a_stated_bound_is_the_one_that_the_code_holds(
    elements: dict[str, Element], name: str, bounds: list[int]
) -> None:
    stated = re.findall(r"\d+(?:,\d{3})*", elements[name].comment)
    assert {f"{bound:,}" for bound in bounds} <= set(stated)


def test_the_years_of_a_title_are_the_ones_that_the_code_holds(
    elements: dict[str, Element],
) -> None:
    least, most = content.YEARS
    assert f"{least} to {most}" in elements["omega.common.v1.Content.year"].comment
