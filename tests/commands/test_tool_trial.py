"""`parley tool test`, run as a user types it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from gateway.cli import app
from gateway.errors import ConfigError, InvalidTool

WIDE = {"COLUMNS": "200", "NO_COLOR": "1"}


class _Shop(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        body = b'{"results":[{"result":"It is on its way.","toolCallId":"trial"}]}'
        if self.path == "/broken":
            body = b"<html>Log in</html>"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Not here."""


@pytest.fixture
def shop() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Shop)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def parley(tmp_path: Path, *arguments: str) -> Result:
    config = tmp_path / "parley.yaml"
    config.write_text(f"data_dir: {tmp_path}/data\n")
    command = ["tool", "test", *arguments, "--config", str(config)]
    return CliRunner().invoke(app, command, env=WIDE, catch_exceptions=False)


def written(tmp_path: Path, **tool: Any) -> str:
    file = tmp_path / "tool.json"
    file.write_text(json.dumps(tool))
    return str(file)


def test_the_request_the_answer_and_what_the_model_sees_are_shown(tmp_path: Path, shop: str) -> None:
    server = {"url": f"{shop}/tools", "secret": "s3cret"}
    file = written(tmp_path, type="function", function={"name": "order"}, server=server)
    done = parley(tmp_path, file, "--args", '{"id": 7}')
    assert done.exit_code == 0
    for shown in (f"POST {shop}/tools", "x-vapi-secret: ***", '"id": 7', "model sees  It is on its way."):
        assert shown in done.stdout
    assert "s3cret" not in done.stdout


def test_a_tool_that_fails_ends_with_1(tmp_path: Path, shop: str) -> None:
    file = written(tmp_path, type="function", function={"name": "order"}, server={"url": f"{shop}/broken"})
    done = parley(tmp_path, file, "--json")
    assert done.exit_code == 1
    shown = json.loads(done.stdout)
    assert (shown["ok"], shown["record"][0]["parse"]) == (False, "web page")
    assert (shown["requests"][0]["status"], shown["requests"][0]["method"]) == (200, "POST")


def test_what_would_be_done_in_a_call_is_told(tmp_path: Path) -> None:
    file = written(tmp_path, type="transferCall", destinations=[{"type": "number", "number": "+15551234"}])
    shown = json.loads(parley(tmp_path, file, "--json").stdout)
    assert (shown["wouldDo"], shown["said"]) == (["transfer the call to +15551234"], ["Transferring the call now."])


def test_a_tool_that_is_wrong_is_told_with_every_place(tmp_path: Path) -> None:
    file = written(tmp_path, type="apiRequest", method="FETCH", url="")
    with pytest.raises(InvalidTool, match=r"method must be one of .*url must have at least 1"):
        parley(tmp_path, file)


@pytest.mark.parametrize(
    ("target", "told"),
    [("nothing.json", "cannot be read"), ("no-such-id", "has no tool no-such-id"), ("bank/x", "There is no assistant")],
)
def test_a_tool_that_is_not_there_is_told(tmp_path: Path, target: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        parley(tmp_path, target)
