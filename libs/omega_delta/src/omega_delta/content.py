"""Titles between their domain form and omega.common.v1.Content."""

from __future__ import annotations

from enum import IntEnum
from typing import TypeVar, cast

from omega.common.v1 import content_pb2
from omega_core.content import Availability, Content, ContentKind, Provider, check_content
from omega_core.errors import invalid

E = TypeVar("E", bound=IntEnum)


def content_to_proto(content: Content) -> content_pb2.Content:
    """The wire form of a title. The title is trusted to be within its bounds."""
    return content_pb2.Content(
        content_id=content.content_id,
        title=content.title,
        kind=cast("content_pb2.ContentKind.ValueType", int(content.kind)),
        genres=content.genres,
        year=content.year,
        country=content.country,
        description=content.description,
        providers=[
            content_pb2.Provider(
                provider_id=p.provider_id,
                name=p.name,
                availability=cast("content_pb2.Availability.ValueType", int(p.availability)),
            )
            for p in content.providers
        ],
        minimum_age=content.minimum_age,
    )


def content_from_proto(message: content_pb2.Content, name: str = "content") -> Content:
    """The title of a message, held to its bounds.

    Args:
        message: as received.
        name: the field it came in, such as "contents[3]".

    Raises:
        OmegaError: INVALID_FIELD that names the field below `name` and its bound.
    """
    providers = tuple(
        Provider(
            provider_id=p.provider_id,
            name=p.name,
            availability=_stated(
                f"{name}.providers[{i}].availability", Availability, p.availability
            ),
        )
        for i, p in enumerate(message.providers)
    )
    content = Content(
        content_id=message.content_id,
        title=message.title,
        kind=_stated(f"{name}.kind", ContentKind, message.kind),
        genres=tuple(message.genres),
        year=message.year,
        country=message.country,
        description=message.description,
        providers=providers,
        minimum_age=message.minimum_age if message.HasField("minimum_age") else None,
    )
    return check_content(content, name)


def _stated(field: str, kind: type[E], value: int) -> E:
    try:
        return kind(value)
    except ValueError:
        names = ", ".join(f"{m.value} ({m.name.lower()})" for m in kind)
        raise invalid(field, f"one of {names}") from None
