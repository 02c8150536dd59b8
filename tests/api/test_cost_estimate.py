from __future__ import annotations

from typing import Any

import pytest

from tests.api.house import House

ASSISTANT = {
    "transcriber": {"provider": "deepgram", "model": "nova-3"},
    "model": {"provider": "openai", "model": "gpt-4.1-mini"},
    "voice": {"provider": "hibari"},
}


async def estimated(api: House, **body: Any) -> dict[str, Any]:
    answered = await api.client.post("/cost/estimate", json=body)
    assert answered.status_code == 200, answered.text
    told: dict[str, Any] = answered.json()
    return told


@pytest.mark.parametrize(("preset", "low", "high", "minute"), [("low", 88, 125, 0.088), ("high", 8100, 8100, 0.081)])
async def test_a_preset_is_estimated_to_the_cent(
    api: House, preset: str, low: float, high: float, minute: float
) -> None:
    told = await estimated(api, preset=preset)
    assert (told["total"], told["perMinute"]["low"]) == ({"low": low, "high": high}, minute)


async def test_an_assistant_is_estimated_by_the_organisations_prices(api: House) -> None:
    made = (await api.client.post("/assistant", json=ASSISTANT)).json()["id"]
    price = {"component": "stt", "provider": "deepgram", "unit": "minute", "price": 0.5}
    assert (await api.client.post("/price", json=price)).status_code == 201
    for whose in ({"assistantId": made}, {"assistant": ASSISTANT}):
        told = await estimated(api, minutes=1000, **whose)
        lines = {line["component"]: line for line in told["lines"]}
        assert lines["stt"]["total"] == {"low": 500, "high": 500}
        assert lines["tts"]["total"] == {"low": 0, "high": 0}
        assert lines["llm"]["total"]["low"] == 1.49
        assert lines["telephony"]["note"].startswith("No price is known")
        assert told["total"]["low"] == 501.49


async def test_a_mix_is_estimated_by_the_prices_of_the_request(api: House) -> None:
    mix = [{"component": "tts", "provider": "mine", "share": 0.5}]
    price = {"component": "tts", "provider": "mine", "unit": "1k characters", "low": 0.1, "high": 0.2}
    told = await estimated(api, mix=mix, prices=[price], minutes=100, charactersPerMinute=1000)
    assert told["total"] == {"low": 5, "high": 10}


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({}, "the body must have exactly one of preset"),
        ({"mix": [{"component": "stt", "provider": "x"}]}, "minutes is required"),
        ({"preset": "middle"}, "preset must be one of"),
        ({"mix": [{"component": "sms", "provider": "x"}], "minutes": 1}, "mix.0.component must be one of"),
        ({"preset": "low", "minutes": 0}, "minutes must not be less than 1"),
        ({"preset": "low", "prices": [{"component": "stt", "unit": "minute"}]}, "prices.0 must have a price"),
        ({"assistant": {"model": {"provider": "nobody"}}, "minutes": 1}, "assistant.model"),
    ],
)
async def test_what_cannot_be_estimated_is_told_with_its_path(api: House, wrong: dict[str, Any], problem: str) -> None:
    answered = await api.client.post("/cost/estimate", json=wrong)
    assert answered.status_code == 400
    assert [told for told in answered.json()["message"] if told.startswith(problem)], answered.text


async def test_an_assistant_of_others_is_not_estimated(api: House) -> None:
    made = (await api.client.post("/assistant", json=ASSISTANT)).json()["id"]
    assert (await api.stranger.post("/cost/estimate", json={"assistantId": made, "minutes": 1})).status_code == 404


async def test_a_price_with_a_slip_of_the_pen_is_refused(api: House) -> None:
    price = {"component": "stt", "unit": "minute", "price": 0.5}
    answered = await api.client.post("/price", json={**price, "fromMinuts": 3})
    assert (answered.status_code, answered.json()["message"]) == (400, ["fromMinuts should not exist"])
    made = (await api.client.post("/price", json=price)).json()["id"]
    assert (await api.client.patch(f"/price/{made}", json={"price": -1})).status_code == 400
    assert (await api.client.patch(f"/price/{made}", json={"price": 0.25})).json()["price"] == 0.25
    assert [one["id"] for one in (await api.client.get("/price")).json()] == [made]
    assert (await api.stranger.get("/price")).json() == []
