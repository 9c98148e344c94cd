"""A native application: it prints the address that a browser has to open, and listens at its redirect URI."""

import http.server
import queue
import threading

arrived = queue.Queue()


class Callback(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"You can close this page.")
        arrived.put(redirect_uri.removesuffix("/callback") + self.path)

    def log_message(self, *arguments):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Callback)
threading.Thread(target=server.serve_forever, daemon=True).start()
redirect_uri = f"http://127.0.0.1:{server.server_port}/callback"


def open_page(url):
    print(f"open {url}", flush=True)


def wait_for_redirect():
    return arrived.get(timeout=60)


def sign_in(url):
    """Opens `url` and waits for the redirect."""
    open_page(url)
    return wait_for_redirect()
