"""The accounts of calls that are of no trunk. On the owner thread."""

from __future__ import annotations

from gateway.settings import Settings
from gateway.sip.account import OnInvite, SipAccount
from gateway.sip.configuration import local_account_config
from gateway.sip.headers import parse_uri
from gateway.sip.settings import is_ipv6


class LocalAccounts:
    """One for each kind of call: by TLS or not, with IPv4 or IPv6 media. They differ in how media is protected and
    which addresses are offered."""

    def __init__(self, settings: Settings, on_invite: OnInvite, *, address: str) -> None:
        self._accounts: dict[tuple[bool, bool], SipAccount] = {}
        families = {is_ipv6(host) for host in settings.sip.hosts}
        for secure in (False, True):
            for ipv6 in sorted(families):
                account = SipAccount(on_invite)
                config = local_account_config(settings, identity=f"sip:parley@{address}", secure=secure, ipv6=ipv6)
                account.create(config, (secure, ipv6) == (False, min(families)))
                self._accounts[secure, ipv6] = account
        self._families = families

    def of_request(self, message: str, transport: str) -> SipAccount:
        """The account of a call that came.

        :param message: the INVITE with its body
        :param transport: udp, tcp or tls
        """
        return self._get(transport == "tls", "\nc=IN IP6 " in message.replace("\r", ""))

    def towards(self, destination: str) -> SipAccount:
        """The account of a call to a SIP URI."""
        uri = parse_uri(destination)
        secure = uri is not None and (uri.scheme == "sips" or uri.parameters.get("transport", "").lower() == "tls")
        return self._get(secure, uri is not None and is_ipv6(uri.host))

    def shutdown(self) -> None:
        """Let go of every account."""
        for account in self._accounts.values():
            account.shutdown()

    def _get(self, secure: bool, ipv6: bool) -> SipAccount:
        return self._accounts[secure, ipv6 if ipv6 in self._families else min(self._families)]
