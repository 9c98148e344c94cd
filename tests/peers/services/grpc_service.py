"""A gRPC service on grpcio. Its messages are bytes, so that it needs no generated code.

Arguments: a folder with tls.crt and tls.key, for a service that is reached over TLS.
"""

import sys
import threading
from concurrent import futures

import grpc


def metadata(context):
    return dict(context.invocation_metadata())


def show(request, context):
    if request == b"missing":
        context.set_trailing_metadata((("x-reason", "sold"), ("x-proof-bin", b"\x00\xff")))
        context.abort(grpc.StatusCode.NOT_FOUND, "no such order")
    left = context.time_remaining()
    context.send_initial_metadata((("x-shop", "open"),))
    context.set_trailing_metadata((("x-deadline", "none" if left is None else "less" if left < 20 else "more"),))
    return request + b" of " + metadata(context)["x-auth-subject"].encode()


def list_orders(request, context):
    for number in range(3):
        yield b"order %d" % number
    context.set_trailing_metadata((("x-count", "3"),))


def upload(requests, context):
    sizes = [len(request) for request in requests]
    return b"%d messages, %d bytes" % (len(sizes), sum(sizes))


def chat(requests, context):
    for request in requests:
        yield b"re: " + request


def wait(request, context):
    """One message, then none until the call ends."""
    ended = threading.Event()

    def end():
        print(f"ended {request.decode()}", flush=True)
        ended.set()

    if context.add_callback(end):
        yield b"waiting"
        ended.wait()
    else:
        end()


METHODS = {
    "Show": grpc.unary_unary_rpc_method_handler(show),
    "List": grpc.unary_stream_rpc_method_handler(list_orders),
    "Upload": grpc.stream_unary_rpc_method_handler(upload),
    "Chat": grpc.stream_stream_rpc_method_handler(chat),
    "Wait": grpc.unary_stream_rpc_method_handler(wait),
}


def main():
    server = grpc.server(futures.ThreadPoolExecutor(8))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("shop.Orders", METHODS),))
    if len(sys.argv) > 1:
        folder = sys.argv[1]
        with open(f"{folder}/tls.key", "rb") as key, open(f"{folder}/tls.crt", "rb") as certificate:
            credentials = grpc.ssl_server_credentials([(key.read(), certificate.read())])
        port = server.add_secure_port("127.0.0.1:0", credentials)
    else:
        port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(f"listening on 127.0.0.1:{port}", flush=True)
    server.wait_for_termination()


main()
