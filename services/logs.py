"""Structured logs: one JSON line an event, on standard error, with ids and never message text."""

import logging
import sys
import traceback

import structlog


def configure(service: str, level: str = "INFO") -> None:
    """Set up logging for this process. `level` is a standard level name; raises ValueError on another."""
    threshold = logging.getLevelNamesMapping().get(level.upper())
    if threshold is None:
        raise ValueError(f"unknown log level {level!r}")
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _name_the_error,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
    logging.basicConfig(level=max(threshold, logging.WARNING), handlers=[_LibraryHandler()], force=True)


def _name_the_error(
    _logger: object, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Replace `exc_info` by the error's class and its frames: its message may quote what people said."""
    error = event.pop("exc_info", None)
    if error is True:
        error = sys.exc_info()[1]
    if isinstance(error, BaseException):
        frames = traceback.extract_tb(error.__traceback__)
        event["error"] = type(error).__name__
        event["frames"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    return event


class _LibraryHandler(logging.Handler):
    """Passes on that a library warned, without its words: libraries quote request bodies and headers."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else None
        where = f"{record.module}:{record.lineno}"
        structlog.get_logger().log(record.levelno, "library", logger=record.name, where=where, error=error)
