from __future__ import annotations

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.store.entities import Entities, Kind
from gateway.store.numbers import find_number


@pytest.mark.parametrize(
    ("kept", "called"),
    [
        ({"number": "+1 (555) 010-0000"}, "+15550100000"),
        ({"number": "+15550100000"}, "15550100000"),
        ({"number": "15550100000"}, "+15550100000"),
        ({"number": "200"}, "sip:200@10.0.0.7:5060;transport=udp"),
        ({"sipUri": "sip:Bakery@Example.com"}, "sip:bakery@example.com:5060;user=phone"),
        ({"sipUri": "sip:bakery@example.com"}, "<sip:bakery@10.0.0.7>"),
    ],
)
async def test_a_called_number_is_found(
    session: AsyncSession, other_organisation_id: str, kept: dict[str, str], called: str
) -> None:
    made = await Entities(session, other_organisation_id).create(Kind.PHONE_NUMBER, kept)
    assert await find_number(session, called) == made


@pytest.mark.parametrize("called", ["", "+15550100001", "sip:butcher@example.com", "\0", "sip:%@example.com"])
async def test_what_is_nobodys_is_not_found(session: AsyncSession, organisation_id: str, called: str) -> None:
    await Entities(session, organisation_id).create(Kind.PHONE_NUMBER, {"sipUri": "sip:bakery@example.com"})
    assert await find_number(session, called) is None


async def test_a_user_whom_two_hosts_have_is_not_guessed(
    session: AsyncSession, organisation_id: str, other_organisation_id: str
) -> None:
    for owner, host in ((organisation_id, "a.example"), (other_organisation_id, "b.example")):
        await Entities(session, owner).create(Kind.PHONE_NUMBER, {"sipUri": f"sip:bakery@{host}"})
    assert await find_number(session, "sip:bakery@10.0.0.7") is None
    found = await find_number(session, "sip:bakery@b.example")
    assert found is not None
    assert found.organisation_id == other_organisation_id
