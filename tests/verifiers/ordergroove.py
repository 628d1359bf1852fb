"""Verifies captured deliveries by the `ordergroove` scheme.

Written only from the description of the scheme (docs: facts, section 6) and without a look at the
sender's code, so that a misreading on one side shows:

    Ordergroove-Signature: ts=<unix seconds>,sig=<64 lower-case hex digits>[,sig=<...>]
    sig = HMAC-SHA256 over "{ts}.{raw body}", keyed with the characters of the key as they are

Reads one delivery per line as JSON {"key", "headers", "body" (base64)} on standard input and writes
`valid` or `refused` for each. Anything else that goes wrong ends the program with a traceback.
"""

import base64
import hashlib
import hmac
import json
import re
import sys

HEADER = "ordergroove-signature"
FORM = re.compile(r"ts=([0-9]+)((?:,sig=[0-9a-f]{64})+)")


def is_valid(key: str, headers: dict, body: bytes) -> bool:
    # Names of HTTP headers are case-insensitive.
    values = [value for name, value in headers.items() if name.lower() == HEADER]
    if len(values) != 1:
        return False
    match = FORM.fullmatch(values[0])
    if match is None:
        return False
    timestamp, signatures = match.groups()
    signed = timestamp.encode("utf-8") + b"." + body
    expected = hmac.new(key.encode("ascii"), signed, hashlib.sha256).hexdigest()
    # During a rotation there are two signatures; a receiver knows one key or the other.
    given = signatures.split(",sig=")[1:]
    return any(hmac.compare_digest(expected, signature) for signature in given)


def main() -> None:
    for line in sys.stdin:
        delivery = json.loads(line)
        body = base64.b64decode(delivery["body"], validate=True)
        print("valid" if is_valid(delivery["key"], delivery["headers"], body) else "refused")


main()
