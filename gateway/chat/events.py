"""Server messages of chats and sessions: chat.created, chat.deleted, session.created, session.updated,
session.deleted. An assistant's server gets those that it subscribes to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.assistant.legacy import modern
from gateway.assistant.masking import without_secrets
from gateway.messages.intake import stream_of
from gateway.messages.servers import server_of
from gateway.store import outbox
from gateway.store.clock import clock
from gateway.store.entities import Entity


async def announce(session: AsyncSession, kind: str, entity: Entity, assistant: Mapping[str, Any]) -> None:
    """Have a message delivered, in the transaction of what it tells.

    :param assistant: Vapi's JSON, whose server and subscriptions count
    """
    current = modern(assistant)
    # Only the fields that a caller may set: what else stands in a server's JSON means something to the outbox.
    server, subscribed = server_of(current), current.get("serverMessages")
    if server is None or not isinstance(subscribed, list) or kind not in subscribed:
        return
    noun = kind.partition(".")[0]
    timestamp = round(clock.now().timestamp() * 1000)
    message = {"type": kind, "timestamp": timestamp, noun: without_secrets(entity.shown())}
    body = json.dumps({"message": message}, ensure_ascii=False)
    stream = stream_of(str(server["url"]), f"{noun}:{entity.id}")
    await outbox.add(session, entity.organisation_id, stream=stream, type=kind, server=server, body=body)
