"""One response of the session: its events, as parts of a reply."""

from __future__ import annotations

import asyncio
import audioop
import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from gateway.errors import ProviderError
from gateway.media.audio import SAMPLE_BYTES
from gateway.providers.base import ReplyPart, SpokenDelta, TextDelta, ToolCall
from gateway.providers.realtime.connection import ServerEvent
from gateway.providers.realtime.errors import response_error
from gateway.providers.realtime.history import History, Item
from gateway.providers.realtime.pace import Pace, Speech


class Response:
    """Made from `response.…` events; what it says is kept in the history.

    :param number: goes along as metadata, so that its events are known
    """

    def __init__(self, number: int, who: str, history: History, pace: Pace) -> None:
        self.number = str(number)
        self.event_id = f"parley_response_{number}"
        self.id = ""
        self.created = asyncio.Event()
        self.done = asyncio.Event()
        self.parts: asyncio.Queue[ReplyPart | ProviderError | None] = asyncio.Queue()
        """None is the end."""
        self._who = who
        self._history = history
        self._pace = pace
        self._speeches: dict[str, Speech] = {}
        self._empty = True

    def create(self) -> dict[str, Any]:
        """The client event that asks for it."""
        return {
            "type": "response.create",
            "event_id": self.event_id,
            "response": {"metadata": {"reply": self.number}},
        }

    def cancel(self) -> dict[str, Any]:
        """The client event that ends it before its time."""
        return {"type": "response.cancel", **({"response_id": self.id} if self.id else {})}

    def is_meant(self, event: ServerEvent) -> bool:
        """The event is of this response."""
        response = event.get("response")
        if isinstance(response, dict):
            known = response.get("metadata")
            # A server that does not give it back makes one response at a time, too.
            ours = known.get("reply") == self.number if known else event["type"] == "response.created" and not self.id
            if ours and not self.id:
                self.id = str(response.get("id", ""))
            return ours or (bool(self.id) and response.get("id") == self.id)
        return bool(self.id) and event.get("response_id") == self.id

    def fail(self, error: ProviderError) -> None:
        """What comes of it is of no use; it is still to end."""
        self.created.set()
        self.parts.put_nowait(error)

    def lost(self, error: ProviderError) -> None:
        """Nothing more comes."""
        self.done.set()
        self.fail(error)

    def take(self, event: ServerEvent) -> None:
        """An event of this response.

        :raises ProviderError: it is not as documented
        """
        match event["type"]:
            case "response.created":
                self.created.set()
            case "response.output_item.added":
                self._item(event["item"])
            case "response.output_audio_transcript.delta":
                self._text(event["item_id"], event["delta"])
            case "response.output_audio.delta":
                self._audio(event["item_id"], event["delta"])
            case "response.output_item.done":
                self._item_done(event["item"])
            case "response.function_call_arguments.done":
                self._call(event)
            case "response.done":
                self._done(event["response"])

    # ------------------------------------------------------------ its items

    def _item(self, item: Mapping[str, Any]) -> None:
        if item["type"] == "message":
            self._history.add(Item(item["id"], "assistant", heard=0))
        elif item["type"] == "function_call":
            self._history.add(Item(item["id"], "call", call_id=item.get("call_id") or ""))

    def _text(self, item_id: str, text: str) -> None:
        speech = self._speech(item_id)
        speech.text += text
        item = self._history.find(item_id)
        if item is not None:
            item.text = speech.text

    def _speech(self, item_id: str) -> Speech:
        return self._speeches.setdefault(item_id, Speech(self._pace))

    def _audio(self, item_id: str, encoded: str) -> None:
        try:
            pcm = audioop.ulaw2lin(base64.b64decode(encoded, validate=True), SAMPLE_BYTES)
        except binascii.Error:
            raise ProviderError(f"{self._who} sent audio that is no base64.") from None
        samples = len(pcm) // SAMPLE_BYTES
        item = self._history.find(item_id)
        if item is not None:
            item.samples += samples
        self._say(SpokenDelta(item_id, self._speech(item_id).hear(samples), pcm))

    def _item_done(self, item: Mapping[str, Any]) -> None:
        speech = self._speeches.get(item["id"])
        if speech is None:
            return
        whole = item.get("status", "completed") == "completed"
        text = speech.rest() if whole else ""
        if speech.samples:
            self._say(SpokenDelta(item["id"], text, final=True))
        elif text:  # words without sound: somebody else is to speak them
            known = self._history.find(item["id"])
            if known is not None:
                known.heard = None
            self._say(TextDelta(text))

    def _call(self, event: ServerEvent) -> None:
        name, text = event["name"], event.get("arguments") or "{}"
        try:
            arguments = json.loads(text)
        except ValueError:
            raise ProviderError(f"{self._who} called {name} with arguments that are no JSON: {text:.80}") from None
        if not isinstance(arguments, dict):
            raise ProviderError(f"{self._who} called {name} with arguments that are no object: {text:.80}")
        self._say(ToolCall(event["call_id"], name, arguments))

    def _say(self, part: ReplyPart) -> None:
        self._empty = False
        self.parts.put_nowait(part)

    def _done(self, response: Mapping[str, Any]) -> None:
        self.created.set()
        self.done.set()
        status = response.get("status")
        if status == "failed":
            details = response.get("status_details") or {}
            self.parts.put_nowait(response_error(self._who, details.get("error") or {}))
        elif self._empty and status == "completed":
            self.parts.put_nowait(ProviderError(f"{self._who} answered with nothing."))
        else:
            self.parts.put_nowait(None)
