from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.turn_ends.agent import READY_MS, Agent
from bench.turn_ends.calls import Call, Pause, SpokenTurn
from bench.turn_ends.conversation import Heard
from bench.turn_ends.fit import area, regression
from bench.turn_ends.recognition import TimedRecogniser, VirtualPool
from bench.turn_ends.score import judged
from bench.turn_ends.utterances import Utterance, spoken
from gateway.conversation import commands as c
from gateway.conversation import events as e
from gateway.providers.base import TranscriptHint
from gateway.providers.stt.recogniser import Hypothesis, Samples


def turn(start_ms: int, end_ms: int, *pauses: Pause) -> SpokenTurn:
    return SpokenTurn(Utterance("tuning", "somebody", "list", "a | b", ()), start_ms, end_ms, pauses)


def heard(*taken: tuple[int, str], turns: tuple[SpokenTurn, ...]) -> Heard:
    commits = [(at, c.CommitTurn(1, text, 0, 0, 0, 0)) for at, text in taken]
    return Heard(Call("tuning", "somebody", "line", turns, b""), commits)


LISTED = turn(1000, 4000, Pause(2000, 2600), Pause(3000, 3500))


def test_a_turn_taken_at_its_end_alone_is_a_wait_and_no_cut_off() -> None:
    ends, pauses, inside = judged([heard((4350, "a b c"), turns=(LISTED,))])
    assert ([end.wait_ms for end in ends], [pause.cut_off for pause in pauses], inside) == ([350], [False, False], 0)


@pytest.mark.parametrize("at", [2300, 2700])
def test_a_turn_taken_in_a_pause_or_in_the_speech_after_it_is_cut_off(at: int) -> None:
    _, pauses, _ = judged([heard((at, "a"), (4350, "b c"), turns=(LISTED,))])
    assert [(pause.wait_ms, pause.text) for pause in pauses] == [(at - 2000, "a"), (None, "")]


def test_speech_that_is_taken_without_a_pause_and_ends_that_are_not_taken_are_told_apart() -> None:
    ends, pauses, inside = judged([heard((1500, "a"), (9300, "c"), turns=(LISTED, turn(8000, 9000)))])
    assert ([end.wait_ms for end in ends], inside) == ([None, 300], 1)
    assert not any(pause.cut_off for pause in pauses)


class Slow:
    def __init__(self) -> None:
        self.asked = 0

    def recognise(self, samples: Samples, hint: TranscriptHint) -> Hypothesis:
        self.asked += 1
        return Hypothesis(f"{len(samples)} {hint.expects}", 0.5)


def test_a_recognition_is_made_once_and_answers_when_its_time_has_passed(tmp_path: Path) -> None:
    slow, now = Slow(), 1000.0
    recogniser = TimedRecogniser(slow, tmp_path / "known.jsonl")
    samples = np.zeros(160, dtype=np.float32)
    recogniser.recognise(samples, TranscriptHint())
    again = TimedRecogniser(slow, tmp_path / "known.jsonl")
    pool = VirtualPool(again, lambda: now)
    future = pool.submit(again.recognise, samples, TranscriptHint())
    assert slow.asked == 1
    assert pool.next_ms == 1000 + 1000 * recogniser.seconds
    now = pool.next_ms
    pool.release()
    assert future.result().text == "160 anything"


def test_the_agent_answers_a_commit_and_says_no_more_when_it_is_stopped() -> None:
    agent = Agent(lambda _: ("digits", "What is your number?"))
    agent.carry_out(c.CommitReply(7), 1000)
    assert agent.due(1000 + READY_MS - 1) == []
    queued, _, finished = agent.due(1000 + READY_MS)
    assert isinstance(queued, e.UtteranceQueued)
    assert finished == e.ReplyFinished(1000 + READY_MS, 7, "digits")
    agent.carry_out(c.CutUtterances(queued.utterance, "interruption"), 1200)
    assert [type(event) for event in agent.due(9000)] == [e.PlayoutReported]


def test_speech_is_cut_where_it_is_loud() -> None:
    silence, tone = np.zeros(800, np.int16), (np.sin(np.arange(1600) / 3) * 8000).astype(np.int16)
    assert len(spoken(np.concatenate([silence, tone, silence]))) == 1600


def test_a_regression_finds_what_separates() -> None:
    dice = np.random.default_rng(1)
    wanted = dice.random(400) < 0.5
    table = np.column_stack([wanted + dice.normal(0, 0.5, 400), dice.normal(0, 1, 400)])
    weights = regression(table, wanted)
    assert weights[0] > 5 * abs(weights[1])
    assert area(table @ weights[:-1], wanted) > 0.9
