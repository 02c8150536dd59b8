"""Requests to URLs that users wrote: where they may go, and how much they may answer."""

from gateway.egress.client import guarded_client
from gateway.egress.guard import Checked, Guard, check_url

__all__ = ["Checked", "Guard", "check_url", "guarded_client"]
