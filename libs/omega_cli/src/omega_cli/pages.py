"""Lists that come page by page."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

from omega.constellation.v1 import admin_pb2, release_pb2
from omega.federation.v1 import federation_service_pb2 as federation
from omega_cli.output import Column, Record, record_of, show
from omega_client import AdminClient
from omega_core.errors import invalid

PAGE = 1_000
"""Records a call."""


def add_limit(parser: argparse.ArgumentParser, usual: int) -> None:
    """Adds --limit."""
    parser.add_argument(
        "--limit", type=int, default=usual, help="most to list; 0 = all (%(default)s)"
    )


def size_of(arguments: argparse.Namespace) -> int:
    """Records a call that suffice for --limit, and to see whether there are more.

    Raises:
        OmegaError: INVALID_FIELD --limit.
    """
    if arguments.limit < 0:
        raise invalid("--limit", "0 or more")
    return min(arguments.limit + 1, PAGE) if arguments.limit else PAGE


def _limited(arguments: argparse.Namespace, found: Iterator[Any]) -> tuple[list[Record], bool]:
    """The first --limit messages as records, and whether there are more."""
    records = [record_of(each) for each in islice(found, arguments.limit or None)]
    return records, bool(arguments.limit) and next(found, None) is not None


def show_limited(
    arguments: argparse.Namespace,
    name: str,
    columns: Sequence[Column],
    found: Iterator[Any],
    which: str = "newest",
) -> None:
    """Shows the first --limit messages, and says where there are more."""
    records, more = _limited(arguments, found)
    caption = f"the {which} {len(records):,}; --limit 0 lists all" if more else ""
    show(arguments, name, records, columns, caption=caption, more={"more": more})


def devices(
    client: AdminClient, request: admin_pb2.ListDevicesRequest
) -> Iterator[admin_pb2.DeviceRecord]:
    """Devices by id, in pages of the request's size."""
    return _forwards(client.list_devices, request, "devices")


def contents(client: AdminClient) -> Iterator[Any]:
    """Titles by ordinal."""
    return _forwards(
        client.list_contents, admin_pb2.ListContentsRequest(page_size=PAGE), "contents"
    )


def rounds(client: AdminClient, size: int) -> Iterator[federation.Round]:
    """Records of rounds, newest first."""
    return _backwards(lambda before: client.list_rounds(size, before), "rounds", "round_id")


def audit(client: AdminClient, size: int) -> Iterator[admin_pb2.AuditEntry]:
    """What operators did, newest first."""
    return _backwards(lambda before: client.list_audit(size, before), "entries", "entry_id")


def releases(client: AdminClient, size: int) -> Iterator[release_pb2.Release]:
    """Releases, newest first."""
    return _backwards(
        lambda before: client.list_releases(size, before=before), "releases", "release_id"
    )


def _backwards(ask: Callable[[int], Any], rows: str, key: str) -> Iterator[Any]:
    """The rows of answers, each page of which begins before the last number of the one before."""
    before, more = 0, True
    while more:
        answer = ask(before)
        found = getattr(answer, rows)
        yield from found
        more = answer.more
        before = getattr(found[-1], key) if found else before


def _forwards(ask: Callable[[Any], Any], request: Any, rows: str) -> Iterator[Any]:
    """The rows of answers, each of which names where the next page begins."""
    while True:
        answer = ask(request)
        yield from getattr(answer, rows)
        request.page_token = answer.next_page_token
        if not request.page_token:
            return
