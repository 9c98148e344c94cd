"""A person lets an agent use single models of an AI platform, also while the person is away.

    python3 models.py                 sign in with your browser as alice, password wonderland
    python3 models.py --unattended    the program signs in for you
"""

import sys

from local_services import Sample, call, claims, serve, show

MODELS = "https://models.example"


def main(person):
    with Sample("models") as sample:
        agent = sample.client("research-agent")
        sample.open_gate(serve(lambda path, _token, _headers: (200, {"model": path})))

        scope = "openid offline_access models:chat images:generate"
        answer = sample.sign_in("research-agent", MODELS, scope, person)
        identity = claims(answer["id_token"])
        print(f"1. {identity['sub']} signs in (OpenID Connect) and allows the agent two models")
        first = answer["access_token"]
        show("2. the agent's token", first)
        calls = [
            attempt(sample, 1, "3. chat", "/v1/chat", first, 200),
            attempt(sample, 2, "4. training, which nobody allowed", "/v1/training", first, 403),
        ]

        answer = agent.refresh(answer["refresh_token"])
        second = answer["access_token"]
        show("5. alice is away: the agent refreshes", second)
        calls.append(attempt(sample, 3, "6. an image", "/v1/images", second, 200))

        print("7. the audit trail of the issuer and the decision log of the gate, by token id")
        issued = {line["jti"]: line for line in sample.audit(claims(first)["txn"]) if "jti" in line}
        for path, status, token in calls:
            line = issued[claims(token)["jti"]]
            print(f"    {path:13} {status}  {line['event']:8} for {line['sub']} through {line['actors'][0]}")


def attempt(sample, count, step, path, token, expected):
    status, body = call(sample.gate + path, token)
    print(f"{step}\n    {status} {sample.decision(count).get('code', 'allowed')}")
    if status != expected:
        raise SystemExit(f"expected {expected}: {body}")
    return path, status, token


if __name__ == "__main__":
    main(("alice", "wonderland") if "--unattended" in sys.argv else None)
