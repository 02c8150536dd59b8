"""`parley campaign` and `parley dnc`, on a database without a control plane."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gateway.campaigns.kept_campaigns import keep_campaign
from gateway.cli import app
from gateway.store.database import Database

Run = Callable[..., Result]


@pytest.fixture
def run(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("PARLEY_STORE__URL", database_url)
    monkeypatch.setenv("COLUMNS", "140")

    def parley(*words: str) -> Result:
        return CliRunner().invoke(app, list(words))

    return parley


async def _campaign(url: str) -> str:
    database = await Database.open(url)
    body = {"name": "Reminders", "assistantId": "a", "customers": [{"number": "+4930123456"}] * 3}
    async with database.transaction() as session:
        made = await keep_campaign(session, database.default_organisation_id, body)
    await database.close()
    return made.id


def test_a_campaign_is_listed_shown_and_stopped(run: Run, database_url: str) -> None:
    id_ = asyncio.run(_campaign(database_url))
    listed = run("campaign", "list").output
    assert id_[:8] in listed
    assert "Reminders" in listed
    assert "0 calls to 3 customers" in run("campaign", "show", id_[:8]).output
    assert run("campaign", "stop", "Reminders").output == "Reminders has ended; no calls go on.\n"
    shown = run("campaign", "show", "Reminders", "--follow").output
    assert "campaign.scheduled.ended-by-user" in shown
    assert "canceled" in shown


def test_numbers_are_added_listed_and_taken_off(run: Run, tmp_path: Path) -> None:
    assert run("dnc", "add", "+49 30 123456", "--reason", "asked").output == "1 number added.\n"
    file = tmp_path / "numbers.csv"
    file.write_text("number,reason\n+4930123456,\n+15551234567,moved\nnobody,\n")
    imported = run("dnc", "import", str(file)).output
    assert "line 4 holds no number: 'nobody'" in imported
    assert "1 number added; 1 were on the list already." in imported
    assert "+15551234567" in run("dnc", "list").output
    assert run("dnc", "remove", "+4930123456").output == "+4930123456 may be called again.\n"
    again = run("dnc", "remove", "+4930123456")
    assert (again.exit_code, again.output) == (1, "+4930123456 is not on the list.\n")
