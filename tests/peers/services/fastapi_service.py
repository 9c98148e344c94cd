"""FastAPI on uvicorn, with its defaults. The strict handlers announce themselves on standard output."""

from fastapi import FastAPI, Request, Response

import uvicorn_socket

app = FastAPI()
ANY = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def answer(request, handler):
    print(handler, request.method, request.url.path, flush=True)
    return Response(handler, headers={"Handler": handler})


@app.delete("/orders/{number}")
def delete_order(number, request: Request):
    return answer(request, "strict")


@app.get("/orders/{number}")
@app.post("/orders/{number}")
def order(number, request: Request):
    return answer(request, "weak")


# `{rest:path}` also matches an empty rest, which the route of the policy does not.
@app.api_route("/admin/{rest:path}", methods=ANY)
def admin(rest, request: Request):
    return answer(request, "strict" if rest else "weak")


@app.post("/refunds")
def refund(request: Request):
    return answer(request, "strict")


@app.put("/Accounts/{number}/limits")
def limits(number, request: Request):
    return answer(request, "strict")


@app.get("/files/{name}")
def file(name, request: Request):
    return answer(request, "weak")


uvicorn_socket.serve(app)
