"""The client of the AuthZEN Authorization API in `decern`."""

import sys

import decern

url, token = sys.argv[1:]
client = decern.Client(url)
subject = {"type": "user", "id": "alice-canary", "properties": {"access_token": token}}
for path in ("/orders/7", "/reports", "/open/a"):
    resource = {"type": "url", "id": "https://orders.example.com" + path}
    decision = client.evaluate(subject, "GET", resource)
    print("GET", path, decision.allowed, decision.context.get("code", ""), flush=True)
print("done", flush=True)
