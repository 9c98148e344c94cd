"""Django on uvicorn, with its common middleware. The strict handlers announce themselves on standard output."""

import sys

import django
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpResponse, HttpResponseNotAllowed
from django.urls import path, re_path
from django.views import View

import uvicorn_socket

settings.configure(
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="test",
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.middleware.common.CommonMiddleware",
    ],
    LOGGING_CONFIG=None,
)
django.setup()


def answer(request, handler):
    print(handler, request.method, request.path, flush=True)
    return HttpResponse(handler, headers={"Handler": handler})


class Order(View):
    def get(self, request, number):
        return answer(request, "weak")

    def post(self, request, number):
        return answer(request, "weak")

    def delete(self, request, number):
        return answer(request, "strict")


def admin(request, rest):
    return answer(request, "strict")


def refund(request):
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    return answer(request, "strict")


class Limits(View):
    def put(self, request, number):
        return answer(request, "strict")


def file(request, name):
    return answer(request, "weak")


urlpatterns = [
    path("orders/<str:number>", Order.as_view()),
    path("admin/<path:rest>", admin),
    # A regular expression, as in applications written before version 2: `$` matches before a last line feed.
    re_path(r"^refunds$", refund),
    path("Accounts/<str:number>/limits", Limits.as_view()),
    path("files/<str:name>", file),
]

if __name__ == "__main__":
    sys.modules.setdefault(__name__, sys.modules["__main__"])
    uvicorn_socket.serve(get_asgi_application())
