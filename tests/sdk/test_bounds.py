"""Places for strings are as long as the contracts say, and none is guessed."""

from __future__ import annotations

import pytest
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from nanopb_options import UnboundedError, options

TEXT, NUMBER = FieldDescriptorProto.TYPE_STRING, FieldDescriptorProto.TYPE_UINT32
ONE, MANY = FieldDescriptorProto.LABEL_OPTIONAL, FieldDescriptorProto.LABEL_REPEATED
NAME = "omega.test.v1.Answer"


def found(
    comment: str,
    kind: FieldDescriptorProto.Type.ValueType = TEXT,
    label: FieldDescriptorProto.Label.ValueType = ONE,
    way: str = "take",
) -> list[str]:
    """Options of a message with one field of this comment."""
    file = FileDescriptorProto(package="omega.test.v1")
    message = file.message_type.add(name="Answer")
    message.field.add(name="field", type=kind, label=label)
    file.source_code_info.location.add(path=[4, 0, 2, 0], leading_comments=comment)
    return [*options([file], [(way, NAME)])]


@pytest.mark.parametrize(
    ("comment", "bound"),
    [
        (" 1 to 128 characters.\n", "max_length:512"),
        (" Text, at most\n 2,000 characters; empty = none.\n", "max_length:8000"),
        (" 36 characters.\n", "max_length:144"),
        (" 1 to 64 characters of [A-Za-z0-9._:-].\n", "max_length:64"),
    ],
)
def test_a_string_has_room_for_every_character(comment: str, bound: str) -> None:
    assert found(comment) == [f"{NAME}.field {bound}"]


def test_a_list_has_room_for_every_element() -> None:
    several = found(" At most 16 of 1 to 64 characters.\n", label=MANY)
    assert several == [f"{NAME}.field max_count:16 max_length:256"]
    assert found(" At most 3.\n", NUMBER, MANY) == [f"{NAME}.field max_count:3"]
    assert found(" Any.\n", NUMBER) == []


@pytest.mark.parametrize("label", [ONE, MANY])
def test_a_field_without_a_bound_is_an_error(label: FieldDescriptorProto.Label.ValueType) -> None:
    with pytest.raises(UnboundedError, match=rf"{NAME}\.field"):
        found(" As sent.\n", label=label)


def test_what_is_sent_needs_no_bound_and_what_is_not_named_is_left_out() -> None:
    assert found(" As sent.\n", way="send") == [f"{NAME} fallback_type:FT_POINTER"]
    file = FileDescriptorProto(package="omega.test.v1")
    file.message_type.add(name="Answer")
    assert [*options([file], [])] == [f"{NAME} skip_message:true"]
    file.package = "google.protobuf"
    assert [*options([file], [])] == []
