"""Conversations by text: an assistant without a telephone."""
