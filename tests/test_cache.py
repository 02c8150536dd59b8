from __future__ import annotations

from pathlib import Path

import pytest

from gateway.cache import cache_dir


def test_the_cache_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    monkeypatch.delenv("PARLEY_CACHE_DIR", raising=False)
    assert cache_dir() == Path("/somewhere/parley")
    monkeypatch.setenv("PARLEY_CACHE_DIR", "/own")
    assert cache_dir() == Path("/own")
