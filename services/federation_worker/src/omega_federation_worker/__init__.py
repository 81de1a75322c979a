"""Aggregation rounds."""
