"""A sample of the fault matrix, spread over its kinds of providers, faults and moments in the middle of a call; all of
it, the start of calls too, by `python -m tests.providers.faults`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping

import pytest

from tests.providers.emulators.fault import Kind
from tests.providers.faults.kinds import KINDS, ProviderKind
from tests.providers.faults.run import run_all
from tests.providers.faults.table import cases, verdict
from tests.providers.faults.trial import Case, Moment

pytestmark = pytest.mark.timeout(300)


def _sample(kind: ProviderKind) -> Iterator[Case]:
    """Each fault with a stand-in, at one moment after the other; every second one without, where it is needed first.
    Where a kind leaves off, the next one goes on."""
    in_call = [case for case in cases() if case.kind is kind and case.moment is not Moment.CALL_STARTS]
    for place, fault in enumerate(Kind, KINDS.index(kind)):
        if helped := [case for case in in_call if case.fault is fault and case.stand_in]:
            yield helped[place % len(helped)]
            if place % 2:
                yield Case(kind, Moment.THINKING, fault, stand_in=False)


@pytest.fixture(scope="module")
def wrong() -> Mapping[Case, list[str]]:
    """What was not as it is to be."""
    chosen = [case for kind in KINDS for case in _sample(kind)]
    longest_first = sorted(chosen, key=lambda case: case.fault is not Kind.SLOW)
    # Each call keeps time: those for which the machine was too busy have it nearly to themselves once more.
    return asyncio.run(_wrong(asyncio.run(_wrong(longest_first))))


async def _wrong(chosen: Iterable[Case]) -> dict[Case, list[str]]:
    outcomes = await run_all(chosen)
    return {case: problems for case, outcome in outcomes.items() if (problems := verdict(case, outcome))}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.title)
def test_a_call_survives_its_providers_or_ends_for_the_right_reason(
    kind: ProviderKind, wrong: Mapping[Case, list[str]]
) -> None:
    assert not {case: problems for case, problems in wrong.items() if case.kind is kind}
