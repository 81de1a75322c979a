"""What constellation and worker share of what a fleet publishes.

Records of rounds as messages, states as they are coded for TVs, and copies of what the home shard
gives out in the other shards.
"""

from omega_publish.coding import code_newest, global_patterns, store_coded
from omega_publish.copies import Copier, Copy
from omega_publish.records import list_rounds, page, round_message

__all__ = [
    "Copier",
    "Copy",
    "code_newest",
    "global_patterns",
    "list_rounds",
    "page",
    "round_message",
    "store_coded",
]
