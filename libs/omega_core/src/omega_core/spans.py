"""Spans as every distribution opens them, and the buckets of what they time.

A span says what was done and how long it took, never for whom: its attributes are names of ours,
and of an exception it tells the kind, whose text may hold an id. Without a provider of
OpenTelemetry nothing is recorded, and its API is all that is loaded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanKind, StatusCode

from omega_core.errors import OmegaError

CALLS: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
"""Upper ends of the buckets of a call's duration, in seconds, as the conventions for RPC advise."""
OPERATIONS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
"""The same of what takes milliseconds: an answer of the brain, an operation of a database."""
JOBS: Final = (0.1, 0.5, 1, 5, 15, 60, 300, 900, 3_600, 7_200)
"""The same of work in the background: a loop's cycle, a round."""

_MOST_LINKS: Final = 128
"""Links of a span that an SDK keeps, unless it is told otherwise."""
_tracer = trace.get_tracer("omega")


class span:  # noqa: N801 - read as `with span("work")`
    """A span around a block, in which it is the current one; `with` gives it.

    Args:
        name: of few words, and of ours.
        kind: SpanKind.
        attributes: names of ours; no ids and no values.
        context: whose span it is under; None = the current one's.
        links: further spans that it does something for.
    """

    __slots__ = ("_opened", "_token")

    def __init__(
        self,
        name: str,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Mapping[str, str] | None = None,
        *,
        context: Context | None = None,
        links: Sequence[Link] = (),
    ) -> None:
        self._opened = _tracer.start_span(name, context, kind, attributes, links)

    def __enter__(self) -> Span:
        self._token = contexts.attach(trace.set_span_in_context(self._opened))
        return self._opened

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: object
    ) -> None:
        contexts.detach(self._token)
        if isinstance(error, Exception):
            self._opened.set_status(StatusCode.ERROR)
            self._opened.set_attribute("error.type", kind_of(error))
        self._opened.end()


def kind_of(error: BaseException) -> str:
    """How telemetry names an error: by its code, or its class."""
    return error.code.value if isinstance(error, OmegaError) else type(error).__name__


def together(callers: Sequence[Span]) -> tuple[Context, list[Link]]:
    """Where work that is done for many at once belongs: under one of them, linked to the others.

    That one is the first whose trace is recorded, so that no recorded trace misses the work; only
    recorded ones are linked, and of them as many as an SDK keeps.
    """
    seen = {each.span_id: each for each in (caller.get_span_context() for caller in callers)}
    recorded = [each for each in seen.values() if each.is_valid and each.trace_flags.sampled]
    if not recorded:
        return trace.set_span_in_context(callers[0], Context()), []
    first, others = trace.NonRecordingSpan(recorded[0]), recorded[1 : 1 + _MOST_LINKS]
    return trace.set_span_in_context(first, Context()), [Link(each) for each in others]
