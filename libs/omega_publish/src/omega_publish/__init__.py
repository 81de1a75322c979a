"""What constellation and worker share of what a fleet publishes: records of rounds as messages."""

from omega_publish.records import list_rounds, page, round_message

__all__ = ["list_rounds", "page", "round_message"]
