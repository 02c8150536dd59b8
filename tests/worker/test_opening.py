"""What a session does with its providers when a call begins."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gateway.errors import ProviderUnavailable
from tests.worker.fakes import EchoModel, ToneVoice
from tests.worker.peer import attached, served
from tests.worker.test_conversation import answered, assistant, greeted


class Prepared:
    """Remembers what became of its preparation.

    :param fault: "" for none, "fails" or "hangs"
    """

    def __init__(self, fault: str = "") -> None:
        self.seen: list[str] = []
        self._fault = fault

    async def prepare(self) -> None:
        self.seen.append("prepared")
        if self._fault == "fails":
            raise ProviderUnavailable("It is down.")
        try:
            await asyncio.sleep(3600 if self._fault else 0)
        finally:
            self.seen.append("ended")


class PreparedModel(Prepared, EchoModel):
    made: list[PreparedModel] = []  # noqa: RUF012  the provider is made in the worker, out of reach otherwise

    def __init__(self, fault: str = "", **options: Any) -> None:
        Prepared.__init__(self, fault)
        EchoModel.__init__(self, **options)
        self.made.append(self)


class PreparedVoice(Prepared, ToneVoice):
    made: list[PreparedVoice] = []  # noqa: RUF012

    def __init__(self, fault: str = "", **options: Any) -> None:
        Prepared.__init__(self, fault)
        ToneVoice.__init__(self, **options)
        self.made.append(self)


@pytest.fixture(autouse=True)
def none_made() -> None:
    PreparedModel.made.clear()
    PreparedVoice.made.clear()


@pytest.mark.parametrize("fault", ["", "fails", "hangs"])
async def test_model_and_voice_are_prepared_and_nobody_waits_for_it(fault: str) -> None:
    own: dict[str, dict[str, Any]] = {"model": {"provider": f"{__name__}:PreparedModel", "fault": fault}}
    own["voice"] = {"provider": f"{__name__}:PreparedVoice", "fault": fault, "word_ms": 100}
    async with served() as (worker, address), attached(address) as peer:
        call = await greeted(peer, assistant(**own))
        (model,), (voice,) = PreparedModel.made, PreparedVoice.made
        assert (model.seen[0], voice.seen[0]) == ("prepared", "prepared")
        call.end()
        await call.until(lambda: worker.load().active_calls == 0)
        assert [len(one.seen) for one in (model, voice)] == [1 if fault == "fails" else 2] * 2, "nothing goes on"


async def test_the_variables_of_a_call_stand_in_its_journal() -> None:
    async with served() as (_, address), attached(address) as peer:
        call = await answered(peer, assistant(), variables_json='{"customer.name": "Ada"}')
        await call.until(lambda: call.journal("variable"))
    (entry,) = call.journal("variable")
    assert entry["values"]["customer"] == {"name": "Ada"}
