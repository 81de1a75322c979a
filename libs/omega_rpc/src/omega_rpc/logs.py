"""One line an event on standard error: OMEGA_LOG_LEVEL and OMEGA_LOG_FORMAT say which and how."""

from __future__ import annotations

import json
import logging
import os
from datetime import UTC, datetime

from opentelemetry import trace

from omega_core.errors import invalid
from omega_rpc import call as calls

VARIABLE = "OMEGA_LOG_LEVEL"
"""DEBUG, INFO, WARNING (the default) or ERROR."""
FORMAT = "OMEGA_LOG_FORMAT"
"""text (the default) or json."""
_TEXT = "%(asctime)s %(levelname)s %(name)s %(message)s"


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, where, message, ids of call and trace, error.

    request_id is there while a call is being served, trace_id and span_id while a span is open, the
    error where there is one, with its trace.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The line of an event."""
        event = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "where": f"{record.filename}:{record.lineno}",
            "message": record.getMessage(),
        }
        if request_id := calls.request_id():
            event["request_id"] = request_id
        span = trace.get_current_span().get_span_context()
        if span.is_valid:
            event["trace_id"] = trace.format_trace_id(span.trace_id)
            event["span_id"] = trace.format_span_id(span.span_id)
        if record.exc_info:
            event["error"] = self.formatException(record.exc_info)
        return json.dumps(event, ensure_ascii=False)


def configure_logging() -> None:
    """Sets up the root logger.

    Raises:
        OmegaError: INVALID_FIELD when a variable names no level, or no form.
    """
    level = os.environ.get(VARIABLE, "WARNING").upper()
    if level not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
        raise invalid(VARIABLE, "DEBUG, INFO, WARNING or ERROR")
    form = os.environ.get(FORMAT, "text")
    if form not in {"text", "json"}:
        raise invalid(FORMAT, "text or json")
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if form == "json" else logging.Formatter(_TEXT))
    logging.basicConfig(level=level, handlers=[handler])
