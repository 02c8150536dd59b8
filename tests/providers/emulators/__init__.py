"""Providers' servers, played over real sockets after their documented protocols, for their own SDKs."""
