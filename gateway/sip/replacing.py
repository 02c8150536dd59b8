"""An INVITE with Replaces (RFC 3891): the far end puts another party in the place of the one that we talk to. Pure.

The stack has found the dialog by its Call-ID and both tags, which only its two ends know. Besides, the request must
come from where the call is: by the same trunk, or without one from the address that the other party has.
"""

from __future__ import annotations

from dataclasses import replace

from gateway.call.leg import Direction, LegInfo
from gateway.sip.headers import SipMessage, parse_address, parse_uri


def may_replace(info: LegInfo, *, same_account: bool, contact: str, source: str) -> bool:
    """Whether a party is let into a call.

    :param info: of the call
    :param same_account: whether the request came by the account of the call
    :param contact: the Contact of the party that is to be replaced
    :param source: address:port of the request
    """
    if not same_account:
        return False
    uri = parse_uri(parse_address(contact).uri)
    return info.trunk is not None or (uri is not None and uri.host == source.rpartition(":")[0].lower())


def replaced_info(info: LegInfo, message: SipMessage) -> LegInfo:
    """What is known of a leg with the party of this INVITE at its far end."""
    party = parse_address(message.first("from")).uri
    if info.direction is Direction.OUTBOUND:
        return replace(info, called=party)
    return replace(info, caller=party)
