"""Calls of the suite: messages out, and whatever comes back as an outcome."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import grpc
from google.protobuf import message_factory
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import DecodeError, Message

from omega_cli.contract.clients.orders import CannotError, Client, Ended, Order, Target
from omega_cli.contract.rows import SECONDS, How, Messages, Outcome
from omega_client.errors import ServiceError, explained

_LATEST = 5.0
"""Seconds after which a server that was told of a far shorter deadline has not heard it."""
_NAMES = {each.value[0]: each.name for each in grpc.StatusCode}
_UNKNOWN = grpc.StatusCode.UNKNOWN.name


class Credentials(NamedTuple):
    """By what a caller is known."""

    metadata: tuple[tuple[str, str], ...] = ()
    """Sent along."""
    target: Target | None = None
    """Where a certificate is shown; None = none is."""


Shown = Callable[[], Credentials]
"""Makes credentials; each call needs its own."""


def nobody() -> Credentials:
    """Shows nothing."""
    return Credentials()


@dataclass(frozen=True)
class Line:
    """The methods of one service, as a client calls them."""

    client: Client
    """Makes the calls of rows."""
    spare: Client
    """Makes those that the client has no way to make, because later rows speak of what earlier
    ones left behind, and those that no row asks for."""
    target: Target
    """The server."""
    service: ServiceDescriptor
    """Whose methods are called."""

    def call(self, rpc: str, messages: Messages, how: How, shown: Shown = nobody) -> Outcome:
        """Makes one call, or as many as `how` says side by side; returns what became of it."""
        method = self.service.methods_by_name[rpc]
        try:
            return self._call(self.client, method, messages, how, shown)
        except CannotError as why:
            found = self._call(self.spare, method, messages, how, shown)
            return replace(found, left_out=str(why))

    def ask(self, rpc: str, message: Message, shown: Shown = nobody) -> Any:
        """The answer of a method that must give one.

        Raises:
            ServiceError: it does not.
        """
        method = self.service.methods_by_name[rpc]
        found = self._call(self.spare, method, (message,), How(), shown)
        if found.status != "OK":
            raise ServiceError(
                found.status,
                reason=found.reason,
                field=found.field,
                bound=found.bound,
                message=f"{rpc} does not answer {self.service.full_name}",
            )
        return found.answers[0]

    def _call(
        self,
        client: Client,
        method: MethodDescriptor,
        messages: Messages,
        how: How,
        shown: Shown,
    ) -> Outcome:
        try:
            for _ in range(how.together):
                order = self._order(method, messages, how, shown())
                found = _outcome(method, client.call(order))
                if found.status not in {"OK", *how.despite}:
                    break
            return found
        finally:
            client.release()

    def _order(
        self, method: MethodDescriptor, messages: Messages, how: How, shown: Credentials
    ) -> Order:
        told = (("grpc-timeout", how.told),) if how.told else ()
        return Order(
            shown.target or self.target,
            f"/{self.service.full_name}/{method.name}",
            (method.client_streaming, method.server_streaming),
            tuple(map(how.wire or _plain, messages)),
            how.wire is not None,
            how.deadline,
            (*shown.metadata, *how.metadata, *told),
            how.take,
            how.hold,
            _LATEST if how.told else SECONDS,
        )


def _plain(message: Message) -> bytes:
    return message.SerializeToString()


def _outcome(method: MethodDescriptor, ended: Ended) -> Outcome:
    if ended.code:
        return _refused(ended)
    made: type[Message] = message_factory.GetMessageClass(method.output_type)
    try:
        answers = tuple(made.FromString(data) for data in ended.raw)
        read = tuple(made.FromString(data) for data in ended.read)
    except DecodeError:
        return Outcome("an answer that is no message")
    if ended.read != ended.raw and read != answers:
        return Outcome("an answer that the client reads otherwise")
    if answers and "refusal" in method.output_type.fields_by_name:
        return _refused_on_stream(answers, ended.raw)
    if len(answers) != 1 and not (answers and method.server_streaming):
        return Outcome(f"{len(answers)} answers")
    return Outcome("OK", answers=answers, raw=ended.raw)


def _refused(ended: Ended) -> Outcome:
    status = _NAMES.get(ended.code, _UNKNOWN)
    if ended.details is None:
        return Outcome(status, explained=False)
    info, retry = explained(ended.details)
    return Outcome(
        status,
        info.reason,
        info.metadata.get("field", ""),
        info.metadata.get("bound", ""),
        info.metadata.get("request_id", ""),
        max(0.0, retry.retry_delay.ToMilliseconds() / 1_000),
    )


def _refused_on_stream(answers: tuple[Any, ...], raw: tuple[bytes, ...]) -> Outcome:
    """What a stream that goes on after a refusal says, in the words of a call that ends by one."""
    if not answers[0].HasField("refusal"):
        return Outcome("OK", answers=answers, raw=raw)
    said = answers[0].refusal
    return Outcome(
        _NAMES.get(said.status, _UNKNOWN),
        said.reason,
        said.field,
        said.bound,
        retry_after=said.retry_after.ToMilliseconds() / 1_000,
        answers=answers,
        raw=raw,
    )
