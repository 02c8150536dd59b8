from __future__ import annotations

import json
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from gateway.conversation.context import AgentSaid, CallerSaid, Context, Fact, Part, ToolCalled, ToolReturned
from gateway.conversation.journal import LOST_TOOL, Entry, entry_of, fact_of, restore
from gateway.providers.base import ChatMessage, ToolCall

words = st.text(min_size=1, max_size=20)
arguments = st.dictionaries(words, st.one_of(st.integers(), words, st.lists(words, max_size=2)), max_size=2)


@st.composite
def conversations(draw: st.DrawFn) -> list[Fact]:
    """Turns of a caller, with tools and replies, cut or whole."""
    facts: list[Fact] = []
    for turn in range(1, draw(st.integers(0, 5)) + 1):
        facts.append(CallerSaid(turn, draw(words)))
        for tool in range(draw(st.integers(0, 2))):
            number = f"{turn}-{tool}"
            facts.append(ToolCalled(turn, number, draw(words), draw(arguments)))
            facts.append(ToolReturned(turn, number, "tool", draw(st.booleans()), draw(words)))
        if draw(st.booleans()):
            text = draw(words)
            heard = text[: draw(st.integers(0, len(text)))]
            facts.append(AgentSaid(turn, text, heard, heard != text))
    return facts


def through_json(entry: Entry) -> Entry:
    return Entry(entry.at_ms, entry.kind, json.loads(entry.json))


@given(conversations())
def test_a_journal_rebuilds_the_same_context(facts: list[Fact]) -> None:
    parts: list[Part] = [*facts]
    context = Context((ChatMessage("system", "Be kind."),), parts)
    entries = [through_json(entry_of(fact, 20 * index, kind="reply")) for index, fact in enumerate(facts)]
    noise = [
        Entry(5, "latency", {"turn": 1}),
        Entry(6, "note", {"event": "x"}),
        Entry(7, "interruption", {"utterance": 0}),
    ]
    restored = restore(noise + entries, 100_000)
    restored.context.system = context.system
    assert restored.context.facts == facts
    assert restored.context.messages() == context.messages()


@given(conversations())
def test_every_tool_call_is_followed_by_its_result(facts: list[Fact]) -> None:
    messages = Context((), [*facts]).messages("and then?")
    for message, following in pairwise(messages):
        if message.tool_calls:
            assert [call.id for call in message.tool_calls][:1] == [following.tool_call_id]
    assert all(message.content or message.tool_calls for message in messages)


def test_the_model_sees_what_was_heard() -> None:
    context = Context()
    context.add(CallerSaid(1, "read it"))
    context.add(AgentSaid(1, "one two three", "one two", True))
    context.add(CallerSaid(2, "stop"))
    context.add(AgentSaid(2, "sorry", "", True))
    context.add(CallerSaid(3, "go on"))
    assert context.messages() == [
        ChatMessage("user", "read it"),
        ChatMessage("assistant", "one two"),
        ChatMessage("user", "stop go on"),
    ]


def test_a_tool_that_still_runs_is_not_shown() -> None:
    context = Context((), [CallerSaid(1, "book"), ToolCalled(1, "a", "book", {})])
    assert context.messages() == [ChatMessage("user", "book")]
    context.add(CallerSaid(2, "hello?"))
    context.add(ToolReturned(1, "a", "book", True, "done"))
    assert [message.role for message in context.messages()] == ["user", "assistant", "tool", "user"]
    assert context.messages()[1].tool_calls == (ToolCall("a", "book", {}),)


def test_details_for_the_record_are_no_part_of_the_fact() -> None:
    entry = entry_of(CallerSaid(2, "hello"), 40, start_ms=10, end_ms=30)
    assert entry == Entry(40, "caller-turn", {"turn": 2, "text": "hello", "start_ms": 10, "end_ms": 30})
    assert fact_of(entry) == CallerSaid(2, "hello")


# ---------------------------------------------------------------- going on elsewhere


def test_a_turn_that_nobody_answered_is_owed_an_answer() -> None:
    restored = restore([entry_of(CallerSaid(1, "hello"), 0)], 5000)
    assert (restored.answer, restored.turn, restored.underway.nothing) == ("hello", 1, True)


def test_an_answered_turn_is_not() -> None:
    facts: list[Fact] = [CallerSaid(1, "hello"), AgentSaid(1, "hi", "hi", False)]
    assert restore([entry_of(fact, 0) for fact in facts], 5000).answer == ""


def test_a_tool_that_ran_when_the_worker_died_is_not_run_again() -> None:
    facts: list[Fact] = [CallerSaid(1, "book"), ToolCalled(1, "a", "book", {})]
    restored = restore([entry_of(fact, 0) for fact in facts], 5000)
    assert restored.context.facts[-1] == ToolReturned(1, "a", "book", False, LOST_TOOL)
    assert restored.answer == "book"


def saying(*texts: str, complete: bool = True) -> list[Entry]:
    """A turn, and utterances of its answer from 2 s on; all of it is known when it is `complete`."""
    entries = [entry_of(CallerSaid(1, "where is it"), 1000)]
    for number, text in enumerate(texts):
        entries.append(Entry(2000 + number, "utterance", {"utterance": 7 + number, "turn": 1, "text": text}))
    return [*entries, Entry(2100, "reply", {"turn": 1, "kind": "reply", "text": " ".join(texts)})][
        : None if complete else -1
    ]


def test_what_was_on_its_way_is_parted_into_heard_and_rest() -> None:
    entries = saying("Your order has been sent and comes tomorrow.", "Anything else?")
    restored = restore(entries, 3000)
    (begun,) = restored.underway.adopted
    assert (begun.utterance, begun.text, begun.position) == (7, "Your order has", begun.samples)
    assert restored.underway.rest == "been sent and comes tomorrow. Anything else?"
    assert (restored.last_utterance, restored.answer) == (8, "")


def test_what_was_said_to_its_end_needs_no_rest() -> None:
    restored = restore(saying("Here."), 9000)
    assert (restored.underway.rest, restored.answer, restored.underway.adopted) == ("", "", ())
    assert restored.underway.begun == AgentSaid(1, "Here.", "Here.", False)


def playout(utterance: int, text: str, *, position: int, until: int, complete: bool, words: object = ()) -> Entry:
    data = {"utterance": utterance, "text": text, "position": position, "until": until, "complete": complete}
    return Entry(2500, "playout", {**data, "words": words})


def test_what_sounds_still_is_adopted_and_the_rest_comes_behind_it() -> None:
    words = [["Your", 0, 2000], ["order", 2000, 5000], ["has", 5000, 7000]]
    entries = [
        *saying("Your order has been sent.", "Anything else?"),
        playout(7, "Your order has been sent.", position=1600, until=7000, complete=False, words=words),
        playout(8, "Anything else?", position=0, until=0, complete=False),
    ]
    underway = restore(entries, 9000).underway
    (sounding,) = underway.adopted
    assert (sounding.text, sounding.position, sounding.samples) == ("Your order has", 1600, 7000)
    assert [word.text for word in sounding.words] == ["Your", "order", "has"]
    assert (underway.rest, underway.unfinished) == ("been sent. Anything else?", False)


def test_the_model_is_asked_for_the_rest_of_what_it_had_not_given() -> None:
    entries = [*saying("Your order", complete=False), playout(7, "Your order", position=9, until=99, complete=True)]
    underway = restore(entries, 9000).underway
    assert ([one.text for one in underway.adopted], underway.rest, underway.unfinished) == (["Your order"], "", True)


def test_what_the_caller_cut_is_not_said_again() -> None:
    entries = [*saying("Your order has been sent."), Entry(3000, "interruption", {"utterance": 7, "reason": "keypad"})]
    restored = restore(entries, 9000)
    assert restored.underway.begun == AgentSaid(1, "Your order has been sent.", "Your order has", True)
    assert (restored.underway.adopted, restored.underway.rest, restored.answer) == ((), "", "")


def test_the_call_ends_for_the_reason_that_was_given() -> None:
    entries = [*saying("Goodbye."), Entry(2100, "ending", {"reason": "assistant-ended-call"})]
    assert restore(entries, 3000).ending == "assistant-ended-call"
    assert not restore([*entries, Entry(2200, "interruption", {"utterance": 7})], 3000).ending


def test_a_tool_that_may_be_used_twice_is_used_once_more() -> None:
    called = ToolCalled(1, "a", "lookup", {})
    restored = restore([entry_of(CallerSaid(1, "look"), 0), entry_of(called, 1, repeatable=True)], 5000)
    assert (restored.repeated, restored.answer) == ([called], "look")
    assert not restore(
        [entry_of(called, 1, repeatable=True), entry_of(ToolReturned(1, "a", "lookup", True, "5"), 2)], 9
    ).repeated


def test_the_pace_of_a_voice_that_tells_no_words_is_that_of_what_is_whole() -> None:
    """Nobody says a word again that is there already."""
    entries = [
        *saying("This call is recorded.", "What else can I do for you?"),
        playout(7, "This call is recorded.", position=0, until=22 * 400, complete=True),
        playout(8, "What else can I do for you?", position=0, until=26 * 400, complete=False),
    ]
    underway = restore(entries, 9000).underway
    assert ([one.text for one in underway.adopted][1], underway.rest) == ("What else can I do for you?", "")


def test_a_voice_whose_pace_the_gateway_knows_is_measured_by_it() -> None:
    """Nothing of this reply is whole: the reply before it was."""
    noted = playout(7, "Your order has been sent.", position=0, until=14 * 400, complete=False)
    entries = [*saying("Your order has been sent."), Entry(2500, "playout", {**noted.data, "pace": 400.0})]
    underway = restore(entries, 9000).underway
    assert ([one.text for one in underway.adopted], underway.rest) == (["Your order has"], "been sent.")


def test_what_was_heard_to_its_end_before_a_cut_is_told_whole() -> None:
    """The voice is quick and tells no words: by the usual pace half of it were heard."""
    entries = [
        *saying("There are three ways.", "The first is by post."),
        Entry(2400, "interruption", {"utterance": 8, "reason": "interruption"}),
        playout(7, "There are three ways.", position=21 * 300, until=21 * 300, complete=True),
        playout(8, "The first is by post.", position=9 * 300, until=9 * 300, complete=False),
    ]
    begun = restore(entries, 9000).underway.begun
    assert begun is not None
    assert begun.heard == "There are three ways. The first"


def test_a_phrase_that_covers_a_wait_and_sounds_still_is_gone_on_with() -> None:
    cover = [
        entry_of(CallerSaid(1, "where is it"), 1000),
        Entry(2000, "utterance", {"utterance": 7, "turn": 1, "text": "One moment, please."}),
        Entry(2000, "reply", {"turn": 1, "kind": "cover", "text": "One moment, please."}),
    ]
    sounding = playout(7, "One moment, please.", position=3000, until=9000, complete=True)
    underway = restore([*cover, sounding], 9000).underway
    assert ([one.position for one in underway.adopted], underway.rest, underway.begun) == ([3000], "", None)
    over = playout(7, "One moment, please.", position=9000, until=9000, complete=True)
    assert restore([*cover, over], 9000).underway.adopted == ()
