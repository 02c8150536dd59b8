from __future__ import annotations

import json

from gateway.routing.header_variables import header_variables


def test_sip_headers_are_variables_however_the_template_writes_them() -> None:
    text = json.dumps({"firstMessage": "Hi {{accountId}}, {{ customer_tier }} {% if VIP %}!{% endif %}"})
    found = header_variables({"X-AccountId": "7", "x-customer-tier": "gold", "X-Vip": "yes", "P-Other": "no"}, [text])
    assert (found["accountId"], found["customer_tier"], found["VIP"]) == ("7", "gold", "yes")
    assert found["accountid"] == "7"
    assert "no" not in found.values()


def test_a_caller_does_not_change_what_parley_tells_of_the_call() -> None:
    headers = {
        f"X-{'A' * 63}": "long",
        "X-Call": "mine",
        "X-PhoneNumber": "mine",
        "X-now": "yesterday",
        "X-Tier": "gold",
    }
    assert set(header_variables(headers, ["{{call}} {{now}}"])) == {"tier", "Tier"}
