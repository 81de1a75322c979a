"""The fleet simulator: `omega fleet`."""
