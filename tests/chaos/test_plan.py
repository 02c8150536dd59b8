"""Plans of chaos: the same from a seed, refused where they make no sense."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.chaos.plan import POSSIBLE, Kind, Part, generated, read_plan
from gateway.errors import ConfigError
from tests.docs.pages import blocks


@given(st.integers(0, 10_000), st.floats(10, 120))
def test_a_seed_is_one_plan_of_possible_faults_that_do_not_overlap(seed: int, seconds: float) -> None:
    plan = generated(seed, seconds=seconds)
    assert plan == generated(seed, seconds=seconds)
    assert plan.faults
    assert all(fault.part in POSSIBLE[fault.kind] and fault.at < seconds for fault in plan.faults)
    assert all(one.at + (one.kind != Kind.KILL) * one.seconds < after.at for one, after in pairwise(plan.faults))


def test_two_seeds_are_two_plans() -> None:
    assert generated(1).faults != generated(2).faults


def test_no_seed_needs_what_ends_calls_or_what_only_root_may_do() -> None:
    parts = {fault.part for seed in range(200) for fault in generated(seed).faults}
    assert parts == {Part.WORKER, Part.API, Part.DATABASE}


def test_a_plan_is_read_with_its_faults_in_order_of_time(tmp_path: Path) -> None:
    file = tmp_path / "plan.yaml"
    file.write_text("calls: 2\nfaults:\n- {at: 5, kind: cut, part: api}\n- {at: 2, kind: kill, part: worker}\n")
    plan = read_plan(file)
    assert [str(fault) for fault in plan.faults] == ["kill worker", "cut api for 1.5 s"]


def test_the_plan_of_the_documentation_is_possible(tmp_path: Path) -> None:
    (block,) = blocks("yaml chaos")
    file = tmp_path / "plan.yaml"
    file.write_text(block.text)
    assert len(read_plan(file).faults) == 5


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("faults: [{at: 1, kind: lock, part: worker}]", "lock goes with database, not with worker"),
        ("faults: [{at: -1, kind: kill, part: worker}]", "faults.0.at"),
        ("turns: 40", "turns"),
        ("seconds: [", "is no YAML"),
        ("surprise: 1", "surprise"),
    ],
)
def test_a_plan_that_is_not_possible_is_refused_with_its_place(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "plan.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=told):
        read_plan(file)
