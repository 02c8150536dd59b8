"""Logs by structlog: lines to read, or JSON to collect, with the standard library's loggers in the same form.

What belongs to a call carries its `call` id: bind it with `structlog.contextvars.bound_contextvars(call=…)` around a
task, or with `logger.bind(call=…)`.
"""

from __future__ import annotations

import logging
import sys
from typing import TextIO

import structlog

from gateway.settings import LogSettings

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_QUIET = ("alembic", "httpx", "httpcore", "httpx2", "httpcore2", "uvicorn", "asyncio", "grpc", "websockets")
"""Libraries that log each request at info, or the keys in its headers at debug."""


def configure(settings: LogSettings, *, process: str = "", stream: TextIO | None = None) -> None:
    """Send all logs of this process to `stream` (standard error), one line each.

    :param process: name of the process that every line carries, such as worker-1; empty for none
    """
    stream = stream or sys.stderr
    level = _LEVELS[settings.level]
    shared = _shared_processors(settings, process)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=_final_processors(settings, stream))
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))


def _shared_processors(settings: LogSettings, process: str) -> list[structlog.typing.Processor]:
    """What is added to every event, ours and the standard library's."""
    stamp = "iso" if settings.format == "json" else "%H:%M:%S.%f"

    def add_process(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        if process:
            event["process"] = process
        return event

    return [
        add_process,
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt=stamp, utc=settings.format == "json"),
        structlog.processors.StackInfoRenderer(),
    ]


def _final_processors(settings: LogSettings, stream: TextIO) -> list[structlog.typing.Processor]:
    strip = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    if settings.format == "json":
        return [
            strip,
            structlog.processors.format_exc_info,
            structlog.processors.EventRenamer("message"),
            structlog.processors.JSONRenderer(default=str),
        ]
    plain = structlog.dev.plain_traceback  # one with local variables would show passwords
    return [strip, structlog.dev.ConsoleRenderer(colors=stream.isatty(), exception_formatter=plain)]
