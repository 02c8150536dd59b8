from __future__ import annotations

from gateway.media.arming import MOST_DOUBLINGS, REST_MS, PauseArming


def test_the_leg_is_told_of_changes_only() -> None:
    told: list[bool] = []
    arming = PauseArming(told.append)
    for wanted in (False, False, True, True, False):
        arming.set(wanted, 0)
    assert told == [False, True, False]


def test_the_rest_doubles_up_to_a_limit_and_begins_anew_with_the_next_utterance() -> None:
    arming = PauseArming(lambda _: None)
    rests = []
    for _ in range(MOST_DOUBLINGS + 3):
        arming.resumed(1000)
        rests.append(next(ms for ms in range(0, 100_000, 100) if arming.rest_is_over(1000 + ms)))
    assert rests == [REST_MS * factor for factor in (1, 2, 4, 8, 8, 8)]
    arming.next_utterance()
    arming.resumed(1000)
    assert not arming.rest_is_over(1000 + REST_MS - 1)
    assert arming.rest_is_over(1000 + REST_MS)
    assert not arming.rest_is_over(1000 + REST_MS)


def test_nothing_is_armed_while_it_rests() -> None:
    told: list[bool] = []
    arming = PauseArming(told.append)
    arming.resumed(0)
    arming.set(True, REST_MS - 1)
    arming.set(True, REST_MS)
    assert told == [False, True]
