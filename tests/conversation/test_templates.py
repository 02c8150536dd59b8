from __future__ import annotations

import pytest

from gateway.conversation.templates import nested, render
from gateway.errors import ConfigError


def test_variables_by_dotted_names_and_as_objects() -> None:
    variables = nested({"customer.number": "+4912", "customer": {"name": "Ada"}, "now": "noon"})
    assert render("{{ customer.name }} {{customer.number}} {{now}}{{nothing}}", variables) == "Ada +4912 noon"


def test_a_text_without_templates_is_left_alone() -> None:
    assert render("50% off", {}) == "50% off"


def test_a_malformed_template_is_refused_with_its_text() -> None:
    with pytest.raises(ConfigError, match="if oops"):
        render("{% if oops %}", {})
