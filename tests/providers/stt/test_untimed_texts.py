"""Texts without times and ids are told once."""

from __future__ import annotations

from gateway.providers.stt.connection import Recognised
from gateway.providers.stt.untimed_texts import UntimedTexts
from tests.providers.speech import silence, tone


def spoken(texts: UntimedTexts, ms: int = 1000) -> UntimedTexts:
    texts.push(tone(400, ms) + silence(200))
    return texts


def said(result: Recognised | None) -> str | None:
    return None if result is None else result.text


def test_what_was_taken_is_not_told_again() -> None:
    texts = spoken(UntimedTexts())
    texts.taken("I live in Keel")
    assert said(texts.final("I live in Kiel.")) is None


def test_what_comes_behind_it_is_told() -> None:
    texts = spoken(UntimedTexts())
    texts.taken("my number is")
    spoken(texts)
    assert said(texts.partial("My number is four")) == "four"
    assert said(texts.final("My number is four two")) == "four two"
    spoken(texts)
    assert said(texts.final("my number is wrong")) == "my number is wrong", "that is another text"


def test_another_text_is_told_whole() -> None:
    texts = spoken(UntimedTexts())
    texts.taken("yes please")
    assert said(texts.final("goodbye everybody")) == "goodbye everybody"


def test_the_same_text_at_once_is_the_same_text_and_later_it_is_another() -> None:
    texts = spoken(UntimedTexts())
    assert said(texts.final("no")) == "no"
    assert said(texts.final("no")) is None
    assert said(texts.partial("n")) is None
    spoken(texts)
    assert said(texts.partial("no")) == "no"
    assert said(texts.final("no")) == "no"


def test_a_text_is_placed_where_the_sound_was() -> None:
    texts = UntimedTexts()
    texts.push(silence(2000) + tone(400, 500) + silence(300))
    final = texts.final("yes")
    assert final is not None
    assert [(word.start_ms, word.end_ms) for word in final.words] == [(2000, 2500)]
    assert (final.start_ms, final.end_ms) == (2000, 2800)
