"""Where model files lie on this machine, and whether they are the right ones.

A file's checksum is computed once: a stamp beside it then says which size and time it had, so later checks cost a
`stat`. A file that changes afterwards is verified anew.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from gateway.cache import cache_dir
from gateway.errors import ModelError
from gateway.models.catalogue import CATALOGUE, OPTIONAL, Model, ModelFile


def models_dir() -> Path:
    """The folder that holds one folder per model."""
    return cache_dir() / "models"


def model_path(name: str) -> Path:
    """The folder with the verified files of the model `name`.

    :raises ModelError: the model is unknown, a file is missing, or its checksum is wrong
    """
    for model in (*CATALOGUE, *OPTIONAL):
        if model.name == name:
            for file in model.files:
                require(model, file)
            return models_dir() / name
    known = ", ".join(model.name for model in (*CATALOGUE, *OPTIONAL))
    raise ModelError(f"There is no embedded model {name!r}; the embedded models are {known}.")


def missing(catalogue: Sequence[Model] = CATALOGUE) -> list[Model]:
    """Models of which a file is absent or wrong; of those that every installation has, unless others are named."""
    return [model for model in catalogue if not all(_is_right(model, file) for file in model.files)]


def require(model: Model, file: ModelFile) -> Path:
    """The file's path when it is there with the right checksum.

    :raises ModelError: it is not; the sentence names the file and the remedy
    """
    path = file_path(model, file)
    if not path.is_file():
        raise ModelError(f"The model file {path} is missing; run `{model.command}` to download it.")
    if not _is_right(model, file):
        raise ModelError(f"The model file {path} has a wrong checksum; run `{model.command}` to replace it.")
    return path


def file_path(model: Model, file: ModelFile) -> Path:
    """Where the file belongs, whether or not it is there."""
    return models_dir() / model.name / file.name


def sha256_of(path: Path) -> str:
    """Checksum of a file's content as hex digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _is_right(model: Model, file: ModelFile) -> bool:
    path = file_path(model, file)
    if not path.is_file():
        return False
    stamp = path.with_name(f"{path.name}.verified")
    state = path.stat()
    expected = f"{file.sha256} {state.st_size} {state.st_mtime_ns}"
    if stamp.is_file() and stamp.read_text() == expected:
        return True
    if state.st_size != file.size or sha256_of(path) != file.sha256:
        return False
    if os.access(path.parent, os.W_OK):
        stamp.write_text(expected)
    return True
