"""The device-facing gateway of the fleet."""
