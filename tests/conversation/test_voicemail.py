"""Who answered, by what was heard and when."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.conversation.voicemail import AnsweredBy, Answerer, Verdict, machine_words

MACHINES = (
    "Please leave your message after the tone.",
    "Hi, you've reached Joe.",
    "The person you are calling is not available.",
    "Your call has been forwarded to an automatic voice message system.",
    "I can't come to the phone right now.",
    "Nobody is available to take your call at the moment.",
    "Leave your name and number and I'll get back to you as soon as I can.",
    "This is the voicemail of extension one two three.",
    "Sorry I missed your call. I will get back to you as soon as I can.",
    "Hey, this is Mike. Leave a message.",
    "We are away from the phone, but at the sound of the tone leave your name and number.",
    "No one can take your call right now.",
    "Hey, it's Bob, you know what to do.",
    "At the tone, please record your message. When you have finished, hang up.",
)
HUMANS = (
    "Hello?",
    "Joe speaking.",
    "Good morning, Smith and Sons, how can I help you?",
    "Can I leave a message for Bob?",
    "Yes, I am available now.",
    "Could you state your name and the reason for your call?",
    "If you record your name and reason for calling, I will see if this person is available.",
    "I reached home an hour ago.",
    "Who is calling please?",
    "Hi, sorry I missed your call earlier.",
    "Yes, I got your voicemail.",
    "He's not available right now, can I take a message?",
    "She is in a meeting. Do you want to leave a message?",
    "Sorry, I couldn't get to the phone in time.",
    "You've reached the right person.",
)


@pytest.mark.parametrize("text", MACHINES)
def test_words_that_only_machines_say(text: str) -> None:
    assert machine_words(text)


@pytest.mark.parametrize("text", HUMANS)
def test_words_that_humans_and_screening_services_say(text: str) -> None:
    assert not machine_words(text)


@pytest.mark.parametrize("text", ["I am not available tomorrow.", "My mailbox is full.", "No one is here but me."])
def test_later_in_a_call_a_human_may_say_what_machines_say_at_first(text: str) -> None:
    assert machine_words(text)
    assert not machine_words(text, later=True)


class Line:
    """An answered call at 0 ms: stretches of speech are heard, and the verdict is asked for whenever it is due."""

    def __init__(self, *, by_sound: bool = True) -> None:
        self.answerer = Answerer(0, by_sound=by_sound)
        self.now = 0
        self.verdict: Verdict | None = None
        self.verdict_ms = 0

    def until(self, ms: int) -> None:
        while self.verdict is None and (due := self.answerer.next_look(self.now)) <= ms:
            self._judge(due)
        self.now = ms

    def _judge(self, now: int) -> None:
        if self.verdict is None and (verdict := self.answerer.judge(now)) is not None:
            self.verdict, self.verdict_ms = verdict, now
        self.now = max(self.now, now)

    def says(self, start: int, end: int, text: str | None = None, *, text_after: int = 400) -> None:
        self.until(start)
        self.answerer.speech_started(start)
        self.until(end)
        self.answerer.speech_ended(end)
        if text is not None:
            self.until(end + text_after)
            self.answerer.heard(text, complete=True)
            self._judge(self.now)

    @property
    def by(self) -> AnsweredBy | None:
        return self.verdict.by if self.verdict else None


@pytest.mark.parametrize(("text", "wait_ms"), [("Hello?", 500), ("Joe Miller.", 750), (None, 750), ("", 500)])
def test_a_human_who_says_hello_waits_less_than_a_second(text: str | None, wait_ms: int) -> None:
    line = Line()
    line.says(700, 1200, text)
    line.until(5000)
    assert (line.by, line.verdict_ms - 1200) == (AnsweredBy.HUMAN, wait_ms)


def test_nobody_who_is_silent_is_kept_waiting() -> None:
    line = Line()
    line.until(5000)
    assert (line.by, line.verdict_ms) == (AnsweredBy.HUMAN, 2000)


def test_a_business_that_offers_help_at_length_is_human() -> None:
    line = Line()
    line.says(500, 3000)
    line.says(3300, 5600, "thank you for calling Smith and Sons Joe here how can I help you", text_after=300)
    line.until(9000)
    assert (line.by, line.verdict_ms) == (AnsweredBy.HUMAN, 5600 + 500)


def test_a_pause_after_the_first_words_of_a_machine_does_not_make_it_human() -> None:
    line = Line()
    line.says(600, 1500, "Hi this is Joe", text_after=350)
    line.says(2100, 4600, "Hi this is Joe I can't take your call", text_after=300)
    assert line.by is AnsweredBy.MACHINE
    assert line.verdict_ms == 4900


def test_speech_that_does_not_wait_for_an_answer_is_a_machine() -> None:
    line = Line()
    line.says(400, 3000)
    line.says(3400, 9000)
    assert (line.by, line.verdict_ms) == (AnsweredBy.MACHINE, 400 + 5500)


def test_by_words_alone_length_and_beep_prove_nothing() -> None:
    line = Line(by_sound=False)
    line.answerer.beeped()
    line.says(400, 9000, "and so on and so on")
    line.until(12_000)
    assert line.by is AnsweredBy.HUMAN


def test_who_speaks_without_an_end_is_not_looked_at_all_the_time() -> None:
    answerer = Answerer(0, by_sound=False)
    answerer.speech_started(400)
    looks, now = 0, 0
    while now < 60_000:
        assert answerer.judge(now) is None
        now, looks = answerer.next_look(now), looks + 1
    assert looks < 20


def test_a_beep_is_a_machine() -> None:
    line = Line()
    line.answerer.beeped()
    assert line.answerer.judge(100) == Verdict(AnsweredBy.MACHINE, "beep")


@given(st.lists(st.tuples(st.integers(20, 3000), st.integers(20, 4000), st.sampled_from([None, *HUMANS])), max_size=6))
def test_every_answer_has_its_verdict_in_time(stretches: list[tuple[int, int, str | None]]) -> None:
    line, at = Line(), 0
    for pause, length, text in stretches:
        line.says(at + pause, at + pause + length, text, text_after=0)
        at += pause + length
    line.until(at + 2000)
    assert line.verdict is not None
