"""Collective learning from privatised sketches."""
