"""Reading a StartCall: who may have the call, what is known of it, and the conversation so far."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from gateway.assistant.artifact_plan import RecordingConsentPlan
from gateway.assistant.assistant import Assistant
from gateway.assistant.call_plan import CallPlan, Member
from gateway.assistant.masking import without_secrets
from gateway.assistant.member import member_assistant
from gateway.assistant.section import Server
from gateway.conversation.context import Context
from gateway.conversation.journal import KEPT, Entry, Restored, restore
from gateway.conversation.plan import TurnPlan
from gateway.conversation.squad import Squad
from gateway.conversation.templates import nested, render
from gateway.errors import ConfigError
from gateway.link.v1 import link_pb2 as pb
from gateway.media.audio import SAMPLE_BYTES, ms_to_samples
from gateway.providers.base import ChatMessage
from gateway.providers.usage import UsageBook
from gateway.recording.consent import consent_member
from gateway.worker.opening import Opening

_DIRECTIONS = {pb.DIRECTION_OUTBOUND: "outboundPhoneCall"}


class CallStart:
    """A StartCall, understood: what holds for whoever has the call.

    `entries` is the journal so far, as far as it rebuilds the conversation; `plan` is None for an assistant of the
    gateway's own settings.

    :raises ConfigError: the plan cannot be read
    """

    def __init__(self, start: pb.StartCall) -> None:
        self.call_id = start.call_id
        self.plan = read_plan(start)
        self.squad = Squad(self.plan.members if self.plan else [_own_member(start.assistant_json)])
        self._asking = len(self.squad)
        self.entries: list[Entry] = []
        self.usage = UsageBook()
        self._assistants: dict[int, Assistant] = {}
        self._own = None if self.plan else start.assistant_json
        self._start = start
        self._given = _variables(start, self.plan)
        self._consent = self._ask_for_consent() if start.ask_consent else None
        self._read_journal(start.journal)

    def _ask_for_consent(self) -> RecordingConsentPlan | None:
        """One more member asks for it, and has the call first."""
        plan = self.assistant(0).compliance_plan.recording_consent_plan
        if plan is not None:
            member = self.squad[0] if self.plan else self.squad[0].model_copy(update={"trusted": True})
            self.squad.add([consent_member(member, plan)])
        return plan

    def keep(self, entry: Entry) -> None:
        """One more entry of the journal."""
        if entry.kind in KEPT:
            self.entries.append(entry)

    def first_opening(self) -> Opening:
        """How whoever has the call finds it: its first assistant, or the one that had it at another worker.

        :raises ConfigError: its assistant is not valid
        """
        resumed = bool(self.entries) or self._start.at_ms > 0
        return self.opening(self._start.at_ms, _backlog(self._start, self.entries), resumed=resumed)

    def opening(self, at_ms: int, backlog: pb.CallerAudio | None, *, resumed: bool = True) -> Opening:
        """How whoever has the call by the journal finds it at `at_ms` of the call clock.

        :raises ConfigError: its assistant is not valid
        """
        first = 0 if self._consent is None else self._asking
        restored = restore(self.entries, at_ms, self.instructions, first=first)
        return self._opening(restored, at_ms, backlog, resumed=resumed)

    def _opening(self, restored: Restored, at_ms: int, backlog: pb.CallerAudio | None, *, resumed: bool) -> Opening:
        number = restored.member
        member, assistant, variables = self.squad[number], self.assistant(number), self.variables
        asks = self._consent is not None and number == self._asking
        outbound = self._start.direction == pb.DIRECTION_OUTBOUND
        return Opening(
            call_id=self.call_id,
            assistant=assistant,
            plan=TurnPlan.of(assistant, lambda text: render(text, variables), outbound=outbound),
            call=self._call(variables),
            restored=restored,
            resumed=resumed,
            at_ms=at_ms,
            backlog=backlog,
            recorded=self._start.record_events and not asks,
            consent=self._consent if asks else None,
            trusted=member.trusted or (self._own is not None and number == 0),
            decides_transfer=self._start.transfer_assistant,
            variables=variables,
            usage=self.usage,
            member=number,
            name=self.squad.name(number),
            previous=self.squad.name(restored.previous) if restored.taking_over else "",
            assistant_id=member.assistant_id,
            first_message=render(assistant.first_message, variables),
            shown=without_secrets(member.assistant),
            meter=self.usage.meter(self.squad.name(number)) if self.plan else self.usage.add,
            server=assistant.server or self._server(),
            credentials=self.plan.credentials if self.plan else (),
            phone_number=without_secrets(self.plan.phone_number) if self.plan else None,
            destinations=member.destinations,
            tools=frozenset(str(entry.data["id"]) for entry in self.entries if entry.kind == "tool-call"),
        )

    def provisional(self, number: int) -> Opening:
        """What the providers of a member need to know of the call, before it has it.

        :raises ConfigError: its assistant is not valid
        """
        return self._opening(Restored(Context(), member=number), 0, None, resumed=True)

    def assistant(self, number: int) -> Assistant:
        """The assistant of a member.

        :raises ConfigError: it is not valid
        """
        if number not in self._assistants:
            own = self._own if number == 0 else None
            made = _own_assistant(own) if own is not None else member_assistant(self.squad[number])
            self._assistants[number] = made
        return self._assistants[number]

    def instructions(self, number: int) -> tuple[ChatMessage, ...]:
        """The system messages of a member."""
        variables = self.variables
        return tuple(
            ChatMessage(str(message.get("role", "system")), render(str(message.get("content") or ""), variables))
            for message in self.assistant(number).model.messages
        )

    @property
    def variables(self) -> Mapping[str, Any]:
        """Template variables, nested: those that were given, and those that the conversation found out."""
        found: dict[str, Any] = {}
        for entry in self.entries:
            if entry.kind == "variable":
                found |= entry.data.get("values", {})
        return {**self._given, **found}

    def _server(self) -> Server | None:
        """The phone number's, or the organisation's."""
        written = self.plan.server if self.plan else None
        return Server.read(written) if written else None

    def _call(self, variables: Mapping[str, Any]) -> dict[str, Any]:
        """The call as the user's servers see it."""
        call = {"id": self.call_id, "type": _DIRECTIONS.get(self._start.direction, "inboundPhoneCall")}
        if self.plan:
            # It was made before; the tools of a call are used while somebody speaks.
            return call | self.plan.call | {"status": "in-progress"}
        return call | {name: variables[name] for name in ("customer", "phoneNumber") if name in variables}

    def _read_journal(self, journal: Sequence[pb.JournalEntry]) -> None:
        for written in journal:
            entry = Entry(written.at_ms, written.kind, json.loads(written.json or "{}"))
            self.keep(entry)
            if entry.kind == "handoff":
                self.squad.readmit(entry.data.get("members", ()))
        rows = next((entry.data["rows"] for entry in reversed(self.entries) if entry.kind == "usage"), ())
        self.usage = UsageBook(rows)


def read_plan(start: pb.StartCall) -> CallPlan | None:
    """What the control plane resolved; None for an assistant of the gateway's own settings.

    :raises ConfigError: it cannot be read
    """
    if not start.plan_json:
        return None
    try:
        return CallPlan.model_validate_json(start.plan_json)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise ConfigError(f"The plan of the call is not valid: {_place(first, 'plan')}: {first['msg']}.") from None


def _own_member(text: str) -> Member:
    """An assistant of the gateway's own settings, as the only member."""
    assistant = _own_assistant(text)
    return Member(name=assistant.name, assistant=json.loads(text))


def _own_assistant(text: str) -> Assistant:
    try:
        return Assistant.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(
            f"The assistant of the call is not valid: {_place(first, 'assistant')}: {first['msg']}."
        ) from error


def _place(error: Any, whole: str) -> str:
    return ".".join(str(part) for part in error["loc"]) or whole


def _variables(start: pb.StartCall, plan: CallPlan | None) -> dict[str, Any]:
    values = json.loads(start.variables_json or "{}")
    return nested({"call.id": start.call_id, **values, **(plan.variables if plan else {})})


def _backlog(start: pb.StartCall, entries: Sequence[Entry]) -> pb.CallerAudio | None:
    """The audio since the last turn that the caller finished: what came before it has been understood."""
    if not start.HasField("backlog"):
        return None
    known = max((int(e.data.get("end_ms", 0)) for e in entries if e.kind == "caller-turn"), default=0)
    skip = max(0, ms_to_samples(known - start.backlog.at_ms)) * SAMPLE_BYTES
    at_ms = max(known, start.backlog.at_ms)
    return pb.CallerAudio(at_ms=at_ms, pcm=start.backlog.pcm[skip:])
