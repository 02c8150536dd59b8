"""Asking a model, for tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from gateway.providers.base import ChatMessage, ChatRequest, ReplyPart, TextDelta, ToolCall

HELLO = ChatRequest([ChatMessage("user", "hello there")])


@asynccontextmanager
async def closing(model: Any) -> AsyncIterator[Any]:
    """The model, closed in the end."""
    try:
        yield model
    finally:
        await model.close()


async def parts(model: Any, request: ChatRequest = HELLO) -> list[ReplyPart]:
    """A whole reply without its signs of life, in 5 s at most."""
    async with asyncio.timeout(5):
        return [part async for part in model.reply(request) if part != TextDelta("")]


def text(reply: list[ReplyPart]) -> str:
    """What is said in a reply."""
    return "".join(part.text for part in reply if isinstance(part, TextDelta))


def calls(reply: list[ReplyPart]) -> list[ToolCall]:
    """The tools that a reply wants."""
    return [part for part in reply if isinstance(part, ToolCall)]


async def first_text(reply: AsyncIterator[ReplyPart]) -> str:
    """The first words of a reply."""
    async for part in reply:
        if isinstance(part, TextDelta) and part.text:
            return part.text
    return ""


def our_tasks() -> set[asyncio.Task[Any]]:
    """The tasks of this loop, but for those of the emulators' server."""
    return {task for task in asyncio.all_tasks() if "RequestResponseCycle" not in repr(task.get_coro())}
