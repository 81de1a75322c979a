"""Bounds of what TVs send to the fleet: values on this side of each, and beyond."""

from __future__ import annotations

from omega.common.v1 import resource_pb2
from omega_cli.contract.tables import Bound

_MOST = 2**63 - 1
"""Highest version of anything."""
HELD = resource_pb2.HeldResource(kind=resource_pb2.RESOURCE_KIND_FACTORS, version=1)
"""A resource that a TV may hold."""
_TEXT = ("x", "x" * 64)
_NO_TEXT = ("", "x" * 65, "a\x00b")


def uuid(field: str) -> Bound:
    """A UUID in lower case; the sound request has a good one."""
    other = "0A000000-0000-4000-8000-000000000000"
    return Bound(field, (), ("", "mine", other, other.lower() + "0"))


def word(field: str) -> Bound:
    """At most 64 characters of [A-Za-z0-9._:-]."""
    return Bound(field, ("", "x" * 64), ("x" * 65, "a b", "é"))


REGION = Bound("region", ("", "x" * 16), ("x" * 17, "a_b"))
"""Of whoever states one."""
REGISTRATION = (
    uuid("request_id"),
    word("platform"),
    word("app_version"),
    Bound("enrolment_key", (), ("x" * 257,)),
    REGION,
    Bound("claim", ("",), ("x" * 65, "a.b")),
)
"""Of a registration, its csr apart."""
HOLDINGS = (
    Bound("state_version", (0, _MOST), (_MOST + 1,)),
    Bound("held", ([HELD] * 8,), ([HELD] * 9,)),
    Bound(
        "held",
        (),
        ([resource_pb2.HeldResource(version=1)], [resource_pb2.HeldResource(kind=9)]),  # type: ignore[arg-type]  # no kind
        "held[0].kind",
    ),
    Bound(
        "held",
        ([resource_pb2.HeldResource(kind=HELD.kind, version=_MOST)],),
        ([resource_pb2.HeldResource(kind=HELD.kind, version=_MOST + 1)],),
        "held[0].version",
    ),
    Bound("codec", (0, 1, 2, 3), (4, -1)),
)
"""Of what a TV says that it holds."""
PAGES = (
    Bound("page", (0,), (128,)),
    Bound("wanted_version", (0, _MOST), (_MOST + 1,)),
)
"""Of a pull."""
PUSH = (
    uuid("request_id"),
    Bound("model_version", _TEXT, _NO_TEXT),
    Bound("sigma_hundredths", (0, 50, 6_400), (1, 49, 6_401, 2**32 - 1)),
)
"""Of an exchange or a push, its sketches apart."""
REPORT = (
    Bound("period", (1, 65_535), (0, 65_536)),
    Bound("held", ([HELD] * 8,), ([], [HELD] * 9)),
    Bound("held", (), ([resource_pb2.HeldResource(version=1)],), "held[0].kind"),
    Bound("held", (), ([resource_pb2.HeldResource(kind=HELD.kind)],), "held[0].version"),
    Bound("epsilon_hundredths", (10, 300), (9, 301)),
)
"""Of a report on a release."""
ELEMENT = bytes.fromhex("e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76")
"""An element of ristretto255: its generator (RFC 9496, appendix A.1)."""
TOKENS = (
    uuid("request_id"),
    Bound("blinded", ([ELEMENT], [ELEMENT] * 128), ([], [ELEMENT] * 129)),
    Bound("blinded", (), ([ELEMENT[:-1]], [ELEMENT + b"x"]), "blinded[0]"),
)
"""Of a question for tokens."""
BODY = (
    Bound("kind", (1, 2, 3), (0, 9)),
    Bound("version", (_MOST,), (0, _MOST + 1)),
    Bound("offset", (0, 67_108_864), (67_108_865,)),
    Bound("base_version", (0,), (_MOST + 1,)),
    Bound("base_sha256", (b"",), (b"x" * 32, b"x" * 31)),
)
"""Of a question for a body."""
