"""Who answered a number last, kept encrypted on the gateway's disk: its calls are answered while the control plane, or
its database, is away.

Kept are the plans of numbers that have an assistant or a squad of their own. Whom a server names for each call anew,
and numbers whose callers need a password, are not: their callers are refused meanwhile.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import structlog
from pydantic import ValidationError

from gateway.assistant.call_plan import CallPlan
from gateway.errors import ParleyError
from gateway.plane.inbound_call import inbound_call
from gateway.routing.header_variables import header_variables
from gateway.store.secrets import Secrets

log = structlog.get_logger(__name__)

FOLDER = "answers"
MOST_NUMBERS = 5000
"""The one that was called the longest ago gives way."""
_SUFFIX = ".kept"
_FIELD = "secret"
_OWN = ("assistantId", "assistant", "squadId", "squad")


class KeptAnswers:
    """Reads and writes files; for threads that may wait.

    :param folder: the data directory
    :param secrets: encrypts them
    """

    def __init__(self, folder: Path, secrets: Secrets) -> None:
        self._folder = folder / FOLDER
        self._secrets = secrets

    def keep(self, leg: Mapping[str, Any], owner: str | None, plan: CallPlan) -> None:
        """A number was answered by this plan; one that may not be used again takes the place of what was kept.

        :param leg: the fields of `LegInfo`, as JSON
        :param owner: the organisation by whose trunk the call came, None for any
        """
        path = self._path(leg, owner)
        if not _lasting(plan):
            path.unlink(missing_ok=True)
            return
        kept = plan.model_copy(update={"variables": _variables_of_number(plan, leg)})
        sealed = json.dumps(self._secrets.sealed({_FIELD: kept.model_dump_json(by_alias=True)}))
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            beside = path.with_suffix(".new")
            with os.fdopen(os.open(beside, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "w") as file:
                file.write(sealed)
            beside.replace(path)
            self._make_room()
        except OSError as error:
            log.error("answer of a number not kept: it is missing while the control plane is away", detail=str(error))

    def forget(self, leg: Mapping[str, Any], owner: str | None) -> None:
        """Nobody has the number any more."""
        self._path(leg, owner).unlink(missing_ok=True)

    def find(self, leg: Mapping[str, Any], owner: str | None, call_id: str) -> CallPlan | None:
        """The plan of another call to a number that was answered before; None when nothing is kept of it."""
        path = self._path(leg, owner)
        try:
            text = str(self._secrets.opened(json.loads(path.read_text()))[_FIELD])
            return _of_another_call(CallPlan.model_validate_json(text), leg, call_id)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, ValidationError, ParleyError) as error:
            log.warning("kept answer cannot be read", file=str(path), detail=type(error).__name__)
            return None

    def _path(self, leg: Mapping[str, Any], owner: str | None) -> Path:
        key = json.dumps([owner or "", leg.get("called"), leg.get("number")])
        return self._folder / (hashlib.sha256(key.encode()).hexdigest() + _SUFFIX)

    def _make_room(self) -> None:
        kept = list(self._folder.glob(f"*{_SUFFIX}"))
        if len(kept) > MOST_NUMBERS:
            min(kept, key=lambda path: path.stat().st_mtime_ns).unlink(missing_ok=True)


def _lasting(plan: CallPlan) -> bool:
    number = plan.phone_number or {}
    return plan.announcement is None and any(number.get(name) for name in _OWN)


def _texts(plan: CallPlan) -> list[str]:
    return [json.dumps(member.assistant, ensure_ascii=False) for member in plan.members]


def _variables_of_number(plan: CallPlan, leg: Mapping[str, Any]) -> dict[str, Any]:
    """Those that hold for any caller: not what this one's headers said."""
    of_caller = {"customer", *header_variables(leg.get("headers") or {}, _texts(plan))}
    return {name: value for name, value in plan.variables.items() if name not in of_caller}


def _of_another_call(plan: CallPlan, leg: Mapping[str, Any], call_id: str) -> CallPlan:
    # the addresses of a call's sockets have its id in them
    before = json.loads(json.dumps(plan.call).replace(plan.call_id, call_id)) if plan.call_id else dict(plan.call)
    number_id = str((plan.phone_number or {}).get("id") or "")
    call = {**before, **inbound_call(call_id, leg, organisation=plan.organisation, number_id=number_id)}
    customer = {"customer": call["customer"]} if call["customer"] else {}
    variables = {**header_variables(leg.get("headers") or {}, _texts(plan)), **customer, **plan.variables}
    return plan.model_copy(update={"call": call, "variables": variables})
