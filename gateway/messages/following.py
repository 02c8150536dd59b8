"""What follows from each kind of event: how the view of its call changes, and which messages go out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from pydantic.alias_generators import to_camel

from gateway.messages.conversation import tool_call
from gateway.messages.event import CallEvent, listed, part
from gateway.messages.message import Message
from gateway.messages.parties import call_type, customer_of, forwarder, sip_transport
from gateway.messages.times import iso
from gateway.messages.tool_calls import tool_calls_fields
from gateway.messages.transfers import FAILED
from gateway.providers.usage import read_usage

if TYPE_CHECKING:
    from gateway.messages.view import CallView

Handler = Callable[["CallView", CallEvent], Iterable[Message]]

_REQUESTED_BY_WORKER = "function"
"""Tools of this type are requested by the worker itself."""


def _opened(view: CallView, event: CallEvent) -> Iterable[Message]:
    plan, direction = event.part("plan"), event.text("direction")
    far = customer_of(event.text("called" if direction == "outbound" else "caller"))
    if direction != "outbound" and (name := event.text("caller_name")):
        far["name"] = name[:40]
    derived: dict[str, Any] = {"type": call_type(direction), "createdAt": iso(event.time_ms)}
    if event.text("signalling_id"):
        derived |= {
            "phoneCallProvider": "vapi",
            "phoneCallTransport": "sip",
            "phoneCallProviderId": event.text("signalling_id"),
            "transport": sip_transport(event.text("signalling_id"), forwarder(listed(event.data, "diverted_by"))),
        }
    view.known = {**derived, **part(plan, "call"), **view.known}
    view.tell(customer={**far, **part(view.known, "customer")})
    view.phone_number = part(plan, "phoneNumber") or part(view.known, "phoneNumber")
    view.trunk = event.text("trunk") or None
    view.routed_to = "" if plan else event.text("assistant")
    if not view.assistant and view.routed_to:
        view.assistant = {"name": view.routed_to}
    yield from _changed_status(view, event, "queued" if direction == "outbound" else "ringing", again=True)


def _ringing(view: CallView, event: CallEvent) -> Iterable[Message]:
    yield from _changed_status(view, event, "ringing")


def _taken(view: CallView, event: CallEvent) -> Iterable[Message]:
    view.answered = event
    view.clock_ms = event.time_ms - event.at_ms
    view.tell(startedAt=iso(event.time_ms))
    yield from _changed_status(view, event, "in-progress")


def _changed_status(
    view: CallView, event: CallEvent, status: str, *, again: bool = False, **fields: Any
) -> Iterable[Message]:
    if status == view.status and not again:
        return
    view.status = status
    view.tell()
    yield Message("status-update", event.time_ms, {"status": status, **fields})


def _got_assistant(view: CallView, event: CallEvent) -> Iterable[Message]:
    before, view.assistant = view.assistant, event.part("assistant")
    # The only assistant of a call of the settings may have no name but there.
    name = str(view.assistant.get("name") or "") or view.routed_to or event.text("name")
    if event.text("from"):
        name = event.text("name")
    view.assistant_id = event.text("assistantId") or None
    view.activations.append(view.who(name))
    for message in listed(part(view.assistant, "model"), "messages"):
        if message.get("role") == "system" and message.get("content"):
            view.conversation.system(str(message["content"]), view.span(event, event.at_ms, event.at_ms))
    if event.text("from"):
        destination = {"type": "assistant", "assistantName": name}
        fields = {"destination": destination, "toAssistant": view.assistant, "fromAssistant": before}
        yield Message("transfer-update", event.time_ms, fields)
    yield Message("assistant.started", event.time_ms, {"newAssistant": view.assistant})


def _caller_turn(view: CallView, event: CallEvent) -> Iterable[Message]:
    text = event.text("text")
    if not text:
        return
    span = view.span(event, event.whole("start_ms", event.at_ms), event.whole("end_ms", event.at_ms))
    view.conversation.user(text, span)
    yield _transcript(view, event, "user", text)
    yield _conversation_update(view, event)


def _added(view: CallView, event: CallEvent) -> Iterable[Message]:
    """Live control or a hook put a message into the conversation."""
    if event.text("content"):
        span = view.span(event, event.at_ms, event.at_ms)
        view.conversation.added(event.text("role"), event.text("content"), span)
        yield _conversation_update(view, event)


def _agent_turn(view: CallView, event: CallEvent) -> Iterable[Message]:
    since, view.speaking_ms = view.speaking_ms, None
    heard = event.data.get("heard", event.data.get("text"))
    if not isinstance(heard, str) or not heard:
        return
    start_ms = event.whole("start_ms", event.at_ms) if since is None else since
    view.conversation.agent(heard, view.span(event, start_ms, event.at_ms), view.who())
    yield _transcript(view, event, "assistant", heard)
    yield _conversation_update(view, event)


def _utterance(view: CallView, event: CallEvent) -> Iterable[Message]:
    view.turns[event.whole("utterance", 0)] = event.whole("turn", 0)
    return ()


def _speaking(view: CallView, event: CallEvent) -> Iterable[Message]:
    view.speaking_ms = event.at_ms
    return ()


def _partial(view: CallView, event: CallEvent) -> Iterable[Message]:
    yield _transcript(view, event, "user", event.text("text"), final=False)


def _transcript(view: CallView, event: CallEvent, role: str, text: str, *, final: bool = True) -> Message:
    kind = "final" if final else "partial"
    fields = {"role": role, "transcriptType": kind, "transcript": text, **view.who(empty=False)}
    return Message("transcript", event.time_ms, fields, frequent=not final)


def _conversation_update(view: CallView, event: CallEvent) -> Message:
    openai = view.conversation.openai
    fields = {"messages": view.conversation.messages, "messagesOpenAIFormatted": openai, "conversation": openai}
    return Message("conversation-update", event.time_ms, fields)


def _tool_call(view: CallView, event: CallEvent) -> Iterable[Message]:
    id_, name, arguments = event.text("id"), event.text("name"), event.data.get("arguments")
    view.conversation.tool_call(tool_call(id_, name, arguments), view.span(event, event.at_ms, event.at_ms))
    tool = view.tool(name)
    fields = tool_calls_fields([(id_, name, arguments, tool)])
    requested = tool.get("type", _REQUESTED_BY_WORKER) == _REQUESTED_BY_WORKER
    yield Message("tool-calls", event.time_ms, fields, requested=requested)
    yield _conversation_update(view, event)


def _tool_result(view: CallView, event: CallEvent) -> Iterable[Message]:
    id_, name, result = event.text("id"), event.text("name"), event.text("result")
    view.conversation.tool_result(id_, name, result, view.span(event, event.at_ms, event.at_ms))
    row = {"toolCallId": id_, "name": name, "result" if event.data.get("ok", True) else "error": result}
    yield Message("tool-calls-result", event.time_ms, {"toolCallResult": row})
    yield _conversation_update(view, event)


def _speech(view: CallView, event: CallEvent) -> Iterable[Message]:
    fields = {"status": event.text("status"), "role": event.text("role"), "turn": event.whole("turn", 0)}
    yield Message("speech-update", event.time_ms, fields)


def _agent_speech(view: CallView, event: CallEvent) -> Iterable[Message]:
    source = event.text("source") or "model"
    fields = {"text": event.text("text"), "turn": event.whole("turn", 0), "source": source}
    yield Message("assistant.speechStarted", event.time_ms, fields, frequent=True)


def _model_output(view: CallView, event: CallEvent) -> Iterable[Message]:
    fields = {"output": event.data.get("output"), "turnId": _turn_id(view, event.whole("turn", 0))}
    yield Message("model-output", event.time_ms, fields, frequent=True)


def _interruption(view: CallView, event: CallEvent) -> Iterable[Message]:
    view.performance.interruptions += 1
    turn = view.turns.get(event.whole("utterance", 0), 0)
    yield Message("user-interrupted", event.time_ms, {"turnId": _turn_id(view, turn)})


def _recording_consent(view: CallView, event: CallEvent) -> Iterable[Message]:
    """Vapi's Compliance: a consent that was not granted has no time."""
    granted = {"grantedAt": iso(event.time_ms)} if event.data.get("granted") is True else {}
    view.tell(compliance={"recordingConsent": {"type": event.text("type"), **granted}})
    return ()


def _hang(view: CallView, event: CallEvent) -> Iterable[Message]:
    yield Message("hang", event.time_ms)


def _latency(view: CallView, event: CallEvent) -> Iterable[Message]:
    view.performance.turn(event.data)
    return ()


def _statistics(view: CallView, event: CallEvent) -> Iterable[Message]:
    view.media = {to_camel(name): value for name, value in event.data.items()}
    return ()


def _variable(view: CallView, event: CallEvent) -> Iterable[Message]:
    view.variables |= event.part("values")
    return ()


def _used(view: CallView, event: CallEvent) -> Iterable[Message]:
    view.usage = [read_usage(row) for row in listed(event.data, "rows") if row.keys() >= {"stage", "provider"}]
    return ()


def _failure(view: CallView, event: CallEvent) -> Iterable[Message]:
    view.tell(endedMessage=event.text("detail"))
    return ()


def _transfer(view: CallView, event: CallEvent) -> Iterable[Message]:
    view.transfers.tell(event.data)
    view.second_legs.tell(event.data, event.at_ms)
    status, destination = event.text("status"), event.part("destination")
    if status == "requested":
        view.tell(destination=destination)
        yield Message("phone-call-control", event.time_ms, {"request": "forward", "destination": destination})
        yield Message("transfer-update", event.time_ms, {"destination": destination})
        said = _conversation_update(view, event).fields
        text = {"transcript": view.transcript, "summary": view.analysis.get("summary", "")}
        yield from _changed_status(view, event, "forwarding", destination=destination, **said, **text)
    elif status in FAILED:
        view.tell(destination=None)
        yield from _changed_status(view, event, "in-progress")


def _transfer_talk(view: CallView, event: CallEvent) -> Iterable[Message]:
    """What the human of a transfer is told is no part of the caller's conversation."""
    span = view.span(event, event.whole("start_ms", event.at_ms), event.whole("end_ms", event.at_ms))
    view.transfers.talk(event.data, span)
    return ()


def _transfer_usage(view: CallView, event: CallEvent) -> Iterable[Message]:
    view.second_legs.used(event.data)
    return ()


def _over(view: CallView, event: CallEvent) -> Iterable[Message]:
    view.over = event
    reason = event.text("reason")
    view.tell(endedAt=iso(event.time_ms), endedReason=reason)
    if event.text("detail"):
        view.tell(endedMessage=event.text("detail"))
    if reason.startswith("assistant-ended-call") or reason == "assistant-said-end-call-phrase":
        yield Message("phone-call-control", event.time_ms, {"request": "hang-up"})
    fields: dict[str, Any] = {"endedReason": reason}
    if view.answered is None and view.known.get("type") == "inboundPhoneCall":
        detail = {"sipStatus": event.data.get("sip_status"), "error": view.known.get("endedMessage")}
        fields["inboundPhoneCallDebuggingArtifacts"] = {k: v for k, v in detail.items() if v is not None}
    yield from _changed_status(view, event, "ended", **fields)


def _analysed(view: CallView, event: CallEvent) -> Iterable[Message]:
    names = ("summary", "structuredData", "structuredDataMulti", "successEvaluation")
    view.analysis = {name: event.data[name] for name in names if event.data.get(name) is not None}
    view.analysis_usage = [row for row in listed(event.data, "usage") if row.keys() >= {"stage", "provider"}]
    view.structured_outputs = event.part("structuredOutputs")
    view.analysed = True
    return ()


def _report(view: CallView, event: CallEvent) -> Iterable[Message]:
    if view.reported:
        return
    view.reported = True
    yield Message("end-of-call-report", event.time_ms, view.report_fields())


def _turn_id(view: CallView, turn: int) -> str:
    """The same for all output of a turn, and for its interruption."""
    return f"{view.id}-{turn}"


HANDLERS: Mapping[str, Handler] = {
    "call": _opened,
    "ringing": _ringing,
    "answered": _taken,
    "assistant": _got_assistant,
    "caller-turn": _caller_turn,
    "agent-turn": _agent_turn,
    "message": _added,
    "utterance": _utterance,
    "speaking": _speaking,
    "partial": _partial,
    "tool-call": _tool_call,
    "tool-result": _tool_result,
    "speech": _speech,
    "agent-speech": _agent_speech,
    "model-output": _model_output,
    "interruption": _interruption,
    "hang": _hang,
    "recording-consent": _recording_consent,
    "latency": _latency,
    "statistics": _statistics,
    "variable": _variable,
    "usage": _used,
    "failure": _failure,
    "transfer": _transfer,
    "transfer-talk": _transfer_talk,
    "transfer-usage": _transfer_usage,
    "ended": _over,
    "analysis": _analysed,
    "report": _report,
}
