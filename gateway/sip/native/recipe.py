"""Builds the wheel of pjsua2 with the media bridge, once per source, recipe, Python and machine.

What is kept, under the cache folder: `sources` (archives), `trees` (compiled pjproject, per source and settings, with
the compiled Python binding in it), `wheels` (per everything), `logs`.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.metadata
import importlib.util
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.cache import cache_dir
from gateway.errors import SetupError
from gateway.sip.native import extension, pjproject, toolchain, wheel
from gateway.sip.native import source as sources
from gateway.sip.native.buildlog import BuildLog

STAGES = {
    "fetch the source": 5.0,
    "unpack the source": 1.0,
    "configure pjproject": 6.0,
    "find dependencies": 10.0,
    "compile pjproject": 35.0,
    "generate the Python binding": 4.0,
    "compile the Python binding": 45.0,
    "compile the media bridge": 1.5,
}
"""Usual seconds of each stage on two cores: the scale of the progress bar."""

HERE = Path(__file__).parent


def cache_folder() -> Path:
    """Where sources, compiled trees, wheels and logs are kept."""
    return cache_dir() / "native"


def ensure(*, source: str | None = None, sha256: str | None = None, jobs: int = 2) -> Path:
    """The wheel for this Python, built now unless it is in the cache. Needs no root, two minutes on two cores.

    :param source: path or URL of a pjproject tarball; None takes Debian's source package
    :param sha256: what the tarball's checksum must be
    :raises SetupError: when the machine lacks something or the build fails
    """
    cache = cache_folder()
    key = wheel_key(source, sha256)
    shelf = cache / "wheels" / key
    if kept := find_wheel(shelf):
        return kept
    cache.mkdir(parents=True, exist_ok=True)
    with _alone(cache / "lock"):
        return find_wheel(shelf) or _build(cache, shelf, source=source, sha256=sha256, jobs=jobs)


def find_wheel(shelf: Path) -> Path | None:
    """The wheel on a shelf of the cache."""
    return next(iter(sorted(shelf.glob("*.whl"))), None)


def install(path: Path) -> bool:
    """Installs the wheel into the running Python's environment; False when that very wheel was installed already.

    :raises SetupError: when there is neither pip nor uv, or it fails
    """
    if installed_version() == path.name.split("-")[1]:
        return False
    if importlib.util.find_spec("pip"):
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--force-reinstall"]
    elif uv := shutil.which("uv"):
        command = [
            uv,
            "pip",
            "install",
            "--quiet",
            "--python",
            sys.executable,
            "--no-index",
            "--no-deps",
            "--reinstall",
        ]
    else:
        raise SetupError(f"Neither pip nor uv is here to install {path}: install one of them.")
    done = subprocess.run([*command, str(path)], capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["no reason was given"]
        raise SetupError(f"{path} could not be installed: {said[-1]}.")
    return True


def installed_version() -> str | None:
    """Version of the installed pjsua2, None without one."""
    try:
        return importlib.metadata.version(wheel.NAME)
    except importlib.metadata.PackageNotFoundError:
        return None


def wheel_key(source: str | None, sha256: str | None) -> str:
    """Names what goes into the wheel: source, recipe, bridge, Python and machine."""
    digest = hashlib.sha256()
    for part in (source or "debian", sha256 or "", wheel.wheel_tag(), platform.machine()):
        digest.update(part.encode() + b"\0")
    for path in sorted(
        [*HERE.glob("*.py"), *HERE.glob("*.h"), *pjproject.JITTER.glob("*.h"), *extension.BRIDGE.glob("*.[ch]")]
    ):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    if source and Path(source).is_file():
        status = Path(source).stat()
        digest.update(f"{status.st_size} {status.st_mtime_ns}".encode())
    return digest.hexdigest()[:16]


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One build at a time; the second finds the wheel of the first."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _build(cache: Path, shelf: Path, *, source: str | None, sha256: str | None, jobs: int) -> Path:
    toolchain.check(from_debian=source is None)
    name = time.strftime("build-%Y%m%d-%H%M%S.log")
    with BuildLog(cache / "logs" / name, stages=STAGES) as log:
        with log.stage("fetch the source"):
            tarball = sources.fetch(source, sha256=sha256, folder=cache / "sources", log=log)
        tree = pjproject.compile_tree(tarball, folder=cache / "trees", jobs=jobs, log=log)
        built = extension.build_extension(tree, log=log)
        version = f"{pjproject.version(tree)}+parley.{shelf.name[:10]}"
        files = {"pjsua2.py": built.module, built.shared_object.name: built.shared_object}
        return wheel.write_wheel(shelf, version=version, files=files, license_file=tree / "COPYING")
