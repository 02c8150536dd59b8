"""Asterisk 22 as `deploy/asterisk` configures it: accounts, a trunk by address, TLS, queue, hold, keys, transfers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from tests.peers import speech
from tests.peers.asterisk import Asterisk, AsteriskPlan, AsteriskTls, running_asterisk
from tests.peers.certificates import Authority
from tests.peers.ports import LOOPBACK, free_port
from tests.peers.softphone import Softphone, SoftphonePlan, running_softphone
from tests.sip.echo import echoed
from tests.sip.exchange import Exchange, Told, exchange
from tests.sip.test_registering import state
from tests.sip.voice import loud

TRUNKS = {"registered": "udp", "by-address": "udp", "by-tcp": "tcp", "encrypted": "tls + srtp sdes"}
PEER = "Asterisk 22"
pytestmark = [pytest.mark.timeout(90), pytest.mark.asyncio(loop_scope="module")]


def on_each_trunk(scenario: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        "trunk",
        [
            pytest.param(name, marks=pytest.mark.scenario(scenario, peer=PEER, transport=transport))
            for name, transport in TRUNKS.items()
        ],
    )


@dataclass(frozen=True, slots=True)
class Office:
    ours: Exchange
    pbx: Asterisk

    async def dial(self, number: str, trunk: str = "registered") -> Told:
        leg = await self.ours.endpoint.dial(number, trunk=trunk)
        told = Told(leg)
        leg.attach(told)
        return told

    async def called(self, number: str, application: str, *, endpoint: str = "parley") -> Told:
        """Somebody at Asterisk calls us, and `application` of Asterisk is what talks."""
        known = len(self.ours.calls)
        await self.pbx.cli(f"channel originate PJSIP/{number}@{endpoint} application {application}")
        told = await self.ours.call(known)
        await told.event("answered")
        await told.until(lambda one: len(one.frames) > 15, "frames: Asterisk has connected the two by then")
        return told


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def office(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Office]:
    folder, port = tmp_path_factory.mktemp("asterisk"), free_port()
    authority = Authority(folder)
    server = authority.issue("asterisk", hosts=[LOOPBACK])
    tls = AsteriskTls(authority.ca_file, server.certificate_file, server.key_file)
    async with AsyncExitStack() as stack:
        plan = AsteriskPlan(tls=tls, parley_address=f"{LOOPBACK}:{port}")
        pbx = await stack.enter_async_context(running_asterisk(plan))
        trunks = [
            {
                "name": "registered", "registrar": pbx.address, "username": "parley", "password": plan.parley_password,
                "trusted": True,
            },
            {"name": "by-address", "gateways": [{"host": LOOPBACK, "port": plan.sip_port}], "caller_id": "+15550001"},
            {
                "name": "by-tcp", "registrar": pbx.address, "username": "parley-info",
                "password": plan.parley_password, "transport": "tcp", "dtmf": "info",
            },
            {
                "name": "encrypted", "registrar": f"{LOOPBACK}:{plan.tls_port}", "username": "parley-tls",
                "password": plan.tls_password, "transport": "tls", "srtp": "required",
                "tls": {"ca_file": str(authority.ca_file)},
            },
        ]  # fmt: skip
        ours = await stack.enter_async_context(exchange(sip={"port": port, "max_calls": 8}, trunks=trunks))
        for name in ("registered", "by-tcp", "encrypted"):
            await state(ours, lambda one: one.registered, name)
        yield Office(ours, pbx)


@asynccontextmanager
async def telephone(pbx: Asterisk, folder: Path, user: str, password: str) -> AsyncIterator[Softphone]:
    async with running_softphone(SoftphonePlan(folder, user=user, domain=pbx.address, password=password)) as phone:
        yield phone


@pytest_asyncio.fixture(loop_scope="module")
async def phone(office: Office, tmp_path: Path) -> AsyncIterator[Softphone]:
    """A telephone on a desk."""
    folder = tmp_path / "phone"
    async with telephone(office.pbx, folder, "phone", office.pbx.plan.phone_password) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def agent(office: Office, tmp_path: Path) -> AsyncIterator[Softphone]:
    """The telephone of who answers the queue."""
    folder = tmp_path / "agent"
    async with telephone(office.pbx, folder, "101", office.pbx.plan.desk_password) as running:
        yield running


async def finished(told: Told) -> None:
    await told.leg.hangup()
    await told.event("ended")


@on_each_trunk("INV-02")
async def test_a_call_to_asterisk_is_heard_both_ways(office: Office, trunk: str) -> None:
    told = await office.dial("200", trunk)
    await told.event("answered")
    assert await echoed(told.leg, told)
    await finished(told)


@pytest.mark.parametrize(
    ("endpoint", "trunk"),
    [
        pytest.param("parley", "registered", marks=pytest.mark.scenario("INV-02", peer=PEER, transport="udp")),
        pytest.param(
            "parley-tls", "encrypted", marks=pytest.mark.scenario("INV-02", peer=PEER, transport="tls + srtp sdes")
        ),
    ],
)
async def test_a_call_of_asterisk_is_of_its_trunk_and_heard_both_ways(
    office: Office, endpoint: str, trunk: str
) -> None:
    told = await office.called("710", "Echo", endpoint=endpoint)
    assert (told.leg.info.trunk, told.leg.info.number) == (trunk, "710")
    assert await echoed(told.leg, told)
    await finished(told)


@pytest.mark.scenario("INV-18", peer=PEER, transport="udp")
async def test_the_dialplan_says_who_calls_and_what_was_dialled(office: Office, phone: Softphone) -> None:
    known = len(office.ours.calls)
    phone.dial(f"sip:700@{office.pbx.address}")
    told = await office.ours.call(known)
    assert told.leg.info.headers["X-Dialled"] == "700"
    assert told.leg.info.identity is not None
    assert told.leg.info.identity.header == "P-Asserted-Identity"
    await phone.wait_for("answered")
    phone.hang_up()
    await told.event("ended")


@pytest.mark.scenario("INV-04", peer=PEER, transport="udp")
async def test_a_telephone_on_hold_holds_the_call_and_its_music_is_not_heard(office: Office, phone: Softphone) -> None:
    known = len(office.ours.calls)
    phone.dial(f"sip:700@{office.pbx.address}")
    told = await office.ours.call(known)
    await phone.wait_for("answered")
    phone.hold()
    assert await told.event("hold") == (True,)
    heard = len(told.frames)
    await told.until(lambda one: len(one.frames) > heard + 75, "frames on hold")
    assert not any(loud(frame.caller) for frame in told.frames[heard + 10 :])
    await phone.wait_for("media")
    phone.unhold()
    await phone.wait_for("media")
    await told.until(lambda one: one.all("hold") == [(True,), (False,)], "the end of the hold")
    phone.echo(1.0)
    assert await echoed(told.leg, told)
    phone.hang_up()
    await told.event("ended")


@pytest.mark.parametrize(
    "endpoint",
    [
        pytest.param("parley", marks=pytest.mark.scenario("DTM-01", peer=PEER, transport="udp")),
        pytest.param("parley-info", marks=pytest.mark.scenario("DTM-03", peer=PEER, transport="tcp")),
    ],
    ids=["events", "info"],
)
async def test_keys_of_a_caller_come_once_each(office: Office, endpoint: str) -> None:
    told = await office.called("700", "SendDTMF 1234*#,100", endpoint=endpoint)
    await told.until(lambda one: len(one.all("digit")) >= 6, "six keys")
    assert "".join(key for (key,) in told.all("digit")) == "1234*#"
    await finished(told)


@pytest.mark.parametrize(
    "trunk",
    [
        pytest.param("registered", marks=pytest.mark.scenario("DTM-02", peer=PEER, transport="udp")),
        pytest.param("by-tcp", marks=pytest.mark.scenario("DTM-03", peer=PEER, transport="tcp")),
        pytest.param("encrypted", marks=pytest.mark.scenario("DTM-02", peer=PEER, transport="tls + srtp sdes")),
    ],
)
async def test_keys_that_we_send_are_read_by_the_dialplan(office: Office, trunk: str) -> None:
    told = await office.dial("302", trunk)
    await told.event("answered")
    await asyncio.sleep(0.3)
    await told.leg.send_digits("9055")
    await told.event("ended")
    assert "digits read: 9055" in office.pbx.log


@pytest.mark.long
@pytest.mark.timeout(150)
@pytest.mark.scenario("INV-10", peer=PEER, transport="tcp")
async def test_a_call_with_session_timers_is_refreshed_and_stays(office: Office) -> None:
    """Asterisk's `timers=always` with 90 s, the shortest: without a refresh it is over after 60 s."""
    told = await office.dial("200", "by-tcp")
    await told.event("answered")
    await asyncio.sleep(100)
    assert not told.all("ended")
    assert await echoed(told.leg, told)
    await finished(told)


@pytest.mark.scenario("INV-08", peer=PEER, transport="udp")
async def test_what_the_dialplan_plays_before_the_answer_is_heard(office: Office) -> None:
    told = await office.dial("305")
    await told.until(lambda one: any(loud(frame.caller) for frame in one.frames), "the prompt")
    assert not told.all("answered")
    await told.event("answered")
    assert await echoed(told.leg, told)
    await finished(told)


@pytest.mark.scenario("INV-16", peer=PEER, transport="udp")
async def test_a_caller_is_handed_to_the_agent_of_a_queue_who_was_asked_before(
    office: Office, phone: Softphone, agent: Softphone, tmp_path: Path
) -> None:
    """Attended: the agent of the queue talks with us, then REFER with Replaces connects the two without us."""
    known = len(office.ours.calls)
    phone.dial(f"sip:700@{office.pbx.address}")
    told = await office.ours.call(known)
    await phone.wait_for("answered")
    human = await office.dial("600")
    await agent.wait_for("incoming")
    agent.answer()
    await agent.wait_for("answered")
    agent.echo(1.0)
    assert await echoed(human.leg, human), "we talk with the agent of the queue"
    await told.leg.transfer_to(human.leg)
    assert (await told.event("transfer"))[0] is True
    await human.event("ended")
    await finished(told)
    agent.echo(None)
    agent.play(await asyncio.to_thread(spoken, tmp_path))
    await phone.wait_for("far-speech")
    phone.hang_up()
    await agent.wait_for("ended")


def spoken(folder: Path) -> Path:
    return speech.write_wav(folder / "says.wav", speech.human("vm-goodbye"))


@pytest.mark.scenario("INV-16", peer=PEER, transport="udp")
async def test_a_caller_is_sent_to_the_queue_and_its_agent_answers(
    office: Office, phone: Softphone, agent: Softphone, tmp_path: Path
) -> None:
    known = len(office.ours.calls)
    phone.dial(f"sip:700@{office.pbx.address}")
    told = await office.ours.call(known)
    await phone.wait_for("answered")
    await told.until(lambda one: len(one.frames) > 15, "frames: Asterisk has connected the two by then")
    await told.leg.transfer(f"sip:600@{office.pbx.address}")
    assert (await told.event("transfer"))[0] is True
    await finished(told)
    await agent.wait_for("incoming")
    agent.answer()
    await agent.wait_for("answered")
    agent.play(await asyncio.to_thread(spoken, tmp_path))
    await phone.wait_for("far-speech")
    phone.hang_up()
    await agent.wait_for("ended")


@pytest.mark.scenario("INV-16", peer=PEER, transport="udp")
async def test_a_caller_stays_when_the_extension_is_unknown(office: Office) -> None:
    told = await office.called("700", "Echo")
    await told.leg.transfer(f"sip:999@{office.pbx.address}")
    ok, detail = await told.event("transfer")
    assert (ok, detail.split(" ")[0]) == (False, "404")
    assert await echoed(told.leg, told)
    await finished(told)


@pytest.mark.scenario("INV-16", peer=PEER, transport="udp")
async def test_a_caller_whose_transfer_fails_comes_back_and_says_so(office: Office, phone: Softphone) -> None:
    """102 has no telephone: Asterisk has taken the caller over by then, so its dialplan brings the caller back."""
    known = len(office.ours.calls)
    phone.dial(f"sip:700@{office.pbx.address}")
    told = await office.ours.call(known)
    await phone.wait_for("answered")
    await told.until(lambda one: len(one.frames) > 15, "frames: Asterisk has connected the two by then")
    await told.leg.transfer(f"sip:102@{office.pbx.address}")
    back = await office.ours.call(known + 1)
    assert back.leg.info.headers["X-Transfer-Failed"] in ("CHANUNAVAIL", "CONGESTION")
    await back.event("answered")
    phone.echo(1.0)
    assert await echoed(back.leg, back)
    phone.hang_up()
    await back.event("ended")
    await finished(told)
