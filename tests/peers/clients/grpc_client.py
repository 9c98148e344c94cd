"""Calls of every kind by grpcio to the service of services/grpc_service.py.

Arguments: the address, a token, a token without the scope, and for TLS the file of the authority.
"""

import queue
import sys

import grpc

address, token, without_scope, *authority = sys.argv[1:]
TIMEOUT = 30


def channel():
    # The environment of the test may name a proxy.
    options = (("grpc.enable_http_proxy", 0),)
    if not authority:
        return grpc.insecure_channel(address, options)
    with open(authority[0], "rb") as file:
        credentials = grpc.ssl_channel_credentials(root_certificates=file.read())
    return grpc.secure_channel(address, credentials, options)


def bearer(value):
    return (("authorization", f"Bearer {value}"),)


def say(text):
    print(text, flush=True)


def fields(call):
    return dict(call.trailing_metadata())


def unary(show):
    answer, call = show.with_call(b"order 7", timeout=15, metadata=bearer(token))
    assert dict(call.initial_metadata())["x-shop"] == "open", call.initial_metadata()
    say(f"unary {answer.decode()}, deadline {fields(call)['x-deadline']}")


def failure(show):
    try:
        show(b"missing", timeout=TIMEOUT, metadata=bearer(token))
    except grpc.RpcError as error:
        reason, proof = fields(error)["x-reason"], fields(error)["x-proof-bin"]
        say(f"error {error.code().name} {error.details()}, {reason} {proof.hex()}")


def streams(orders):
    call = orders.unary_stream("/shop.Orders/List")(b"", timeout=TIMEOUT, metadata=bearer(token))
    listed = [message.decode() for message in call]
    say(f"server stream {', '.join(listed)}, count {fields(call)['x-count']}")

    upload = orders.stream_unary("/shop.Orders/Upload")
    answer = upload(iter([bytes(100_000)] * 30), timeout=TIMEOUT, metadata=bearer(token))
    say(f"client stream {answer.decode()}")

    questions = queue.Queue()
    chat = orders.stream_stream("/shop.Orders/Chat")(iter(questions.get, None), timeout=TIMEOUT, metadata=bearer(token))
    answers = []
    for question in (b"one", b"two", b"three"):
        # Each is answered before the next is sent.
        questions.put(question)
        answers.append(next(chat).decode())
    questions.put(None)
    assert list(chat) == [], "an answer without a question"
    say(f"both streams {', '.join(answers)}, {chat.code().name}")


def ends(orders):
    wait = orders.unary_stream("/shop.Orders/Wait")
    call = wait(b"deadline", timeout=2, metadata=bearer(token))
    assert next(call) == b"waiting"
    try:
        next(call)
    except grpc.RpcError as error:
        say(f"deadline {error.code().name}")

    call = wait(b"cancel", timeout=TIMEOUT, metadata=bearer(token))
    assert next(call) == b"waiting"
    call.cancel()
    try:
        next(call)
    except grpc.RpcError as error:
        say(f"cancel {error.code().name}")


def denials(orders, show):
    for name, metadata in (("no token", ()), ("garbage", bearer("a.b.c")), ("no scope", bearer(without_scope))):
        try:
            show(b"order 7", timeout=TIMEOUT, metadata=metadata)
        except grpc.RpcError as error:
            say(f"{name} {error.code().name} {error.details()}")
    try:
        chat = orders.stream_stream("/shop.Orders/Chat")
        list(chat(iter([b"one"]), timeout=TIMEOUT, metadata=bearer(without_scope)))
    except grpc.RpcError as error:
        say(f"stream without scope {error.code().name}")


def main():
    with channel() as orders:
        show = orders.unary_unary("/shop.Orders/Show")
        unary(show)
        failure(show)
        streams(orders)
        ends(orders)
        denials(orders, show)
    say("done")


try:
    main()
except BaseException as error:
    say(f"failed {error!r}")
    raise
