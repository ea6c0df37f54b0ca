"""The log: one JSON document a line."""

from __future__ import annotations

import logging
import time

import orjson


class JsonLines(logging.Formatter):
    """A record as one line of JSON: time, level, logger, message, and the facts that it carries."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        document = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
            + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "facts", {}),
        }
        if record.exc_info:
            document["error"] = self.formatException(record.exc_info)
        return orjson.dumps(document, default=str).decode()
