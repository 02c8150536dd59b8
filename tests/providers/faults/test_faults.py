"""The fault matrix. Here every fault in the middle of a call with a stand-in, and without one where it is needed first;
all of it, the start of calls too, by `python -m tests.providers.faults`."""

from __future__ import annotations

import pytest

from tests.providers.faults.kinds import KINDS, ProviderKind
from tests.providers.faults.run import run_all
from tests.providers.faults.table import cases, verdict
from tests.providers.faults.trial import Case, Moment


@pytest.mark.timeout(240)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.title)
async def test_a_call_survives_its_providers_or_ends_for_the_right_reason(kind: ProviderKind) -> None:
    chosen = [case for case in cases() if case.kind is kind and _is_chosen(case)]
    wrong = await _wrong(chosen)
    # Each call keeps time: those for which the machine was too busy have it nearly to themselves once more.
    assert not await _wrong(list(wrong))


def _is_chosen(case: Case) -> bool:
    return case.moment is Moment.THINKING or (case.stand_in and case.moment is not Moment.CALL_STARTS)


async def _wrong(chosen: list[Case]) -> dict[Case, list[str]]:
    outcomes = await run_all(chosen)
    return {case: problems for case, outcome in outcomes.items() if (problems := verdict(case, outcome))}
