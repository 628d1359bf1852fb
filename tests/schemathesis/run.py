"""Holds the running program against its own OpenAPI document, with requests made up by schemathesis.

Usage: run.py PROGRAM TARGET [--cases N] [--all-phases] [--seed N] [--only CALLER]

PROGRAM is the binary `postrider`, TARGET the directory `install` was given. A fresh installation
with a merchant who has some of everything is served on a free port of loopback; nothing is sent
anywhere else. Then each caller (nobody, a merchant's key, an operator, an owner who is signed in)
asks every operation of the document, with ids that exist, ids that do not, and data that fits or
does not. It fails on any 5xx, on an answer that is not in the document or not of its shape, on
data that is accepted or refused against the document, on a panic, an error in the log, or a program
that does not stop cleanly. What a failed run leaves is kept, and named.
"""

import argparse
import collections
import concurrent.futures
import json
import pathlib
import re
import shutil
import signal
import socketserver
import subprocess
import sys
import tempfile
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# Enough of what requests delete that some is left at the end.
WEBHOOKS = 24
# How often an id is one that exists.
KNOWN = 0.7
# What is no id, and yet must be known or is better short.
OTHERS = dict.fromkeys(["type", "event_type", "event_types[*]"], "event type")
OTHERS["wait_seconds"] = "wait"
# What succeeds only with a secret that is shown once, which nothing makes up; and signing out,
# which would be the end of everything else the owner does.
SECRET = {"redeemInvitation", "redeemPortalLink", "setUp", "signIn", "changePassword", "signOut"}


class Receiver(BaseHTTPRequestHandler):
    """Takes every delivery."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


class Names(socketserver.BaseRequestHandler):
    """A name server that knows no name, and says so at once."""

    def handle(self) -> None:
        asked, socket = self.request
        # The question again, as an answer: no such name.
        socket.sendto(asked[:2] + b"\x81\x83" + asked[4:], self.client_address)


def in_background(server: socketserver.BaseServer) -> int:
    """Serves for as long as this process lives; answers the port."""
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


class Api:
    """The API as one caller."""

    def __init__(self, base: str, headers: dict[str, str]):
        self.base, self.headers = base, headers

    def call(self, method: str, path: str, body: object = None) -> dict:
        data = None if body is None else json.dumps(body).encode()
        headers = self.headers | ({"content-type": "application/json"} if data else {})
        request = urllib.request.Request(self.base + path, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())


class Server:
    """A served installation of its own."""

    def __init__(self, program: pathlib.Path, folder: pathlib.Path):
        self.log = folder / "log"
        database = ["--database", f"sqlite:{folder / 'postrider.db'}"]
        init = [program, "init", "--json", "--merchant", "Shop", "--email", "owner@example.com"]
        # "error": that it made a key for the database is no news here.
        made = subprocess.run(
            [*init, *database, "--log-level", "error"],
            env={}, cwd=folder, check=True, stdout=subprocess.PIPE,
        )
        self.keys = json.loads(made.stdout)
        # Requests make targets up; whatever they name, only the receiver here is sent to.
        nowhere = ["--deny-target", "0.0.0.0/0", "--deny-target", "::/0"]
        nowhere += ["--allow-target", "127.0.0.1/32", "--allow-http-targets"]
        names = in_background(socketserver.UDPServer(("127.0.0.1", 0), Names))
        nowhere += ["--name-server", f"127.0.0.1:{names}"]
        serve = [program, "serve", "--listen", "127.0.0.1:0", "--log-level", "warn"]
        self.process = subprocess.Popen(
            [*serve, *database, *nowhere],
            env={}, cwd=folder, stdout=subprocess.PIPE, stderr=self.log.open("w"), text=True,
        )
        for line in self.process.stdout:
            if found := re.search(r"http://\S+?:\d+", line):
                self.base = found[0]
                break
        else:
            raise SystemExit(f"the program did not come up:\n{self.log.read_text()}")

    def stop(self) -> list[str]:
        """Stops the program; answers what was wrong with its life."""
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(timeout=60)
        wrong = [] if status == 0 else [f"the program ended with {status}"]
        lines = self.log.read_text(errors="replace").splitlines()
        return wrong + [line for line in lines if "panicked" in line or " ERROR " in line]


def have_some_of_everything(server: Server) -> tuple[dict[str, list[str]], dict[str, dict]]:
    """Makes rows to ask about; answers their ids by kind, and each caller's headers."""
    receiver = in_background(ThreadingHTTPServer(("127.0.0.1", 0), Receiver))
    merchant = server.keys["merchant_id"]
    operator = {"x-api-key": server.keys["operator_key"]}
    api = Api(server.base, operator | {"Postrider-Merchant": merchant})
    ids: dict[str, list[str]] = {"merchant": [merchant]}

    def make(kind: str, path: str, body: dict) -> dict:
        made = api.call("POST", path, body)
        ids.setdefault(kind, []).append(made["id"])
        return made

    url = f"http://127.0.0.1:{receiver}/"
    for number in range(WEBHOOKS):
        webhook = {"name": f"hook {number}", "target_url": url, "event_types": ["order.*"]}
        make("webhook", "/api/v1/webhooks", webhook)
    # Few, so that a filter and its own target are named together now and then.
    for number in range(2):
        target = {"merchant": merchant, "target_url": url}
        target = make("target", "/webhook_targets", target)["id"]
        for _ in range(8):
            make("filter", f"/webhook_targets/{target}/filters", {"pattern": "item.*"})
    for number in range(4):
        event = {"id": f"own-{number}", "type": "order.create", "data": {"object": {"id": number}}}
        made = make("event", "/api/v1/events", event)
        ids.setdefault("delivery", []).extend(made["deliveries"])
        make("api_key", "/api/v1/api-keys", {"name": "spare", "scopes": ["events:write"]})
        make("user", "/api/v1/users", {"email": f"{number}@example.com", "role": "developer"})
    # A recovery waits for as long as its webhook is disabled, so it can be canceled.
    away = {"name": "away", "target_url": "https://away.example/", "event_types": ["item.*"]}
    away = [api.call("POST", "/api/v1/webhooks", away)["id"] for _ in range(8)]
    api.call("POST", "/api/v1/events", {"type": "item.create", "data": {"object": {}}})
    for webhook in away:
        api.call("POST", f"/api/v1/webhooks/{webhook}/disable")
        what = {"webhook": webhook, "since": "2020-01-01T00:00:00Z", "statuses": ["canceled"]}
        make("recovery", "/api/v1/recoveries", what)
    ids["any"] = ids["webhook"]
    ids["wait"] = [0, 1]
    catalogue = api.call("GET", "/api/v1/event-types")["results"]
    ids["event type"] = [entry["name"] for entry in catalogue]
    sign_in = {"email": server.keys["email"], "password": server.keys["password"]}
    session = api.call("POST", "/api/v1/sessions", sign_in)
    return ids, {
        "nobody": {},
        "merchant": {"x-api-key": server.keys["api_key"]},
        "operator": operator,
        "owner": {"x-api-key": session["token"]},
    }


def operations(document: dict) -> dict[str, dict]:
    """The operations of the document by method and path."""
    return {
        f"{method.upper()} {path}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def places(operation: dict) -> dict[str, str]:
    """Where an operation takes something known, mostly an id, and of what kind it is."""
    found = {}
    for parameter in operation["parameters"]:
        found[f"{parameter['in']}.{parameter['name']}"] = parameter["schema"]
    content = operation.get("requestBody", {}).get("content", {})
    shape = content.get("application/json", {}).get("schema", {})
    for one in shape.get("oneOf", [shape]):
        for name, member in one.get("properties", {}).items():
            is_list = member.get("type") == "array"
            found[f"body.{name}[*]" if is_list else f"body.{name}"] = member.get("items", member)
    kind = lambda place, schema: schema.get("x-names") or OTHERS.get(place.partition(".")[2])
    return {place: kind(place, schema) for place, schema in found.items() if kind(place, schema)}


def settings(document: dict, ids: dict[str, list[str]], headers: dict[str, str]) -> str:
    """A configuration file for schemathesis: JSON texts and lists are TOML too."""
    lines = [
        "[checks.positive_data_acceptance]",
        # Shapes cannot say everything: what must exist, and which members exclude each other.
        'expected-statuses = ["2xx", 400, 401, 403, 404, 409, 412, 415, 422, 429]',
    ]
    if key := headers.get("x-api-key"):
        lines += ["[auth.openapi.apiKey]", f"api_key = {json.dumps(key)}"]
    for kind, known in ids.items():
        lines += [f'[dictionaries."{kind}"]', f"values = {json.dumps(known)}"]
    for operation in operations(document).values():
        known = {place: kind for place, kind in places(operation).items() if kind in ids}
        if known:
            lines += ["[[operations]]", f'include-operation-id = "{operation["operationId"]}"']
        for place, kind in known.items():
            # Another merchant's name would be refused before anything else is looked at.
            always = place.startswith("header.") or kind == "wait"
            chance = 1.0 if always else KNOWN
            lines += [f'[operations.parameters."{place}"]', f'dictionary = "{kind}"']
            lines += [f"probability = {chance}"]
    return "\n".join(lines) + "\n"


class Run:
    """One use of schemathesis by one caller."""

    def __init__(self, asked: argparse.Namespace, folder: pathlib.Path, server: Server):
        self.asked, self.folder, self.server = asked, folder, server

    def make(self, name: str, document: dict, config: str, more: list[str]) -> bool:
        """Asks as told; answers whether everything was as the document says."""
        # Given as a file: the tool leaves out the operation it has a document from.
        described, configured = self.folder / f"{name}.json", self.folder / f"{name}.toml"
        described.write_text(json.dumps(document))
        configured.write_text(config)
        tool = self.asked.target.resolve() / "schemathesis" / "bin" / "schemathesis"
        phases = "examples,coverage,fuzzing,stateful" if self.asked.all_phases else "fuzzing"
        command = [tool, "--config-file", configured, "run", described, "--url", self.server.base]
        command += ["--phases", phases, "--max-examples", str(self.asked.cases)]
        command += ["--seed", str(self.asked.seed), "--checks", "all", "--continue-on-failure"]
        command += ["--no-shrink", "--no-color", "--suppress-health-check", "all"]
        command += ["--generation-database", "none", "--warnings", "off"]
        command += ["--report", "ndjson", "--report-ndjson-path", self.folder / f"{name}.ndjson"]
        with (self.folder / f"{name}.txt").open("w") as said:
            done = subprocess.run([*command, *more], cwd=self.folder, stdout=said, stderr=said)
        return done.returncode == 0

    def statuses(self, name: str) -> dict[str, collections.Counter]:
        """How often each operation answered what."""
        found: dict[str, collections.Counter] = collections.defaultdict(collections.Counter)
        for line in (self.folder / f"{name}.ndjson").open():
            scenario = json.loads(line).get("ScenarioFinished", {})
            recorder = scenario.get("recorder") or {}
            for made in recorder.get("interactions", {}).values():
                if scenario["phase"] != "stateful" and made.get("response"):
                    found[recorder["label"]][made["response"]["status_code"]] += 1
        return found


def control(run: Run, document: dict, config: str) -> list[str]:
    """A document that says what is not so must be found out."""
    untrue = json.loads(json.dumps(document))
    shown = untrue["paths"]["/healthz"]["get"]
    untrue["paths"] = {"/healthz": {"get": shown}}
    shown["responses"]["200"]["content"]["application/json"]["schema"] = {"type": "array"}
    passed = run.make("control", untrue, config, [])
    said = (run.folder / "control.txt").read_text()
    if passed or "Response violates schema" not in said:
        return [f"an untrue document was not found out:\n{said}"]
    return []


def summary(document: dict, seen: list[dict[str, collections.Counter]]) -> list[str]:
    """Prints what was asked; answers the operations that never did what they are for."""
    total: dict[str, collections.Counter] = collections.defaultdict(collections.Counter)
    for statuses in seen:
        for label, counts in statuses.items():
            total[label] += counts
    known = operations(document)
    fewest = sorted((sum(total[label].values()), label) for label in known)
    answered = collections.Counter()
    for counts in total.values():
        answered += counts
    print(f"{sum(answered.values())} requests to {len(known)} operations: {dict(sorted(answered.items()))}")
    print("fewest:", ", ".join(f"{count} {label}" for count, label in fewest[:5]))
    idle = [
        label
        for label, operation in known.items()
        if operation["operationId"] not in SECRET and not any(s < 300 for s in total[label])
    ]
    return [f"{label} never succeeded" for label in idle]


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("target", type=pathlib.Path)
    parser.add_argument("--cases", type=int, default=4)
    parser.add_argument("--all-phases", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only")
    asked = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="postrider-schemathesis-"))
    server = Server(asked.program.resolve(), folder)
    run, failed = Run(asked, folder, server), []
    try:
        ids, callers = have_some_of_everything(server)
        document = Api(server.base, {}).call("GET", "/api/v1/openapi.json")
        names = [name for name in callers if asked.only in (None, name)]

        def ask(name: str) -> bool:
            more = ["--exclude-operation-id", "signOut"] if name == "owner" else []
            return run.make(name, document, settings(document, ids, callers[name]), more)

        failed += control(run, document, settings(document, ids, {}))
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            passed = dict(zip(names, pool.map(ask, names)))
        failed += [f"{name}: see {folder}/{name}.txt" for name in names if not passed[name]]
        idle = summary(document, [run.statuses(name) for name in names])
        # A few cases need not hit upon success.
        failed += idle if asked.all_phases and asked.only is None else []
    finally:
        failed += server.stop()
    if failed:
        print(*failed, f"kept in {folder}", sep="\n")
        return 1
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
