"""The best way through a graph of few nodes, without going round in circles."""

from __future__ import annotations

from collections.abc import Mapping

Weights = Mapping[str, Mapping[str, float]]
"""Node -> next node -> what the edge adds."""


def best_path(
    weights: Weights, start: str, goal: str, max_depth: int
) -> tuple[float, tuple[str, ...]] | None:
    """The simple path of at most `max_depth` edges with the greatest sum; None = there is none.

    Exact. Of equal sums the one with fewest edges, then the first by name. Branch and bound: what
    any walk to the goal could still add, cycles included, bounds what a path can.
    """
    if start == goal:
        return None
    bounds = _bounds(weights, goal, max_depth)
    best: list[tuple[float, int, tuple[str, ...]]] = []

    def visit(path: tuple[str, ...], worth: float) -> None:
        node, left = path[-1], max_depth - len(path) + 1
        if node == goal:
            found = (-worth, len(path), path)
            best[:] = [min([found, *best])]
            return
        steps = [
            (-(added + bounds[left - 1][there]), there, added)
            for there, added in weights.get(node, {}).items()
            if left and there not in path and there in bounds[left - 1]
        ]
        for least, there, added in sorted(steps):
            if not best or worth - least >= -best[0][0]:
                visit((*path, there), worth + added)

    visit((start,), 0.0)
    return (-best[0][0], best[0][2]) if best else None


def _bounds(weights: Weights, goal: str, max_depth: int) -> list[dict[str, float]]:
    """For 0 to `max_depth` edges: node -> the most that a walk to the goal adds."""
    bounds = [{goal: 0.0}]
    for _ in range(max_depth):
        shorter = bounds[-1]
        longer = dict(shorter)
        for node, steps in weights.items():
            reach = [added + shorter[there] for there, added in steps.items() if there in shorter]
            # From the goal itself nothing is added: a path ends there.
            if reach and node != goal:
                longer[node] = max([*reach, *([shorter[node]] if node in shorter else [])])
        bounds.append(longer)
    return bounds
