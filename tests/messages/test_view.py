"""What a call's events amount to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.messages.envelope import client_body, server_body
from gateway.messages.event import CallEvent
from gateway.messages.following import HANDLERS
from gateway.messages.links import Links
from gateway.messages.message import Message
from gateway.messages.view import CallView
from tests.messages.journals import ASSISTANT, BEGAN_MS, CALL_ID, ORGANISATION, Journal, whole_call
from tests.vapi.contract import contract

_SCHEMAS = {
    "assistant.speechStarted": "ServerMessageAssistantSpeech",
    "assistant.started": "ClientMessageAssistantStarted",
    "tool-calls-result": "ClientMessageToolCallsResult",
}
_UNLIKE_THE_CONTRACT = {
    "model-output": ("output",),  # text, as the description of the field says
    "tool-calls": ("toolCallList.0.function.arguments", "toolWithToolCallList"),  # objects, as Vapi sends them
}


def view_of(journal: Journal, **known: Any) -> CallView:
    view = new_view(**known)
    follow(view, journal.events)
    return view


def new_view(**known: Any) -> CallView:
    links = Links(lambda call, name: f"https://api.example/call/{call}/{name}")
    return CallView({"id": CALL_ID, "orgId": ORGANISATION, **known}, links=links)


def follow(view: CallView, events: Iterable[CallEvent]) -> list[tuple[Message, Mapping[str, Any]]]:
    """Messages with what servers get of them."""
    return [(message, server_body(view, message)["message"]) for event in events for message in view.apply(event)]


def test_a_call_is_told_in_the_order_in_which_it_happens() -> None:
    told = [message.type for message, _ in follow(new_view(), whole_call().events)]
    assert told == [
        *("status-update", "assistant.started", "status-update", "assistant.speechStarted", "speech-update"),
        *("transcript", "conversation-update", "speech-update", "speech-update", "transcript", "speech-update"),
        *("transcript", "conversation-update", "model-output", "tool-calls", "conversation-update"),
        *("tool-calls-result", "conversation-update", "hang", "user-interrupted", "transcript", "conversation-update"),
        *("status-update", "end-of-call-report"),
    ]


def test_every_message_has_the_shape_that_vapi_documents() -> None:
    for message, body in follow(new_view(), whole_call(serverMessages=["transcript"]).events):
        words = message.type.replace(".", "-").split("-")
        schema = _SCHEMAS.get(message.type, "ServerMessage" + "".join(word.capitalize() for word in words))
        if message.type == "tool-calls-result":
            continue
        exempt = _UNLIKE_THE_CONTRACT.get(message.type, ())
        faults = [fault for fault in contract().faults(schema, body) if not fault.startswith(exempt or "-")]
        assert faults == []


def test_the_call_has_the_shape_that_vapi_documents() -> None:
    assert contract().faults("Call", view_of(whole_call()).call()) == []


def test_the_call_knows_who_when_and_why() -> None:
    call = view_of(whole_call()).call()
    assert call["type"] == "inboundPhoneCall"
    assert call["customer"] == {"number": "+15550100", "sipUri": "sip:+15550100@pbx.example"}
    assert call["status"] == "ended"
    assert call["endedReason"] == "customer-ended-call"
    assert (call["startedAt"], call["endedAt"]) == ("2026-11-18T11:06:40.000Z", "2026-11-18T11:06:48.000Z")
    assert call["artifact"]["recordingUrl"] == f"https://api.example/call/{CALL_ID}/mono-recording"
    assert call["artifact"]["pcapUrl"] == f"https://api.example/call/{CALL_ID}/pcap"


def test_the_transcript_has_what_the_caller_heard() -> None:
    artifact = view_of(whole_call()).artifact()
    assert artifact["transcript"] == "AI: Hello.\nUser: Where is my order?\nAI: It was shipped\n"
    assert "Monday" not in str(artifact["messages"])
    assert artifact["messages"][-1] == {
        "role": "bot",
        "message": "It was shipped",
        "time": BEGAN_MS + 3400,
        "endTime": BEGAN_MS + 4000,
        "duration": 600,
        "secondsFromStart": 3.4,
        "assistantName": "Front desk",
        "assistantId": "a-1",
    }


def test_the_names_in_the_transcript_are_the_artifact_plans() -> None:
    plan = {"transcriptPlan": {"assistantName": "Agent", "userName": "Guest"}}
    assert view_of(whole_call(artifactPlan=plan)).transcript.startswith("Agent: Hello.\nGuest: ")
    assert view_of(whole_call(artifactPlan={"transcriptPlan": {"enabled": False}})).transcript == ""


def test_a_result_stands_behind_its_call_though_something_was_said_meanwhile() -> None:
    journal = Journal()
    journal.caller("Cancel it.", 0, 500)
    journal.add("tool-call", 900, id="c1", name="cancel", arguments={})
    journal.agent("One moment.", 1500)
    journal.add("tool-result", 2000, id="c1", name="cancel", ok=True, result="done")
    roles = [message["role"] for message in view_of(journal).artifact()["messagesOpenAIFormatted"]]
    assert roles == ["user", "assistant", "tool", "assistant"]


def test_seconds_count_from_the_answer() -> None:
    journal = Journal()
    journal.opened("outbound")
    journal.add("ringing", time_ms=BEGAN_MS + 500)
    journal.add("answered", 200, time_ms=BEGAN_MS + 4200)
    journal.caller("Hello?", 1200, 1700)
    message = view_of(journal).artifact()["messages"][0]
    assert message["secondsFromStart"] == 1.0
    assert message["time"] == BEGAN_MS + 5200


def test_an_outbound_call_goes_through_its_statuses() -> None:
    journal = Journal()
    journal.opened("outbound")
    journal.add("ringing")
    journal.add("answered")
    journal.add("ended", 9000, reason="customer-ended-call")
    told = [body["status"] for _, body in follow(new_view(type="outboundPhoneCall"), journal.events)]
    assert told == ["queued", "ringing", "in-progress", "ended"]


def test_a_transfer_forwards_and_a_failed_one_comes_back() -> None:
    journal = Journal()
    journal.opened()
    journal.add("answered")
    destination = {"type": "number", "number": "+15550199"}
    journal.add("transfer", 100, status="requested", destination=destination, mode="blind-transfer")
    journal.add("transfer", 900, status="busy", destination=destination, mode="blind-transfer", detail="486")
    journal.add("transfer", 950, status="requested", destination=destination, mode="blind-transfer")
    journal.add("transfer", 1900, status="connected", destination=destination)
    view = new_view()
    told = [body for _, body in follow(view, journal.events) if body["type"] in ("status-update", "transfer-update")]
    assert [body.get("status", "transfer") for body in told] == [
        *("ringing", "in-progress", "transfer", "forwarding", "in-progress", "transfer", "forwarding"),
    ]
    assert told[2]["destination"] == told[3]["destination"] == view.head()["destination"] == destination
    assert [row["status"] for row in view.artifact()["transfers"]] == ["busy", "connected"]


def test_what_was_said_to_the_human_of_a_transfer_is_in_its_artifact_and_not_in_the_callers_conversation() -> None:
    journal = Journal()
    journal.opened()
    journal.add("answered", 0)
    destination = {"type": "number", "number": "200"}
    journal.add("transfer", 100, status="requested", destination=destination, mode="warm-transfer-experimental")
    journal.add("transfer-talk", 900, what="agent-turn", text="Ann calls.", heard="Ann calls.", start_ms=500)
    journal.add("transfer-talk", 1500, what="caller-turn", text="I take it.", start_ms=1000, end_ms=1400)
    journal.add("transfer-talk", 1600, what="tool-call", id="c1", name="transferSuccessful", arguments={})
    journal.add("transfer", 1900, status="connected", destination=destination)
    view = CallView({"id": CALL_ID, "orgId": ORGANISATION})
    list(follow(view, journal.events))
    (row,) = view.artifact()["transfers"]
    assert row["transcript"] == "AI: Ann calls.\nUser: I take it.\n"
    assert [message["role"] for message in row["messages"]] == ["bot", "user", "tool_calls"]
    assert view.artifact()["messages"] == []


def test_a_handoff_tells_both_assistants() -> None:
    journal = Journal()
    journal.opened()
    journal.assistant()
    billing = {"name": "Billing", "model": {"provider": "openai", "model": "gpt-4o"}}
    journal.assistant(5000, assistant=billing, assistantId="a-2", previous="Front desk")
    journal.agent("Billing here.", 6000)
    view = new_view()
    update, started = [body for _, body in follow(view, journal.events)][-4:-2]
    assert (update["type"], started["type"]) == ("transfer-update", "assistant.started")
    assert update["fromAssistant"] == ASSISTANT
    assert update["toAssistant"] == started["newAssistant"] == billing
    assert view.artifact()["assistantActivations"] == [
        {"assistantName": "Front desk", "assistantId": "a-1"},
        {"assistantName": "Billing", "assistantId": "a-2"},
    ]
    assert view.artifact()["messages"][-1]["assistantName"] == "Billing"


def test_the_report_repeats_what_older_servers_read() -> None:
    report = follow(new_view(), whole_call().events)[-1][1]
    assert report["type"] == "end-of-call-report"
    assert report["durationSeconds"] == 8.0
    assert report["summary"] == report["analysis"]["summary"] == "Asked for an order."
    assert report["transcript"] == report["artifact"]["transcript"]
    assert report["recordingUrl"] == report["artifact"]["recordingUrl"]
    assert report["cost"] == sum(row["cost"] for row in report["costs"]) == report["costBreakdown"]["total"]


def test_a_report_is_told_once() -> None:
    journal = whole_call()
    journal.add("report", 8000)
    assert [message.type for message, _ in follow(new_view(), journal.events)].count("end-of-call-report") == 1


def test_an_event_that_comes_again_changes_nothing() -> None:
    journal, view = whole_call(), new_view()
    follow(view, journal.events)
    before = view.call()
    assert follow(view, journal.events[:-3]) == []
    assert view.call() == before


def test_performance_is_that_of_the_turns() -> None:
    journal = Journal()
    for number, total in enumerate((900, 700)):
        journal.add("latency", number, turn=number, model=total - 500, total=total)
    journal.add("interruption", 10, utterance=1)
    metrics = view_of(journal).performance.metrics()
    assert [turn["turnLatency"] for turn in metrics["turnLatencies"]] == [900, 700]
    assert (metrics["turnLatencyAverage"], metrics["modelLatencyAverage"]) == (800, 300)
    assert metrics["numAssistantInterrupted"] == 1


def test_output_and_interruption_of_a_turn_have_one_id() -> None:
    ids = {body["turnId"] for _, body in follow(new_view(), whole_call().events) if "turnId" in body}
    assert ids == {f"{CALL_ID}-1"}


def test_a_call_that_nobody_took_says_what_went_wrong() -> None:
    journal = Journal()
    journal.opened()
    journal.add("failure", reason="x", detail="No worker takes the call.")
    journal.add("ended", reason="call.in-progress.error-sip-inbound-call-failed-to-connect", sip_status=503)
    view = new_view()
    ended = follow(view, journal.events)[-1][1]
    assert ended["inboundPhoneCallDebuggingArtifacts"] == {"sipStatus": 503, "error": "No worker takes the call."}
    assert "startedAt" not in view.call()


def test_clients_get_messages_without_the_artifact_and_not_wrapped() -> None:
    view = new_view()
    bodies = [client_body(view, message) for event in whole_call().events for message in view.apply(event)]
    assert not any("artifact" in body for body in bodies if body["type"] != "end-of-call-report")
    partial = next(body for body in bodies if body.get("transcriptType") == "partial")
    assert partial.keys() == {
        "type",
        "timestamp",
        "role",
        "transcriptType",
        "transcript",
        "assistantName",
        "assistantId",
    }


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
fields = st.sampled_from(
    [
        "rows",
        "usage",
        "assistant",
        "plan",
        "status",
        "destination",
        "text",
        "heard",
        "values",
        "turn",
        "start_ms",
        "from",
    ]
)


def test_figures_of_the_media_are_in_the_artifact() -> None:
    journal, view = Journal(), new_view()
    journal.add("statistics", 30_000, packets_lost=3, mos=4.2)
    assert "mediaStatistics" not in view.artifact()
    follow(view, journal.events)
    assert view.artifact()["mediaStatistics"] == {"packetsLost": 3, "mos": 4.2}


@given(st.lists(st.tuples(st.sampled_from(sorted(HANDLERS)), st.dictionaries(fields, json_values)), max_size=6))
def test_no_event_can_break_a_call(entries: list[tuple[str, dict[str, Any]]]) -> None:
    view = new_view()
    for number, (kind, data) in enumerate(entries, start=1):
        follow(view, [CallEvent(CALL_ID, number, number, BEGAN_MS + number, kind, data)])
    assert view.call()["id"] == CALL_ID


@pytest.mark.parametrize("count", [200, 2000])
def test_a_long_call_is_not_gone_through_for_each_event(count: int) -> None:
    """Counted by what is looked at, not by a clock: the messages of a long call are the list that is there."""
    view = new_view()
    journal = Journal()
    for number in range(count):
        journal.caller("Yes.", number * 10, number * 10 + 5)
    for event in journal.events:
        _, update = view.apply(event)
        assert update.fields["messages"] is view.conversation.messages
    assert len(view.conversation.messages) == count
