"""Owner of a shard's data."""
