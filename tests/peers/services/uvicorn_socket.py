"""Runs an ASGI application on uvicorn with h11, on a free port."""

import socket

import uvicorn


def serve(app):
    listener = socket.create_server(("127.0.0.1", 0))
    print(f"listening on 127.0.0.1:{listener.getsockname()[1]}", flush=True)
    config = uvicorn.Config(app, http="h11", lifespan="off", log_level="critical", access_log=False)
    uvicorn.Server(config).run(sockets=[listener])
