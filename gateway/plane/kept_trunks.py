"""The last trunks that the control plane told, kept encrypted on the gateway's disk: after a restart it registers
though the control plane is not there yet."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

import structlog
from pydantic import TypeAdapter, ValidationError

from gateway.errors import ParleyError
from gateway.store.secrets import Secrets
from gateway.trunk.settings import TrunkSettings

log = structlog.get_logger(__name__)

FILE = "trunks.kept"
_FIELD = "secret"
_TRUNKS: TypeAdapter[list[TrunkSettings]] = TypeAdapter(list[TrunkSettings])


def read_trunks(trunks_json: str) -> Sequence[TrunkSettings]:
    """What the control plane tells. One that this gateway does not understand is left out, and the log says so."""
    try:
        return _TRUNKS.validate_json(trunks_json)
    except ValidationError:
        return _one_by_one(json.loads(trunks_json))


def keep_trunks(folder: Path, secrets: Secrets, trunks_json: str) -> None:
    """Write them down, for this user's eyes only, whole or not at all. :raises OSError: it cannot be written"""
    sealed = json.dumps(secrets.sealed({_FIELD: trunks_json}))
    beside = folder / f"{FILE}.new"
    with os.fdopen(os.open(beside, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "w") as file:
        file.write(sealed)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(folder / FILE)


def kept_trunks(folder: Path, secrets: Secrets) -> str:
    """What was kept last, as it was told; an empty list when there is nothing that can be read."""
    try:
        return str(secrets.opened(json.loads((folder / FILE).read_text()))[_FIELD])
    except FileNotFoundError:
        return "[]"
    except (OSError, ValueError, KeyError, ParleyError) as error:
        log.warning("kept trunks cannot be read", file=str(folder / FILE), detail=type(error).__name__)
        return "[]"


def _one_by_one(written: object) -> Sequence[TrunkSettings]:
    trunks = []
    for one in written if isinstance(written, list) else []:
        try:
            trunks.append(TrunkSettings.model_validate(one))
        except ValidationError:
            name = one.get("name") if isinstance(one, dict) else None
            log.warning("trunk not understood: the control plane is newer than this gateway", trunk=name)
    return trunks
