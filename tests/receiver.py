"""A receiver as a merchant's developer would write it from the public pages alone.

It listens on loopback, holds one verification key at a time, and accepts a delivery (200) when the
header `Ordergroove-Signature` holds a signature made with that key; anything else is refused (401):

    Ordergroove-Signature: ts=<unix seconds>,sig=<64 lower-case hex digits>[,sig=<...>]
    sig = HMAC-SHA256 over "{ts}.{raw body}", keyed with the characters of the key as they are

Each line on standard input is the key to hold from now on. On standard output it writes one JSON
object per line: {"port"} once, {"ready"} for each key, and {"event", "accepted", "signatures"} for
each delivery before it is answered. It ends with its standard input.
"""

import hashlib
import hmac
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

key = ""
writing = threading.Lock()


def tell(what: dict) -> None:
    with writing:
        print(json.dumps(what), flush=True)


def signatures_of(header: str) -> tuple[str, list[str]]:
    """The time and the signatures of a header's value."""
    parts = [part.partition("=") for part in header.split(",")]
    timestamps = [value for name, _, value in parts if name == "ts"]
    return timestamps[0] if timestamps else "", [value for name, _, value in parts if name == "sig"]


def is_genuine(timestamp: str, signatures: list[str], body: bytes) -> bool:
    signed = timestamp.encode("utf-8") + b"." + body
    expected = hmac.new(key.encode("ascii"), signed, hashlib.sha256).hexdigest()
    return any(hmac.compare_digest(expected, signature) for signature in signatures)


def is_event(event: dict) -> bool:
    """Whether a body has the documented members, by name and type."""
    data = event.get("data")
    return (
        isinstance(event.get("type"), str)
        and isinstance(event.get("created"), int)
        and isinstance(data, dict)
        and isinstance(data.get("object"), dict)
        and "context" in event
        and isinstance(event.get("snapshot"), dict)
    )


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        timestamp, signatures = signatures_of(self.headers.get("Ordergroove-Signature", ""))
        event = json.loads(body)
        accepted = is_genuine(timestamp, signatures, body) and is_event(event)
        tell({"event": event["id"], "accepted": accepted, "signatures": len(signatures)})
        self.send_response(200 if accepted else 401)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing: standard error is the test's."""


def main() -> None:
    global key
    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    tell({"port": server.server_port})
    for line in sys.stdin:
        key = line.rstrip("\n")
        tell({"ready": True})


main()
