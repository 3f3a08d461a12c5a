"""Every refusal has one shape, in Spanish, and repeats nothing of what was sent."""

import json

import pytest
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation, TooManyFilesSent
from django.db import DataError
from django.http import Http404
from django.http.request import UnreadablePostError
from django.test import Client, override_settings
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.routes import api_path
from accounts.errors import ApiError
from config.urls import handler400, handler404, handler500  # noqa: F401 - part of this module's addresses

pytestmark = pytest.mark.urls(__name__)
HOSTILE = "<script>alert(7)</script>"
MULTIPART = b'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\n1\r\n--x--\r\n'


class Thing(serializers.Serializer):
    name = serializers.CharField(max_length=5)
    kind = serializers.ChoiceField(choices=["a", "b"], required=False)
    parts = serializers.ListField(child=serializers.IntegerField(), required=False)


class View(APIView):
    authentication_classes = ()
    permission_classes = ()
    error: Exception | None = None

    def get(self, request):
        raise self.error

    def post(self, request):
        thing = Thing(data=request.data)
        thing.is_valid(raise_exception=True)
        return Response(thing.validated_data)


RAISED = {
    "conflict": (ApiError("conflict", status=409), 409),
    "not_found": (Http404(HOSTILE), 404),
    "permission_denied": (PermissionDenied(HOSTILE), 403),
    "body_too_large": (RequestDataTooBig(HOSTILE), 413),
    "too_many_files": (TooManyFilesSent(HOSTILE), 400),
    "bad_request": (SuspiciousOperation(HOSTILE), 400),
    "upload_interrupted": (UnreadablePostError(HOSTILE), 400),
}
urlpatterns = [api_path("things", View.as_view())] + [
    api_path(f"raise/{code}", View.as_view(error=error)) for code, (error, _) in RAISED.items()
]
urlpatterns += [
    api_path("raise/data", View.as_view(error=DataError(HOSTILE))),
    api_path("raise/bug", View.as_view(error=KeyError(HOSTILE))),
    api_path(
        "raise/own", View.as_view(error=ApiError("x", "Así no.", 422, [{"line": 3, "code": "y", "message": "z"}]))
    ),
]


def shape(answer):
    body = json.loads(answer.content)
    assert set(body) == {"status", "code", "message", "errors"}
    assert body["status"] == "error"
    assert HOSTILE not in answer.content.decode()
    return answer.status_code, body["code"]


@pytest.mark.parametrize("code", RAISED)
def test_each_refusal_has_its_status_and_code(code):
    assert shape(Client().get(f"/raise/{code}")) == (RAISED[code][1], code)


def test_a_domain_error_says_its_own_words():
    answer = Client().get("/raise/own")
    assert answer.status_code == 422
    assert answer.json() == {
        "status": "error",
        "code": "x",
        "message": "Así no.",
        "errors": [{"line": 3, "code": "y", "message": "z"}],
    }


def test_a_value_the_database_cannot_hold_is_the_callers_fault():
    assert shape(Client().get("/raise/data")) == (400, "bad_request")


def test_a_fault_of_ours_is_a_500_without_its_cause():
    client = Client(raise_request_exception=False)
    answer = client.get("/raise/bug")
    assert shape(answer) == (500, "error")


def test_field_errors_name_their_field():
    answer = Client().post("/things", {"name": "too long", "parts": [1, "x"]}, content_type="application/json")
    assert shape(answer) == (400, "invalid")
    assert [(one["field"], one["code"]) for one in answer.json()["errors"]] == [
        ("name", "max_length"),
        ("parts.1", "invalid"),
    ]


def test_a_missing_field_is_told_in_spanish_whatever_the_browser_asks():
    answer = Client(headers={"Accept-Language": "en"}).post("/things", {}, content_type="application/json")
    assert answer.json()["errors"] == [
        {"field": "name", "code": "required", "message": "Este campo es requerido."},
    ]
    assert answer["Content-Language"] == "es"


def test_a_wrong_choice_is_not_echoed():
    data = {"name": "x", "kind": HOSTILE, "parts": HOSTILE}
    assert shape(Client().post("/things", data, content_type="application/json")) == (400, "invalid")


@pytest.mark.parametrize(
    ("content_type", "body", "expected"),
    [
        ("application/json", b"{", (400, "parse_error")),
        ("application/json", b"\xff\xfe", (400, "parse_error")),
        ("application/json", b"[" * 100_000, (400, "parse_error")),
        ("application/json", b'{"name": ' + b"9" * 5000 + b"}", (400, "parse_error")),
        ("application/json", b'{"name": "\\ud800"}', (400, "invalid")),
        ("application/json", b'{"name": "a\\u0000"}', (400, "invalid")),
        ("application/json", b"[]", (400, "invalid")),
        ("application/json; charset=hex", b"{}", (400, "parse_error")),
        ("application/json; charset=nonsense", b"{}", (400, "invalid")),
        ("application/x-www-form-urlencoded; charset=hex", b"name=x", (400, "parse_error")),
        ("application/x-www-form-urlencoded; charset=base64", b"name=x", (400, "parse_error")),
        ("multipart/form-data; boundary=x; charset=hex", MULTIPART, (400, "parse_error")),
        ("multipart/form-data", b"x", (400, "parse_error")),
        ("multipart/form-data; boundary=x", b"--x\r\nbroken", (400, "invalid")),
        ("multipart/form-data; boundary=\xff", b"x", (400, "parse_error")),
        ("text/csv", b"x", (415, "unsupported_media_type")),
        ("", b"x", (415, "unsupported_media_type")),
    ],
)
def test_a_body_that_cannot_be_read_is_never_a_500(content_type, body, expected):
    assert shape(Client().generic("POST", "/things", body, content_type=content_type)) == expected


def test_too_many_fields_are_refused():
    body = "&".join(f"f{n}=1" for n in range(500))
    answer = Client().post("/things", body, content_type="application/x-www-form-urlencoded")
    assert shape(answer) == (400, "too_many_fields")


def test_too_many_files_are_refused(tmp_path):
    body = b"".join(
        b'--x\r\nContent-Disposition: form-data; name="f%d"; filename="f"\r\n\r\n.\r\n' % n for n in range(150)
    )
    answer = Client().generic("POST", "/things", body + b"--x--\r\n", content_type="multipart/form-data; boundary=x")
    assert shape(answer) == (400, "too_many_files")


def test_a_method_that_is_not_there_says_which_are():
    answer = Client().put("/things")
    assert shape(answer) == (405, "method_not_allowed")
    assert "POST" in answer["Allow"]


def test_a_format_we_do_not_speak():
    answer = Client(headers={"Accept": "application/xml"}).post("/things", {"name": "x"})
    assert shape(answer) == (406, "not_acceptable")


def test_an_address_that_does_not_exist_answers_json_to_programs_and_html_to_browsers():
    assert shape(Client().get("/nowhere")) == (404, "not_found")
    assert "<h1>" in Client(headers={"Accept": "text/html"}).get("/nowhere").content.decode()


def test_a_host_that_is_not_ours_is_a_400():
    with override_settings(ALLOWED_HOSTS=["pregonero.example"]):
        answer = Client(headers={"Host": HOSTILE}).get("/things")
    assert shape(answer) == (400, "bad_request")
