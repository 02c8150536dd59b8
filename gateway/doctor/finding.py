"""What a check found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Result(StrEnum):
    """`SKIPPED`: it could not be found out, or does not apply."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check's outcome: what was found, and what to change, both sentences for the user. `about` is the trunk,
    host or file that was looked at."""

    check: str
    about: str
    result: Result
    found: str
    remedy: str = ""


def ok(check: str, about: str, found: str) -> Finding:
    """Nothing is wrong."""
    return Finding(check, about, Result.OK, found)


def warning(check: str, about: str, found: str, remedy: str) -> Finding:
    """Calls work, or may work, but something should be changed."""
    return Finding(check, about, Result.WARNING, found, remedy)


def failed(check: str, about: str, found: str, remedy: str) -> Finding:
    """Calls do not work."""
    return Finding(check, about, Result.FAILED, found, remedy)


def skipped(check: str, about: str, found: str) -> Finding:
    """Why it was not looked at."""
    return Finding(check, about, Result.SKIPPED, found)


def exit_status(findings: Iterable[Finding]) -> int:
    """1 when any check failed."""
    return int(any(one.result is Result.FAILED for one in findings))
