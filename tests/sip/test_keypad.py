"""Keys of a telephone: how they are sent, and each press told once by whichever ways it comes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sip.keypad import KEYS, DtmfSetting, Keypad, KeyPath, KeyPlan, key_of_info, key_plan


@pytest.mark.parametrize(
    ("setting", "events", "plan"),
    [
        ("auto", True, KeyPlan(KeyPath.EVENT, hears_tones=False)),
        ("auto", False, KeyPlan(KeyPath.TONES, hears_tones=True)),
        ("rfc4733", False, KeyPlan(KeyPath.EVENT, hears_tones=False)),
        ("info", True, KeyPlan(KeyPath.INFO, hears_tones=False)),
        ("inband", True, KeyPlan(KeyPath.TONES, hears_tones=True)),
    ],
)
def test_a_trunk_says_how_keys_go(setting: DtmfSetting, events: bool, plan: KeyPlan) -> None:
    assert key_plan(setting, events=events) == plan


def test_a_press_that_comes_by_three_ways_is_one() -> None:
    keypad = Keypad()
    told = [keypad.is_new("5", path, at) for path, at in zip(KeyPath, (0.0, 0.4, 0.9), strict=True)]
    assert told == [True, False, False]


def test_a_key_that_is_held_comes_by_info_when_it_is_let_go() -> None:
    keypad = Keypad()
    assert keypad.is_new("5", KeyPath.EVENT, 0.0)
    assert not keypad.is_new("5", KeyPath.INFO, 3.5)


def test_the_same_key_later_is_another_press_by_whatever_way() -> None:
    keypad = Keypad()
    assert keypad.is_new("5", KeyPath.EVENT, 0.0)
    assert keypad.is_new("5", KeyPath.TONES, 1.6)
    assert keypad.is_new("5", KeyPath.INFO, 9.0)


def test_two_presses_that_come_by_two_ways_are_two() -> None:
    keypad = Keypad()
    came = [(KeyPath.EVENT, 0.0), (KeyPath.TONES, 0.05), (KeyPath.EVENT, 0.2), (KeyPath.TONES, 0.25)]
    late = [(KeyPath.EVENT, 5.0), (KeyPath.EVENT, 5.2), (KeyPath.TONES, 5.3), (KeyPath.TONES, 5.5)]
    assert sum(keypad.is_new("5", path, at) for path, at in came) == 2
    assert sum(keypad.is_new("5", path, at) for path, at in late) == 2


def test_a_press_that_one_way_lost_is_told_by_the_other() -> None:
    keypad = Keypad()
    assert keypad.is_new("1", KeyPath.EVENT, 0.0)
    assert not keypad.is_new("1", KeyPath.TONES, 0.1)
    assert keypad.is_new("2", KeyPath.TONES, 0.4)


@given(st.lists(st.tuples(st.sampled_from(KEYS), st.floats(0.05, 3)), max_size=30), st.sampled_from(KeyPath))
def test_one_way_alone_loses_no_press(presses: list[tuple[str, float]], path: KeyPath) -> None:
    keypad, now = Keypad(), 0.0
    for key, pause in presses:
        now += pause
        assert keypad.is_new(key, path, now)


@given(st.lists(st.tuples(st.sampled_from(KEYS), st.floats(0.1, 3)), max_size=30), st.floats(0, 1.4))
def test_what_comes_by_two_ways_is_told_as_often_as_by_one(presses: list[tuple[str, float]], later: float) -> None:
    keypad, now, came = Keypad(), 0.0, []
    for key, pause in presses:
        now += pause
        came += [(now, key, KeyPath.EVENT), (now + later, key, KeyPath.TONES)]
    told = [keypad.is_new(key, path, at) for at, key, path in sorted(came)]
    assert sum(told) == len(presses)


@pytest.mark.parametrize(
    ("body", "key"), [("5", "5"), ("#\r\n", "#"), ("10", "*"), ("11", "#"), ("d", "D"), ("16", None), ("", None)]
)
def test_a_body_of_the_bare_key(body: str, key: str | None) -> None:
    assert key_of_info(body) == key
