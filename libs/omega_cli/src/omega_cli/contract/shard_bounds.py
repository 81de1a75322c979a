"""Bounds of what gateways, operators and other shards send: values on this side, and beyond."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from google.protobuf.duration_pb2 import Duration

from omega.constellation.v1 import directory_pb2
from omega_cli.contract import brain_bounds
from omega_cli.contract.sync_bounds import HOLDINGS, PUSH, REGION, REPORT, TOKENS, uuid, word
from omega_cli.contract.tables import Bound

_MOST = 2**63 - 1
"""Highest version of anything."""
_IDS = ("mine", "tv-" + "g" * 32, "tv-" + "0" * 31, "TV-" + "0" * 32)
_DAY = 86_400
DEVICE = Bound("device_id", (), ("", *_IDS))
"""A device that is named."""
_REGION_BELOW = (word("platform"), word("app_version"), REGION)
REGISTRATION = (
    uuid("request_id"),
    *_REGION_BELOW,
    Bound("key_sha256", (), (b"x" * 31, b"x" * 33)),
    Bound("claim", ("",), ("x" * 65, "a.b")),
    Bound("csr", (b"",), (b"x", b"x" * 2_049)),
    Bound("device_id", ("",), _IDS),
)
"""Of a registration."""
PUSHED = (
    DEVICE,
    *PUSH,
    Bound("sketches", (), (b"x" * 47, b"x" * 49, b"x" * 48 * 21)),
    Bound("classes", (), (b"", b"\0\0", b"\x20")),
    *(
        replace(
            each, field=f"report.{each.field}", named=f"report.{each.named}" if each.named else ""
        )
        for each in REPORT
    ),
)
"""Of one device's push, which has one sketch and a report."""
STATE = (
    Bound("device_id", ("",), _IDS),
    *HOLDINGS,
    Bound("page", (0,), (128,)),
    Bound("wanted_version", (0, _MOST), (_MOST + 1,)),
    REGION,
)
"""Of a question for news."""
ISSUED = (DEVICE, *TOKENS)
"""Of a device's question for tokens."""
HEADS = (Bound("revocations_after", (0, _MOST), (_MOST + 1,)),)
"""Of a question for the newest versions."""
_HALF = np.float16(1 / np.sqrt(384))
UNIT = np.full(384, _HALF, "<f2").tobytes()
"""A unit vector."""
EMBEDDED = (
    *(
        replace(
            each,
            field=f"content.{each.field}",
            named=f"content.{each.named}" if each.named else "",
            good=(),
        )
        for each in brain_bounds.CONTENT
    ),
    Bound(
        "embedding",
        (),
        (b"", UNIT[2:], UNIT + b"\0\0", bytes(768), np.full(384, np.nan, "<f2").tobytes()),
    ),
)
"""Of a title with its vector; nothing within, because it would be stored."""
STATUS = (Bound("max_devices", (0, 1_000), (1_001,)),)
"""Of a question for the shard's figures."""
ADOPTION = (
    Bound("from_shard", ("x", "x" * 63), ("", "x" * 64, "A", "a.b")),
    Bound("directory_version", (_MOST,), (0, _MOST + 1)),
)
"""Of devices that move."""
MOVED = (
    DEVICE,
    uuid("request_id"),
    *_REGION_BELOW,
    Bound("key_sha256", (b"", b"x" * 32), (b"x" * 31, b"x" * 33)),
    Bound(
        "pushes",
        ([],),
        ([directory_pb2.MovedPush()] * 100_001,),
    ),
    Bound(
        "certificates",
        ([],),
        ([directory_pb2.MovedCertificate(serial=b"x")] * 65,),
    ),
    Bound("tokens", ([],), ([directory_pb2.MovedTokens()] * 100_001,)),
    Bound("certificates[0].serial", (b"x", b"x" * 20), (b"", b"x" * 21)),
)
"""Of one of them, which has one certificate, one push and a call for tokens."""
MOVED_PUSH = (
    uuid("request_id"),
    *PUSH[1:],
    Bound("sketches", (), (b"x" * 47, b"x" * 48 * 21)),
    Bound("classes", (), (b"", b"\x20")),
)
"""Of its push, which has one sketch."""
MOVED_TOKENS = (
    uuid("request_id"),
    Bound("tokens", (1, 128), (0, 129)),
    Bound("blinded_sha256", (), (b"", b"x" * 31, b"x" * 33)),
)
"""Of the tokens that it had by one call."""
CLAIM = (Bound("claim", ("x" * 64,), ("", "x" * 65, "a.b")), DEVICE)
"""Of a claim that is spent."""
CLAIMS = (
    Bound("count", (1,), (0, 1_001)),
    Bound(
        "valid_for",
        (Duration(seconds=60),),
        (Duration(seconds=59), Duration(seconds=366 * _DAY + 1), Duration(seconds=-1)),
    ),
)
"""Of claims that are made; those that are last for a minute."""
SHARD = Bound("shard", ("",), ("x" * 64, "A", "a.b"))
"""A shard that is asked for."""
STATS = (SHARD, Bound("minutes", (0, 1_440), (1_441,)))
"""Of a question for figures."""
_SIZE = Bound("page_size", (0, 1, 1_000), (1_001, 2**32 - 1))
_TOKEN = Bound("page_token", ("",), ("mine", "x" * 257))
DEVICES = (SHARD, _SIZE, _TOKEN, REGION, Bound("filter", (0, 2), (3, -1)))
"""Of a listing of devices."""
CONTENTS = (_SIZE, _TOKEN, Bound("title_prefix", ("", "x" * 64), ("x" * 65,)))
"""Of a listing of titles."""
TRENDS = (REGION,)
"""Of a question for trends."""


def listing(before: str) -> tuple[Bound, ...]:
    """Of a listing from the newest on."""
    return (_SIZE, Bound(before, (0, _MOST), (_MOST + 1,)))


def entry() -> directory_pb2.ShardEntry:
    """A shard that is not the one which is asked."""
    return directory_pb2.ShardEntry(
        shard="contract-elsewhere",
        target="contract.invalid:1",
        state=directory_pb2.SHARD_STATE_ACTIVE,
    )


_NAMED = ("", "x" * 64, "A", "a.b")
DIRECTORY = (
    Bound("version", (1, _MOST), (_MOST + 1,)),
    Bound("home", (), ("", "x" * 64, "A")),
    Bound("shards", ([entry()],), ([], [entry()] * 1_001)),
    Bound("shards[0].shard", (), _NAMED),
    Bound("shards[0].region", ("", "x" * 16), ("x" * 17, "a_b")),
    Bound("shards[0].target", ("x" * 253 + ":1",), ("", "x" * 256)),
    Bound("shards[0].split_of", ("",), ("x" * 64, "A")),
)
"""Of a directory of one shard."""
