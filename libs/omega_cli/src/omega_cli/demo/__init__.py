"""`omega demo`: the whole loop on one desk, with real parts, shown to a person."""
