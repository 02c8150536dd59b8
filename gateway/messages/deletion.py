"""`call.deleted`, told to the server of the assistant that had the call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.assistant.masking import without_secrets
from gateway.messages.encoding import encode
from gateway.messages.intake import stream_of
from gateway.messages.message import Audience, Message, subscriptions, wanted
from gateway.messages.servers import Origins
from gateway.store import outbox
from gateway.store.calls import CallRow
from gateway.store.clock import clock
from gateway.store.columns import milliseconds

_WITHOUT = ("messages", "artifact")


async def announce_deletion(session: AsyncSession, origins: Origins, row: CallRow) -> None:
    """Have the message delivered, in the transaction that deletes the call, where the assistant subscribes to it. Of a
    call whose plan is forgotten, nobody is told."""
    call = row.shown()
    origin = await origins.of(session, row.organisation_id, call, "")
    server = origin.servers.server(origin.assistant)
    message = Message("call.deleted", milliseconds(clock.now()))
    if server is None or not wanted(message, Audience.SERVER, subscriptions(origin.assistant, Audience.SERVER)):
        return
    about: Mapping[str, Any] = {name: value for name, value in without_secrets(call).items() if name not in _WITHOUT}
    body = {"timestamp": message.time_ms, "type": message.type, "call": about, "assistant": origin.assistant}
    await outbox.add(
        session,
        row.organisation_id,
        stream=stream_of(server["url"], row.id),
        type=message.type,
        server=server,
        body=encode({"message": body}),
        call_id=row.id,
    )
