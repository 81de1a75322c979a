"""REST and the web console of operators: HTTP in front of the gRPC contracts; keeps no data."""

from pathlib import Path

WEB = Path(__file__).with_name("web")
"""Files of the web console."""
