"""Failover is itself a provider: a transcriber, model or voice that wraps others, and loses nothing between them."""
