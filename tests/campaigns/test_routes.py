"""/campaign and /do-not-call, by the bodies and answers of Vapi's contract."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.house import House
from tests.vapi.contract import contract

BERLIN = "+4930123456"


async def campaign(api: House, **changes: Any) -> dict[str, Any]:
    assistant = (await api.client.post("/assistant", json={"name": "desk"})).json()["id"]
    body = {"name": "reminders", "assistantId": assistant, "customers": [{"number": BERLIN, "name": "Ann"}]}
    return {**body, **changes}


@pytest.mark.parametrize("path", ["/campaign", "/v2/campaign"])
async def test_answers_are_what_the_contract_says(api: House, path: str) -> None:
    faults = contract().answer_faults
    made = await api.client.post(path, json=await campaign(api, maxConcurrency=3))
    assert made.status_code == 201, made.text
    assert faults("POST", path, 201, made.json()) == []
    assert made.json()["customers"] == [{"number": BERLIN, "name": "Ann"}]
    assert (made.json()["status"], made.json()["callsCounterScheduled"]) == ("scheduled", 1)
    one = f"{path}/{made.json()['id']}"
    listed = await api.client.get(path, params={"status": "scheduled"})
    assert faults("GET", path, 200, listed.json()) == []
    assert listed.json()["metadata"]["totalItems"] == 1
    for method, body in (("GET", None), ("PATCH", {"status": "ended"}), ("DELETE", None)):
        answer = await api.client.request(method, one, json=body)
        assert answer.status_code == 200, answer.text
        assert faults(method, one, 200, answer.json()) == []
        if method == "PATCH":
            assert answer.json()["endedReason"] == "campaign.scheduled.ended-by-user"
            assert answer.json()["callsCounterEnded"] == 1
    assert (await api.client.get(one)).status_code == 404


async def test_contacts_are_listed_in_the_order_of_the_campaign(api: House) -> None:
    number = {"provider": "byo-phone-number", "number": "+4930999"}
    number_id = (await api.client.post("/phone-number", json=number)).json()["id"]
    plan = [{"phoneNumberId": number_id, "customers": [{"number": BERLIN}, {"number": "+4930123457"}]}]
    made = (await api.client.post("/campaign", json=await campaign(api, customers=None, dialPlan=plan))).json()
    assert made["dialPlan"] == plan
    path = f"/v2/campaign/{made['id']}/contacts"
    found = await api.client.get(path, params={"limit": 1, "page": 2})
    assert contract().answer_faults("GET", path, 200, found.json()) == []
    (contact,) = found.json()["results"]
    assert (contact["number"], contact["status"]) == ("+4930123457", "contact.pending")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"customers": None}, "customers or dialPlan must be set, and not both"),
        ({"customers": [{"number": "12345"}]}, "customers.0.number must be a telephone number in E.164 form"),
        ({"customers": [{"sipUri": "sip:ann@h"}]}, "customers.0 tells no time zone: set callingHours.timeZone"),
        ({"customers": [{"name": "Ann"}]}, "customers.0.number or customers.0.sipUri must be set"),
        ({"assistantId": None}, "assistantId or squadId must be set, and not both"),
        ({"assistantId": "nobody"}, "assistantId names no assistant of this organisation"),
        ({"callingHours": {"start": "21:00", "end": "08:00"}}, "end must be later than start"),
        ({"callingHours": {"timeZone": "Europe/Atlantis"}}, "callingHours.timeZone"),
        ({"callingHours": {"holidays": ["Christmas"]}}, "callingHours.holidays.0"),
        ({"retry": {"attempts": 1, "after": {"busy": 5}}}, "retry.attempts must not be less than 2"),
        ({"schedulePlan": {"earliestAt": "soon"}}, "schedulePlan.earliestAt must be a time"),
        ({"predialPlan": {"enabled": True}}, "predialPlan is not offered"),
        ({"pacing": {"callsPerMinute": 0}}, "pacing.callsPerMinute must be greater than 0"),
    ],
)
async def test_what_is_wrong_is_told_with_its_place(api: House, changes: dict[str, Any], sentence: str) -> None:
    answer = await api.client.post("/campaign", json=await campaign(api, **changes))
    assert answer.status_code == 400
    assert any(sentence in one for one in answer.json()["message"]), answer.json()["message"]


async def test_a_campaign_that_has_ended_keeps_all_but_its_name(api: House) -> None:
    made = (await api.client.post("/campaign", json=await campaign(api))).json()
    one = f"/campaign/{made['id']}"
    await api.client.patch(one, json={"status": "cancelled"})
    refused = await api.client.patch(one, json={"maxConcurrency": 3})
    assert (refused.status_code, refused.json()["message"]) == (
        400,
        "The campaign has ended: only its name can be changed.",
    )
    assert (await api.client.patch(one, json={"name": "former"})).json()["name"] == "former"
    assert (await api.stranger.get(one)).status_code == 404


async def test_numbers_are_listed_in_whatever_writing_and_taken_off_again(api: House) -> None:
    added = await api.client.post(
        "/do-not-call", json={"numbers": ["+49 (30) 123-456", "004930123456", "sip:ann@h"], "reason": "asked"}
    )
    assert (added.status_code, added.json()) == (201, {"numbers": [BERLIN, "sip:ann@h"], "added": 2})
    found = (await api.client.get("/do-not-call", params={"number": "49 30 123456"})).json()
    assert [(one["number"], one["reason"]) for one in found["results"]] == [(BERLIN, "asked")]
    assert (await api.stranger.get("/do-not-call")).json()["results"] == []
    assert (await api.client.delete(f"/do-not-call/{BERLIN}")).json()["number"] == BERLIN
    gone = await api.client.delete(f"/do-not-call/{BERLIN}")
    assert (gone.status_code, gone.json()["message"]) == (404, f"{BERLIN} is not on the do-not-call list.")


async def test_a_csv_file_is_imported_but_for_lines_without_a_number(api: House) -> None:
    text = "name;phone;reason\nAnn;+49 30 123456;asked\nBob;none;\nEve;+15551234567;\n"
    headers = {"Content-Type": "text/csv"}
    answer = await api.client.post("/do-not-call/import", content=text, headers=headers)
    expected = {"numbers": 2, "added": 2, "faults": 1, "errors": ["line 3 holds no number: 'none'"]}
    assert (answer.status_code, answer.json()) == (201, expected)
    again = await api.client.post("/do-not-call/import", content="+4930123456\n+33123456789", headers=headers)
    assert (again.json()["numbers"], again.json()["added"]) == (2, 1)
    empty = await api.client.post("/do-not-call/import", content="", headers=headers)
    assert (empty.status_code, empty.json()["message"]) == (400, "The file holds no numbers.")
