"""The randomness server of threshold reports, for a party that is not the operator."""
