"""A message as it goes out: what its type has, and what every message says of the call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.messages.event import part
from gateway.messages.message import Message
from gateway.messages.view import CallView


def server_body(view: CallView, message: Message) -> dict[str, Any]:
    """The JSON that is posted to a server: `{"message": {…}}`."""
    artifact = {} if message.frequent or "artifact" in message.fields else {"artifact": view.artifact()}
    about = {"timestamp": message.time_ms, "type": message.type}
    return {"message": {**about, **message.fields, **artifact, **_parties(view)}}


def client_body(view: CallView, message: Message) -> dict[str, Any]:
    """The JSON that a client of the call gets: not wrapped, without artifact, and frequent ones without the call."""
    about = {"timestamp": message.time_ms, "type": message.type}
    return {**about, **message.fields, **({} if message.frequent else _parties(view))}


def _parties(view: CallView) -> dict[str, Any]:
    call = view.head()
    named: Mapping[str, Any] = {
        "customer": part(call, "customer"),
        "phoneNumber": view.phone_number,
        "assistant": view.assistant,
    }
    return {"call": call, **{name: value for name, value in named.items() if value}}
