"""Reads assistants as users of Vapi's API send them: leniently, and without silence.

What older versions called otherwise is read as today's; what is missing gets a default; what is unknown, or known and
without effect here, is left out of what is read and named in a warning. Only what cannot work is a problem: a value of
a wrong type or out of its range, a provider that Parley does not have, a malformed template.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from gateway.assistant.assistant import Assistant
from gateway.assistant.defaults import AssistantDefaults, default_model
from gateway.assistant.hooks import HOOKS
from gateway.assistant.legacy import Body, modern
from gateway.assistant.places import Place, at, dotted, existing, problem, remove
from gateway.assistant.provider_choice import Choices
from gateway.assistant.template_faults import template_faults
from gateway.assistant.tool import TYPES
from gateway.assistant.unhonoured import UNHONOURED, why_unhonoured
from gateway.errors import InvalidAssistant
from gateway.providers.credentials import Credentials

_UNKNOWN = "Parley does not know this field: it is kept, and has no effect"
_ROLES = ("system", "user", "assistant", "function", "tool", "developer")
_ROUNDS = 20
"""An unknown field may hide others that are found when it is gone."""


@dataclass(frozen=True, slots=True)
class FieldWarning:
    """A field that is kept and does not do what its writer may expect: the path, and a sentence."""

    path: str
    message: str

    def shown(self) -> dict[str, str]:
        """As responses carry it."""
        return {"path": self.path, "message": self.message}


@dataclass(frozen=True, slots=True)
class Read:
    """An assistant, and what was passed over in reading it."""

    assistant: Assistant
    warnings: list[FieldWarning]


def read_assistant(
    body: Mapping[str, Any],
    defaults: AssistantDefaults | None = None,
    credentials: Credentials | None = None,
) -> Read:
    """Read Vapi's JSON of an assistant, with its overrides merged.

    :param defaults: what an assistant gets that names no model, voice or transcriber
    :param credentials: where a default model's key may be
    :raises InvalidAssistant: with every problem and its path
    """
    return _Reading(modern(body)).read(defaults or AssistantDefaults(), credentials or Credentials())


@dataclass(slots=True)
class _Reading:
    """`body` shrinks to what the pipeline honours."""

    body: Body
    warnings: list[FieldWarning] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def read(self, defaults: AssistantDefaults, credentials: Credentials) -> Read:
        self.problems += template_faults(self.body)
        self._check_messages()
        self._drop_unhonoured()
        self._fill_in(defaults, credentials)
        choices = Choices(self._warn, self.problems)
        choices.check(self.body)
        self._keep_supported(("model", "tools"), "type", tuple(TYPES), "no tool of this type is called")
        self._keep_supported(("hooks",), "on", HOOKS, "no such hook is carried out")
        assistant = self._validated()
        if assistant is None or self.problems:
            raise InvalidAssistant(list(dict.fromkeys(self.problems)))
        return Read(assistant, self.warnings)

    def _warn(self, place: Place, message: str) -> None:
        self.warnings.append(FieldWarning(dotted(place), message))

    def _check_messages(self) -> None:
        messages = at(("model", "messages"), self.body)
        for index, message in enumerate(messages if isinstance(messages, list) else ()):
            if not isinstance(message, dict):
                continue
            if message.get("role") not in _ROLES:
                self.problems.append(f"model.messages.{index}.role must be one of {', '.join(_ROLES)}")
            if not isinstance(message.get("content", ""), str):
                self.problems.append(f"model.messages.{index}.content must be a string")

    # ------------------------------------------------------------ what is not there

    def _fill_in(self, defaults: AssistantDefaults, credentials: Credentials) -> None:
        model = self.body.setdefault("model", {})
        if isinstance(model, dict) and not model.get("provider"):
            self.body["model"] = {**default_model(defaults, credentials), **model}
        for part, chosen in (("voice", defaults.voice), ("transcriber", defaults.transcriber)):
            if chosen is not None:
                self.body.setdefault(part, dict(chosen))
        # Whoever plans the call takes them out of the JSON.
        self.body.pop("credentials", None)
        server = self.body.get("server")
        if isinstance(server, dict) and not server.get("url"):
            del self.body["server"]
        # Vapi's defaults: an assistant written for it must sound as it did there.
        self.body.setdefault("firstMessageInterruptionsEnabled", False)
        self.body.setdefault("analysisPlan", {})

    # ------------------------------------------------------------ what has no effect

    def _drop_unhonoured(self) -> None:
        for path in UNHONOURED:
            if "*" in path:
                continue
            place: Place = tuple(path.split("."))
            if at(place, self.body) is None:
                continue
            if _wanted(remove(place, self.body)):
                self._warn(place, f"{why_unhonoured(path)}: the field is kept, and has no effect")

    def _keep_supported(self, place: Place, tag: str, known: Sequence[str], why: str) -> None:
        items = at(place, self.body)
        if not isinstance(items, list):
            return
        kept: list[Any] = []
        for index, item in enumerate(items):
            if isinstance(item, dict) and isinstance(kind := item.get(tag), str) and kind not in known:
                self._warn((*place, index, tag), f'"{kind}" is kept, and has no effect: {why}')
            else:
                kept.append(item)
        items[:] = kept

    # ------------------------------------------------------------ what is left

    def _validated(self) -> Assistant | None:
        for _ in range(_ROUNDS):
            try:
                return Assistant.model_validate(self.body)
            except ValidationError as error:
                details = error.errors(include_url=False)
            unknown = [one for one in details if one["type"] == "extra_forbidden"]
            if len(unknown) < len(details):
                self.problems += [problem(one, self.body) for one in details if one["type"] != "extra_forbidden"]
                return None
            self._drop(unknown)
        return None

    def _drop(self, unknown: Sequence[ErrorDetails]) -> None:
        """Deepest and last first, so that the other places stay what they are."""
        for place in sorted({existing(one["loc"], self.body) for one in unknown}, key=_order, reverse=True):
            remove(place, self.body)
            why = why_unhonoured(dotted(place))
            self._warn(place, f"{why}: the field is kept, and has no effect" if why else _UNKNOWN)


def _order(place: Place) -> tuple[int, tuple[str, ...]]:
    return len(place), tuple(f"{part:06}" if isinstance(part, int) else part for part in place)


def _wanted(value: object) -> bool:
    """A switch that is off, or an empty list, asks for nothing."""
    return value not in (False, "off", "", None, "wav;l16") and value not in ([], {})
