"""A trace as a tree of lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from omega_testing.otlp import Span

_MILLION = 1e6


def tree(spans: Sequence[Span]) -> list[str]:
    """A line a span: when it began and how long it took in ms, its name, and who recorded it.

    Args:
        spans: of one trace; one whose parent is not among them counts as a root.
    """
    known = {span.span_id for span in spans}
    roots = [span for span in spans if span.parent_id not in known]
    placed = [each for root in _ordered(roots) for each in _placed(root, spans, "", "")]
    first = min((span.begun for span in spans), default=0)
    width = max((len(lead) + len(span.name) for lead, span in placed), default=0)
    return [_line(span, f"{lead}{span.name}".ljust(width), first) for lead, span in placed]


def _ordered(spans: Iterable[Span]) -> list[Span]:
    return sorted(spans, key=lambda span: span.begun)


def _placed(span: Span, spans: Sequence[Span], lead: str, below: str) -> Iterator[tuple[str, Span]]:
    """A span and what is below it, each with what stands before its name."""
    yield lead, span
    children = _ordered(each for each in spans if each.parent_id == span.span_id)
    for child in children:
        branch, stem = ("└─ ", "   ") if child is children[-1] else ("├─ ", "│  ")
        yield from _placed(child, spans, below + branch, below + stem)


def _line(span: Span, what: str, first: int) -> str:
    after, took = (span.begun - first) / _MILLION, (span.ended - span.begun) / _MILLION
    failed = f"  {span.attributes.get('error.type', 'failed')}" if span.failed else ""
    others = f"  also for {len(span.links)} more" if span.links else ""
    return f"{after:9.2f} {took:9.2f}  {what}  {span.service} {span.kind}{failed}{others}"
