"""Calls are refreshed, and one whose far end has vanished ends (RFC 4028)."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.sip.dialogs.sessions import CAN_UPDATE, CANNOT_UPDATE, SHORTEST, TIMER, accept, invited, refreshed_by_us
from tests.sip.dialogs.trunked import dial, set_trunk
from tests.sip.exchange import Exchange
from tests.sip.party import Party, party

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.scenario("INV-10", peer="scripted party", transport="udp"),
]


async def test_a_session_that_is_too_short_is_refused_with_the_least(ours: Exchange, ann: Party) -> None:
    final = await invited(ann, f"Session-Expires: {SHORTEST - 1}", TIMER)
    assert (final.status, final.message.first("min-se")) == (422, str(SHORTEST))


async def test_the_least_is_the_trunks(ours: Exchange, ann: Party) -> None:
    await set_trunk(ours, ann, min_session_seconds=200)
    final = await invited(ann, "Session-Expires: 150", TIMER)
    assert (final.status, final.message.first("min-se")) == (422, "200")
    assert not ours.calls, "nobody hears of a call that is not to be"


@pytest.mark.parametrize(
    ("asked", "granted", "required"),
    [
        ("Session-Expires: 90;refresher=uac", "90;refresher=uac", "timer"),
        ("Session-Expires: 90;refresher=uas", "90;refresher=uas", ""),
        ("Session-Expires: 1800", "1800;refresher=uac", "timer"),
    ],
)
async def test_who_refreshes_is_agreed(ours: Exchange, ann: Party, asked: str, granted: str, required: str) -> None:
    final = await invited(ann, asked, TIMER)
    assert final.message.first("session-expires") == granted
    assert final.message.first("require") == required
    await ann.bye()


async def test_a_caller_that_cannot_leaves_the_refreshing_to_us(ours: Exchange, ann: Party) -> None:
    final = await invited(ann, "Session-Expires: 1800")
    assert final.message.first("session-expires") == "1800;refresher=uas"
    await ann.bye()


async def test_timers_that_are_off_are_not_spoken_of(ours: Exchange, ann: Party) -> None:
    await set_trunk(ours, ann, session_timer="off")
    final = await invited(ann, "Session-Expires: 1800", TIMER)
    assert final.status == 200
    assert not final.message.first("session-expires")
    await ann.bye()


async def test_a_caller_without_timers_is_refused_where_they_are_required(ours: Exchange, ann: Party) -> None:
    await set_trunk(ours, ann, session_timer="required")
    final = await invited(ann)
    assert final.status == 421
    assert final.message.first("require") == "timer"


async def test_what_we_ask_for_is_the_trunks_and_422_raises_it(ours: Exchange, ann: Party) -> None:
    await set_trunk(ours, ann, session_seconds=120)
    told, invite = await dial(ours, ann)
    assert invite.message.first("session-expires").startswith("120")
    ann.respond(invite, "422 Session Interval Too Small", headers=("Min-SE: 600",))
    await ann.incoming("ACK")
    again = await ann.incoming("INVITE")
    assert again.message.first("min-se") == "600"
    assert int(again.message.first("session-expires").partition(";")[0]) >= 600
    ann.respond(again, "200 OK", headers=("Session-Expires: 600;refresher=uac", "Require: timer"), body=ann.sdp())
    await ann.incoming("ACK")
    await told.event("answered")
    assert not told.all("ended")
    await told.leg.hangup()


async def test_a_refresh_by_update_is_answered_and_starts_the_session_anew(ours: Exchange, ann: Party) -> None:
    await invited(ann, f"Session-Expires: {SHORTEST};refresher=uac", TIMER, CAN_UPDATE)
    for _ in range(3):
        ann.request("UPDATE", headers=(f"Session-Expires: {SHORTEST};refresher=uac", TIMER))
        answer = await ann.response(200, "UPDATE")
        assert answer.message.first("session-expires") == f"{SHORTEST};refresher=uac"
        assert not answer.body
    await ann.bye()


# ---------------------------------------------------------------- real time


async def refreshed(ours: Exchange, *, allow: str, inbound: bool) -> str:
    """We are the one who refreshes: twice, each at half of the session."""
    async with party(ours.address) as far:
        far.patience = SHORTEST
        await refreshed_by_us(ours, far, allow=allow, inbound=inbound)
        method = "UPDATE" if allow == CAN_UPDATE else "INVITE"
        waits = [await refresh(far, method) for _ in range(2)]
        await far.bye()
    assert all(abs(waited - SHORTEST / 2) < 1 for waited in waits), (method, inbound, waits)
    return f"{method}, {'answered' if inbound else 'called'} by us: after {waits[0]:.2f} and {waits[1]:.2f} s"


async def refresh(far: Party, method: str) -> float:
    """Our next refresh, answered; how long it was in coming, s."""
    since = time.monotonic()
    request = await far.incoming(method)
    waited = time.monotonic() - since
    assert request.message.first("session-expires").startswith(f"{SHORTEST};refresher=")
    accept(far, request)
    if method == "INVITE":
        await far.incoming("ACK")
    return waited


async def vanished(ours: Exchange, *, refresher: str, latest: float) -> str:
    """The far end answers nothing any more: when our BYE came."""
    async with party(ours.address) as far:
        far.patience = SHORTEST + 10
        await invited(far, f"Session-Expires: {SHORTEST};refresher={refresher}", TIMER, CAN_UPDATE)
        since = time.monotonic()
        await far.incoming("BYE")
        waited = time.monotonic() - since
    assert waited <= latest, refresher
    return f"vanished, {refresher} refreshes: BYE after {waited:.2f} s"


@pytest.mark.long
@pytest.mark.timeout(240)
async def test_sessions_of_90_s_are_refreshed_at_half_and_end_when_the_far_end_has_vanished(ours: Exchange) -> None:
    both = [(allow, inbound) for allow in (CAN_UPDATE, CANNOT_UPDATE) for inbound in (True, False)]
    figures = await asyncio.gather(
        *[refreshed(ours, allow=allow, inbound=inbound) for allow, inbound in both],
        vanished(ours, refresher="uac", latest=SHORTEST - min(32, SHORTEST / 3) + 1),
        vanished(ours, refresher="uas", latest=SHORTEST),
    )
    print("\n".join(figures))
    for told in ours.calls:
        await told.event("ended")
    assert len(ours.calls) == 4
