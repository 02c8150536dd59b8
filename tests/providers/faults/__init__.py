"""The fault matrix: what becomes of a call when a provider fails, by kind of provider, moment and fault."""
