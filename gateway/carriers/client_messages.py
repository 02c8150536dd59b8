"""The messages that a call's clients get over its sockets, as far as the assistant's `clientMessages` wants them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.call.journal import Entry
from gateway.call.session import Call
from gateway.messages.envelope import client_body
from gateway.messages.event import CallEvent
from gateway.messages.message import Audience, subscriptions, wanted
from gateway.messages.view import CallView


class ClientMessages:
    """Follows one call from its first event on; what happened before this was made is known, and told to nobody."""

    def __init__(self, call: Call) -> None:
        self._id = call.id
        self._view = CallView(call.plan.call if call.plan else {"id": call.id})
        for entry in call.journal.entries:
            self._view.apply(self._event(entry))

    def __call__(self, entry: Entry) -> Sequence[Mapping[str, Any]]:
        """The messages that follow from a line of the journal, composed."""
        messages = self._view.apply(self._event(entry))
        subscribed = subscriptions(self._view.assistant, Audience.CLIENT)
        return [
            client_body(self._view, message) for message in messages if wanted(message, Audience.CLIENT, subscribed)
        ]

    def _event(self, entry: Entry) -> CallEvent:
        return CallEvent(self._id, entry.sequence, entry.at_ms, entry.time_ms, entry.kind, entry.data)
