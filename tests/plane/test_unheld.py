from __future__ import annotations

from gateway.plane.unheld import unheld_call


def test_the_events_of_a_call_that_nobody_held_have_no_secrets() -> None:
    assistant = {"server": {"url": "https://hook.example", "secret": "hush"}, "credentials": [{"apiKey": "hush"}]}
    call = {"id": "c", "type": "outboundPhoneCall", "assistant": assistant}
    plan = {"organisation": "o", "call": call, "members": []}
    events = unheld_call(call, plan, "manually-canceled", "It was canceled.", 0)
    assert [event.kind for event in events] == ["call", "ended"]
    assert "hook.example" in events[0].data
    assert not any("hush" in event.data for event in events)
