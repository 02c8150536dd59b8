"""Events of calls as gateways and workers write them."""

from __future__ import annotations

from typing import Any

from gateway.messages.event import CallEvent

CALL_ID = "5e0c7b2e-9a53-4f5e-8a8b-0f2a6a1d9c11"
ORGANISATION = "7a1f0d52-2f0e-4a51-9f6e-1f5f3b6f1c22"
BEGAN_MS = 1_795_000_000_000
"""The wall clock at the call's first event."""

MODEL = {"provider": "openai", "model": "gpt-4o", "messages": [{"role": "system", "content": "Help callers."}]}
ASSISTANT: dict[str, Any] = {"name": "Front desk", "model": MODEL, "firstMessage": "Hello."}


class Journal:
    """Adds events with rising sequence. The call clock starts when the call is answered."""

    def __init__(self, call_id: str = CALL_ID, *, began_ms: int = BEGAN_MS) -> None:
        self.call_id = call_id
        self.began_ms = began_ms
        self.events: list[CallEvent] = []

    def add(self, kind: str, at_ms: int = 0, /, *, time_ms: int | None = None, **data: Any) -> CallEvent:
        at = self.began_ms + at_ms if time_ms is None else time_ms
        event = CallEvent(self.call_id, len(self.events) + 1, at_ms, at, kind, data)
        self.events.append(event)
        return event

    def opened(self, direction: str = "inbound", **data: Any) -> CallEvent:
        given: dict[str, Any] = {
            "caller": "sip:+15550100@pbx.example",
            "called": "sip:200@pbx.example",
            "signalling_id": "abc@pbx",
        }
        started: dict[str, Any] = {"id": self.call_id, "direction": direction, "trunk": None, "assistant": "desk"}
        return self.add("call", **{**given, **started, **data})

    def assistant(
        self, at_ms: int = 0, *, assistant: dict[str, Any] | None = None, previous: str = "", **data: Any
    ) -> CallEvent:
        body = assistant or ASSISTANT
        data |= {"from": previous, "member": 1} if previous else {}
        given: dict[str, Any] = {"member": 0, "name": body.get("name", ""), "assistantId": "a-1", **data}
        return self.add("assistant", at_ms, assistant=body, **given)

    def caller(self, text: str, start_ms: int, end_ms: int, turn: int = 1) -> CallEvent:
        data: dict[str, Any] = {"turn": turn, "text": text, "start_ms": start_ms, "end_ms": end_ms, "source": "speech"}
        return self.add("caller-turn", end_ms + 300, **data)

    def agent(self, text: str, at_ms: int, turn: int = 1, *, heard: str | None = None, start_ms: int = 0) -> CallEvent:
        said = text if heard is None else heard
        data: dict[str, Any] = {"turn": turn, "reply": turn, "kind": "reply", "text": text, "heard": said}
        return self.add("agent-turn", at_ms, **data, interrupted=said != text, start_ms=start_ms)


def whole_call(**assistant: Any) -> Journal:
    """A call with a tool, an interruption and an end: every kind of event once."""
    journal = Journal()
    body = {**ASSISTANT, **assistant}
    journal.opened()
    journal.add("worker", worker="w-1")
    journal.assistant(assistant=body)
    journal.add("answered", 0, at="2026-11-18T00:00:00+00:00")
    journal.add("utterance", 100, utterance=1, turn=0, text="Hello.")
    journal.add("agent-speech", 120, text="Hello.", turn=0, source="force-say")
    journal.add("speech", 120, role="assistant", status="started", turn=0)
    journal.add("speaking", 120, utterance=1)
    journal.agent("Hello.", 900, 0, start_ms=100)
    journal.add("speech", 900, role="assistant", status="stopped", turn=0)
    journal.add("speech", 1500, role="user", status="started", turn=1)
    journal.add("partial", 1900, text="Where is")
    journal.add("speech", 2500, role="user", status="stopped", turn=1)
    journal.caller("Where is my order?", 1500, 2500)
    journal.add("model-output", 2850, turn=1, output="Let")
    journal.add("tool-call", 2900, turn=1, id="call_1", name="find_order", arguments={"id": 7}, key="k")
    journal.add("tool-request", 3000, id="call_1", name="find_order", url="https://shop.example/", status=200, ms=90)
    journal.add("tool-result", 3100, turn=1, id="call_1", name="find_order", ok=True, result="Shipped.", ms=200)
    journal.add("hang", 3200)
    journal.add("utterance", 3300, utterance=2, turn=1, text="It was shipped on Monday.")
    journal.add("speaking", 3400, utterance=2)
    journal.add("latency", 3450, turn=1, jitter_buffer=20, endpointing=300, transcriber=40, model=400, voice=100,
                playout=40, total=900)  # fmt: skip
    journal.add("interruption", 4000, utterance=2, position=9000, reason="interruption", pause=1)
    journal.agent("It was shipped on Monday.", 4000, heard="It was shipped", start_ms=3300)
    journal.add("variable", 4100, values={"order": 7})
    journal.add("usage", 4200, rows=[USAGE])
    journal.add("ended", 8000, at="2026-11-18T00:00:08+00:00", reason="customer-ended-call", sip_status=200,
                recording=f"{CALL_ID}.wav", capture=f"{CALL_ID}.pcapng")  # fmt: skip
    journal.add("analysis", 8000, time_ms=journal.began_ms + 9500, summary="Asked for an order.",
                successEvaluation="true", usage=[])  # fmt: skip
    journal.add("report", 8000, time_ms=journal.began_ms + 9600)
    return journal


USAGE = {"stage": "model", "provider": "openai", "model": "gpt-4o", "prompt_tokens": 1000, "completion_tokens": 100}
