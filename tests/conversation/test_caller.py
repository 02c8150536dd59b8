from __future__ import annotations

from gateway.conversation.caller import LONGEST_SEGMENT_MS, MERGE_GAP_MS, CallerTurn


def said(turn: CallerTurn, number: int, start: int, end: int, text: str) -> None:
    turn.speech_started(start)
    turn.speech_ended(end)
    turn.close_segment(number, end)
    turn.transcribed(number, text, end)


def test_a_short_pause_makes_one_longer_segment() -> None:
    turn = CallerTurn()
    said(turn, 1, 1000, 1500, "what")
    turn.speech_started(1500 + MERGE_GAP_MS - 1)
    turn.speech_ended(2500)
    segment = turn.close_segment(2, 2500)
    assert (segment.start_ms, segment.end_ms) == (1000, 2500)
    assert turn.segments == [segment]


def test_a_long_pause_makes_a_segment_of_its_own() -> None:
    turn = CallerTurn()
    said(turn, 1, 1000, 1500, "four seven")
    said(turn, 2, 1500 + MERGE_GAP_MS, 2500, "one one")
    assert turn.text == "four seven one one"
    assert turn.start_ms == 1000


def test_a_long_segment_is_not_made_longer() -> None:
    turn = CallerTurn()
    said(turn, 1, 1000, 1000 + LONGEST_SEGMENT_MS, "a long story")
    said(turn, 2, 1100 + LONGEST_SEGMENT_MS, 1500 + LONGEST_SEGMENT_MS, "the end")
    assert len(turn.segments) == 2


def test_a_transcript_of_a_replaced_segment_is_ignored() -> None:
    turn = CallerTurn()
    said(turn, 1, 1000, 1500, "what")
    said(turn, 2, 1600, 2500, "what time")
    assert not turn.transcribed(1, "late", 3000)
    assert turn.text == "what time"


def test_pauses_inside_a_turn_are_measured() -> None:
    turn = CallerTurn()
    assert turn.speech_started(1000) is None
    turn.speech_ended(1500)
    assert turn.speech_started(2100) == 600


def test_speech_that_goes_on_after_the_turn_was_taken_opens_the_next() -> None:
    turn = CallerTurn()
    turn.speech_started(1000)
    turn.forget()
    assert not turn.empty
    assert turn.start_ms == 1000


def test_hash_ends_keypad_input_and_is_no_part_of_it() -> None:
    turn = CallerTurn()
    for number, digit in enumerate("12#"):
        turn.key(number, digit, 1000 + number)
    assert (turn.text, turn.keys, turn.source) == ("12", "12#", "keypad")


def test_hash_alone_is_kept() -> None:
    turn = CallerTurn()
    turn.key(1, "#", 1000)
    assert turn.text == "#"


def test_speech_and_keys_of_one_turn_stand_in_their_order() -> None:
    turn = CallerTurn()
    said(turn, 1, 1000, 1500, "my number is")
    turn.key(2, "4", 2000)
    turn.key(3, "7", 2100)
    assert (turn.text, turn.source) == ("my number is 47", "speech")


def test_speech_that_is_heard_after_later_keys_ends_where_it_ended() -> None:
    turn = CallerTurn()
    turn.key(1, "4", 9000)
    turn.speech_started(1000)
    turn.speech_ended(2000)
    assert (turn.spoken_ms, turn.end_ms) == (2000, 9000)
