"""A trace as a tree of lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from omega_testing.otlp import Span

_MILLION = 1e6


def tree(spans: Sequence[Span]) -> list[str]:
    """A line a span: when it began and how long it took in ms, its name, and who recorded it.

    Args:
        spans: of one trace; one whose parent is not among them counts as a root.
    """
    known = {span.span_id for span in spans}
    first = min((span.begun for span in spans), default=0)
    roots = [span for span in spans if span.parent_id not in known]
    return [line for root in _ordered(roots) for line in _lines(root, spans, first, "", "")]


def _ordered(spans: Sequence[Span]) -> list[Span]:
    return sorted(spans, key=lambda span: span.begun)


def _lines(span: Span, spans: Sequence[Span], first: int, lead: str, below: str) -> Iterator[str]:
    after, took = (span.begun - first) / _MILLION, (span.ended - span.begun) / _MILLION
    failed = f"  {span.attributes.get('error.type', 'failed')}" if span.failed else ""
    others = f"  also for {len(span.links)} more" if span.links else ""
    what = f"{lead}{span.name}"
    yield f"{after:9.2f} {took:9.2f}  {what:<72} {span.service} {span.kind}{failed}{others}"
    children = _ordered([each for each in spans if each.parent_id == span.span_id])
    for child in children:
        last = child is children[-1]
        yield from _lines(
            child,
            spans,
            first,
            f"{below}{'└─ ' if last else '├─ '}",
            f"{below}{'   ' if last else '│  '}",
        )
