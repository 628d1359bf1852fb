"""Verifies captured deliveries by the `standard` scheme with the library published on PyPI.

Reads one delivery per line as JSON {"key", "headers", "body" (base64)} on standard input and writes
`valid` or `refused` for each. Only the library's own refusal counts as one: anything else that goes
wrong ends the program with a traceback.
"""

import base64
import json
import sys

from standardwebhooks.webhooks import Webhook, WebhookVerificationError


def is_valid(key: str, headers: dict, body: bytes) -> bool:
    headers = {name.lower(): value for name, value in headers.items()}
    try:
        # Parsing is the receiver's next step, not a part of verifying; bodies may hold numbers
        # that Python reads only after its limits were raised.
        Webhook(key).verify(body, headers, json_parse=False)
    except WebhookVerificationError:
        return False
    return True


def main() -> None:
    for line in sys.stdin:
        delivery = json.loads(line)
        body = base64.b64decode(delivery["body"], validate=True)
        print("valid" if is_valid(delivery["key"], delivery["headers"], body) else "refused")


main()
