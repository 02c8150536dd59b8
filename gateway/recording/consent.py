"""Who asks a caller whether the call may be recorded: an assistant of its own that has the call first. Pure."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Any

from gateway.assistant.artifact_plan import RecordingConsentPlan
from gateway.assistant.assistant import WRITING_MODEL, speaks_by_itself
from gateway.assistant.call_plan import Member

NAME = "recording-consent"
ANSWER_TOOL = "recordingConsent"
"""The tool by which the answer is taken: nobody else has it."""
JUDGE = (
    "A caller was asked whether a telephone call may be recorded: {question!r} Does the caller agree? Answer with one "
    "word only: yes, no, or unclear."
)
_NO = re.compile(
    r"\b(no|nope|nah|not|never|don't|do not|won't|can't|cannot|decline|disagree|refuse|rather not|object)\b",
    re.IGNORECASE,
)
_YES = re.compile(
    r"\b(yes|yeah|yep|yup|sure|of course|okay|ok|fine|agree|agreed|consent|accept|go ahead|absolutely|certainly"
    r"|no problem|that's alright|all right|alright)\b",
    re.IGNORECASE,
)
_NO_OBJECTION = re.compile(
    r"\b(no problem|not a problem|no objections?|don't mind|do not mind|why not|don't object)\b", re.IGNORECASE
)


_OF_THE_CONVERSATION = ("tools", "toolIds", "knowledgeBase", "messages")


class Answer(StrEnum):
    """What a caller said."""

    YES = "yes"
    NO = "no"
    UNCLEAR = "unclear"


def answer_of(text: str) -> Answer:
    """What an English answer plainly means; anything that could mean both is unclear."""
    plain = text.replace("\u2019", "'")
    agreed = _NO_OBJECTION.search(plain) is not None
    rest = _NO_OBJECTION.sub("", plain)
    refuses, agrees = _NO.search(rest) is not None, agreed or _YES.search(rest) is not None
    if refuses == agrees:
        return Answer.UNCLEAR
    return Answer.NO if refuses else Answer.YES


def judged(reply: str) -> Answer:
    """What a model made of an answer; what it did not answer plainly is unclear."""
    words = re.findall(r"[a-z]+", reply.lower())
    return Answer(words[0]) if words and words[0] in tuple(Answer) else Answer.UNCLEAR


def consent_member(member: Member, plan: RecordingConsentPlan) -> Member:
    """The assistant that asks on behalf of `member`, with its providers; it is nobody that others can name."""
    kept = ("transcriber", "voice", "model", "credentialIds", "server", "serverMessages", "clientMessages")
    own = {name: member.assistant[name] for name in kept if member.assistant.get(name) is not None}
    model = {name: value for name, value in own.get("model", {}).items() if name not in _OF_THE_CONVERSATION}
    if speaks_by_itself(model.get("provider"), str(model.get("model", ""))):
        model = dict(WRITING_MODEL)
    tools = {"tools": [plan.decline_tool]} if plan.decline_tool else {}
    waits = plan.first_message_mode == "assistant-waits-for-user"
    assistant: dict[str, Any] = {
        **own,
        "name": NAME,
        "firstMessage": "" if waits else plan.message,
        "firstMessageMode": plan.first_message_mode,
        "firstMessageInterruptionsEnabled": False,
        "model": {**model, "messages": [], **tools},
        "artifactPlan": {"recordingEnabled": False},
    }
    if plan.voice:
        assistant["voice"] = dict(plan.voice)
    return member.model_copy(update={"name": NAME, "assistant_id": None, "assistant": assistant, "destinations": []})
