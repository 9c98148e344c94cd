"""Authlib finds the authorization server by the metadata of an API, and a missing scope by its challenge.

Arguments: the URL of the API, the client and its secret.
"""

import os
import sys

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"

import requests
from authlib.common.security import generate_token
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc8414 import get_well_known_url

import application

api, client_id, secret = sys.argv[1:]
TIMEOUT = 30


def challenge(answer):
    scheme, _, parameters = answer.headers["WWW-Authenticate"].partition(" ")
    assert scheme == "Bearer", scheme
    return requests.utils.parse_dict_header(parameters)


def document(url):
    answer = requests.get(url, timeout=TIMEOUT)
    answer.raise_for_status()
    return answer.json()


def session(server, resource, scope):
    session = OAuth2Session(
        client_id, secret, scope=scope, redirect_uri=application.redirect_uri, code_challenge_method="S256"
    )
    verifier = generate_token(48)
    url, _ = session.create_authorization_url(
        server["authorization_endpoint"], code_verifier=verifier, resource=resource
    )
    callback = application.sign_in(url)
    session.fetch_token(
        server["token_endpoint"], authorization_response=callback, code_verifier=verifier, resource=resource
    )
    return session


def main():
    refused = requests.get(f"{api}/orders/1", timeout=TIMEOUT)
    print(f"without a token {refused.status_code}", flush=True)
    named = challenge(refused)
    metadata = document(named["resource_metadata"])
    assert metadata["resource"] == api, metadata
    issuer = metadata["authorization_servers"][0]
    server = document(get_well_known_url(issuer, external=True, suffix="openid-configuration"))
    assert server["issuer"] == issuer, server

    reader = session(server, metadata["resource"], named["scope"])
    read = reader.get(f"{api}/orders/1", timeout=TIMEOUT)
    print(f"with the scope of the challenge {read.status_code}", flush=True)
    refused = reader.post(f"{api}/refunds", timeout=TIMEOUT)
    named = challenge(refused)
    print(f"without a scope {refused.status_code} {named['error']}", flush=True)
    writer = session(server, metadata["resource"], named["scope"])
    print(f"with the scopes of the challenge {writer.post(f'{api}/refunds', timeout=TIMEOUT).status_code}", flush=True)
    print("done", flush=True)


try:
    main()
except BaseException as error:
    print(f"failed {error!r}", flush=True)
    raise
