"""The capacity model: `omega capacity`."""
