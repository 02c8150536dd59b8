"""The price book: what fits, what is unknown, what is added up."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from pydantic import ValidationError

from gateway.call.prices import Price, PriceBook, amounts_of, list_prices
from gateway.providers.catalogue import BY_STAGE
from gateway.providers.usage import Usage


def price(**values: object) -> Price:
    return Price.model_validate({"component": "llm", "provider": "groq", "unit": "1M prompt tokens", **values})


OWN = PriceBook(
    [
        price(model="a-*", price=2),
        price(model="a-*", unit="1M completion tokens", price=10),
        price(component="tts", provider="azure", unit="minute", price="0.06"),
        price(component="stt", provider="gladia", unit="minute", price="0.6"),
    ]
)


def test_cached_tokens_are_priced_apart_and_counted_once() -> None:
    usage = Usage("model", "openai", "gpt-4.1-mini", prompt_tokens=1_000_000, cached_prompt_tokens=400_000)
    assert PriceBook().cost(usage) == Decimal("0.6") * Decimal("0.40") + Decimal("0.4") * Decimal("0.10")


def test_counts_that_contradict_each_other_make_nothing_cheaper() -> None:
    usage = Usage("model", "openai", "gpt-4.1-mini", prompt_tokens=7, cached_prompt_tokens=20)
    assert amounts_of(usage) == {"1M cached prompt tokens": Decimal(20) / 1_000_000}


def test_without_a_discount_cached_tokens_cost_what_others_do() -> None:
    usage = Usage(
        "model", "groq", "a-1", prompt_tokens=500_000, cached_prompt_tokens=500_000, completion_tokens=100_000
    )
    assert OWN.cost(usage) == 2


def test_audio_tokens_are_priced_apart() -> None:
    usage = Usage(
        "model",
        "openai",
        "gpt-realtime",
        prompt_tokens=10_000,
        cached_prompt_tokens=6_000,
        completion_tokens=3_000,
        prompt_audio_tokens=7_000,
        cached_prompt_audio_tokens=4_000,
        completion_audio_tokens=2_000,
    )
    assert {unit: int(amount * 1_000_000) for unit, amount in amounts_of(usage).items()} == {
        "1M prompt tokens": 1_000,
        "1M cached prompt tokens": 2_000,
        "1M prompt audio tokens": 3_000,
        "1M cached prompt audio tokens": 4_000,
        "1M completion tokens": 1_000,
        "1M completion audio tokens": 2_000,
    }
    thousandths = 1 * 4 + 2 * Decimal("0.4") + 3 * 32 + 4 * Decimal("0.4") + 1 * 16 + 2 * 64
    assert PriceBook().cost(usage) == thousandths / 1000


def test_seconds_are_exact_parts_of_a_minute() -> None:
    assert OWN.cost(Usage("transcriber", "gladia", seconds=0.1)) == Decimal("0.001")


def test_a_voice_is_billed_by_the_unit_that_has_a_price() -> None:
    usage = Usage("voice", "openai", "gpt-4o-mini-tts", seconds=60, characters=900)
    assert PriceBook().cost(usage) == Decimal("0.015")


@pytest.mark.parametrize(
    "usage",
    [
        Usage("model", "custom-llm", "mine", prompt_tokens=10),
        Usage("model", "groq", "b-1", prompt_tokens=10),
        Usage("transcriber", "custom-transcriber", seconds=3),
        Usage("voice", "cartesia", "sonic-3", characters=10),
    ],
)
def test_what_has_no_price_is_not_guessed(usage: Usage) -> None:
    assert OWN.cost(usage) is None


def test_a_model_whose_answer_has_no_price_has_none_at_all() -> None:
    book = PriceBook([price(provider="vllm", price=1)])
    assert book.cost(Usage("model", "vllm", "m", prompt_tokens=5)) is not None
    assert book.cost(Usage("model", "vllm", "m", prompt_tokens=5, completion_tokens=1)) is None


def test_what_runs_in_the_process_costs_nothing() -> None:
    assert OWN.cost(Usage("voice", "hibari", characters=5_000)) == 0
    assert OWN.cost(Usage("transcriber", "embedded", "whisper", seconds=60)) == 0


def test_ones_own_price_wins_over_the_list() -> None:
    usage = Usage("transcriber", "deepgram", "nova-3", seconds=60)
    assert PriceBook().cost(usage) == Decimal("0.0048")
    own = price(component="stt", provider="deepgram", unit="minute", price="0.001")
    assert PriceBook([own]).cost(usage) == Decimal("0.001")


def test_every_list_price_is_of_a_provider_and_can_be_reached() -> None:
    day, prices = list_prices()
    assert day > date(2026, 1, 1)
    stages = {"stt": "transcriber", "llm": "model", "tts": "voice"}
    for index, one in enumerate(prices):
        assert one.provider in BY_STAGE[stages[one.component]]  # type: ignore[index]
        example = one.model.replace("*", "").replace("[56]", "5")
        earlier = [other for other in prices[:index] if other.fits(one.component, one.provider, example, one.unit)]
        assert not earlier, f"{one} is hidden by {earlier[0]}"


TIERED = price(price=9, tiers=[{"fromMinutes": 10, "price": 3}, {"fromMinutes": 20, "price": 1}])


@pytest.mark.parametrize(
    ("before", "minutes", "average"),
    [(0, 0, 9), (0, 10, 9), (10, 0, 3), (10, 10, 3), (20, 5, 1), (5, 10, 6), (0, 40, "3.5")],
)
def test_each_minute_of_the_month_has_the_price_of_its_tier(before: int, minutes: int, average: str) -> None:
    assert TIERED.average(Decimal(before), Decimal(minutes)) == Decimal(average)


def test_a_call_is_priced_where_its_minutes_fall() -> None:
    usage = Usage("model", "groq", "a", prompt_tokens=1_000_000)
    assert PriceBook([TIERED], minutes_before=Decimal(15)).cost(usage, Decimal(10)) == 2
    assert PriceBook([TIERED]).cost(usage, Decimal(1)) == 9


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"price": -1},
        {"price": "NaN"},
        {"price": 2, "high": 1},
        {"high": 3, "tiers": [{"fromMinutes": 0, "price": 1}]},
        {"tiers": [{"fromMinutes": 5, "price": 1}, {"fromMinutes": 5, "price": 2}]},
        {"tiers": [{"fromMinutes": 5, "price": 1}, {"fromMinutes": 1, "price": 2}]},
        {"price": 1, "pirce": 2},
    ],
)
def test_what_is_no_price_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        price(**wrong)


def test_the_lower_end_of_a_range_may_be_called_low() -> None:
    assert price(low=2, high=3) == price(price=2, high=3)


def test_an_unknown_unit_is_refused() -> None:
    with pytest.raises(ValidationError):
        price(unit="hour", price=1)
