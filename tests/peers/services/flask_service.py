"""Flask on Werkzeug's server, with its defaults. The strict handlers announce themselves on standard output."""

from flask import Flask, Response, request
from werkzeug.serving import WSGIRequestHandler, make_server

app = Flask(__name__)
ANY = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def answer(handler):
    print(handler, request.method, request.path, flush=True)
    return Response(handler, headers={"Handler": handler})


@app.route("/orders/<number>", methods=["DELETE"])
def delete_order(number):
    return answer("strict")


@app.route("/orders/<number>", methods=["GET", "POST"])
def order(number):
    return answer("weak")


@app.route("/admin/<path:rest>", methods=ANY)
def admin(rest):
    return answer("strict")


@app.route("/refunds", methods=["POST"])
def refund():
    return answer("strict")


@app.route("/Accounts/<number>/limits", methods=["PUT"])
def limits(number):
    return answer("strict")


@app.route("/files/<name>")
def file(name):
    return answer("weak")


class Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, *_):
        pass


server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
print(f"listening on 127.0.0.1:{server.port}", flush=True)
server.serve_forever()
