"""Log lines, ours and the standard library's."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from gateway.observe.logging import configure
from gateway.settings import LogSettings


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_json_lines_carry_the_call_the_process_and_the_place(stream: io.StringIO) -> None:
    configure(LogSettings(format="json"), process="gateway", stream=stream)
    structlog.get_logger("gateway.call").info("call answered", call="c1", codec="PCMU")
    (line,) = lines(stream)
    assert line.pop("timestamp")
    assert line == {
        "message": "call answered",
        "call": "c1",
        "codec": "PCMU",
        "process": "gateway",
        "level": "info",
        "logger": "gateway.call",
    }


def test_the_call_is_carried_by_the_context(stream: io.StringIO) -> None:
    configure(LogSettings(format="json"), stream=stream)
    with structlog.contextvars.bound_contextvars(call="c2"):
        structlog.get_logger("x").warning("late")
        logging.getLogger("library").warning("from %s", "outside")
    assert [line["call"] for line in lines(stream)] == ["c2", "c2"]


def test_the_standard_library_logs_in_the_same_form(stream: io.StringIO) -> None:
    configure(LogSettings(format="json"), stream=stream)
    logging.getLogger("library").warning("value %d", 5)
    (line,) = lines(stream)
    assert (line["message"], line["level"], line["logger"]) == ("value 5", "warning", "library")


def test_the_level_holds_for_both(stream: io.StringIO) -> None:
    configure(LogSettings(format="json", level="warning"), stream=stream)
    structlog.get_logger("x").info("no")
    logging.getLogger("library").info("no")
    structlog.get_logger("x").warning("yes")
    assert [line["message"] for line in lines(stream)] == ["yes"]


@pytest.mark.parametrize("library", ["httpx", "httpx2"])
def test_libraries_that_log_each_request_are_quiet(stream: io.StringIO, library: str) -> None:
    configure(LogSettings(format="json"), stream=stream)
    logging.getLogger(library).info("HTTP Request: POST …")
    assert not stream.getvalue()


@pytest.mark.parametrize("form", ["console", "json"])
def test_a_traceback_shows_no_local_variables(stream: io.StringIO, form: str) -> None:
    configure(LogSettings.model_validate({"format": form}), stream=stream)
    secret = "geheim"
    try:
        raise ValueError("broken" + secret[:0])
    except ValueError:
        structlog.get_logger("x").exception("failed")
    assert "ValueError: broken" in stream.getvalue()
    assert "geheim" not in stream.getvalue().replace('secret = "geheim"', "")


def test_console_lines_are_without_colour_when_nobody_looks(stream: io.StringIO) -> None:
    configure(LogSettings(), stream=stream)
    structlog.get_logger("x").info("hello", call="c1")
    assert "\x1b" not in stream.getvalue()
    assert "call=c1" in stream.getvalue()
