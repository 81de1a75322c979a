"""Pydantic models and JSON of the contracts' messages, made from their descriptors.

JSON follows the descriptors: names as in the contracts, instants in RFC 3339, integers as numbers
(counts stay far below 2^53), enums by their name without prefix in lower case, bytes in Base64,
durations as whole seconds under NAME_seconds, and null for what is absent.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any, Literal

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, create_model

from omega_console.api import descriptions
from omega_console.api.bounds import BOUNDS, Bound

_TIMESTAMP = "google.protobuf.Timestamp"
_DURATION = "google.protobuf.Duration"
_SCALARS: Mapping[int, Any] = {
    FieldDescriptor.CPPTYPE_BOOL: bool,
    FieldDescriptor.CPPTYPE_DOUBLE: float,
    FieldDescriptor.CPPTYPE_FLOAT: float,
    FieldDescriptor.CPPTYPE_STRING: str,
    FieldDescriptor.CPPTYPE_INT32: int,
    FieldDescriptor.CPPTYPE_INT64: int,
    FieldDescriptor.CPPTYPE_UINT32: Annotated[int, Field(ge=0)],
    FieldDescriptor.CPPTYPE_UINT64: Annotated[int, Field(ge=0)],
}
_DIGITS = re.compile(r"-?[0-9]+\Z")


@cache
def answer_model(descriptor: Descriptor) -> type[BaseModel]:
    """The model of a message that answers; every field is there, absent ones as null."""
    fields: dict[str, Any] = {
        field.name: (_answer_type(field), Field(description=_text(descriptor, field)))
        for field in descriptor.fields
    }
    return create_model(
        descriptor.name,
        __config__=ConfigDict(extra="forbid"),
        __doc__=descriptions.of_message(descriptor) or None,
        **fields,
    )


@cache
def request_model(
    descriptor: Descriptor, left_out: frozenset[str], *, query: bool
) -> type[BaseModel] | None:
    """The model of a request without some of its fields; None where no field is left.

    Args:
        descriptor: of the request.
        left_out: names of fields that stand elsewhere, such as in the path.
        query: it comes as a query and not as a JSON body.
    """
    fields: dict[str, Any] = {}
    for field in descriptor.fields:
        name = field.name + ("_seconds" if _is(field, _DURATION) else "")
        if field.name not in left_out:
            default = ... if BOUNDS.get(name, Bound()).needed else _default(field)
            kind = request_type(field, name, query=query)
            hide = without_default if name == "request_id" else None
            fields[name] = (
                kind,
                Field(default, description=_text(descriptor, field), json_schema_extra=hide),
            )
    if not fields:
        return None
    return create_model(
        f"{descriptor.name}{'Query' if query else 'Body'}",
        __config__=ConfigDict(extra="forbid", strict=not query),
        __doc__=descriptions.of_message(descriptor) or None,
        **fields,
    )


def without_default(schema: dict[str, Any]) -> None:
    """Takes a default out of a schema that stands for absence, and would break the pattern."""
    schema.pop("default", None)


def request_type(field: FieldDescriptor, name: str, *, query: bool) -> Any:
    """The type of a field of a request, with its bounds."""
    if field.enum_type is not None:
        return Literal[tuple(words(field.enum_type))]
    if _is(field, _DURATION):
        return _bounded(int, BOUNDS[name], query=query)
    return _bounded(
        {
            FieldDescriptor.CPPTYPE_BOOL: bool,
            FieldDescriptor.CPPTYPE_STRING: str,
        }.get(field.cpp_type, int),
        BOUNDS[name],
        query=query,
    )


def _bounded(kind: Any, bound: Bound, *, query: bool) -> Any:
    if kind is bool:
        return bool
    if kind is str:
        return Annotated[str, Field(pattern=bound.pattern)]
    number = Annotated[int, Field(ge=bound.least, le=bound.most)]
    return Annotated[number, BeforeValidator(_whole if query else _integral)]


def _whole(value: object) -> object:
    """Keeps out what Python takes for a whole number and others do not, such as "1_0" and "1.0"."""
    if isinstance(value, str) and not _DIGITS.match(value):
        raise ValueError("a whole number")
    return value


def _integral(value: object) -> object:
    """Takes 1.0 for 1, as JSON Schema does."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def to_json(message: Message) -> dict[str, Any]:
    """A message in the form of its answer_model, instants as datetime."""
    return {field.name: _value(message, field) for field in message.DESCRIPTOR.fields}


def to_message(descriptor: Descriptor, values: Mapping[str, Any]) -> Message:
    """A request of what its request_model took, path and query together."""
    message = GetMessageClass(descriptor)()
    for field in descriptor.fields:
        if _is(field, _DURATION):
            if (seconds := values.get(f"{field.name}_seconds")) is not None:
                getattr(message, field.name).FromSeconds(seconds)
        elif field.name in values:
            value = values[field.name]
            enum = field.enum_type
            setattr(message, field.name, _number(enum, value) if enum else value)
    return message


@cache
def words(enum: EnumDescriptor) -> list[str]:
    """Names of an enum's values without what they all begin with, in lower case."""
    prefix = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", enum.name).upper() + "_"
    return [value.name.removeprefix(prefix).lower() for value in enum.values]


def _number(enum: EnumDescriptor, word: str) -> int:
    return int(enum.values[words(enum).index(word)].number)


def _word(enum: EnumDescriptor, number: int) -> str:
    numbers = [value.number for value in enum.values]
    return words(enum)[numbers.index(number)] if number in numbers else words(enum)[0]


def _answer_type(field: FieldDescriptor) -> Any:
    kind: Any
    if _is(field, _TIMESTAMP):
        kind = datetime
    elif field.message_type is not None:
        kind = answer_model(field.message_type)
    elif field.enum_type is not None:
        kind = Literal[tuple(words(field.enum_type))]
    elif field.type == FieldDescriptor.TYPE_BYTES:
        kind = Annotated[str, Field(json_schema_extra={"contentEncoding": "base64"})]
    else:
        kind = _SCALARS[field.cpp_type]
    if field.is_repeated:
        return list[kind]
    return kind | None if field.has_presence else kind


def _value(message: Message, field: Any) -> Any:
    value = getattr(message, field.name)
    if field.is_repeated:
        return [_single(field, each) for each in value]
    if field.has_presence and not message.HasField(field.name):
        return None
    return _single(field, value)


def _single(field: FieldDescriptor, value: Any) -> Any:
    if _is(field, _TIMESTAMP):
        return value.ToDatetime(UTC)
    if field.message_type is not None:
        return to_json(value)
    if field.enum_type is not None:
        return _word(field.enum_type, value)
    if field.type == FieldDescriptor.TYPE_BYTES:
        return base64.b64encode(value).decode("ascii")
    return value


def _default(field: FieldDescriptor) -> Any:
    return words(field.enum_type)[0] if field.enum_type is not None else field.default_value


def _is(field: FieldDescriptor, message: str) -> bool:
    return field.message_type is not None and field.message_type.full_name == message


def _text(descriptor: Descriptor, field: FieldDescriptor) -> str | None:
    return descriptions.of_field(descriptor, field.name) or None
