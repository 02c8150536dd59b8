"""SIP trunks as credentials, and to whom numbers belong."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.house import House

TRUNK: dict[str, Any] = {
    "provider": "byo-sip-trunk",
    "name": "carrier",
    "gateways": [{"ip": "203.0.113.5"}],
    "outboundAuthenticationPlan": {"authUsername": "acme", "authPassword": "hush", "sipRegisterPlan": {}},
}


async def test_gateways_learn_of_each_change_of_a_credential(api: House) -> None:
    made = (await api.client.post("/credential", json=TRUNK)).json()
    assert "hush" not in str(made)
    await api.client.patch(f"/credential/{made['id']}", json={"techPrefix": "9"})
    await api.client.delete(f"/credential/{made['id']}")
    await api.client.delete(f"/credential/{made['id']}")
    assert api.plane.trunk_changes == 3


async def test_a_field_of_a_trunk_that_has_no_effect_is_a_warning(api: House) -> None:
    gateways = [{"ip": "203.0.113.5", "optionsPingEnabled": True}, {"ip": "203.0.113.6"}]
    made = (await api.client.post("/credential", json={**TRUNK, "gateways": gateways})).json()
    assert [warning["path"] for warning in made["warnings"]] == ["gateways"]


async def test_a_trunk_that_cannot_be_used_is_refused(api: House) -> None:
    answer = await api.client.post("/credential", json={**TRUNK, "gateways": [{"ip": "not a host"}]})
    assert (answer.status_code, answer.json()["message"]) == (400, ["gateways.0.ip must be an address or a host name"])


@pytest.mark.parametrize("written", ["15551234567", "+15551234567"])
async def test_a_number_that_another_organisation_has_is_taken_however_it_is_written(api: House, written: str) -> None:
    body = {"provider": "byo-phone-number", "number": "+15551234567"}
    assert (await api.client.post("/phone-number", json=body)).status_code == 201
    theirs = {**body, "number": written, "numberE164CheckEnabled": False}
    assert (await api.stranger.post("/phone-number", json=theirs)).status_code == 409


async def test_an_address_or_a_number_cannot_name_a_trunk_of_another_organisation(api: House) -> None:
    trunk = (await api.client.post("/credential", json=TRUNK)).json()["id"]
    address = {"provider": "vapi", "sipUri": f"sip:desk@{trunk}.sip.example.com"}
    number = {"provider": "byo-phone-number", "number": "+15551234567", "credentialId": trunk}
    assert (await api.stranger.post("/phone-number", json=address)).status_code == 400
    assert (await api.stranger.post("/phone-number", json=number)).status_code == 400
    assert (await api.client.post("/phone-number", json=address)).status_code == 201
    assert (await api.client.post("/phone-number", json=number)).status_code == 201
