"""Trunks of credentials, from the store to the gateway and over restarts of either."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from gateway.call.told_trunks import ToldTrunks
from gateway.errors import BadRequest
from gateway.plane.kept_trunks import FILE, keep_trunks, kept_trunks
from gateway.settings import ApiSettings
from gateway.store.entities import Entities, Kind
from gateway.store.key_cache import KeyHolder
from gateway.store.organisations import create_organisation
from gateway.store.secrets import Secrets
from gateway.trunk.registration import RegistrationState
from tests.call.house import MemoryEndpoint, greet, house
from tests.call.leg_double import MemoryLeg, inbound
from tests.link.worker_double import until
from tests.plane.planned_house import TOKEN, PlannedHouse, planned_house
from tests.plane.test_calls import ASSISTANT, caller, h, number
from tests.plane.test_credential_trunks import REGISTERED

__all__ = ["h"]

KEY = "dGhpcyBpcyBub3QgYSBzZWNyZXQga2V5IGF0IGFsbCE="


async def credential(h: PlannedHouse, organisation: str | None = None) -> str:
    secrets = Secrets.of(h.settings)
    made = await h.make(Kind.CREDENTIAL, secrets.sealed(REGISTERED), organisation)
    h.plane.trunks_changed()
    await until(lambda: any(trunk.name == made for trunk in h.gateway.endpoint.told))
    return made


async def other_organisation(h: PlannedHouse) -> str:
    async with h.database.transaction() as session:
        return (await create_organisation(session, "others")).id


async def test_a_credential_is_a_trunk_of_the_gateway_until_it_is_deleted(h: PlannedHouse) -> None:
    made = await credential(h)
    (trunk,) = h.gateway.endpoint.told
    assert (trunk.name, trunk.organisation) == (made, h.organisation)
    assert trunk.password.get_secret_value() == "hush"
    async with h.database.transaction() as session:
        await Entities(session, h.organisation).delete(Kind.CREDENTIAL, made)
    h.plane.trunks_changed()
    await until(lambda: not h.gateway.endpoint.told)


async def test_after_a_restart_a_gateway_has_its_trunks_though_the_control_plane_is_away(tmp_path: Path) -> None:
    async with planned_house(tmp_path) as planned:
        made = await credential(planned)
    api = ApiSettings.model_validate({"address": "127.0.0.1:9", "link_token": TOKEN})
    async with house(tmp_path / "gateway", greet, api=api) as alone:
        assert [trunk.name for trunk in alone.endpoint.told] == [made]
    assert "hush" not in (tmp_path / "gateway" / FILE).read_text()


async def test_a_call_by_a_trunk_is_for_numbers_of_its_organisation_only(h: PlannedHouse) -> None:
    others = await other_organisation(h)
    theirs = await credential(h, others)
    await number(h, assistantId=await h.make(Kind.ASSISTANT, ASSISTANT))
    refused = h.gateway.call(caller(trunk=theirs))
    await until(lambda: refused.refused)
    assert refused.refused == (404, None)
    ours = await credential(h)
    answered = h.gateway.call(caller(trunk=ours))
    await until(lambda: answered.answered)


async def test_a_call_goes_out_by_the_trunk_of_the_numbers_credential_and_by_no_other_organisations(
    h: PlannedHouse,
) -> None:
    ours = await credential(h)
    through = await number(h, sipUri=None, number="+15550100", provider="byo-phone-number", credentialId=ours)
    h.gateway.endpoint.registered = {ours: RegistrationState(True, 200, "OK", 300, 0)}
    await h.create({"assistant": ASSISTANT, "phoneNumberId": through, "customer": {"number": "+15551234567"}})
    (leg,) = h.gateway.endpoint.dialled
    assert (leg.info.called, leg.info.trunk, leg.info.caller) == ("+15551234567", ours, "+15550100")
    theirs = await other_organisation(h)
    stolen = {
        "provider": "byo-phone-number",
        "number": "+15550101",
        "credentialId": await h.make(Kind.CREDENTIAL, {"provider": "webhook", "name": ours}, theirs),
    }
    number_id = await h.make(Kind.PHONE_NUMBER, stolen, theirs)
    h.holder = KeyHolder(theirs, "private", "key")
    with pytest.raises(BadRequest, match="There is no trunk"):
        await h.create({"assistant": ASSISTANT, "phoneNumberId": number_id, "customer": {"number": "+15551234567"}})


async def test_an_address_may_name_the_credential_whose_number_it_is(h: PlannedHouse) -> None:
    ours, theirs = await credential(h), await credential(h, await other_organisation(h))
    await number(h, sipUri=None, number="+15550100", assistantId=await h.make(Kind.ASSISTANT, ASSISTANT))
    refused = h.gateway.call(caller(called=f"sip:+15550100@{theirs}.sip.example.com", number="+15550100"))
    await until(lambda: refused.refused)
    assert refused.refused == (404, None)
    answered = h.gateway.call(caller(called=f"sip:+15550100@{ours}.sip.example.com:5060", number="+15550100"))
    await until(lambda: answered.answered)


async def test_a_call_by_an_organisations_trunk_passes_routes_of_the_settings_by(h: PlannedHouse) -> None:
    ours = await credential(h)
    leg = h.gateway.call(MemoryLeg(inbound(number="600", called="sip:600@127.0.0.1", trunk=ours)))
    await until(lambda: leg.refused)
    assert leg.refused == (404, None)


# ---------------------------------------------------------------- on the gateway's disk


def test_kept_trunks_are_read_by_their_owner_only_and_need_the_key(tmp_path: Path) -> None:
    assert kept_trunks(tmp_path, Secrets(KEY)) == "[]"
    keep_trunks(tmp_path, Secrets(KEY), '[{"name": "c"}]')
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    assert json.loads(kept_trunks(tmp_path, Secrets(KEY))) == [{"name": "c"}]
    assert kept_trunks(tmp_path, Secrets(KEY[::-1].replace("=", "") + "=")) == "[]"
    (tmp_path / FILE).write_text("half")
    assert kept_trunks(tmp_path, Secrets(KEY)) == "[]"


@pytest.mark.parametrize("told_first", [True, False])
async def test_trunks_may_be_told_before_there_is_an_endpoint(tmp_path: Path, told_first: bool) -> None:
    endpoint = MemoryEndpoint(lambda leg: None)
    trunks = ToldTrunks([], tmp_path, Secrets(KEY))
    told = json.dumps([{"name": "c", "allow": ["203.0.113.5"], "organisation": "o"}])
    if told_first:
        await trunks.take(told)
        await trunks.attach(endpoint)
    else:
        await trunks.attach(endpoint)
        await trunks.take(told)
    assert [trunk.name for trunk in endpoint.told] == ["c"]
    assert (trunks.owner("c"), trunks.owner("d"), trunks.is_told("c")) == ("o", None, True)


async def test_how_a_trunk_does_is_told_when_it_changes(h: PlannedHouse) -> None:
    made = await credential(h)
    h.gateway.endpoint.registered[made] = RegistrationState(False, 403, "Forbidden", 0, 1)
    await until(lambda: told_of(h, made) == {("unregistered", True)})
    h.gateway.endpoint.registered[made] = RegistrationState(True, 200, "OK", 300, 0)
    await until(lambda: told_of(h, made) == {("registered", True)})
    (status,) = h.plane.trunk_statuses(made).values()
    assert "403 Forbidden" in status.last_error
    assert status.error_at_ms <= status.since_ms
    assert h.plane.trunk_statuses("another") == {}


def told_of(h: PlannedHouse, trunk: str) -> set[tuple[str, bool]]:
    """The condition that each gateway tells, and whether it tells an error."""
    return {(one.condition, bool(one.last_error)) for one in h.plane.trunk_statuses(trunk).values()}
