"""Writes nanopb's options: how long each string that the C library takes in can be, by proto/.

Usage: nanopb_options.py DESCRIPTORS CONF

DESCRIPTORS is a FileDescriptorSet with comments, CONF the list of messages; the options go to
standard output. A field without a bound in its comment is an error: state it in the contract.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
)

_LENGTH = re.compile(r"(?:\d[\d,]* to |[Aa]t most )?(\d[\d,]*) characters")
_COUNT = re.compile(r"[Aa]t most (\d[\d,]*)(?! characters)\b")
_MESSAGES, _FIELDS = 4, 2
"""Numbers of message_type in FileDescriptorProto and of field in DescriptorProto."""
_CHARACTER = 4
"""Most bytes of a character in UTF-8."""
_ASCII = "[A-Za-z"
"""How the contracts begin a set of characters of one byte each."""


class UnboundedError(ValueError):
    """The comment of a field states no bound."""


def main() -> int:
    """Prints the options."""
    descriptors, conf = map(Path, sys.argv[1:])
    files = FileDescriptorSet.FromString(descriptors.read_bytes()).file
    listed = [
        (words[0], words[1])
        for words in map(str.split, conf.read_text("utf-8").splitlines())
        if words and words[0] != "#"
    ]
    try:
        print("\n".join(options(files, listed)))
    except UnboundedError as unbounded:
        print(f"{unbounded}: its comment states no bound", file=sys.stderr)
        return 1
    return 0


def options(files: Iterable[FileDescriptorProto], listed: list[tuple[str, str]]) -> Iterator[str]:
    """A line of nanopb's a message or field; messages that are not listed are left out.

    Raises:
        UnboundedError: the name of a field to take in without a bound.
    """
    how = {name: way for way, name in listed}
    for file in files:
        if not file.package.startswith("omega."):
            continue
        for place, message in enumerate(file.message_type):
            name = f"{file.package}.{message.name}"
            if name not in how:
                yield f"{name} skip_message:true"
            elif how[name] == "send":
                yield f"{name} fallback_type:FT_POINTER"
            else:
                yield from _bounds(name, message, _comments(file, place), how)
    for name, way in how.items():
        if way == "each":
            yield f"{name} type:FT_CALLBACK"
        elif way == "pass":
            yield f"{name} type:FT_IGNORE"


def _bounds(
    name: str, message: DescriptorProto, comments: dict[int, str], how: dict[str, str]
) -> Iterator[str]:
    """Bounds of the fields of a message that is taken in."""
    for place, field in enumerate(message.field):
        if f"{name}.{field.name}" in how:
            continue
        bound, said = [], comments.get(place, "")
        if field.label == FieldDescriptorProto.LABEL_REPEATED:
            bound.append(f"max_count:{_number(_COUNT, said, f'{name}.{field.name}')}")
        if field.type == FieldDescriptorProto.TYPE_STRING:
            length = _number(_LENGTH, said, f"{name}.{field.name}")
            bound.append(f"max_length:{length * (1 if _ASCII in said else _CHARACTER)}")
        if bound:
            yield f"{name}.{field.name} {' '.join(bound)}"


def _number(pattern: re.Pattern[str], said: str, name: str) -> int:
    found = pattern.search(said)
    if found is None:
        raise UnboundedError(name)
    return int(found[1].replace(",", ""))


def _comments(file: FileDescriptorProto, message: int) -> dict[int, str]:
    """Comments of a message's fields by their place, each on one line."""
    return {
        location.path[3]: " ".join(location.leading_comments.split())
        for location in file.source_code_info.location
        if len(location.path) == 4  # noqa: PLR2004 - message_type, its place, field, its place
        and location.path[0] == _MESSAGES
        and location.path[1] == message
        and location.path[2] == _FIELDS
    }


if __name__ == "__main__":
    sys.exit(main())
