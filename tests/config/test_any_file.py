"""Whatever stands in the file or the environment: settings, or an error with a place on every line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.config import load
from gateway.errors import ConfigError
from gateway.settings import Settings

SECTIONS = list(Settings.model_fields)
KEYS = sorted(
    {"name", "port", "ports", "level", "provider", "model", "file", "tools", "server", "firstMessage", "assistant"}
    | {"number", "trunk", "password", "registrar", "username", "count", "addresses", "codecs", "<<"}
)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(KEYS)
values: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS) | st.text(), inner, max_size=4),
    max_leaves=12,
)
documents = st.dictionaries(st.sampled_from(SECTIONS) | st.text(), values, max_size=4)
segments = st.sampled_from([*SECTIONS, *KEYS, "0", "X"]).map(str.upper)
variables = st.dictionaries(
    st.lists(segments, min_size=1, max_size=4).map(lambda parts: "PARLEY_" + "__".join(parts)),
    st.text() | values.map(lambda value: yaml.safe_dump(value, default_flow_style=True)),
    max_size=3,
)
examples = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def outcome(file: Path, environ: dict[str, str]) -> list[str]:
    """The lines of the error; none when all is well."""
    try:
        load(file, environ=environ)
    except ConfigError as error:
        return str(error).splitlines()
    return []


@examples
@given(document=documents)
def test_any_document_is_taken_or_told_with_its_line(tmp_path_factory: pytest.TempPathFactory, document: Any) -> None:
    file = tmp_path_factory.mktemp("any") / "parley.yaml"
    file.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    assert all(line.startswith(str(file)) for line in outcome(file, {}))


@examples
@given(text=st.text() | st.binary().map(lambda data: data.decode("latin-1")))
def test_any_text_is_taken_or_told_with_its_place(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    file = tmp_path_factory.mktemp("any") / "parley.yaml"
    file.write_text(text, encoding="utf-8", errors="replace")
    assert all(line.startswith(str(file)) for line in outcome(file, {}))


@examples
@given(document=documents, environ=variables)
def test_any_variable_is_taken_or_named(
    tmp_path_factory: pytest.TempPathFactory, document: Any, environ: dict[str, str]
) -> None:
    file = tmp_path_factory.mktemp("any") / "parley.yaml"
    file.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    for line in outcome(file, environ):
        assert line.startswith((str(file), "PARLEY_"))
