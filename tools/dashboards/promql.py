"""What an expression of PromQL reads: the metrics, and the labels that it uses of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import promql_parser as promql


@dataclass(frozen=True)
class Use:
    """One selector of an expression."""

    metric: str
    """Its metric."""
    labels: frozenset[str]
    """Those that it selects by, and those that something around it groups by."""
    selector: str
    """Itself, in PromQL, without a range."""


def uses(expr: str) -> list[Use]:
    """Every selector, from left to right.

    Raises:
        ValueError: it is no PromQL.
    """
    return list(_uses(promql.parse(expr), frozenset()))


def _uses(node: object, grouped: frozenset[str]) -> Iterator[Use]:
    match node:
        case promql.MatrixSelector():
            yield from _uses(node.vector_selector, grouped)
        case promql.VectorSelector():
            yield _use(node, grouped)
        case promql.AggregateExpr():
            yield from _uses(node.param, grouped)
            yield from _uses(node.expr, grouped | _by(node))
        case promql.BinaryExpr():
            yield from _uses(node.lhs, grouped)
            yield from _uses(node.rhs, grouped)
        case promql.Call():
            for argument in node.args:
                yield from _uses(argument, grouped)
        case promql.ParenExpr() | promql.SubqueryExpr() | promql.UnaryExpr():
            yield from _uses(node.expr, grouped)


def _use(node: promql.VectorSelector, grouped: frozenset[str]) -> Use:
    matchers = node.matchers.matchers
    named = [each.value for each in matchers if each.name == "__name__"]
    labels = frozenset(each.name for each in matchers) - {"__name__"}
    return Use(node.name or named[0], labels | grouped, node.prettify())


def _by(node: promql.AggregateExpr) -> frozenset[str]:
    if node.modifier is None or node.modifier.type != promql.AggModifierType.By:
        return frozenset()
    return frozenset(node.modifier.labels)
