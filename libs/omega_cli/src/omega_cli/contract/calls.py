"""Calls of the suite: bytes out, and whatever comes back as an outcome."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import grpc
from google.protobuf import message_factory
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import DecodeError, Message

from omega_cli.contract.rows import SECONDS, How, Messages, Outcome
from omega_client.errors import ServiceError, service_error

_LATEST = 5.0
"""Seconds after which a server that was told of a far shorter deadline has not heard it."""
Shown = Callable[[], tuple[tuple[str, str], ...]]
"""Makes the metadata by which a caller is known; each call needs its own."""


def nobody() -> tuple[tuple[str, str], ...]:
    """Shows nothing."""
    return ()


class Line:
    """The methods of one service.

    On the wire one message is a stream of one, so that one form serves every method.

    Args:
        channel: to the server; repeats nothing by itself.
        service: whose methods are called.
    """

    def __init__(self, channel: grpc.Channel, service: ServiceDescriptor) -> None:
        self._channel = channel
        self._service = service

    def call(self, rpc: str, messages: Messages, how: How, shown: Shown = nobody) -> Outcome:
        """Makes one call, or as many as `how` says side by side; returns what became of it."""
        method = self._service.methods_by_name[rpc]
        opened: list[Any] = []
        ended = threading.Event()
        try:
            for _ in range(how.together):
                opened.append(self._open(method, messages, how, shown(), ended))
                found = _read(method, opened[-1], how)
                if found.status not in {"OK", *how.despite}:
                    break
            return found
        finally:
            ended.set()
            for call in opened:
                call.cancel()

    def ask(self, rpc: str, message: Message, shown: Shown = nobody) -> Any:
        """The answer of a method that must give one.

        Raises:
            ServiceError: it does not.
        """
        found = self.call(rpc, (message,), How(), shown)
        if found.status != "OK":
            raise ServiceError(
                found.status,
                reason=found.reason,
                field=found.field,
                bound=found.bound,
                message=f"{rpc} does not answer {self._service.full_name}",
            )
        return found.answers[0]

    def _open(
        self,
        method: MethodDescriptor,
        messages: Messages,
        how: How,
        shown: tuple[tuple[str, str], ...],
        ended: threading.Event,
    ) -> Any:
        def sent() -> Iterator[bytes]:
            yield from map(how.wire, messages)
            if how.hold:
                ended.wait(SECONDS)

        call: Any = self._channel.stream_stream(f"/{self._service.full_name}/{method.name}")
        told = (("grpc-timeout", how.told),) if how.told else ()
        return call(sent(), timeout=how.deadline, metadata=(*shown, *how.metadata, *told))


def _read(method: MethodDescriptor, call: Any, how: How) -> Outcome:
    made: type[Message] = message_factory.GetMessageClass(method.output_type)
    raw: list[bytes] = []
    # A server that ignores what it was told must not hold the suite.
    watch = threading.Timer(_LATEST if how.told else SECONDS, call.cancel)
    watch.start()
    try:
        for data in call:
            raw.append(data)
            if len(raw) == how.take:
                break
        answers = tuple(made.FromString(data) for data in raw)
    except grpc.RpcError as error:
        said = service_error(error)
        return Outcome(
            said.status,
            said.reason,
            said.field,
            said.bound,
            said.request_id,
            said.retry_after,
        )
    except DecodeError:
        return Outcome("an answer that is no message")
    finally:
        watch.cancel()
    if answers and "refusal" in method.output_type.fields_by_name:
        return _refused(answers, tuple(raw))
    if not method.server_streaming and len(answers) != 1:
        return Outcome(f"{len(answers)} answers")
    return Outcome("OK", answers=answers, raw=tuple(raw))


def _refused(answers: tuple[Any, ...], raw: tuple[bytes, ...]) -> Outcome:
    """What a stream that goes on after a refusal says, in the words of a call that ends by one."""
    if not answers[0].HasField("refusal"):
        return Outcome("OK", answers=answers, raw=raw)
    said = answers[0].refusal
    names = (each.name for each in grpc.StatusCode if each.value[0] == said.status)
    return Outcome(
        next(names, "UNKNOWN"),
        said.reason,
        said.field,
        said.bound,
        retry_after=said.retry_after.ToMilliseconds() / 1_000,
        answers=answers,
        raw=raw,
    )
