"""The assistant of a member of a call's plan."""

from __future__ import annotations

from pydantic import ValidationError

from gateway.assistant.assistant import Assistant
from gateway.assistant.call_plan import Member
from gateway.assistant.reading import read_assistant
from gateway.errors import InvalidAssistant


def member_assistant(member: Member) -> Assistant:
    """Leniently, as users of the API write it; strictly where it is the operator's own, which may name files and
    providers of this machine.

    :raises InvalidAssistant: it cannot be used
    """
    if not member.trusted:
        return read_assistant(member.assistant).assistant
    try:
        return Assistant.model_validate(member.assistant)
    except ValidationError as error:
        problems = error.errors(include_input=False, include_url=False)
        raise InvalidAssistant([f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in problems]) from None
