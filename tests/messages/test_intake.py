"""Events come in, once each, and everything that follows is committed with them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from gateway.assistant.assistant import Assistant
from gateway.assistant.call_plan import CallPlan
from gateway.messages.encoding import read_json
from gateway.messages.event import CallEvent
from gateway.messages.intake import Arrival
from gateway.plane.kept_plans import keep_plan
from gateway.settings import Settings
from gateway.store import outbox
from gateway.store.calls import Calls
from gateway.store.database import Database
from gateway.store.entities import Entities, Kind
from gateway.store.events import NewEvent, events_of
from gateway.store.organisations import create_organisation
from gateway.store.outbox import Delivery
from tests.messages.journals import ASSISTANT, CALL_ID, Journal, whole_call
from tests.messages.stored import SECRETS, intake_of, new

SERVER = {"url": "https://hook.example/vapi", "secret": "s3", "headers": {"X-Team": "red"}}
EVERYTHING = ["status-update", "transcript", "conversation-update", "end-of-call-report", "tool-calls"]


async def deliveries(database: Database, organisation_id: str | None = None) -> Sequence[Delivery]:
    async with database.reading() as session:
        listed = await outbox.list_deliveries(session, organisation_id or database.default_organisation_id, limit=1000)
    return listed[::-1]


async def planned_call(database: Database) -> None:
    """What the control plane keeps before a gateway dials."""
    body = {**ASSISTANT, "server": SERVER, "serverMessages": EVERYTHING}
    call = {"id": CALL_ID, "type": "outboundPhoneCall", "status": "queued", "assistantId": "a-1", "name": "first name"}
    await keep(database, {"call": call, "members": [{"name": "Front desk", "assistantId": "a-1", "assistant": body}]})
    async with database.transaction() as session:
        await Calls(session, database.default_organisation_id).create(call, id=CALL_ID)


async def keep(database: Database, plan: dict[str, Any], organisation_id: str | None = None) -> None:
    async with database.transaction() as session:
        owner = organisation_id or database.default_organisation_id
        await keep_plan(session, SECRETS, CallPlan.model_validate({"organisation": owner, **plan}))


def planned_journal() -> Journal:
    journal = whole_call(server={"url": SERVER["url"], "headers": {"X-Team": "***"}}, serverMessages=EVERYTHING)
    opened = journal.events[0]
    plan = {"call": {"id": CALL_ID, "assistantId": "a-1"}, "members": [{"name": "Front desk", "assistantId": "a-1"}]}
    journal.events[0] = CallEvent(CALL_ID, 1, 0, opened.time_ms, "call", {**opened.data, "plan": plan})
    return journal


@pytest.mark.both_databases
async def test_a_call_becomes_a_row_events_and_messages(database: Database) -> None:
    await planned_call(database)
    await intake_of(database).append(new(planned_journal().events))
    async with database.reading() as session:
        row = await Calls(session, database.default_organisation_id).get(CALL_ID)
        kept = await events_of(session, database.default_organisation_id, CALL_ID)
    assert (row.status, row.ended_reason, row.duration_ms) == ("ended", "customer-ended-call", 8000)
    assert row.body["artifact"]["transcript"].startswith("AI: Hello.")
    assert row.name == "first name"
    assert len(kept) == len(planned_journal().events)
    told = await deliveries(database)
    assert [one.type for one in told] == [
        *("status-update", "status-update", "transcript", "conversation-update", "transcript", "transcript"),
        *("conversation-update", "conversation-update", "conversation-update", "transcript", "conversation-update"),
        *("status-update", "end-of-call-report"),
    ]
    assert {one.stream for one in told} == {f"hook.example/{CALL_ID}"}


@pytest.mark.both_databases
async def test_events_that_come_again_change_nothing(database: Database) -> None:
    await planned_call(database)
    intake, events = intake_of(database), new(planned_journal().events)
    await intake.append(events[:9])
    await intake.append(events[4:])
    before = await deliveries(database)
    await intake.append(events)
    assert await deliveries(database) == before
    assert [one.type for one in before].count("end-of-call-report") == 1


async def test_the_server_gets_what_events_must_not_tell(database: Database) -> None:
    await planned_call(database)
    await intake_of(database).append(new(planned_journal().events))
    told = await deliveries(database)
    assert all(one.server == SERVER for one in told)
    assert not any("s3" in one.body for one in told)


async def test_after_a_restart_it_goes_on_where_it_was(database: Database) -> None:
    await planned_call(database)
    events = new(planned_journal().events)
    await intake_of(database).append(events[:12])
    await intake_of(database).append(events[12:])
    report = json.loads((await deliveries(database))[-1].body)["message"]
    assert report["transcript"] == "AI: Hello.\nUser: Where is my order?\nAI: It was shipped\n"


async def test_what_another_process_took_meanwhile_is_told_too(database: Database) -> None:
    await planned_call(database)
    ours, theirs, events = intake_of(database), intake_of(database), new(planned_journal().events)
    await ours.append(events[:8])
    await theirs.append(events[8:14])
    await ours.append(events[14:])
    report = json.loads((await deliveries(database))[-1].body)["message"]
    assert "Where is my order?" in report["transcript"]


async def test_a_call_of_the_settings_gets_a_row_in_the_default_organisation(database: Database) -> None:
    desk = Assistant.model_validate(
        {"model": {"provider": "dialogue"}, "server": {"url": "http://127.0.0.1:8089/hook", "secret": "s3"}}
    )
    intake = intake_of(database, Settings(assistants={"desk": desk}))
    journal = Journal()
    journal.opened()
    journal.add("answered")
    journal.add("ended", 5000, reason="customer-ended-call")
    await intake.append(new(journal.events))
    async with database.reading() as session:
        row = await Calls(session, database.default_organisation_id).get(CALL_ID)
    assert (row.type, row.status, row.customer_number) == ("inboundPhoneCall", "ended", "+15550100")
    told = await deliveries(database)
    assert [json.loads(one.body)["message"]["status"] for one in told] == ["ringing", "in-progress", "ended"]
    server = {"url": "http://127.0.0.1:8089/hook", "secret": "s3", "operators": True}
    assert {name: told[0].server[name] for name in server} == server


async def test_a_call_belongs_to_the_organisation_of_its_plan(database: Database) -> None:
    async with database.transaction() as session:
        theirs = (await create_organisation(session, "theirs")).id
    journal = Journal()
    server = {"url": SERVER["url"]}
    members = [{"assistant": {**ASSISTANT, "server": server}}]
    await keep(database, {"call": {"id": CALL_ID}, "members": members}, theirs)
    journal.opened(plan={"organisation": theirs, "call": {"id": CALL_ID}})
    await intake_of(database).append(new(journal.events))
    assert await deliveries(database) == []
    (told,) = await deliveries(database, theirs)
    assert told.server == server


async def test_the_messages_of_an_assistant_without_a_server_go_to_the_phone_numbers(database: Database) -> None:
    await keep(database, {"call": {"id": CALL_ID}, "members": [{"assistant": ASSISTANT}], "server": SERVER})
    journal = Journal()
    journal.opened(plan={"call": {"id": CALL_ID}})
    await intake_of(database).append(new(journal.events))
    (told,) = await deliveries(database)
    assert told.server == SERVER


async def test_a_call_that_was_never_planned_is_told_to_the_phone_numbers_server(database: Database) -> None:
    async with database.transaction() as session:
        entities = Entities(session, database.default_organisation_id)
        await entities.create(Kind.PHONE_NUMBER, {"provider": "vapi", "number": "+1555", "server": SERVER}, id="n-1")
    journal = Journal()
    journal.opened(plan={"call": {"id": CALL_ID, "phoneNumberId": "n-1"}})
    journal.add("ended", reason="assistant-request-failed", detail="The server did not answer.")
    await intake_of(database).append(new(journal.events))
    ended = (await deliveries(database))[-1]
    assert ended.server == SERVER
    assert json.loads(ended.body)["message"]["endedReason"] == "assistant-request-failed"


async def test_the_next_member_of_a_squad_has_its_own_server(database: Database) -> None:
    other = {"url": "https://billing.example/hook", "secret": "b"}
    members = [
        {"name": "Front desk", "assistant": {**ASSISTANT, "server": SERVER}},
        {"name": "Billing", "assistant": {"name": "Billing", "server": other}, "trusted": True},
    ]
    await keep(database, {"call": {"id": CALL_ID}, "members": members})
    journal = Journal()
    journal.opened(plan={"call": {"id": CALL_ID}})
    billing = {"name": "Billing", "server": {"url": other["url"]}}
    journal.assistant(assistant=billing, previous="Front desk")
    await intake_of(database).append(new(journal.events))
    assert [one.server for one in await deliveries(database)] == [SERVER, {**other, "operators": True}]


async def test_events_of_a_call_that_nobody_knows_are_passed_over(database: Database) -> None:
    await intake_of(database).append([NewEvent("unknown", 7, 0, 0, "answered", "{}")])
    async with database.reading() as session:
        assert await events_of(session, database.default_organisation_id, "unknown") == []


async def test_when_a_commit_fails_nothing_is_known_of_its_events(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await planned_call(database)
    intake, events = intake_of(database), new(planned_journal().events)
    await intake.append(events[:4])
    with monkeypatch.context() as patch:
        patch.setattr(Calls, "follow", _broken)
        with pytest.raises(OSError, match="disk"):
            await intake.append(events[4:-2])
    await intake.append(events[4:])
    told = [one.type for one in await deliveries(database)]
    assert told.count("transcript") == 4
    assert told.count("end-of-call-report") == 1


async def _broken(*_: object) -> None:
    raise OSError("disk")


async def test_whoever_listens_is_told_what_was_committed(database: Database) -> None:
    await planned_call(database)
    arrivals: list[Arrival] = []
    intake = intake_of(database, committed=arrivals.extend)
    await intake.append(new(planned_journal().events))
    assert [arrival.event.sequence for arrival in arrivals] == list(range(1, len(planned_journal().events) + 1))


async def test_an_event_of_our_own_stands_behind_the_last(database: Database) -> None:
    await planned_call(database)
    intake, events = intake_of(database), new(planned_journal().events)
    await intake.append(events[:-2])
    await intake.add(CALL_ID, "analysis", {"summary": "Short."}, time_ms=1)
    await intake.add(CALL_ID, "report", {}, time_ms=2)
    async with database.reading() as session:
        row = await Calls(session, database.default_organisation_id).get(CALL_ID)
    assert row.body["analysis"] == {"summary": "Short."}
    assert (await deliveries(database))[-1].type == "end-of-call-report"


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ('{"a": "x\\u0000y"}', {"a": "xy"}),
        ('{"a": "\\\\u0000"}', {"a": "\\u0000"}),
        ('{"a": "\\ud83d"}', {"a": "?"}),
        ('{"a": "\\ud83d\\ude00"}', {"a": "\U0001f600"}),
        ('{"a": NaN}', {"a": None}),
        ("[1]", {}),
        ("{", {}),
    ],
)
def test_what_no_database_keeps_is_left_out(text: str, read: dict[str, Any]) -> None:
    assert read_json(text) == read


async def test_the_row_of_a_live_call_follows_within_a_second(database: Database) -> None:
    await planned_call(database)
    intake, journal = intake_of(database), planned_journal()
    await intake.append(new(journal.events[:4]))
    answered = journal.events[3]
    await intake.append([turn(answered, 1, 300, "Hello?")])
    assert await transcript(database) == ""
    await intake.append([turn(answered, 2, 1000, "Anybody?")])
    assert await transcript(database) == "User: Hello?\nUser: Anybody?\n"


def turn(answered: CallEvent, number: int, later_ms: int, text: str) -> NewEvent:
    data = json.dumps({"turn": number, "text": text})
    sequence, time_ms = answered.sequence + number, answered.time_ms + later_ms
    return NewEvent(CALL_ID, sequence, later_ms, time_ms, "caller-turn", data)


async def transcript(database: Database) -> str:
    async with database.reading() as session:
        row = await Calls(session, database.default_organisation_id).get(CALL_ID)
    return str(row.body["artifact"]["transcript"])
