"""The answer of a chat as server-sent events: Vapi's own, and those of OpenAI's Responses."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

from gateway.chat.chats import Chats, OpenChat
from gateway.errors import ApiError
from gateway.store.entities import Entity

Event = Mapping[str, Any]


async def vapi_events(chats: Chats, chat: OpenChat) -> AsyncIterator[bytes]:
    """`data: {"id", "path": "chat.output[0].content", "delta"}` for each piece of text."""
    about = {"id": chat.id, **({"sessionId": chat.session_id} if chat.session_id else {})}
    try:
        async for delta in chats.answer(chat):
            yield _line({**about, "path": f"chat.output[{delta.index}].content", "delta": delta.text})
        await chats.keep(chat)
    except ApiError as error:
        yield b"event: error\n" + _line({**about, "message": str(error)})


async def openai_events(chats: Chats, chat: OpenChat) -> AsyncIterator[bytes]:
    """OpenAI's events of a response: created, text deltas, text done, completed.

    Follows https://platform.openai.com/docs/api-reference/responses-streaming.
    """
    item, number = f"msg_{chat.id}", 0

    def event(kind: str, **fields: Any) -> bytes:
        nonlocal number
        number += 1
        name = f"event: {kind}\n".encode()
        return name + _line({"type": kind, "sequence_number": number - 1, **fields})

    place = {"item_id": item, "output_index": 0, "content_index": 0}
    empty = _message(item, "", "in_progress")
    yield event("response.created", response=_response(chat.id, time.time(), "in_progress", []))
    yield event("response.output_item.added", output_index=0, item={**empty, "content": []})
    yield event("response.content_part.added", **place, part=empty["content"][0])
    text = ""
    try:
        async for delta in chats.answer(chat):
            text += delta.text
            yield event("response.output_text.delta", **place, delta=delta.text)
        kept = await chats.keep(chat)
    except ApiError as error:
        yield event("error", code="server_error", message=str(error), param=None)
        return
    done = _message(item, text, "completed")
    yield event("response.output_text.done", **place, text=text)
    yield event("response.content_part.done", **place, part=done["content"][0])
    yield event("response.output_item.done", output_index=0, item=done)
    yield event("response.completed", response=_response(chat.id, kept.created_at.timestamp(), "completed", [done]))


def response(kept: Entity) -> dict[str, Any]:
    """A chat as a response of OpenAI's."""
    said = "".join(one.get("content", "") for one in kept.body.get("output", []) if one.get("role") == "assistant")
    message = _message(f"msg_{kept.id}", said, "completed")
    return _response(kept.id, kept.created_at.timestamp(), "completed", [message])


def _response(id_: str, at: float, status: str, output: list[Any]) -> dict[str, Any]:
    return {
        "id": id_,
        "object": "response",
        "created_at": int(at),
        "status": status,
        "output": output,
        "error": None,
    }


def _message(id_: str, text: str, status: str) -> dict[str, Any]:
    content = [{"type": "output_text", "text": text, "annotations": []}]
    return {"id": id_, "type": "message", "role": "assistant", "status": status, "content": content}


def _line(data: Event) -> bytes:
    return f"data: {json.dumps(data)}\n\n".encode("ascii")
