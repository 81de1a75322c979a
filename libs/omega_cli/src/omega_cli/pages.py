"""Lists that come page by page."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from itertools import islice
from typing import Any

from omega.constellation.v1 import admin_pb2, release_pb2
from omega.federation.v1 import federation_service_pb2 as federation
from omega_cli.output import Record, record_of
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


def limited(arguments: argparse.Namespace, found: Iterator[Any]) -> tuple[list[Record], bool]:
    """The first --limit messages as records, and whether there are more."""
    records = [record_of(each) for each in islice(found, arguments.limit or None)]
    return records, bool(arguments.limit) and next(found, None) is not None


def devices(
    client: AdminClient, request: admin_pb2.ListDevicesRequest
) -> Iterator[admin_pb2.DeviceRecord]:
    """Devices by id, in pages of the request's size."""
    while True:
        answer = client.list_devices(request)
        yield from answer.devices
        request.page_token = answer.next_page_token
        if not request.page_token:
            return


def contents(client: AdminClient) -> Iterator[Any]:
    """Titles by ordinal."""
    request = admin_pb2.ListContentsRequest(page_size=PAGE)
    while True:
        answer = client.list_contents(request)
        yield from answer.contents
        request.page_token = answer.next_page_token
        if not request.page_token:
            return


def rounds(client: AdminClient, size: int) -> Iterator[federation.Round]:
    """Records of rounds, newest first."""
    before, more = 0, True
    while more:
        answer = client.list_rounds(size, before)
        yield from answer.rounds
        more = answer.more
        before = answer.rounds[-1].round_id if answer.rounds else before


def audit(client: AdminClient, size: int) -> Iterator[admin_pb2.AuditEntry]:
    """What operators did, newest first."""
    before, more = 0, True
    while more:
        answer = client.list_audit(size, before)
        yield from answer.entries
        more = answer.more
        before = answer.entries[-1].entry_id if answer.entries else before


def releases(client: AdminClient, size: int) -> Iterator[release_pb2.Release]:
    """Releases, newest first."""
    before, more = 0, True
    while more:
        answer = client.list_releases(size, before=before)
        yield from answer.releases
        more = answer.more
        before = answer.releases[-1].release_id if answer.releases else before
