"""Estimates of a month: exact sums of ranges, months and minutes."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from gateway.assistant.assistant import Assistant
from gateway.assistant.provider_settings import TranscriberSettings
from gateway.call.estimate import Habits, Line, Service, estimate, total
from gateway.call.prices import Price, PriceBook
from gateway.commands.estimate import run, services_of
from gateway.errors import ConfigError
from gateway.settings import Settings, TrunkSettings

PARTS = {
    "platform": Service("platform", "parley"),
    "stt": Service("stt", "deepgram", "nova-3"),
    "llm": Service("llm", "vllm", "llama-3.1"),
    "tts": Service("tts", "11labs", "eleven_flash_v2_5"),
    "telephony": Service("telephony", "office"),
}


def book(**prices: dict[str, Any]) -> PriceBook:
    return PriceBook([Price.model_validate({"component": name, **price}) for name, price in prices.items()])


def minute(price: str, high: str | None = None) -> dict[str, Any]:
    return {"unit": "minute", "price": price, "high": high}


def test_a_thousand_minutes_at_ranges_of_prices() -> None:
    prices = book(
        platform=minute("0.05"),
        stt=minute("0.005", "0.010"),
        llm=minute("0.010", "0.020"),
        tts=minute("0.015", "0.030"),
        telephony=minute("0.008", "0.015"),
    )
    lines = estimate(PARTS.values(), 1000, Habits(), prices)
    assert [[line.low, line.high] for line in lines] == [[50, 50], [5, 10], [10, 20], [15, 30], [8, 15]]
    assert list(total(lines)) == [88, 125]


def test_a_hundred_thousand_minutes_with_a_model_that_is_paid_by_the_month() -> None:
    prices = book(
        platform=minute("0.05"),
        stt=minute("0.005"),
        llm={"unit": "month", "price": "800"},
        tts=minute("0.012"),
        telephony=minute("0.006"),
    )
    lines = estimate(PARTS.values(), 100_000, Habits(), prices)
    assert [line.low for line in lines] == [5000, 500, 800, 1200, 600]
    assert list(total(lines)) == [8100, 8100]
    assert total(lines)[0] / 100_000 == Decimal("0.081")


def test_tokens_and_characters_count_where_no_time_has_a_price() -> None:
    services = [Service("llm", "openai", "gpt-4.1-mini"), Service("tts", "11labs", "eleven_flash_v2_5")]
    model, voice = estimate(services, 1000, Habits(), PriceBook())
    assert model.low == Decimal("2.5") * Decimal("0.40") + Decimal("2.5") * Decimal("0.10") + Decimal("0.15") * Decimal(
        "1.60"
    )
    assert voice.low == 600 * Decimal("0.04")


def test_what_has_no_price_is_not_guessed() -> None:
    unknown, known = estimate([PARTS["llm"], PARTS["stt"]], 10, Habits(), PriceBook())
    assert unknown == Line(PARTS["llm"], None, None)
    assert total([unknown, known]) == (known.low, known.high)


SHOP = Settings(
    trunks=[TrunkSettings(name="office", registrar="sip:pbx.example.com", username="u")],
    prices=[Price(component="telephony", provider="office", unit="minute", price=Decimal("0.006"))],
    assistants={
        "shop": Assistant.model_validate(
            {
                "transcriber": {"provider": "embedded"},
                "model": {"provider": "openai", "model": "gpt-4.1-mini"},
                "voice": {"provider": "custom-voice", "server": {"url": "http://h"}},
            }
        )
    },
)


def test_the_providers_of_the_assistant_and_its_line_are_paid() -> None:
    named = {"provider": "deepgram"}
    spoken = SHOP.assistants["shop"].model_copy(update={"transcriber": TranscriberSettings.model_validate(named)})
    assert services_of(SHOP, spoken)[1] == Service("stt", "deepgram", "nova-3"), "its default"
    assert services_of(SHOP, SHOP.assistants["shop"])[1:] == [
        Service("stt", "embedded"),
        Service("llm", "openai", "gpt-4.1-mini"),
        Service("tts", "custom-voice"),
        Service("telephony", "office"),
    ]


def test_it_is_shown_by_line(capsys: pytest.CaptureFixture[str]) -> None:
    run(SHOP, None, 1000, Habits(), as_json=False)
    rows = [[cell for cell in line.split("  ") if cell.strip()] for line in capsys.readouterr().out.splitlines()[1:]]
    assert [[cell.strip() for cell in row] for row in rows] == [
        ["stt", "embedded", "$0.00", "$0.0000"],
        ["llm", "openai gpt-4.1-mini", "$1.49", "$0.0015"],
        ["tts", "custom-voice", "price not known", "price not known"],
        ["telephony", "office", "$6.00", "$0.0060"],
        ["total", "1000 minutes", "$7.49", "$0.0075"],
    ]
    run(SHOP, "shop", 1000, Habits(), as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert told["total"] == {"low": 7.49, "high": 7.49}
    with pytest.raises(ConfigError, match="Name one of the assistants: shop"):
        run(SHOP, "shp", 1000, Habits(), as_json=True)
