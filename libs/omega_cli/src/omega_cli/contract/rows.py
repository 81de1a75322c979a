"""What the suite is made of: rows, each one call and what must become of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isclose
from typing import Any

from google.protobuf.message import Message

SECONDS = 60.0
"""Deadline of a call whose row states none."""


@dataclass(frozen=True)
class Outcome:
    """What became of a call."""

    status: str
    """gRPC status, "INVALID_ARGUMENT"."""
    reason: str = ""
    """Of the ErrorInfo, "INVALID_FIELD"; empty = there was none."""
    field: str = ""
    """The field that it names, or empty."""
    bound: str = ""
    """What that field must be, or empty."""
    request_id: str = ""
    """The id of the call that it names, or empty."""
    retry_after: float = 0.0
    """Seconds of the RetryInfo; 0 = there was none."""
    answers: tuple[Any, ...] = ()
    """The messages that came before the end."""
    raw: tuple[bytes, ...] = ()
    """The same as they came."""
    explained: bool = True
    """Whether the client tells more of a refusal than its status."""
    left_out: str = ""
    """Why another client made the call; empty = the one that is tried did."""


@dataclass(frozen=True)
class Wanted:
    """What must become of a call."""

    status: str = "OK"
    """gRPC status; several that are as good are joined by "/"."""
    field: str = ""
    """Field that the ErrorInfo names, with what it must be; empty = whichever."""
    reason: str = ""
    """Reason of the ErrorInfo; empty = whichever."""

    def __str__(self) -> str:
        return " ".join(filter(None, (self.status, self.reason, self.field)))

    def complaint(self, found: Outcome) -> str:
        """What does not hold; empty = all of it does."""
        if found.status not in self.status.split("/"):
            return f"not {self.status}"
        if not found.explained:
            return ""
        if self.reason and found.reason != self.reason:
            return f"reason {found.reason or 'absent'}"
        if self.field and found.field != self.field:
            return f"field {found.field or 'absent'}"
        if self.reason == "INVALID_FIELD" and not found.bound:
            return "no bound"
        return ""


OK = Wanted()


def refused(name: str) -> Wanted:
    """A breach of a bound, as docs/contracts.md says: with field and bound."""
    return Wanted("INVALID_ARGUMENT", name, "INVALID_FIELD")


def not_found(name: str) -> Wanted:
    """Something that is named and not there."""
    return Wanted("NOT_FOUND", name)


FRESH, STOCKED, ALONE = "fresh", "stocked", "alone"
CERTIFIED, UNUSED = "certified", "unused"
NEEDS = {
    FRESH: "the server has data of its own",
    STOCKED: "the server has no titles",
    ALONE: "the server is one of several shards",
    CERTIFIED: "no --mtls-address is given",
    UNUSED: "the server has a round on record",
}
"""What a server may have to be for a row -> why the row is left out where it is not."""
Kept = Mapping[str, Any]
"""Answers of earlier rows by the names under which they were kept."""
Messages = Sequence[Message]


@dataclass(frozen=True)
class How:
    """How a call is made, where it is not in the plainest way."""

    deadline: float | None = SECONDS
    """Seconds that client and server know of; None = neither."""
    told: str = ""
    """Deadline that the server alone is told, in gRPC's form, such as "300m"; empty = none."""
    metadata: tuple[tuple[str, str], ...] = ()
    """Besides the credentials."""
    take: int = 0
    """Hang up after so many answers, which is as good as OK; 0 = read to the end."""
    together: int = 1
    """Calls that are opened side by side; what became of the first that was refused counts."""
    despite: tuple[str, ...] = ()
    """Statuses of those calls after which the next is opened all the same, as after OK."""
    hold: bool = False
    """Keep the client's side open until the end, where the method streams requests."""
    wire: Callable[[Message], bytes] | None = None
    """Makes the bytes that are sent of a message, which no client would make of it; None = those
    that any client makes."""


@dataclass(frozen=True)
class Row:
    """One call, and what must become of it."""

    rpc: str
    """Name of the method, "Sync"."""
    case: str
    """What is tried, for people; once for a method."""
    messages: Messages
    """What is sent."""
    wanted: Wanted = OK
    """What must become of it."""
    how: How = field(default_factory=How)
    """How it is called."""
    check: Callable[[Outcome], str] = field(default=lambda _: "")
    """What else must hold of the outcome: says what does not; empty = all of it does."""
    made: Callable[[Kept], Messages] | None = None
    """Makes of earlier answers what is sent in place of `messages`; None = they are sent."""
    keep: str = ""
    """Name under which the first answer is kept for later rows; empty = it is not."""
    needs: str = ""
    """What the server must be, one of NEEDS, for the row to be tried; empty = anything."""
    who: str = "device"
    """Whose credentials are shown, where the service asks for some; empty = nobody's."""


def has(**fields: object) -> Callable[[Outcome], str]:
    """A check that fields of the first answer are these; numbers to six digits."""

    def check(found: Outcome) -> str:
        for name, wanted in fields.items():
            value = getattr(found.answers[0], name)
            near = isinstance(wanted, float) and isclose(value, wanted, abs_tol=1e-6)
            if not near and value != wanted:
                return f"{name} is {value}, not {wanted}"
        return ""

    return check


def names(
    path: str, complaint: str, holds: Callable[[list[str]], bool]
) -> Callable[[Outcome], str]:
    """A check of what the items of the first answer are called: `path` is "profiles.profile_id"."""
    items, name = path.split(".")

    def check(found: Outcome) -> str:
        listed = [getattr(each, name) for each in getattr(found.answers[0], items)]
        return "" if holds(listed) else complaint

    return check


def echoed(wanted: str) -> Callable[[Outcome], str]:
    """A check that a refusal names the call's id."""
    return lambda found: "" if found.request_id == wanted else "x-request-id does not come back"
