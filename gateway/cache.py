"""Where what was built or downloaded for this machine is kept: models, the SIP stack."""

from __future__ import annotations

import os
from pathlib import Path


def cache_dir() -> Path:
    """`PARLEY_CACHE_DIR`, else `parley` in the user's cache (XDG base directory specification)."""
    own = os.environ.get("PARLEY_CACHE_DIR")
    if own:
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "parley"
