"""What all tests share: a missing peer is a skip with its reason, and under CI=true a failure. Settings in the
environment are the user's, not the tests'."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

import pluggy
import pytest
from hypothesis import settings

from gateway.providers.credentials import VARIABLES
from tests.matrix import collecting
from tests.peers.missing import FORBIDDEN, PeerMissing
from tests.store.databases import (  # fixtures for all
    database,
    database_url,
    empty_database_url,
    on_both,
    postgresql_server,
    sqlite_template,
)

__all__ = ["database", "database_url", "empty_database_url", "postgresql_server", "sqlite_template"]

_TESTS = Path(__file__).parent
_INTEROP = _TESTS / "interop"
_LONGEST = (
    *(_TESTS / "providers/faults", _TESTS / "providers/failover", _TESTS / "worker", _TESTS / "providers/stt"),
    *(
        _INTEROP / f"test_{name}.py"
        for name in ("squad_by_rest", "streaming_transcribers", "voicemail", "habits", "control_plane")
    ),
)
_OF_THE_MACHINE = {"PARLEY_CACHE_DIR", "PARLEY_PYTHON"}

_KEYS = {name for names in VARIABLES.values() for name in names}

for _name in [name for name in os.environ if name in _KEYS or name.startswith("PARLEY_")]:
    if _name not in _OF_THE_MACHINE:
        del os.environ[_name]


# how long an example takes says how busy the machine is
settings.register_profile("parley", deadline=None)
settings.load_profile("parley")


def pytest_addoption(parser: pytest.Parser) -> None:
    collecting.add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """The process that hears of all tests writes the matrix; those that run them for it do not."""
    if (path := config.getoption("--matrix")) and not hasattr(config, "workerinput"):
        config.pluginmanager.register(collecting.Collector(path))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    on_both(metafunc)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """All of tests/interop carries the marker `interop`, and runs last: it uses what the others prove.

    Files that take longest come first all the same: a process that began one at the end would go on alone.
    """
    for item in items:
        if _INTEROP in item.path.parents:
            item.add_marker(pytest.mark.interop)
    items.sort(key=_place)
    collecting.prepare(config, items)


def _place(item: pytest.Item) -> int:
    within = {item.path, *item.path.parents}
    rest = len(_LONGEST) + bool(item.get_closest_marker("interop"))
    return next((place for place, longest in enumerate(_LONGEST) if longest in within), rest)


def _skip_when_missing(outcome: pluggy.Result[None]) -> None:
    if isinstance(outcome.exception, PeerMissing):
        skipped = pytest.skip.Exception(str(outcome.exception), pytrace=False)
        outcome.force_exception(skipped)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_setup() -> Generator[None, pluggy.Result[None], None]:
    _skip_when_missing((yield))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call() -> Generator[None, pluggy.Result[None], None]:
    _skip_when_missing((yield))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pluggy.Result[pytest.TestReport], None]:
    report = (yield).get_result()
    in_ci = os.environ.get("CI", "").lower() == "true"
    if in_ci and report.skipped and _needs_peer(item) and FORBIDDEN not in str(report.longrepr):
        report.outcome = "failed"
        report.longrepr = f"skipped under CI=true: {report.longrepr}"


def _needs_peer(item: pytest.Item) -> bool:
    return any(item.get_closest_marker(name) for name in ("interop", "scenario")) or "postgresql" in item.name
