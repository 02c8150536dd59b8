"""One call as its events tell it. Pure: `apply` takes an event and returns the messages that follow from it.

Applying an event costs the same in a long call as in a short one. What is told of the call as a whole (`call`,
`artifact`) is put together when it is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from gateway.call.costs import breakdown_of, costs_of
from gateway.call.prices import PriceBook
from gateway.call.transfer.second_legs import SecondLegs
from gateway.messages.conversation import Conversation, Span
from gateway.messages.event import CallEvent, listed, part
from gateway.messages.following import HANDLERS
from gateway.messages.links import Links
from gateway.messages.message import Message
from gateway.messages.performance import Performance
from gateway.messages.times import iso
from gateway.messages.transfers import Transfers
from gateway.providers.usage import Usage

Body = Mapping[str, Any]


class CallView:
    """A call that grows event by event.

    :param call: Vapi's Call as far as it was known before, with `id` and `orgId`
    :param assistant: who begins; each `assistant` event replaces it
    :param links: where recordings and logs can be fetched
    :param prices: what the providers charge
    """

    def __init__(
        self,
        call: Body,
        *,
        assistant: Body | None = None,
        links: Links | None = None,
        prices: PriceBook | None = None,
    ) -> None:
        self.id = str(call.get("id", ""))
        self.sequence = 0
        self.known: dict[str, Any] = dict(call)
        self.status = str(call.get("status") or "queued")
        self.assistant: Body = assistant or {}
        self.assistant_id: str | None = None
        self.routed_to = ""
        """The assistant of the settings whose route took the call."""
        self.activations: list[dict[str, str]] = []
        self.phone_number: Body = {}
        self.trunk: str | None = None
        self.conversation = Conversation()
        self.performance = Performance()
        self.media: dict[str, Any] = {}
        """RTP figures of the whole call."""
        self.transfers = Transfers()
        self.second_legs = SecondLegs()
        self.variables: dict[str, Any] = {}
        self.usage: list[Usage] = []
        self.analysis: dict[str, Any] = {}
        self.analysis_usage: list[Body] = []
        self.structured_outputs: Body = {}
        self.analysed = False
        self.reported = False
        self.clock_ms: int | None = None
        """The wall clock at zero of the call clock."""
        self.answered: CallEvent | None = None
        self.over: CallEvent | None = None
        self.speaking_ms: int | None = None
        """Since when the agent's words are heard, of the call clock."""
        self.turns: dict[int, int] = {}
        """The turn of each utterance."""
        self._updated_ms = self._told_ms = self._at_ms = 0
        self._links = links or Links()
        self._prices = prices or PriceBook()
        self._head: dict[str, Any] | None = None

    # ------------------------------------------------------------ events

    def apply(self, event: CallEvent) -> list[Message]:
        """Take the next event of the call; one that was taken already says nothing. Messages are to be composed before
        the next event is applied: they tell of the call as it is now."""
        if event.sequence <= self.sequence:
            return []
        self.sequence = event.sequence
        self._updated_ms = max(self._updated_ms, event.time_ms)
        self._at_ms = max(self._at_ms, event.at_ms)
        if self.clock_ms is None:
            self.clock_ms = event.time_ms - event.at_ms
        handler = HANDLERS.get(event.kind)
        return list(handler(self, event)) if handler else []

    @property
    def ended(self) -> bool:
        """It is over."""
        return self.over is not None

    def tell(self, **fields: Any) -> None:
        """Set fields of the Call; None takes one away."""
        self.known |= fields
        self._head, self._told_ms = None, self._updated_ms

    # ------------------------------------------------------------ the whole

    @property
    def transcript(self) -> str:
        """Lines "AI: …" and "User: …", with the names of the assistant's transcriptPlan; empty where it is off."""
        plan = part(part(self.assistant, "artifactPlan"), "transcriptPlan")
        return "" if plan.get("enabled") is False else self.conversation.transcript(plan)

    def tool(self, name: str) -> Body:
        """The tool that the model calls by this name, as the assistant has it; empty where it has none."""
        for tool in listed(part(self.assistant, "model"), "tools"):
            if name == (part(tool, "function").get("name") or tool.get("name") or tool.get("type")):
                return tool
        return {}

    def head(self) -> dict[str, Any]:
        """The Call as messages have it: without the conversation, which they carry beside it."""
        if self._head is None:
            head = {**self.known, "status": self.status, "updatedAt": iso(self._told_ms)}
            self._head = {name: value for name, value in head.items() if value is not None}
        return self._head

    def call(self) -> dict[str, Any]:
        """Vapi's Call, whole."""
        money = self.money() if self.over or self.usage else {}
        said = {"messages": self.conversation.messages, "artifact": self.artifact(), "analysis": self.analysis}
        return {**self.head(), **money, **said, "updatedAt": iso(self._updated_ms)}

    def artifact(self) -> dict[str, Any]:
        """Vapi's Artifact, as far as the call has come."""
        kept = self.over is not None and self.over.data.get("recording")
        captured = self.over is not None and self.over.data.get("capture")
        return {
            "messages": self.conversation.messages,
            "messagesOpenAIFormatted": self.conversation.openai,
            "transcript": self.transcript,
            "variableValues": self.variables,
            "assistantActivations": self.activations,
            **({"structuredOutputs": self.structured_outputs} if self.structured_outputs else {}),
            **({"transfers": self.transfers.rows} if self.transfers.rows else {}),
            **({"performanceMetrics": self.performance.metrics()} if self.performance.turns else {}),
            **({"mediaStatistics": self.media} if self.media else {}),
            **(self._links.recording(self.id) if kept else {}),
            **(self._links.capture(self.id) if captured else {}),
            **(self._links.log(self.id) if self.over is not None else {}),
        }

    def money(self) -> dict[str, Any]:
        """What it cost until now: cost, costs and costBreakdown."""
        costs = costs_of(
            [*self.usage, *self.second_legs.usage],
            self.seconds,
            self.trunk,
            self._prices,
            analysis=self.analysis_usage,
            second_legs=self.second_legs.lines(self._at_ms),
        )
        breakdown = breakdown_of(costs)
        return {
            "cost": float(breakdown.total),
            "costs": [cost.model_dump(mode="json") for cost in costs],
            "costBreakdown": breakdown.model_dump(mode="json"),
        }

    @property
    def seconds(self) -> Decimal | None:
        """From answer to end, or until now; None when nobody answered."""
        if self.answered is None:
            return None
        end_ms = self.over.time_ms if self.over is not None else self._updated_ms
        return Decimal(end_ms - self.answered.time_ms) / 1000

    def report_fields(self) -> dict[str, Any]:
        artifact, seconds = self.artifact(), float(self.seconds or 0)
        older = ("transcript", "recordingUrl", "stereoRecordingUrl", "messages")
        kept = ("startedAt", "endedAt", "destination", "compliance", "endedMessage")
        return {
            "endedReason": self.known.get("endedReason", ""),
            **{name: self.known[name] for name in kept if self.known.get(name)},
            "analysis": self.analysis,
            "artifact": artifact,
            **self.money(),
            **{name: artifact[name] for name in older if name in artifact},
            "summary": self.analysis.get("summary", ""),
            "durationMs": round(seconds * 1000),
            "durationSeconds": seconds,
            "durationMinutes": round(seconds / 60, 4),
        }

    def who(self, name: str = "", *, empty: bool = True) -> dict[str, str]:
        name = name or (self.activations[-1]["assistantName"] if self.activations else "")
        name = name or str(self.assistant.get("name") or "")
        named = {"assistantName": name} if name or empty else {}
        return named | ({"assistantId": self.assistant_id} if self.assistant_id else {})

    def span(self, event: CallEvent, start_ms: int, end_ms: int) -> Span:
        """Of the call clock, as the wall clock has it."""
        zero_ms = self.clock_ms or 0
        answered_ms = self.answered.at_ms if self.answered else 0
        start_ms, end_ms = min(start_ms, end_ms), max(start_ms, end_ms)
        return Span(zero_ms + start_ms, zero_ms + end_ms, max(0, start_ms - answered_ms) / 1000)
