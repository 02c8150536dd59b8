"""What a far end says of the end of a call: Q.850 causes of the telephone network as SIP statuses. Pure."""

from __future__ import annotations

import re

_CAUSE = re.compile(r"Q\.850\s*;[^,]*?\bcause\s*=\s*(\d{1,3})", re.IGNORECASE)
_STATUS = {
    1: 404, 2: 404, 3: 404, 17: 486, 18: 408, 19: 480, 20: 480, 21: 403, 22: 410, 23: 410, 26: 404, 27: 502, 28: 484,
    29: 501, 31: 480, 34: 503, 38: 503, 41: 503, 42: 503, 47: 503, 55: 403, 57: 403, 58: 503, 65: 488, 70: 488, 79: 501,
    87: 403, 88: 503, 102: 504, 111: 500, 127: 500,
}  # fmt: skip
"""RFC 3398 section 7.2.4.1; 21 (call rejected) is 403 there as it may be the network that rejects."""


def status_by_cause(status: int, reason_header: str) -> int:
    """The status of a call that was not answered, by the Q.850 cause of its Reason header (RFC 3326, RFC 6432) where it
    has one: gateways to the telephone network answer 480 or 503 to much that is neither.

    :param status: of the final answer, returned where no cause says more
    """
    found = _CAUSE.search(reason_header)
    return _STATUS.get(int(found[1]), status) if found else status
