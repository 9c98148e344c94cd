"""Authlib runs each grant and endpoint of the bundled issuer that its client has.

Argument: the URL of the issuer.
"""

import os
import sys

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"

import requests
from authlib.common.security import generate_token
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc8414 import get_well_known_url

import application

[issuer] = sys.argv[1:]
TIMEOUT = 30
ORDERS = "https://orders.example"
SHOPPER = "https://shopper.example"


def client(name, **settings):
    return OAuth2Session(name, f"{name}-secret", default_timeout=TIMEOUT, **settings)


def expect(what, holds):
    assert holds, what
    print(f"did {what}", flush=True)


def main():
    server = requests.get(get_well_known_url(issuer, external=True), timeout=TIMEOUT).json()
    token_endpoint = server["token_endpoint"]
    api = client("orders-api")

    def introspected(token):
        answer = api.introspect_token(server["introspection_endpoint"], token=token["access_token"])
        return answer.json()

    terminal = OAuth2Session(
        "terminal",
        token_endpoint_auth_method="none",
        revocation_endpoint_auth_method="none",
        scope="openid offline_access orders:read orders:write",
        redirect_uri=application.redirect_uri,
        code_challenge_method="S256",
        default_timeout=TIMEOUT,
    )
    verifier = generate_token(48)
    url, _ = terminal.create_authorization_url(
        server["authorization_endpoint"], code_verifier=verifier, resource=ORDERS
    )
    callback = application.sign_in(url)
    first = dict(terminal.fetch_token(token_endpoint, authorization_response=callback, code_verifier=verifier))
    expect("code with PKCE", introspected(first)["sub"] == "alice")
    user = terminal.get(server["userinfo_endpoint"]).json()
    expect("UserInfo", user["sub"] == "alice")

    second = dict(terminal.refresh_token(token_endpoint, refresh_token=first["refresh_token"]))
    expect("refresh", second["refresh_token"] != first["refresh_token"] and introspected(second)["active"])
    revoked = terminal.revoke_token(server["revocation_endpoint"], token=second["refresh_token"])
    expect("revocation", revoked.status_code == 200 and introspected(second) == {"active": False})
    try:
        terminal.refresh_token(token_endpoint, refresh_token=second["refresh_token"])
    except OAuthError as error:
        expect("refusal after it", error.error == "invalid_grant")

    own = client("warehouse", scope="orders:read").fetch_token(
        token_endpoint, grant_type="client_credentials", resource=ORDERS
    )
    expect("client credentials", introspected(own)["client_id"] == "warehouse")
    posted = client("warehouse", scope="orders:read", token_endpoint_auth_method="client_secret_post")
    own = posted.fetch_token(token_endpoint, grant_type="client_credentials", resource=ORDERS)
    expect("client_secret_post", introspected(own)["active"])
    subject = client("assistant", scope="orders:read").fetch_token(
        token_endpoint, grant_type="client_credentials", resource=SHOPPER
    )
    exchanged = client("shopper", scope="orders:read").fetch_token(
        token_endpoint,
        grant_type="urn:ietf:params:oauth:grant-type:token-exchange",
        subject_token=subject["access_token"],
        subject_token_type="urn:ietf:params:oauth:token-type:access_token",
        resource=ORDERS,
    )
    expect("exchange", introspected(exchanged)["act"]["sub"] == "shopper")
    print("done", flush=True)


try:
    main()
except BaseException as error:
    print(f"failed {error!r}", flush=True)
    raise
