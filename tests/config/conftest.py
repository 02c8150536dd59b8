"""Settings files for the tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.config import load
from gateway.errors import ConfigError
from gateway.settings import Settings

Read = Callable[..., Settings]
Complain = Callable[..., list[str]]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Load settings from text and variables."""

    def read_text(text: str, **environ: str) -> Settings:
        file = tmp_path / "parley.yaml"
        file.write_text(text, encoding="utf-8")
        return load(file, environ=environ)

    return read_text


@pytest.fixture
def complain(read: Read, tmp_path: Path) -> Complain:
    """Load settings that are wrong; gives the lines of the error, without the folder."""

    def complaints(text: str, **environ: str) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            read(text, **environ)
        return str(caught.value).replace(f"{tmp_path}/", "").splitlines()

    return complaints
