"""INVITEs that are refused before the stack makes a call of them, on the wire."""

from __future__ import annotations

import statistics
import time
from uuid import uuid4

import pytest

from gateway.call.admission import Admission, CallRateLimit
from gateway.call.entrance import Arrival, Entrance
from gateway.call.leg import LegInfo
from gateway.call.refusals import Refusals
from gateway.errors import CallRefused, OverCapacity
from gateway.routing.settings import RouteSettings
from tests.link.worker_double import until
from tests.sip.exchange import exchange
from tests.sip.party import Party, party


def fresh(ann: Party) -> None:
    """What ann sends next is another call's."""
    ann.call_id, ann.tag, ann.to, ann.remote = uuid4().hex, uuid4().hex[:8], "", ""


class Doorman:
    """Decides as the test says, and remembers whom it refused."""

    def __init__(self, *, opens: bool = True) -> None:
        self.opens = opens
        self.asked = 0
        self.refused: list[tuple[str, LegInfo]] = []

    def admit(self, arrival: Arrival) -> None:
        self.asked += 1
        if not self.opens:
            raise OverCapacity("full", retry_after=17)

    def told(self, refusal: CallRefused, arrival: Arrival) -> None:
        self.refused.append((refusal.reason, arrival.info))


@pytest.mark.scenario("LOAD-04", peer="scripted party", transport="udp")
async def test_a_refusal_says_why_and_when_to_come_back_and_leaves_nothing_behind() -> None:
    trunks = [{"name": "carrier", "allow": ["127.0.0.1"]}]
    async with exchange(trunks=trunks) as ours, party(ours.address) as ann:
        doorman = Doorman(opens=False)
        ours.endpoint.admit_by(doorman.admit, doorman.told)
        invite = ann.request("INVITE", body=ann.sdp())
        refusal = await ann.response(503, "INVITE")
        assert refusal.message.first("retry-after") == "17"
        assert refusal.message.first("warning") == '399 parley "over-capacity"'
        ann.raw(invite.encode())
        again = await ann.response(503, "INVITE")
        assert again.message.first("to") == refusal.message.first("to"), "the tag of one answer"
        ann.request("ACK", same_transaction=True)
        assert await ann.nothing(0.2) == []
        assert ours.endpoint.live_calls == 0
        (reason, info), _ = doorman.refused
        assert (reason, info.trunk, info.number) == ("over-capacity", "carrier", "4711")
        assert info.source.startswith(f"127.0.0.1:{ann.port};udp")


@pytest.mark.scenario("LOAD-04", peer="scripted party", transport="udp")
async def test_whoever_is_in_goes_on_when_the_door_closes() -> None:
    async with exchange() as ours, party(ours.address) as ann:
        doorman = Doorman()
        ours.endpoint.admit_by(doorman.admit, doorman.told)
        invite = ann.request("INVITE", body=ann.sdp())
        await ann.response(100, "INVITE")
        doorman.opens = False
        ann.raw(invite.encode())
        await ann.response(200, "INVITE")
        ann.request("ACK")
        await ann.reinvite(ann.sdp())
        ann.request("OPTIONS")
        await ann.response(200, "OPTIONS")
        await ann.bye()
        assert (doorman.asked, doorman.refused) == (1, [])
        fresh(ann)
        ann.request("INVITE", body=ann.sdp())
        await ann.response(503, "INVITE")


@pytest.mark.scenario("LOAD-04", peer="scripted party", transport="udp")
async def test_calls_beyond_the_rate_are_refused_and_those_within_it_answered() -> None:
    async with exchange() as ours, party(ours.address) as ann:
        admission, refusals = Admission(4, CallRateLimit(0.01, 2)), Refusals()
        routes = [RouteSettings.model_validate({"destination": {"number": "1"}})]
        entrance = Entrance(admission, refusals, others=lambda: 0, workers=lambda: (), routes=routes)
        ours.endpoint.admit_by(entrance.admit, entrance.refused)
        for _ in range(2):
            await ann.call()
            fresh(ann)
        ann.request("INVITE", body=ann.sdp())
        refusal = await ann.response(503, "INVITE")
        assert 5 <= int(refusal.message.first("retry-after")) <= 30
        await until(lambda: refusals.counts)
        assert refusals.counts == {"call-rate": 1}
        assert len(ours.calls) == 2


REFUSED_MS = 5.0


@pytest.mark.alone
@pytest.mark.long
@pytest.mark.scenario("LOAD-04", peer="scripted party", transport="udp")
async def test_a_refusal_takes_at_most_five_milliseconds() -> None:
    async with exchange() as ours, party(ours.address) as ann:
        doorman = Doorman(opens=False)
        ours.endpoint.admit_by(doorman.admit, doorman.told)
        taken_ms = []
        for _ in range(500):
            fresh(ann)
            sent = time.monotonic_ns()
            ann.request("INVITE", body=ann.sdp())
            await ann.response(503, "INVITE")
            taken_ms.append((time.monotonic_ns() - sent) / 1e6)
        p50, p99 = statistics.median(taken_ms), statistics.quantiles(taken_ms, n=100)[98]
        print(f"refused after {p50:.2f} ms (p50), {p99:.2f} ms (p99), {max(taken_ms):.2f} ms at most")
        assert p99 <= REFUSED_MS
