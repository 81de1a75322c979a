from __future__ import annotations

import re

import pytest
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto

from omega_core import content, limits
from omega_testing.contract_comments import Element


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
