"""Vector index of the TV: hnswlib behind a port, with an exact fallback."""
