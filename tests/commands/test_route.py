"""`parley route test`, as a user types it."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.cli import app
from gateway.errors import ConfigError, NoRoute

SETTINGS = """
data_dir: {folder}/data
trunks: [{{name: office, registrar: pbx.example.com, username: parley}}]
routes:
  - {{name: night, assistant: night, when: {{timezone: Europe/Berlin, days: mon-fri, hours: "18:00-08:00"}}}}
  - {{trunk: office, number: "+1555*", headers: {{X-Tenant: bakery}}, destination: {{sip_uri: "sip:desk@bakery"}}}}
  - {{number: "60?", split: {{day: 9, night: 1}}}}
assistants:
  day: {{model: {{provider: dialogue}}}}
  night: {{model: {{provider: dialogue}}}}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "parley.yaml"
    file.write_text(SETTINGS.format(folder=tmp_path))
    return file


def told(config: Path, *arguments: str) -> list[str]:
    asked = ["route", "test", *arguments, "--config", str(config)]
    done = CliRunner().invoke(app, asked, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout.splitlines()


def test_it_tells_of_each_route_why_it_has_the_call_or_not(config: Path) -> None:
    assert told(config, "600", "--at", "2026-11-23T12:00+01:00", "--call-id", "1") == [
        "no  routes[0] night: time Mon 2026-11-23 12:00 Europe/Berlin is not in mon-fri 18:00-08:00 Europe/Berlin",
        "no  routes[1]: trunk none is not office; number 600 is not +1555*; header X-Tenant none is not bakery",
        "yes routes[2]: number 600 fits 60?",
        "=> routes[2]: assistant day (drawn of the split by the Call-ID)",
    ]


def test_trunk_and_headers_are_those_of_the_call_that_is_asked_about(config: Path) -> None:
    lines = told(config, "+15551", "--trunk", "office", "--header", "x-tenant=bakery", "--at", "2026-11-23T12:00+01:00")
    assert lines[-1] == "=> routes[1]: sent on to sip:desk@bakery"


def test_time_is_that_of_the_call_that_is_asked_about(config: Path) -> None:
    assert told(config, "1", "--at", "2026-11-23T18:00+01:00")[-1] == "=> routes[0]: assistant night"


def test_it_says_so_when_nobody_answers_and_no_gateway_runs_to_be_asked(config: Path) -> None:
    asked = ["route", "test", "700", "--at", "2026-11-23T12:00+01:00", "--config", str(config)]
    done = CliRunner().invoke(app, asked)
    assert isinstance(done.exception, NoRoute)
    assert "?   numbers of the API: No gateway is running here" in done.stdout


@pytest.mark.parametrize("wrong", [["--at", "noon"], ["--header", "X-Tenant"]])
def test_what_cannot_be_read_is_told_in_words(config: Path, wrong: list[str]) -> None:
    done = CliRunner().invoke(app, ["route", "test", "600", *wrong, "--config", str(config)])
    assert isinstance(done.exception, ConfigError)
