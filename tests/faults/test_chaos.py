"""Plans of `parley chaos`, carried out: what callers hear, what becomes of tools and events."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.chaos.outcome import Outcome
from gateway.chaos.plan import Fault, Kind, Part, Plan, generated
from gateway.chaos.run import run

pytestmark = [pytest.mark.interop, pytest.mark.models]

SHORT = Plan(
    seed=1,
    calls=2,
    turns=1,
    seconds=6.5,
    faults=[
        Fault(at=2.0, kind=Kind.KILL, part=Part.WORKER),
        Fault(at=3.5, kind=Kind.CUT, part=Part.API, seconds=1.0),
        Fault(at=5.5, kind=Kind.FREEZE, part=Part.WORKER, seconds=1.0),
    ],
)
FULL_DISK = Plan(
    seed=2,
    seconds=20,
    faults=[
        Fault(at=3, kind=Kind.FILL, part=Part.DISK, seconds=4),
        Fault(at=10, kind=Kind.BUSY, part=Part.MACHINE, seconds=3),
    ],
)
GATEWAY = Plan(seed=3, seconds=25, faults=[Fault(at=6, kind=Kind.KILL, part=Part.GATEWAY)])


def assert_nothing_lost(outcome: Outcome) -> None:
    """The figures are printed: they say which seed it was."""
    print(json.dumps(outcome.as_data(), indent=1))
    assert outcome.wrong() == []


@pytest.mark.timeout(120)
async def test_callers_hear_everything_once_whatever_is_hurt(tmp_path: Path) -> None:
    outcome = await run(SHORT, tmp_path)
    assert [one.fault for one in outcome.happened] == SHORT.faults
    assert outcome.effects_done >= SHORT.calls
    assert_nothing_lost(outcome)


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(5))
async def test_callers_hear_everything_once_for_two_minutes_of_any_seed(tmp_path: Path, seed: int) -> None:
    assert_nothing_lost(await run(generated(seed, seconds=120, calls=4), tmp_path))


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("plan", [FULL_DISK, GATEWAY], ids=["full disk and busy machine", "gateway killed"])
async def test_nothing_is_lost_of_what_can_be_kept(tmp_path: Path, plan: Plan) -> None:
    assert_nothing_lost(await run(plan, tmp_path))
