"""Connections that stand by, without a network."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from gateway.errors import ProviderUnavailable
from gateway.providers.tts import standby
from gateway.providers.tts.connection import Sound, SpeakerTraits
from gateway.providers.tts.standby import MOST, Standby

LOOK = 0.02


class Connection:
    """Speaks nothing."""

    def __init__(self) -> None:
        self.usable = True
        self.alive = 0
        self.cancelled = 0
        self.closed = False
        self.dead = False
        """It is lost, and nobody has noticed."""

    async def say(self, text: str) -> None:
        raise AssertionError

    async def receive(self) -> Sound | None:
        raise AssertionError

    async def cancel(self) -> None:
        self.cancelled += 1
        self._fail()

    async def keep_alive(self) -> None:
        self.alive += 1
        self._fail()

    async def close(self) -> None:
        self.usable, self.closed = False, True

    def _fail(self) -> None:
        if self.dead:
            raise ProviderUnavailable("Lost.")


class Speaker:
    def __init__(self, session_seconds: float = 600.0) -> None:
        self.traits = SpeakerTraits("fake", session_seconds=session_seconds)
        self.opened: list[Connection] = []
        self.down = False

    @property
    def open(self) -> list[Connection]:
        return [connection for connection in self.opened if not connection.closed]

    async def connect(self) -> Connection:
        await asyncio.sleep(0)
        if self.down:
            raise ProviderUnavailable("Down.")
        self.opened.append(Connection())
        return self.opened[-1]


@pytest.fixture
def speaker() -> Speaker:
    return Speaker()


@pytest.fixture
async def pool(speaker: Speaker) -> AsyncIterator[Standby]:
    pool = Standby(speaker, look_seconds=LOOK)
    yield pool
    await pool.close()
    assert not speaker.open
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def looked(times: int = 3) -> None:
    await asyncio.sleep(LOOK * times + 0.03)


async def test_each_call_that_is_prepared_for_finds_a_connection(speaker: Speaker, pool: Standby) -> None:
    await asyncio.gather(*(pool.prepare() for _ in range(3)))
    assert len(speaker.opened) == 3
    taken = [await pool.take() for _ in range(3)]
    assert {connection for connection, _ in taken} == set(speaker.opened[:3])
    assert not any(new for _, new in taken)


async def test_preparing_is_bounded(speaker: Speaker, pool: Standby) -> None:
    for _ in range(3 * MOST):
        await pool.prepare()
    assert len(speaker.opened) == MOST


async def test_one_stands_by_while_others_are_used(speaker: Speaker, pool: Standby) -> None:
    first, new = await pool.take()
    assert new
    await looked()
    second, new = await pool.take()
    assert second is not first
    assert not new


async def test_what_is_given_back_is_used_again(speaker: Speaker, pool: Standby) -> None:
    first, _ = await pool.take()
    pool.give_back(first)
    assert await pool.take() == (first, False)


async def test_an_interrupted_connection_is_cancelled_before_it_is_used_again(speaker: Speaker, pool: Standby) -> None:
    await pool.prepare()
    connection = speaker.opened[0]
    assert (await pool.take())[0] is connection
    pool.give_back(connection, interrupted=True)
    await looked()
    assert connection.cancelled == 1
    assert (connection, False) in [await pool.take(), await pool.take()]


async def test_a_connection_that_cannot_be_cancelled_is_closed(speaker: Speaker, pool: Standby) -> None:
    await pool.prepare()
    connection = speaker.opened[0]
    await pool.take()
    connection.dead = True
    pool.give_back(connection, interrupted=True)
    await looked()
    assert connection.closed


async def test_a_connection_is_kept_alive_and_replaced_when_that_fails(speaker: Speaker, pool: Standby) -> None:
    await pool.prepare()
    await looked()
    assert speaker.opened[0].alive
    speaker.opened[0].dead = True
    await looked()
    assert speaker.opened[0].closed
    assert len(speaker.open) == 1


async def test_an_old_connection_is_replaced() -> None:
    speaker = Speaker(session_seconds=0.01)
    pool = Standby(speaker, look_seconds=LOOK)
    await pool.prepare()
    await looked()
    assert speaker.opened[0].closed
    assert len(speaker.open) == 1
    await pool.close()


async def test_a_closed_connection_is_not_handed_out(speaker: Speaker, pool: Standby) -> None:
    await pool.prepare()
    await speaker.opened[0].close()
    connection, new = await pool.take()
    assert connection is not speaker.opened[0]
    assert new


async def test_what_is_not_needed_is_closed(speaker: Speaker, pool: Standby, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standby, "SPARE_SECONDS", 0.0)
    await asyncio.gather(*(pool.prepare() for _ in range(4)))
    await looked()
    assert len(speaker.open) == 1


async def test_nothing_stands_by_when_nobody_calls(
    speaker: Speaker, pool: Standby, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standby, "WARM_SECONDS", 0.01)
    await pool.prepare()
    await looked()
    assert not speaker.open
    await pool.prepare()
    assert len(speaker.open) == 1


async def test_an_outage_is_told_and_passes(speaker: Speaker, pool: Standby) -> None:
    speaker.down = True
    with pytest.raises(ProviderUnavailable):
        await pool.prepare()
    with pytest.raises(ProviderUnavailable):
        await pool.take()
    await looked()
    speaker.down = False
    await looked()
    assert len(speaker.open) == 1


async def test_closing_ends_what_is_in_use(speaker: Speaker, pool: Standby) -> None:
    connection, _ = await pool.take()
    await pool.close()
    assert not speaker.open
    pool.give_back(connection)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
