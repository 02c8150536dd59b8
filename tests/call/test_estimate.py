"""Estimates of a month: exact sums of ranges, months and minutes."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from gateway.assistant.assistant import Assistant
from gateway.assistant.provider_settings import TranscriberSettings
from gateway.call.estimate import Habits, Line, Service, estimate, preset, shown, total
from gateway.call.prices import Price, PriceBook
from gateway.call.services import services_of
from gateway.commands.cost import run, run_preset
from gateway.errors import ConfigError
from gateway.settings import Settings
from gateway.trunk.settings import TrunkSettings

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


def test_the_low_case_is_reproduced_to_the_cent() -> None:
    case = preset("low")
    lines = estimate(case.services, case.minutes, Habits(), PriceBook(case.prices))
    assert [[line.low, line.high] for line in lines] == [[50, 50], [5, 10], [10, 20], [15, 30], [8, 15]]
    told = shown(lines, case.minutes)
    assert told["total"] == {"low": 88, "high": 125}
    assert told["perMinute"] == {"low": 0.088, "high": 0.125}
    assert told["withoutPlatform"] == {"total": {"low": 38, "high": 75}, "perMinute": {"low": 0.038, "high": 0.075}}


def test_the_high_case_is_reproduced_to_the_cent() -> None:
    case = preset("high")
    lines = estimate(case.services, case.minutes, Habits(), PriceBook(case.prices))
    assert [line.low for line in lines] == [line.high for line in lines] == [5000, 500, 800, 1200, 600]
    told = shown(lines, case.minutes)
    assert (told["total"], told["perMinute"]) == ({"low": 8100, "high": 8100}, {"low": 0.081, "high": 0.081})
    assert [line["perMinute"]["low"] for line in told["lines"]] == [0.05, 0.005, 0.008, 0.012, 0.006]
    assert told["withoutPlatform"] == {"total": {"low": 3100, "high": 3100}, "perMinute": {"low": 0.031, "high": 0.031}}


def test_the_month_and_the_minute_are_paid_together() -> None:
    prices = book(llm={"unit": "month", "price": "800"})
    (line,) = estimate([PARTS["llm"]], 100_000, Habits(), prices)
    assert line.low == 800
    both = book(llm={"unit": "minute", "price": "0.01", "fixed_monthly": 5})
    (line,) = estimate([PARTS["llm"]], 1000, Habits(), both)
    assert line.low == line.high == 15


def test_tiers_are_paid_minute_by_minute() -> None:
    tiers = [{"fromMinutes": 0, "price": "0.05"}, {"fromMinutes": 1000, "price": "0.03"}]
    (line,) = estimate([PARTS["platform"]], 3000, Habits(), book(platform={"unit": "minute", "tiers": tiers}))
    assert line.low == 1000 * Decimal("0.05") + 2000 * Decimal("0.03")


def test_a_mix_shares_the_minutes() -> None:
    halves = [Service("stt", "deepgram", "nova-3", Decimal("0.25")), Service("stt", "embedded", "", Decimal("0.75"))]
    first, second = estimate(halves, 1000, Habits(), book(stt=minute("0.01")))
    assert [first.low, second.low] == [Decimal("2.5"), 0]


def test_a_preset_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    run_preset("high", None, as_json=False)
    assert "$8100.00" in capsys.readouterr().out
    run_preset("low", 2000, as_json=True)
    assert json.loads(capsys.readouterr().out)["total"] == {"low": 176, "high": 250}


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
