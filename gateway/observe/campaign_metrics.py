"""Metrics of campaigns, and of calls that are made again."""

from __future__ import annotations

from prometheus_client import Counter

CALLS = Counter("parley_campaign_calls_total", "Calls that campaigns began, and repeated calls of the API.")
PUT_OFF = Counter(
    "parley_campaign_calls_put_off_total", "Calls that could not begin yet: a limit, a trunk or no gateway.", ["reason"]
)
CONTACTS = Counter("parley_campaign_contacts_total", "Customers that are called no more, by outcome.", ["outcome"])
