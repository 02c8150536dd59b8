from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from gateway.assistant.variables import variables_of
from gateway.conversation.templates import render

NOW = datetime(2026, 3, 1, 1, 5, tzinfo=timezone(timedelta(hours=2)))
CALL = {"id": "c1", "type": "inboundPhoneCall", "customer": {"number": "+15550100"}, "transport": {"callSid": "s1"}}


def test_time_and_parties_are_known_without_being_told() -> None:
    variables = variables_of(CALL, {}, NOW)
    text = "{{now}}|{{date}}|{{time}}|{{month}}|{{day}}|{{year}}"
    assert render(text, variables) == "Feb 28, 2026 11:05 PM|Feb 28, 2026|11:05 PM|February|28|2026"
    text = "{{customer.number}} {{call.type}} {{transport.callSid}} {{transport.conversationType}}"
    assert render(text, variables) == "+15550100 inboundPhoneCall s1 voice"
    assert variables_of(CALL, {}, NOW, chat=True)["transport"]["conversationType"] == "chat"


def test_now_is_a_date_for_templates() -> None:
    variables = variables_of({}, {}, NOW.astimezone(UTC))
    assert render('{{ now | date: "%Y-%m-%d %H:%M", "Europe/Berlin" }}', variables) == "2026-03-01 00:05"


def test_what_is_given_wins_and_may_be_dotted() -> None:
    variables = variables_of(CALL, {"date": "today", "customer.name": "Ada"}, NOW)
    assert (variables["date"], variables["customer"]) == ("today", {"number": "+15550100", "name": "Ada"})
