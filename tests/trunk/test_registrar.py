"""Two hundred accounts and their registrar, in virtual time: an outage, its end, and who is asked how often."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.trunk.registrar import PROBE_SECONDS, REQUESTS_PER_SECOND, Registrar
from gateway.trunk.registration import Registration

ACCOUNTS = 200
NO_ANSWER_SECONDS = 32.0
RESENT_SECONDS = 4.0
"""A request without an answer is sent again and again over UDP."""
STEP = 0.02


@dataclass
class World:
    """A registrar that is away between `gone` and `back`; it challenges each attempt, or none."""

    seed: int
    gone: float
    back: float
    challenges: bool = True
    answers_options: bool = True
    accounts: int = ACCOUNTS
    now: float = 0.0
    sent: list[float] = field(default_factory=list)
    probes: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.registrar = Registrar()
        for index in range(self.accounts):
            self.registrar.add(str(index), Registration())
        self.pending: list[tuple[float, str]] = []
        self.probe_until = -1.0

    @property
    def away(self) -> bool:
        return self.gone <= self.now < self.back

    @property
    def registered(self) -> int:
        return sum(one.state.registered for one in self.registrar.registrations.values())

    def run(self, until: float) -> None:
        while self.now < until:
            self.now += STEP
            self._step()

    def _step(self) -> None:
        if (name := self.registrar.take(self.now)) is not None:
            self._register(name)
        if self.registrar.take_probe(self.now):
            self.probes.append(self.now)
            if self.answers_options and not self.away:
                self.registrar.probe_answered(now=self.now)
        for at, name in list(self.pending):
            if not self.away and (at - self.now) % RESENT_SECONDS < STEP:
                self.pending.remove((at, name))
                requests = 2 if self.challenges else 1
                self.sent += [self.now] * requests
                self._accept(name, requests, waited=RESENT_SECONDS)
        for at, name in [one for one in self.pending if one[0] <= self.now]:
            self.pending.remove((at, name))
            chance = self.random.random()
            self.registrar.registrations[name].failed(408, "Request Timeout", now=self.now, chance=chance)
            self.registrar.unanswered(now=self.now)

    def _register(self, name: str) -> None:
        requests = 2 if self.challenges and not self.away else 1
        self.sent += [self.now] * requests
        if self.away:
            self.pending.append((self.now + NO_ANSWER_SECONDS, name))
            return
        self._accept(name, requests)

    def _accept(self, name: str, requests: int, *, waited: float = 0.0) -> None:
        one = self.registrar.registrations[name]
        one.accepted(200, "OK", 300, now=self.now, chance=self.random.random())
        self.registrar.answered(now=self.now, requests=requests, waited=waited)

    def busiest_second(self) -> int:
        return max(sum(1 for other in self.sent if at <= other < at + 1) for at in sorted(set(self.sent)))


def recovered(world: World, limit: float) -> float:
    while world.registered < world.accounts and world.now < world.back + limit:
        world.run(world.now + 1)
    return world.now - world.back


@pytest.mark.scenario("REG-06", peer="virtual time", transport="none")
@pytest.mark.parametrize(("challenges", "seconds"), [(False, 40), (True, 60)])
@pytest.mark.parametrize("outage", [100, 600])
def test_all_accounts_are_back_soon_after_their_registrar(challenges: bool, seconds: int, outage: int) -> None:
    world = World(seed=1, gone=400, back=400 + outage, challenges=challenges)
    world.run(400)
    assert world.registered == ACCOUNTS
    world.run(world.back)
    assert recovered(world, 2 * seconds) <= seconds
    assert world.busiest_second() <= REQUESTS_PER_SECOND
    assert all(later - earlier >= PROBE_SECONDS for earlier, later in zip(world.probes, world.probes[1:], strict=False))


def test_at_the_start_two_hundred_accounts_register_one_after_the_other() -> None:
    world = World(seed=2, gone=0, back=0)
    world.run(60)
    assert world.registered == ACCOUNTS
    assert world.busiest_second() <= REQUESTS_PER_SECOND


def test_without_an_answer_to_options_the_first_account_that_succeeds_releases_the_others() -> None:
    world = World(seed=3, gone=400, back=1000, answers_options=False)
    world.run(1000)
    assert recovered(world, 300) <= 150
    assert world.busiest_second() <= REQUESTS_PER_SECOND


def test_while_it_is_away_accounts_wait_by_the_law_and_do_not_hammer() -> None:
    world = World(seed=4, gone=0, back=36000, accounts=20)
    world.run(3600)
    # 30·2^n, half of it chance: at most nine attempts of an account in the first hour, and 32 s of patience each
    assert len(world.sent) <= 9 * 20
    assert len(world.probes) <= 3600 / PROBE_SECONDS + 1


def test_a_registrar_that_answers_options_but_no_register_is_not_hammered() -> None:
    registrar, registration = Registrar(), Registration()
    registrar.add("a", registration)
    attempts: Counter[int] = Counter()
    now = 0.0
    while now < 3600:
        now += 1
        if registrar.take(now):
            attempts[0] += 1
            registration.failed(408, "", now=now, chance=0.5)
            registrar.unanswered(now=now)
        if registrar.take_probe(now):
            registrar.probe_answered(now=now)
    assert attempts[0] <= 9


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.floats(1, 400), st.floats(1, 600), st.booleans())
def test_whatever_the_outage_everybody_comes_back_and_nobody_hurries(
    seed: int, gone: float, length: float, challenges: bool
) -> None:
    world = World(seed=seed, gone=gone, back=gone + length, challenges=challenges, accounts=40)
    world.run(world.back)
    # the last attempt may have begun just before the return, and is waited for
    assert recovered(world, 200) <= NO_ANSWER_SECONDS + 30 + PROBE_SECONDS + 10
    assert world.busiest_second() <= REQUESTS_PER_SECOND


def test_attempts_that_nobody_answered_do_not_hold_up_the_others() -> None:
    registrar = Registrar()
    for name in ("a", "b"):
        registrar.add(name, Registration())
    assert registrar.take(0.0) == "a"
    registrar.registrations["a"].accepted(200, "OK", 300, now=0.0, chance=0.0)
    registrar.answered(now=0.0, requests=30_000)
    assert registrar.take(1.0) == "b"


def test_few_attempts_are_on_the_way_at_once_and_one_while_the_registrar_is_silent() -> None:
    world = World(seed=5, gone=0, back=10_000)
    world.run(31)
    assert len(world.pending) == 4
    world.run(80)
    assert len(world.pending) <= 1
