"""Settings to examine, and what an examination of them found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gateway.doctor.examination import Begun, Examination, Wanted
from gateway.doctor.finding import Finding, Result
from gateway.settings import Settings
from tests.peers.asterisk import Asterisk
from tests.peers.ports import LOOPBACK, free_port, free_ports


def settings(folder: Path, **changes: Any) -> Settings:
    """On free loopback ports, without the API; `changes` are sections."""
    sip = {"host": LOOPBACK, "port": free_port(), "max_calls": 4, **changes.pop("sip", {})}
    body = {
        "data_dir": folder,
        "sip": sip,
        "rtp": {"ports": free_ports(32)},
        "http": {"port": free_port()},
        "api": {"enabled": False},
        "routes": [{"number": "*", "assistant": "desk"}],
        "assistants": {"desk": {"model": {"provider": "dialogue"}}},
        **changes,
    }
    return Settings.model_validate(body)


def office(pbx: Asterisk, **changes: Any) -> dict[str, Any]:
    """A trunk that registers at Asterisk."""
    return {
        "name": "office",
        "registrar": f"{LOOPBACK}:{pbx.plan.sip_port}",
        "username": "parley",
        "password": pbx.plan.parley_password,
        **changes,
    }


class Found:
    """The findings of an examination."""

    def __init__(self, findings: list[Finding]) -> None:
        self.findings = findings

    def of(self, check: str) -> Finding:
        """The only one, or the worst, of a check."""
        ranks = [Result.FAILED, Result.WARNING, Result.OK, Result.SKIPPED]
        return min((one for one in self.findings if one.check == check), key=lambda one: ranks.index(one.result))

    @property
    def failed(self) -> list[str]:
        """Checks that failed."""
        return [one.check for one in self.findings if one.result is Result.FAILED]


async def examined(chosen: Settings, **wanted: Any) -> Found:
    """Examine."""
    examination = Examination(chosen, Wanted(**wanted), lambda address: None)
    return Found([one async for one in examination.run() if not isinstance(one, Begun)])
