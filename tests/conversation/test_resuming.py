"""A turn machine that goes on with a conversation of another worker."""

from __future__ import annotations

from gateway.conversation import commands as c
from gateway.conversation import events as e
from gateway.conversation.plan import TurnPlan
from gateway.conversation.silence import Prompt, SilencePlan
from gateway.conversation.states import State
from gateway.conversation.turn import TurnMachine
from gateway.conversation.waiting import Waiting

SOUNDING = e.AdoptedUtterance(7, "Your order has", 7000, 1600)
AT = 60_000


def resumed(plan: TurnPlan | None = None, **fields: object) -> tuple[TurnMachine, list[c.Command]]:
    machine = TurnMachine(plan or TurnPlan())
    return machine, machine.handle(e.Started(AT, True, 3, **fields))  # type: ignore[arg-type]


def finished(at: int, utterance: int, samples: int) -> e.PlayoutReported:
    return e.PlayoutReported(at, utterance, samples, e.PlayoutState.FINISHED)


def test_what_sounds_still_and_the_rest_are_one_reply() -> None:
    machine, commands = resumed(adopted=(SOUNDING,), rest="been sent.")
    assert commands == [
        c.PrepareSpeech(1, 3, "been sent.", c.SpeechKind.CONTINUATION, said="Your order has"),
        c.CommitReply(1),
    ]
    assert machine.state is State.SPEAKING
    machine.handle(e.UtteranceQueued(AT + 10, 1, 90, "been sent."))
    machine.handle(e.UtteranceVoiced(AT + 10, 90, 4000, True))
    machine.handle(e.ReplyFinished(AT + 10, 1))
    machine.handle(finished(AT + 900, 7, 7000))
    (closed,) = machine.handle(finished(AT + 1400, 90, 4000))
    text = "Your order has been sent."
    assert closed == c.CloseReply(1, 3, c.SpeechKind.CONTINUATION, text, text, False)


def test_a_pause_of_what_sounds_still_is_judged() -> None:
    machine, _ = resumed(adopted=(SOUNDING,), rest="been sent.")
    machine.handle(e.PauseNoticed(AT + 20, 4, AT, 7, 1800, AT + 500))
    assert machine.state is State.OVERLAP
    commands = machine.handle(e.TimePassed(machine.deadline or 0))
    while not any(isinstance(command, c.GiveVerdict) for command in commands):
        commands = machine.handle(e.TimePassed(machine.deadline or 0))
    assert next(command for command in commands if isinstance(command, c.GiveVerdict)).pause == 4


def test_the_model_is_asked_for_what_it_had_not_given() -> None:
    _, commands = resumed(adopted=(SOUNDING,), unfinished=True)
    assert commands == [c.PrepareReply(1, 3, "", said="Your order has"), c.CommitReply(1)]


def test_the_call_ends_for_its_reason_when_the_last_words_were_heard() -> None:
    machine, _ = resumed(adopted=(SOUNDING,), ending="assistant-ended-call")
    assert c.HangUp("assistant-ended-call", after_playout=True) in machine.handle(finished(AT + 900, 7, 7000))


def test_the_call_ends_at_once_when_they_were_heard_already() -> None:
    _, commands = resumed(ending="assistant-ended-call")
    assert commands == [c.HangUp("assistant-ended-call", after_playout=True)]


def test_a_caller_who_was_never_greeted_is_greeted() -> None:
    _, commands = resumed(TurnPlan(greeting="Hello."), opens=True)
    assert c.PrepareSpeech(1, 3, "Hello.", c.SpeechKind.GREETING) in commands


def test_keys_that_were_typed_are_part_of_the_turn() -> None:
    machine, _ = resumed(keys="47")
    commands = machine.handle(e.KeyPressed(AT + 300, "#"))
    turn = next(command for command in commands if isinstance(command, c.CommitTurn))
    assert (turn.turn, turn.text, turn.source) == (4, "47", "keypad")


def test_keys_that_were_typed_before_anybody_spoke_are_a_turn() -> None:
    machine, _ = resumed(opens=True, keys="47")
    assert machine.state is State.ENDPOINTING


def test_speech_before_keys_is_transcribed_to_its_own_end() -> None:
    """It is heard again after the keys: a span up to them would have the words of what follows twice."""
    machine, _ = resumed(keys="47")
    machine.handle(e.SpeechStarted(AT, AT - 9_000))
    machine.handle(e.SpeechPaused(AT, AT - 8_000))
    machine.handle(e.SpeechEnded(AT, AT - 8_000))
    commands = machine.handle(e.SpeechStarted(AT, AT - 4_000)) + machine.handle(e.SpeechPaused(AT, AT - 3_000))
    spans = [(one.start_ms, one.end_ms) for one in commands if isinstance(one, c.Transcribe)]
    assert spans
    assert max(end for _, end in spans) <= AT - 2_900


def test_a_phrase_that_covers_a_wait_is_heard_and_no_more_is_said() -> None:
    machine, commands = resumed(adopted=(SOUNDING,), kind="cover")
    assert not commands
    assert machine.state is State.SPEAKING
    (closed,) = machine.handle(finished(AT + 900, 7, 7000))
    assert closed == c.CloseReply(1, 3, c.SpeechKind.COVER, "Your order has", "Your order has", False)


def test_what_is_still_to_be_said_is_said() -> None:
    _, commands = resumed(says=(e.Pending("The line is cut soon.", True),))
    assert c.PrepareSpeech(1, 3, "The line is cut soon.", c.SpeechKind.SAY, interruptible=False) in commands


def test_a_silent_caller_is_not_asked_again_and_the_silence_goes_on() -> None:
    silence = SilencePlan(20_000, prompts=(Prompt(8_000, ("Hello?",)),))
    machine, _ = resumed(TurnPlan(silence=silence), silent_ms=AT - 10_000, reprompts=1, reprompted_ms=AT - 1_000)
    assert machine.deadline == AT - 1_000 + 12_000


def test_the_journal_tells_what_waits() -> None:
    waiting = Waiting()
    waiting.read("caller-turn", {}, 1000)
    waiting.read("say", {"text": "one"}, 1100)
    waiting.read("say", {"text": "two"}, 1200)
    waiting.read("reply", {"kind": "say"}, 1300)
    waiting.read("agent-turn", {"kind": "say"}, 2000)
    waiting.read("key", {"digit": "4"}, 2100)
    waiting.read("agent-turn", {"kind": "reprompt"}, 9000)
    waiting.read("note", {"event": "hook", "detail": "customer.speech.timeout ask"}, 12_000)
    assert waiting == Waiting("4", [e.Pending("two")], silent_ms=2000, reprompts=2, reprompted_ms=12_000)
