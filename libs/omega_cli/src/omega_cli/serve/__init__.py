"""`omega serve`: a whole shard on one machine, for a desk, a trial or a small operator."""
