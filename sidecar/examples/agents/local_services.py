"""The issuer, the gate and small HTTP services of a sample, each a process or a thread of this machine.

The programs of the samples need Python 3.9 and its standard library alone.
"""

import base64
import http.cookiejar
import http.server
import json
import os
import re
import secrets
import shutil
import subprocess
import tempfile
import threading
import urllib.error
import urllib.parse
import urllib.request

FOLDER = os.path.dirname(os.path.abspath(__file__))
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"


def actgate():
    """The binary: that of the variable ACTGATE, of the search path, or of a build in this repository."""
    root = os.path.join(FOLDER, "..", "..", "..", "target")
    for program in [os.environ.get("ACTGATE"), shutil.which("actgate"), f"{root}/release/actgate", f"{root}/debug/actgate"]:
        if program and os.path.exists(program):
            return program
    raise SystemExit("build the binary first: cargo build")


class Sample:
    """A running issuer, and a gate in front of an API."""

    def __init__(self, name):
        self.name = name
        self.folder = tempfile.TemporaryDirectory()
        self.processes = []
        self.admin_secret = secrets.token_urlsafe(32)
        secret_file = self.file("admin.secret", self.admin_secret)
        registry = os.path.join(FOLDER, name, "registry.yaml")
        address = self.start(
            ["issuer", "--listen", "127.0.0.1:0", "--registry", registry, "--admin-secret-file", secret_file],
            r"issuer on (\S+)",
        )
        self.issuer = f"http://{address}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.terminate()
            process.wait()
        self.folder.cleanup()

    def file(self, name, text):
        path = os.path.join(self.folder.name, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def start(self, arguments, announcement):
        """Starts a process and returns the address that it prints on standard error."""
        process = subprocess.Popen(
            [actgate(), *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        self.processes.append(process)
        printed = []
        for line in process.stderr:
            printed.append(line)
            found = re.search(announcement, line)
            if found:
                # Nobody reads what follows, and a full pipe must not stop the process.
                threading.Thread(target=process.stderr.read, daemon=True).start()
                return found.group(1)
        raise SystemExit("".join(printed))

    def open_gate(self, upstream):
        """Runs the gate of the sample, on a free port, in front of an API."""
        with open(os.path.join(FOLDER, self.name, "actgate.yaml"), encoding="utf-8") as file:
            text = file.read()
        self.decisions = os.path.join(self.folder.name, "decisions.log")
        for written, real in [
            ("http://127.0.0.1:9000", upstream),
            ("http://127.0.0.1:9400", self.issuer),
            ("127.0.0.1:8080", "127.0.0.1:0"),
            ("127.0.0.1:9901", "127.0.0.1:0"),
        ]:
            text = text.replace(written, real)
        text += f"decision_log: {{ file: {self.decisions} }}\n"
        address = self.start(["run", "--config", self.file("actgate.yaml", text)], r"listening on (\S+)")
        self.gate = f"http://{address}"

    def decision(self, count):
        """The last of so many lines of the decision log, which is written beside the response."""
        for _ in range(500):
            lines = []
            if os.path.exists(self.decisions):
                with open(self.decisions, encoding="utf-8") as file:
                    lines = file.read().splitlines()
            if len(lines) >= count:
                return json.loads(lines[count - 1])
            threading.Event().wait(0.01)
        raise SystemExit("no line in the decision log")

    def sign_in(self, client, resource, scope, person):
        """Signs a person in with `actgate token login`. `person` is a name and a password, or None for a real browser."""
        command = [actgate(), "token", "login", "--issuer", self.issuer, "--client", client]
        command += ["--resource", resource, "--scope", scope, "--json"]
        environment = {**os.environ, "ACTGATE_CLIENT_SECRET": f"{client}-secret"}
        if client == "travel-app":
            environment.pop("ACTGATE_CLIENT_SECRET")  # a public client
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )
        printed = []
        for line in process.stderr:
            printed.append(line)
            if line.strip().startswith("http"):
                if person:
                    browse(line.strip(), *person)
                else:
                    print("".join(printed), end="")
        answer = process.stdout.read()
        if process.wait() != 0:
            raise SystemExit("".join(printed))
        return json.loads(answer)

    def client(self, name):
        return Client(self.issuer, name, f"{name}-secret")

    def audit(self, txn):
        """The lines of one transaction in the audit trail of the issuer."""
        request = urllib.request.Request(f"{self.issuer}/admin/audit?txn={txn}")
        request.add_header("Authorization", f"Bearer {self.admin_secret}")
        with urllib.request.urlopen(request) as response:
            return [json.loads(line) for line in response.read().decode().splitlines()]


class Client:
    """A confidential client of the issuer."""

    def __init__(self, issuer, name, secret):
        self.issuer, self.name = issuer, name
        self.credentials = base64.b64encode(f"{name}:{secret}".encode()).decode()

    def post(self, endpoint, **form):
        request = urllib.request.Request(f"{self.issuer}{endpoint}", urllib.parse.urlencode(form).encode())
        request.add_header("Authorization", f"Basic {self.credentials}")
        with urllib.request.urlopen(request) as response:
            return json.load(response)

    def own_token(self, resource, scope):
        return self.post("/token", grant_type="client_credentials", resource=resource, scope=scope)["access_token"]

    def exchange(self, token, resource, scope):
        """The token of another party for one in which this client is the current actor (RFC 8693)."""
        form = {"subject_token": token, "subject_token_type": ACCESS_TOKEN, "resource": resource, "scope": scope}
        return self.post("/token", grant_type=EXCHANGE, **form)["access_token"]

    def refresh(self, token):
        return self.post("/token", grant_type="refresh_token", refresh_token=token)

    def accepts(self, token, audience):
        """Whether a token that another party sent is live and is for this API."""
        claims = self.post("/introspect", token=token)
        return claims["active"] and claims["aud"] == audience


def browse(url, name, password):
    """What a person does in a browser: signs in, and allows what the page asks for."""
    jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
    browser = urllib.request.build_opener(jar)
    origin = urllib.parse.urlsplit(url)._replace(path="", query="", fragment="").geturl()
    page = browser.open(url).read().decode()
    for action, fields in [
        ("/login", {"username": name, "password": password}),
        ("/consent", {"decision": "allow"}),
    ]:
        transaction = re.search(r'name="transaction" value="([^"]*)"', page).group(1)
        form = urllib.parse.urlencode({"transaction": transaction, **fields}).encode()
        page = browser.open(origin + action, form).read().decode()


def serve(answer):
    """Runs an HTTP service on a free port. `answer` gets path, token and headers, and returns status and JSON."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
            status, body = answer(self.path, token, self.headers)
            text = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


def call(url, token):
    """POSTs with a bearer token. Returns status and JSON."""
    request = urllib.request.Request(url, b"{}", {"Content-Type": "application/json"})
    request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        text = error.read()
        return error.code, json.loads(text) if text else {}


def claims(token):
    """The claims of a token, without verification: to show them."""
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def chain(token):
    """Who acts for whom, the initiator first."""
    parties, act = [], claims(token).get("act")
    while act:
        parties.insert(0, act["sub"])
        act = act.get("act")
    return " -> ".join([claims(token)["sub"], *parties])


def show(step, token):
    content = claims(token)
    print(f"{step}\n    chain {chain(token)}\n    for   {content['aud']}, scope {content['scope']}")
