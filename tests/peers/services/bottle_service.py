"""Bottle on the server of Python's library, with its defaults. The strict handlers announce themselves on standard output."""

from wsgiref.simple_server import WSGIRequestHandler, make_server

from bottle import Bottle, HTTPResponse, request

app = Bottle()


def answer(handler):
    print(handler, request.method, request.path, flush=True)
    return HTTPResponse(handler, headers={"Handler": handler})


@app.delete("/orders/<number>")
def delete_order(number):
    return answer("strict")


@app.route("/orders/<number>", method=["GET", "POST"])
def order(number):
    return answer("weak")


@app.route("/admin/<rest:path>", method="ANY")
def admin(rest):
    return answer("strict")


@app.post("/refunds")
def refund():
    return answer("strict")


@app.put("/Accounts/<number>/limits")
def limits(number):
    return answer("strict")


@app.get("/files/<name>")
def file(name):
    return answer("weak")


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


server = make_server("127.0.0.1", 0, app, handler_class=Quiet)
print(f"listening on 127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
