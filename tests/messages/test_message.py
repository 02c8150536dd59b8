"""Who wants a message."""

from __future__ import annotations

import pytest

from gateway.messages.message import FINAL_TRANSCRIPT, Audience, Message, subscriptions, wanted

FINAL = Message("transcript", 0, {"transcriptType": "final"})
PARTIAL = Message("transcript", 0, {"transcriptType": "partial"})


@pytest.mark.parametrize(
    ("kind", "server", "client"),
    [
        ("status-update", True, True),
        ("end-of-call-report", True, False),
        ("transcript", False, True),
        ("model-output", False, True),
        ("phone-call-control", False, False),
        ("transfer-update", False, True),
        ("assistant.speechStarted", False, False),
    ],
)
def test_without_a_list_it_is_vapis_default(kind: str, server: bool, client: bool) -> None:
    assert wanted(Message(kind, 0), Audience.SERVER, None) is server
    assert wanted(Message(kind, 0), Audience.CLIENT, None) is client


def test_a_list_stands_in_place_of_the_default() -> None:
    assert wanted(Message("transfer-update", 0), Audience.SERVER, ["transfer-update"])
    assert not wanted(Message("status-update", 0), Audience.SERVER, ["transfer-update"])
    assert not wanted(Message("status-update", 0), Audience.SERVER, [])


def test_final_transcripts_can_be_had_without_partial_ones() -> None:
    assert wanted(FINAL, Audience.SERVER, [FINAL_TRANSCRIPT])
    assert not wanted(PARTIAL, Audience.SERVER, [FINAL_TRANSCRIPT])
    assert wanted(PARTIAL, Audience.SERVER, ["transcript"])


def test_a_request_of_the_worker_is_not_told_to_the_server_again() -> None:
    request = Message("tool-calls", 0, requested=True)
    assert not wanted(request, Audience.SERVER, None)
    assert wanted(request, Audience.CLIENT, None)


def test_a_report_is_for_servers_alone() -> None:
    assert not wanted(Message("end-of-call-report", 0), Audience.CLIENT, ["end-of-call-report"])


def test_an_older_name_subscribes_too() -> None:
    assert wanted(Message("language-change-detected", 0), Audience.SERVER, ["language-changed"])


def test_what_is_no_list_subscribes_to_the_default() -> None:
    assert subscriptions({"serverMessages": "all"}, Audience.SERVER) is None
    assert subscriptions({"serverMessages": []}, Audience.SERVER) == set()
