"""Users' servers that take webhooks: what they got, in order, and how they answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

Answer = Callable[[int], Response]
"""The answer to the nth request, the first being 1."""


@dataclass
class Post:
    """One request."""

    headers: dict[str, str]
    body: bytes

    @property
    def message(self) -> dict[str, Any]:
        message = json.loads(self.body)["message"]
        assert isinstance(message, dict)
        return message


@dataclass
class Hook:
    """A server at `url`."""

    answer: Answer
    url: str = ""
    posts: list[Post] = field(default_factory=list)
    hanging: asyncio.Event | None = None
    _came: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def take(self, request: Request) -> Response:
        post = Post(dict(request.headers), await request.body())
        async with self._came:
            self.posts.append(post)
            self._came.notify_all()
        if self.hanging is not None:
            await self.hanging.wait()
        return self.answer(len(self.posts))

    def let_go(self) -> None:
        """Answer, now and from now on."""
        if self.hanging is not None:
            self.hanging.set()

    async def got(self, count: int) -> list[Post]:
        """Wait until so many requests came."""
        async with asyncio.timeout(10), self._came:
            await self._came.wait_for(lambda: len(self.posts) >= count)
        return self.posts


@asynccontextmanager
async def hook(answer: Answer = lambda _: Response(status_code=200), *, hangs: bool = False) -> AsyncIterator[Hook]:
    """:param hangs: it answers nothing until the block ends"""
    taking = Hook(answer, hanging=asyncio.Event() if hangs else None)
    app = Starlette(routes=[Route("/{path:path}", taking.take, methods=["POST"])])
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", lifespan="off")
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    try:
        while not server.started:  # noqa: ASYNC110  uvicorn tells nobody
            await asyncio.sleep(0.005)
        port = server.servers[0].sockets[0].getsockname()[1]
        taking.url = f"http://127.0.0.1:{port}/hook"
        yield taking
    finally:
        taking.let_go()
        server.should_exit = True
        await task
