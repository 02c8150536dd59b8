"""A wrong dialogue file is reported with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.errors import ConfigError
from gateway.providers.llm.dialogue.load import load_dialogue, parse_dialogue

GOOD = """\
greeting: Hello
fallback: Sorry?
intents:
  bye:
    phrases: [goodbye]
    answer: Goodbye
    end_call: true
"""


def test_a_dialogue_is_read() -> None:
    dialogue = parse_dialogue(GOOD, "d.yaml")
    assert dialogue.intents["bye"].end_call
    assert len(dialogue.fallback) == 1


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("fallback: Sorry?", "fallback: 3", r"d\.yaml:2: fallback: expected a text"),
        ("fallback: Sorry?", "falback: Sorry?", r"d\.yaml:(1|2): fall?back: "),
        ("answer: Goodbye", "answer: 'Bye {{ name'", r"d\.yaml:6: intents\.bye\.answer: the template is wrong"),
        (
            "phrases: [goodbye]",
            "patterns: ['(']",
            r"d\.yaml:5: intents\.bye\.patterns: the regular expr",
        ),
        ("    phrases: [goodbye]\n", "", r"d\.yaml:4: intents\.bye: an intent needs phrases or patterns"),
        ("    answer: Goodbye\n", "", r"d\.yaml:4: intents\.bye: an intent needs an answer or a tool"),
        ("end_call: true", "tool: look", r"d\.yaml:4: intents\.bye: an intent with a tool needs result and failed"),
        ("end_call: true", "end: true", r"d\.yaml:7: intents\.bye\.end: Extra inputs"),
        ("greeting: Hello", "greeting: Hello\ntimezone: Mars/Base", r"d\.yaml:2: timezone: there is no time zone Mars"),
        ("intents:", "intents: [", r"d\.yaml:\d: "),
    ],
)
def test_a_mistake_is_named_with_its_line(old: str, new: str, message: str) -> None:
    assert old in GOOD
    with pytest.raises(ConfigError, match=message):
        parse_dialogue(GOOD.replace(old, new), "d.yaml")


def test_an_empty_file_is_a_mistake() -> None:
    with pytest.raises(ConfigError, match=r"^d\.yaml:1: the dialogue: "):
        parse_dialogue("", "d.yaml")


def test_a_file_that_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.yaml cannot be read: No such file"):
        load_dialogue(tmp_path / "absent.yaml")
