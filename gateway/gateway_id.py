"""Who a gateway is, for control planes and registrars: an id that outlives restarts."""

from __future__ import annotations

import uuid
from pathlib import Path

from gateway.errors import SetupError


def gateway_id(data_dir: Path) -> str:
    """The UUID of this data directory's gateway: made once.

    :raises SetupError: when it cannot be kept
    """
    path = data_dir / "gateway.id"
    try:
        return (path.read_text().strip() if path.exists() else "") or _made(path)
    except OSError as error:
        raise SetupError(f"{path} cannot be kept: {error.strerror or error}; choose another data_dir.") from error


def _made(path: Path) -> str:
    name = str(uuid.uuid4())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(name + "\n")
    return name
