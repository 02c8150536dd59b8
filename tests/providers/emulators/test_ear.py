from __future__ import annotations

from tests.providers.emulators.ear import Ear, Line, ScriptedEar, ToneEar
from tests.providers.emulators.tone_words import GAP_MS, VOCABULARY, WORD_MS, encode
from tests.providers.speech import silence, tone


def listen(ear: Ear, pcm: bytes, step: int = 320) -> None:
    for at in range(0, len(pcm), step):
        ear.push(pcm[at : at + step])


def texts(ear: Ear) -> str:
    return " ".join(word.text for word in ear.words)


def test_each_stretch_is_the_next_line() -> None:
    ear = ScriptedEar(["one two three", "four"])
    listen(ear, silence(500) + tone(300, 900) + silence(800))
    assert texts(ear) == "one two three"
    listen(ear, tone(300, 900) + silence(300) + tone(300, 900) + silence(800))
    assert texts(ear) == "one two three four"
    listen(ear, tone(300, 900) + silence(800))
    assert texts(ear) == "one two three four"


def test_words_come_while_the_line_is_spoken() -> None:
    ear = ScriptedEar([Line("one two three four", ms=2000)])
    listen(ear, silence(100) + tone(300, 1100))
    assert texts(ear) == "one two"
    assert [(word.start_ms, word.end_ms) for word in ear.words] == [(100, 600), (600, 1100)]
    listen(ear, tone(300, 900) + silence(20))
    assert texts(ear) == "one two three four"
    assert ear.heard_ms == 2120


def test_a_line_that_ends_early_is_heard_whole() -> None:
    ear = ScriptedEar([Line("one two three four", ms=4000)])
    listen(ear, tone(300, 1500) + silence(800))
    assert texts(ear) == "one two three four"
    assert all(one.end_ms <= two.end_ms for one, two in zip(ear.words, ear.words[1:], strict=False))


def test_pieces_of_any_size_sound_the_same() -> None:
    pcm = silence(130) + tone(300, 700) + silence(750)
    ears = [ScriptedEar(["one two three"]) for _ in range(2)]
    listen(ears[0], pcm, 14)
    listen(ears[1], pcm, 4000)
    assert ears[0].words == ears[1].words


def test_tone_words_are_heard_with_their_times() -> None:
    ear = ToneEar()
    listen(ear, silence(333) + encode(VOCABULARY), 480)
    assert texts(ear) == " ".join(VOCABULARY)
    assert all(abs(word.start_ms - 333 - at * (WORD_MS + GAP_MS)) < 5 for at, word in enumerate(ear.words))


def test_half_a_tone_word_is_none() -> None:
    ear = ToneEar()
    listen(ear, encode("river")[:1600] + silence(100) + encode("garden")[1600:] + encode("east"))
    assert texts(ear) == "east"
