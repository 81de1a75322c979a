"""Privatised sketches with memoised noise."""
