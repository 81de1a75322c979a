"""Python clients of the Omega TV services."""
