"""The server of the Python MCP SDK over streamable HTTP, with its defaults and no authorization of its own."""

import asyncio
import socket

import uvicorn
from mcp.server.mcpserver import MCPServer

server = MCPServer("orders")


@server.tool()
def get_order(number: int) -> str:
    """An order."""
    return f"order {number}"


@server.tool()
def delete_order(number: int) -> str:
    """Deletes an order."""
    return f"deleted {number}"


def announced(app):
    """Prints what the fields of each request say."""

    async def announce(scope, receive, send):
        if scope["type"] == "http":
            fields = dict(scope["headers"])
            names = (b"mcp-protocol-version", b"mcp-method", b"mcp-name")
            print("request", *(fields.get(name, b"-").decode() for name in names), flush=True)
        await app(scope, receive, send)

    return announce


async def main():
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(announced(server.streamable_http_app()), log_level="critical", access_log=False)
    print(f"listening on 127.0.0.1:{listener.getsockname()[1]}", flush=True)
    await uvicorn.Server(config).serve(sockets=[listener])


asyncio.run(main())
