"""A client of the Python MCP SDK with its own OAuth flow: it lists the tools and calls two, the second with another scope.

Arguments: the URL of the server, a file for what the client keeps, and the mode of version negotiation or `default`.
"""

import asyncio
import json
import pathlib
import sys
from urllib.parse import parse_qs, urlsplit

from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider, TokenStorage
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata, OAuthToken

import application

url, file, mode = sys.argv[1:]


class Memory(TokenStorage):
    def __init__(self):
        self.file = pathlib.Path(file)
        self.kept = json.loads(self.file.read_text() or "{}")

    def keep(self, name, value):
        self.kept[name] = value.model_dump(mode="json", exclude_none=True)
        self.file.write_text(json.dumps(self.kept))

    async def get_tokens(self):
        return OAuthToken(**self.kept["tokens"]) if "tokens" in self.kept else None

    async def set_tokens(self, tokens):
        self.keep("tokens", tokens)
        print(f"granted {tokens.scope}", flush=True)

    async def get_client_info(self):
        return OAuthClientInformationFull(**self.kept["client"]) if "client" in self.kept else None

    async def set_client_info(self, client):
        self.keep("client", client)


async def redirect(address):
    application.open_page(address)


async def callback():
    arrived = await asyncio.to_thread(application.wait_for_redirect)
    values = {name: value for name, [value] in parse_qs(urlsplit(arrived).query).items()}
    return AuthorizationCodeResult(code=values["code"], state=values.get("state"), iss=values.get("iss"))


async def main():
    metadata = OAuthClientMetadata(
        client_name="peer", redirect_uris=[application.redirect_uri], application_type="native"
    )
    provider = OAuthClientProvider(url, metadata, Memory(), redirect, callback)
    options = {} if mode == "default" else {"mode": mode}
    async with create_mcp_http_client(auth=provider) as http_client:
        async with Client(streamable_http_client(url, http_client=http_client), **options) as client:
            listed = await client.list_tools()
            print("tools", *sorted(tool.name for tool in listed.tools), flush=True)
            for name in ("get_order", "delete_order"):
                result = await client.call_tool(name, {"number": 7})
                print(f"called {result.content[0].text}", flush=True)
    print("done", flush=True)


try:
    asyncio.run(main())
except BaseException as error:
    print(f"failed {error!r}", flush=True)
    raise
