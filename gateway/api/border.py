"""What every request passes on its way in and out: its id, its size, its time; and where a fault ends."""

from __future__ import annotations

import re
import time
import uuid

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.api.errors import refusal
from gateway.errors import TooLarge
from gateway.observe import api_metrics

log = structlog.get_logger(__name__)

JSON_BYTES = 10_000_000
"""Of a body that is not a file."""
_METHODS = frozenset({"GET", "POST", "PATCH", "PUT", "DELETE", "HEAD", "OPTIONS"})
_REQUEST_ID = re.compile(rb"[\w.:-]{1,100}")
_DRAINED = 4
"""An answer is lost when the sender is cut off, so as many times what is allowed is read, and thrown away."""


class Border:
    """ASGI middleware, the outermost.

    :param upload_bytes: of a body below `/file`
    """

    def __init__(self, app: ASGIApp, *, upload_bytes: int) -> None:
        self._app = app
        self._upload_bytes = upload_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        await _Passage(scope, receive, send, self._limit(scope["path"])).through(self._app)

    def _limit(self, path: str) -> int:
        return self._upload_bytes if path.startswith("/file") else JSON_BYTES


class _Passage:
    """One request on its way."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, limit: int) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._limit = limit
        self._headers = dict(scope["headers"])
        self._id = self._own_id()
        self._taken = 0
        self._status = 0
        self._started = time.perf_counter()

    def _own_id(self) -> str:
        given: bytes = self._headers.get(b"x-request-id", b"")
        return given.decode() if _REQUEST_ID.fullmatch(given) else str(uuid.uuid4())

    async def through(self, app: ASGIApp) -> None:
        """Let `app` answer; a fault of it becomes 500."""
        with structlog.contextvars.bound_contextvars(request=self._id):
            try:
                if self._announced() > self._limit:
                    await self._refuse_size()
                else:
                    await app(self._scope, self._take, self._give)
            except Exception:
                log.exception("request failed", method=self._scope["method"], path=self._scope["path"])
                await self._answer_fault()
            self._tell()

    def _announced(self) -> int:
        length = self._headers.get(b"content-length", b"")
        return int(length) if length.isdigit() else 0

    async def _take(self) -> Message:
        message = await self._receive()
        self._taken += len(message.get("body", b""))
        if self._taken > self._limit:
            raise TooLarge(f"The body must not be longer than {self._limit} bytes.")
        return message

    async def _give(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            message.setdefault("headers", []).append((b"x-request-id", self._id.encode()))
        await self._send(message)

    async def _refuse_size(self) -> None:
        if self._announced() <= self._limit * _DRAINED:
            while (await self._receive()).get("more_body"):
                pass
        response = refusal(
            413, f"The body must not be longer than {self._limit} bytes.", headers={"Connection": "close"}
        )
        await response(self._scope, self._receive, self._give)

    async def _answer_fault(self) -> None:
        if self._status == 0:
            message = f"Something went wrong here; the server's log tells what, under {self._id}."
            await refusal(500, message)(self._scope, self._receive, self._give)

    def _tell(self) -> None:
        seconds = time.perf_counter() - self._started
        route = getattr(self._scope.get("route"), "path", "none")
        method = self._scope["method"] if self._scope["method"] in _METHODS else "other"
        api_metrics.REQUESTS.labels(method, route, str(self._status)).inc()
        api_metrics.REQUEST_SECONDS.labels(route).observe(seconds)
        log.debug(
            "request",
            method=self._scope["method"],
            path=self._scope["path"],
            status=self._status,
            ms=round(seconds * 1000, 1),
        )
