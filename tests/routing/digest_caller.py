"""A caller that answers a digest challenge, as RFC 7616 section 3.4 says."""

from __future__ import annotations

import hashlib
import re


def authorization(
    challenge: str,
    *,
    username: str = "ann",
    password: str = "open sesame",
    uri: str = "sip:desk@sip.example.com",
    count: int = 1,
    method: str = "INVITE",
) -> str:
    """A value of Authorization for a value of WWW-Authenticate."""
    asked = {name: quoted or bare for name, quoted, bare in re.findall(r'(\w+)=(?:"([^"]*)"|([^,\s]+))', challenge)}
    algorithm = asked["algorithm"]

    def digest(text: str) -> str:
        return hashlib.new({"MD5": "md5", "SHA-256": "sha256"}[algorithm], text.encode()).hexdigest()

    secret, about = digest(f"{username}:{asked['realm']}:{password}"), digest(f"{method}:{uri}")
    response = digest(f"{secret}:{asked['nonce']}:{count:08x}:c0ffee:auth:{about}")
    return (
        f'Digest username="{username}", realm="{asked["realm"]}", nonce="{asked["nonce"]}", uri="{uri}", '
        f'algorithm={algorithm}, response="{response}", qop=auth, nc={count:08x}, cnonce="c0ffee"'
    )
