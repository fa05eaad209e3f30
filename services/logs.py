"""Structured logs: one JSON line an event, on standard error, with ids and never message text."""

import logging
import sys

import structlog


def configure(service: str, level: str = "INFO") -> None:
    """Set up logging for this process. `level` is a standard level name; raises ValueError on another."""
    threshold = logging.getLevelNamesMapping().get(level.upper())
    if threshold is None:
        raise ValueError(f"unknown log level {level!r}")
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.dict_tracebacks, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
    # Libraries print request bodies and headers below WARNING, and arguments in tracebacks: keep only their class.
    logging.basicConfig(level=max(threshold, logging.WARNING), handlers=[_ForeignHandler()], force=True)


class _ForeignHandler(logging.Handler):
    """Passes on that a library warned, without its message: it may quote what people said."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else None
        structlog.get_logger().log(
            record.levelno,
            "library",
            logger=record.name,
            where=f"{record.module}:{record.lineno}",
            error=error,
        )
