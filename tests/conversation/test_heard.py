from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.conversation.agent import AgentReply
from gateway.conversation.commands import SpeechKind
from gateway.conversation.events import PlayoutState, WordSpan
from gateway.conversation.heard import SLACK, SpokenUtterance

texts = st.text(alphabet="ab .,1'é\n", min_size=1, max_size=60)
positions = st.integers(0, 60_000)


def measured(text: str, word: int = 1000) -> tuple[WordSpan, ...]:
    return tuple(WordSpan(w, i * word, (i + 1) * word) for i, w in enumerate(text.split()))


@given(texts, positions, st.integers(0, 60_000), st.booleans(), st.booleans())
def test_heard_text_is_a_prefix_that_ends_at_a_word_border(
    text: str, position: int, samples: int, final: bool, with_words: bool
) -> None:
    utterance = SpokenUtterance(1, text)
    utterance.voiced(samples, measured(text) if with_words else (), final=final)
    utterance.played(position, PlayoutState.PAUSED)
    heard = utterance.heard
    assert text.startswith(heard)
    assert heard == "" or text[len(heard) :][:1].strip() == ""
    assert text.split()[: len(heard.split())] == heard.split()


@given(texts, st.integers(0, 60_000), st.lists(positions, min_size=2, max_size=5))
def test_more_samples_never_mean_less_heard(text: str, samples: int, moments: list[int]) -> None:
    lengths = []
    for position in sorted(moments):
        utterance = SpokenUtterance(1, text, samples=samples, complete=True)
        utterance.played(position, PlayoutState.PLAYING)
        lengths.append(len(utterance.heard))
    assert lengths == sorted(lengths)


@given(texts, positions, st.booleans())
def test_playing_resumes_at_the_start_of_the_word_that_was_cut(text: str, position: int, with_words: bool) -> None:
    utterance = SpokenUtterance(1, text)
    utterance.voiced(40_000, measured(text) if with_words else (), final=True)
    border = utterance.resume_from(position)
    assert 0 <= border <= position
    assert border == 0 or border in [start for start, _ in utterance.borders()]


@given(st.lists(st.tuples(texts.filter(lambda t: t.strip()), positions), min_size=1, max_size=4))
def test_a_reply_was_heard_up_to_the_first_word_that_was_not(clauses: list[tuple[str, int]]) -> None:
    reply = AgentReply(1, 1, SpeechKind.REPLY)
    for number, (text, position) in enumerate(clauses):
        reply.queue(SpokenUtterance(number, text.strip(), samples=8000, complete=True))
        reply.utterances[number].played(position, PlayoutState.CUT)
    assert reply.text.startswith(reply.heard)


def test_a_word_counts_when_it_was_sent_whole_but_for_the_fade() -> None:
    utterance = SpokenUtterance(1, "one two three")
    utterance.voiced(3000, measured("one two three"), final=True)
    utterance.played(2000 - SLACK - 1, PlayoutState.CUT)
    assert utterance.heard == "one"
    utterance = SpokenUtterance(1, "one two three", words=list(measured("one two three")))
    utterance.played(2000 - SLACK, PlayoutState.CUT)
    assert utterance.heard == "one two"


def test_a_finished_utterance_was_heard_whole_whatever_the_words_say() -> None:
    utterance = SpokenUtterance(1, "one two", words=[WordSpan("one", 0, 99_999), WordSpan("two", 99_999, 199_999)])
    utterance.played(8000, PlayoutState.FINISHED)
    assert utterance.heard == "one two"


def test_a_final_position_stays() -> None:
    utterance = SpokenUtterance(1, "one two", samples=2000, complete=True)
    utterance.played(900, PlayoutState.CUT)
    utterance.played(2000, PlayoutState.FINISHED)
    assert (utterance.position, utterance.state) == (900, PlayoutState.CUT)


def test_words_that_a_voice_spells_otherwise_are_estimated() -> None:
    """ "12 May" is spoken as "twelve May the": three words for two, so their times say nothing about the text's."""
    utterance = SpokenUtterance(1, "12 May")
    utterance.voiced(6000, measured("twelve May the"), final=True)
    assert utterance.borders() == [(0, 2000), (3000, 6000)]


def test_word_times_that_run_backwards_are_made_to_rise() -> None:
    utterance = SpokenUtterance(
        1, "a b c", words=[WordSpan("a", 0, 500), WordSpan("b", 300, 400), WordSpan("c", 450, 900)]
    )
    assert utterance.borders() == [(0, 500), (500, 500), (500, 900)]
