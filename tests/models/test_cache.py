"""Where models lie, and what is said when one is missing or damaged."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from gateway.errors import ModelError
from gateway.models import cache
from gateway.models.cache import file_path, missing, model_path, require
from gateway.models.catalogue import CATALOGUE, OPTIONAL, Model, ModelFile

CONTENT = b"weights"


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Model:
    monkeypatch.setenv("PARLEY_CACHE_DIR", str(tmp_path))
    file = ModelFile("inside/weights.bin", "weights.bin", len(CONTENT), hashlib.sha256(CONTENT).hexdigest())
    return Model("tiny", "pypi", "tiny-package", "1.0", "MIT", 100, (file,))


def place(model: Model, content: bytes = CONTENT) -> Path:
    path = file_path(model, model.files[0])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_an_absent_file_is_named_with_its_remedy(model: Model) -> None:
    with pytest.raises(ModelError, match=r"weights\.bin is missing; run `parley setup`"):
        require(model, model.files[0])
    assert missing([model]) == [model]


def test_a_right_file_is_accepted(model: Model) -> None:
    path = place(model)
    assert require(model, model.files[0]) == path
    assert missing([model]) == []


@pytest.mark.parametrize("content", [b"weightz", b"longer than the weights"])
def test_a_damaged_file_is_named_with_its_remedy(model: Model, content: bytes) -> None:
    place(model, content)
    with pytest.raises(ModelError, match=r"weights\.bin has a wrong checksum; run"):
        require(model, model.files[0])


def test_the_checksum_is_computed_once(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    place(model)
    require(model, model.files[0])
    monkeypatch.setattr(cache, "sha256_of", lambda path: pytest.fail("computed again"))
    require(model, model.files[0])


def test_a_file_that_changes_later_is_verified_anew(model: Model) -> None:
    place(model)
    require(model, model.files[0])
    place(model, b"weightz")
    with pytest.raises(ModelError, match="wrong checksum"):
        require(model, model.files[0])


def test_an_unknown_model_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ModelError, match=r"no embedded model 'gpt'; the embedded models are silero-vad,"):
        model_path("gpt")


def test_the_catalogue_is_well_formed() -> None:
    names = [model.name for model in (*CATALOGUE, *OPTIONAL)]
    assert len(set(names)) == len(names)
    for model in (*CATALOGUE, *OPTIONAL):
        assert model.licence
        assert all(len(bytes.fromhex(file.sha256)) == 32 and file.size > 0 for file in model.files)
