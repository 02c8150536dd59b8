from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.conversation.clauses import HARD, ClauseSplitter, Cutting, speakable


def split(text: str, size: int = 3) -> list[str]:
    splitter = ClauseSplitter()
    pieces = [text[i : i + size] for i in range(0, len(text), size)]
    return [clause for piece in pieces for clause in splitter.push(piece)] + splitter.flush()


@pytest.mark.parametrize(
    ("text", "clauses"),
    [
        ("Hello there. How are you?", ["Hello there.", "How are you?"]),
        ("It costs 3.50 euros. Really!", ["It costs 3.50 euros.", "Really!"]),
        ("Dr. Smith meets Mrs. Jones at 10:30 a.m. tomorrow.", ["Dr. Smith meets Mrs. Jones at 10:30 a.m. tomorrow."]),
        ("Ask J. R. Miller. He knows.", ["Ask J. R. Miller.", "He knows."]),
        ("Call 1,000 people. Now.", ["Call 1,000 people.", "Now."]),
        ('He said "go." Then he went.', ['He said "go."', "Then he went."]),
        ("Wait... what? Yes.", ["Wait...", "what?", "Yes."]),
        ("First line\nsecond line", ["First line", "second line"]),
        ("1. Milk\n2. Bread", ["1. Milk", "2. Bread"]),
        ("Mail to a.b@c.example.com please. Thanks.", ["Mail to a.b@c.example.com please.", "Thanks."]),
        ("", []),
        ("  \n ", []),
    ],
)
def test_clauses_end_where_a_speaker_would_breathe(text: str, clauses: list[str]) -> None:
    assert split(text) == clauses


def test_a_long_first_clause_ends_at_a_comma_so_that_the_voice_can_begin() -> None:
    text = "Your order with the number four seven one one, which you placed on Monday, is on its way"
    assert split(text)[0] == "Your order with the number four seven one one,"


def test_a_sentence_is_given_out_as_soon_as_the_next_begins() -> None:
    splitter = ClauseSplitter()
    assert splitter.push("Good morning.") == [], "3. may be 3.50 still"
    assert splitter.push(" How") == ["Good morning."]


@given(st.text(alphabet="abcDr. ,;:!?-1290\n", max_size=700), st.integers(1, 40))
def test_nothing_is_lost_added_or_reordered(text: str, size: int) -> None:
    clauses = split(text, size)
    assert " ".join(clauses).split() == text.split()
    assert all(len(clause) <= HARD + size + 1 or " " not in clause[:HARD] for clause in clauses)


@given(st.text(alphabet="ab. ,1\n", max_size=200), st.integers(1, 30))
def test_the_size_of_the_pieces_does_not_matter_to_sentences(text: str, size: int) -> None:
    assert split(text, size) == split(text, 1)


def test_marks_of_writing_are_not_spoken() -> None:
    assert speakable("**Total:** `12` euros\n# Thanks") == "Total: 12 euros Thanks"
    assert speakable("_very_ look_up") == "very look up"


# ---------------------------------------------------------------- as the assistant wants it


def cut(text: str, cutting: Cutting, size: int = 3) -> list[str]:
    splitter = ClauseSplitter(cutting)
    pieces = [text[i : i + size] for i in range(0, len(text), size)]
    return [clause for piece in pieces for clause in splitter.push(piece)] + splitter.flush()


def test_a_clause_has_the_least_number_of_characters() -> None:
    text = "Yes. I will look. That may take a moment. Fine."
    assert cut(text, Cutting(least=15)) == ["Yes. I will look.", "That may take a moment.", "Fine."]


def test_clauses_end_behind_the_wanted_marks_alone() -> None:
    text = "Hello, it is Dr. Smith. Yes; come, please"
    assert cut(text, Cutting(marks=(",", ";"))) == ["Hello,", "it is Dr. Smith. Yes;", "come,", "please"]
    assert cut(text, Cutting(marks=(".",))) == ["Hello, it is Dr. Smith.", "Yes; come, please"]
    assert cut("1,000 and 3.5, ok", Cutting(marks=(",", "."))) == ["1,000 and 3.5,", "ok"]


def test_marks_of_scripts_without_spaces_need_none_behind_them() -> None:
    stop, comma = "\u3002", "\uff0c"
    text = f"你好{stop}请问{comma}可以吗"
    assert cut(text, Cutting(marks=(stop, comma))) == [f"你好{stop}", f"请问{comma}", "可以吗"]


def test_a_text_that_is_not_to_be_cut_is_one_clause() -> None:
    text = "One. Two.\nThree. " + "and so on " * 40
    assert cut(text, Cutting(whole=True)) == [" ".join(text.split())]


@given(
    st.text(alphabet="abcDr. ,;:!?-1290\n", max_size=400),
    st.integers(1, 40),
    st.sets(st.sampled_from(".,;:!?")),
    st.integers(0, 80),
)
def test_nothing_is_lost_however_a_text_is_cut(text: str, size: int, marks: set[str], least: int) -> None:
    clauses = cut(text, Cutting(least=least, marks=tuple(marks)), size)
    assert " ".join(clauses).split() == text.split()
