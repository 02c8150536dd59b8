"""An HTTP tool server of the test's own, which keeps every request that it got."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.peers.ports import LOOPBACK

Answer = Callable[[str, dict[str, Any]], str]
"""Tool name and arguments → result."""


class ToolServer:
    """`requests` holds the parsed bodies in order."""

    def __init__(self, answer: Answer) -> None:
        self.requests: list[dict[str, Any]] = []
        self._answer = answer
        self._server = ThreadingHTTPServer((LOOPBACK, 0), self._handler())

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self._server.server_address[1]}/tools"

    def calls(self, name: str) -> list[dict[str, Any]]:
        """Arguments of every call of the tool `name`, in order."""
        listed = [call for request in self.requests for call in request["message"]["toolCallList"]]
        found = []
        for call in listed:
            function = call.get("function") or call
            if function.get("name") == name:
                arguments = function.get("arguments", {})
                found.append(json.loads(arguments) if isinstance(arguments, str) else arguments)
        return found

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                data = json.dumps(server._reply(body)).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

        return Handler

    def _reply(self, body: dict[str, Any]) -> dict[str, Any]:
        self.requests.append(body)
        results = []
        for call in body["message"]["toolCallList"]:
            function = call.get("function") or call
            arguments = function.get("arguments", {})
            parsed = json.loads(arguments) if isinstance(arguments, str) else arguments
            results.append({"toolCallId": call["id"], "result": self._answer(function["name"], parsed)})
        return {"results": results}

    @contextmanager
    def serving(self) -> Iterator[ToolServer]:
        thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()
