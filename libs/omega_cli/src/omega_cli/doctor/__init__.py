"""`omega doctor`: looks at what commonly goes wrong, and says what to do."""
