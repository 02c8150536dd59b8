"""What must be true of events, calls and messages once everything is back."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from sqlalchemy import text

from gateway.call.journal import goes_on
from gateway.store.database import Database
from tests.faults.hostile_server import HostileServer, Mood
from tests.faults.houseful import Witness

Fact = tuple[str, str]


@dataclass(slots=True)
class Kept:
    """What the control plane has: per call its facts by sequence, in the order in which they were committed."""

    facts: defaultdict[str, dict[int, Fact]] = field(default_factory=lambda: defaultdict(dict))
    out_of_order: list[str] = field(default_factory=list)
    states: dict[str, str] = field(default_factory=dict)
    deliveries: dict[int, tuple[str, str, str]] = field(default_factory=dict)
    """By position: call, type, state."""

    @property
    def events(self) -> int:
        return sum(map(len, self.facts.values()))

    @property
    def gaps(self) -> list[str]:
        """Where events are missing between two."""
        return [
            f"{call_id} {one} {other}"
            for call_id, facts in self.facts.items()
            for one, other in pairwise([0, *sorted(facts)])
            if not goes_on(other, json.loads(facts[other][1]), one)
        ]


async def kept(url: str) -> Kept:
    """Read all of it."""
    found = Kept()
    database = await Database.open(url)
    async with database.reading() as session:
        rows = await session.execute(text("SELECT call_id, sequence, kind, data FROM call_events ORDER BY position"))
        for call_id, sequence, kind, data in rows:
            facts = found.facts[call_id]
            if facts and max(facts) >= sequence:
                found.out_of_order.append(f"{call_id} {sequence}")
            facts[sequence] = (kind, json.dumps(json.loads(data), sort_keys=True))
        found.states.update(
            (id_, status) for id_, status in await session.execute(text("SELECT id, status FROM calls"))
        )
        for position, *rest in await session.execute(text("SELECT position, call_id, type, state FROM deliveries")):
            found.deliveries[position] = tuple(rest)
    await database.close()
    return found


async def unfinished(database: Database) -> int:
    """Messages that are not delivered, and calls without a report."""
    async with database.reading() as session:
        pending = await session.execute(text("SELECT count(*) FROM deliveries WHERE state = 'pending'"))
        calls = await session.execute(text("SELECT count(*) FROM calls"))
        reports = await session.execute(text("SELECT count(*) FROM deliveries WHERE type = 'end-of-call-report'"))
        return int(pending.scalar_one() + abs(calls.scalar_one() - reports.scalar_one()))


def assert_nothing_lost(witness: Witness, kept: Kept) -> None:
    """All that stood in a journal is in the database, each fact once, in its order within the call, and none is missing
    between two."""
    lost = [
        (call_id, sequence, fact[0])
        for call_id, facts in witness.seen.items()
        for sequence, fact in facts.items()
        if kept.facts.get(call_id, {}).get(sequence) != fact
    ]
    assert not lost, f"{len(lost)} events lost: {lost[:10]}"
    assert not kept.out_of_order
    assert not kept.gaps


def assert_one_final_state(witness: Witness, kept: Kept, records: Sequence[Mapping[str, Any]]) -> None:
    """Each call has ended, once, for the API as for the gateway: those that were witnessed, and those that were over
    between two looks, of which gateways kept a record."""
    ends = {call_id: [kind for kind, _ in facts.values()].count("ended") for call_id, facts in kept.facts.items()}
    unknown = set(witness.seen) - set(ends)
    assert not unknown, f"the control plane does not know {unknown} of {len(witness.seen)} calls with journals"
    assert set(ends) == set(kept.states), "calls without events"
    assert not {call_id: count for call_id, count in ends.items() if count != 1}
    assert set(kept.states.values()) == {"ended"}
    assert Counter(record["id"] for record in records) == Counter(list(ends))


def assert_messages(hooks: HostileServer, kept: Kept) -> None:
    """Every message was taken, repeated only under its id and unchanged, in its order within the call; one report of
    each call."""
    assert {state for _, _, state in kept.deliveries.values()} == {"done"}
    for position in kept.deliveries:
        arrivals = hooks.deliveries[str(position)]
        assert Mood.TAKES in arrivals.moods, f"delivery {position} never arrived"
        assert len(set(arrivals.bodies)) == 1, f"delivery {position} changed"
    by_call: defaultdict[str, list[int]] = defaultdict(list)
    for id_ in dict.fromkeys(hooks.order):
        by_call[kept.deliveries[int(id_)][0]].append(int(id_))
    for call_id, positions in by_call.items():
        assert all(one < other for one, other in pairwise(positions)), f"messages of {call_id} out of order"
    reports = Counter(call for call, type_, _ in kept.deliveries.values() if type_ == "end-of-call-report")
    assert reports == Counter(list(kept.states))
