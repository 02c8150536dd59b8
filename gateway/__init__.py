"""Parley: an open, self-hosted voice-AI telephony gateway."""

__version__ = "0.1.0"
