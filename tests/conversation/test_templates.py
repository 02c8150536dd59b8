from __future__ import annotations

import pytest

from gateway.conversation.templates import fault, nested, render
from gateway.errors import ConfigError


def test_variables_by_dotted_names_and_as_objects() -> None:
    variables = nested({"customer.number": "+4912", "customer": {"name": "Ada"}, "now": "noon"})
    assert render("{{ customer.name }} {{customer.number}} {{now}}{{nothing}}", variables) == "Ada +4912 noon"


def test_a_text_without_templates_is_left_alone() -> None:
    assert render("50% off", {}) == "50% off"


def test_a_malformed_template_is_refused_with_its_text() -> None:
    with pytest.raises(ConfigError, match="if oops"):
        render("{% if oops %}", {})


def test_dates_take_a_time_zone() -> None:
    moment = {"at": "2026-01-05T20:30:00Z"}
    assert render('{{ at | date: "%b %-d, %H:%M", "America/New_York" }}', moment) == "Jan 5, 15:30"
    assert render('{{ at | date: "%H:%M", 300 }}', moment) == "15:30"
    assert render('{{ at | date: "%H:%M", "Nowhere/At_All" }}', moment) == "20:30"
    assert render('{{ "soon" | date: "%H:%M" }}{{ nothing | date: "%H" }}', {}) == "soon"


def test_a_filter_that_nobody_knows_changes_nothing() -> None:
    assert render("{{ name | shout }}", {"name": "Ada"}) == "Ada"


@pytest.mark.parametrize(
    "text",
    [
        "{% for a in (1..100000) %}{% for b in (1..100000) %}x{% endfor %}{% endfor %}",
        "{% include 'secrets' %}",
        "{% capture a %}{% for i in (1..9000) %}0123456789012345678901234567890{% endfor %}{% endcapture %}{{a}}",
    ],
)
def test_a_template_that_runs_away_is_stopped(text: str) -> None:
    with pytest.raises(ConfigError):
        render(text, {})


def test_a_fault_is_found_without_rendering() -> None:
    assert fault("{% if a %}") != ""
    assert fault("{{ a }} {b} { 50% }") == ""
