"""The API of people who ask to be forgotten, or what is held of them. Administrators only."""

from typing import Any

from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.audit import Actor
from accounts.lists.keyset_pages import KeysetPages
from accounts.models import Role
from accounts.requests import ApiRequest
from campaigns.actions import person_acts
from campaigns.models import Contact
from campaigns.wording.refusals import refusal
from devices import phone_numbers
from jobs.models import Erasure
from jobs.wording import phone_problems

_WHOSE = inline_serializer("WhosePerson", {"phone": serializers.CharField()})


class ErasureSerializer(serializers.ModelSerializer[Erasure]):
    """That somebody is forgotten; nothing here says who. `done_at` is null while it is under way, and `waits_for` then
    says what must end first: "sending", a message on its way; "imports", a file being read; "events", what gateways
    told before."""

    class Meta:
        model = Erasure
        fields = ("id", "asked_at", "done_at", "waits_for")
        read_only_fields = fields


class Erasures(APIView):
    """People who were erased, or are being."""

    required_role = Role.ADMINISTRATOR
    pagination_class = KeysetPages

    @extend_schema(responses=ErasureSerializer(many=True), tags=["contacts"])
    def get(self, request: ApiRequest, **_: Any) -> Response:
        """The erasures, newest first."""
        rows: QuerySet[Erasure] = Erasure.objects.for_account(request.account)
        pages = KeysetPages()
        page = pages.paginate_queryset(rows, request, self)
        return pages.get_paginated_response(ErasureSerializer(page, many=True).data)

    @extend_schema(request=_WHOSE, responses={202: ErasureSerializer}, tags=["contacts"])
    def post(self, request: ApiRequest, **_: Any) -> Response:
        """Erase whoever has this number, in any spelling, contact or not: what is held of them goes, and the number is
        never written to again. It cannot be undone. `GET …/erasures/{id}` says when it is done."""
        row = person_acts.erase(Actor.of(request), _phone(request))
        return Response(ErasureSerializer(row).data, status=202)


class ErasureDetail(APIView):
    """One erasure."""

    @extend_schema(responses=ErasureSerializer, tags=["contacts"])
    def get(self, request: ApiRequest, erasure_id: int, **_: Any) -> Response:
        """How far it is."""
        row: Erasure = get_object_or_404(Erasure.objects.for_account(request.account), pk=erasure_id)
        return Response(ErasureSerializer(row).data)


class ContactErase(APIView):
    """POST contacts/{id}/erase"""

    required_role = Role.ADMINISTRATOR

    @extend_schema(request=None, responses={202: ErasureSerializer}, tags=["contacts"])
    def post(self, request: ApiRequest, contact_id: int, **_: Any) -> Response:
        """Erase a contact as a person: see `POST …/erasures`."""
        row = person_acts.erase(Actor.of(request), contact=_contact(request, contact_id))
        return Response(ErasureSerializer(row).data, status=202)


class ContactAccessExport(APIView):
    """GET contacts/{id}/access_export"""

    required_role = {"GET": Role.ADMINISTRATOR}

    @extend_schema(responses={(200, "application/json"): OpenApiTypes.OBJECT}, tags=["contacts"])
    def get(self, request: ApiRequest, contact_id: int, **_: Any) -> HttpResponse:
        """All that is held of a contact as a person, as a JSON file."""
        contact = _contact(request, contact_id)
        return _file(person_acts.exported(Actor.of(request), contact=contact))


class AccessExports(APIView):
    """POST access_exports"""

    required_role = Role.ADMINISTRATOR

    @extend_schema(request=_WHOSE, responses={(200, "application/json"): OpenApiTypes.OBJECT}, tags=["contacts"])
    def post(self, request: ApiRequest, **_: Any) -> HttpResponse:
        """All that is held of whoever has this number, contact or not, as a JSON file."""
        return _file(person_acts.exported(Actor.of(request), _phone(request)))


def _contact(request: ApiRequest, contact_id: int) -> Contact:
    contact: Contact | None = Contact.objects.for_account(request.account).filter(pk=contact_id).first()
    if contact is None:
        raise Http404
    return contact


def _phone(request: ApiRequest) -> str:
    raw = request.data.get("phone") if isinstance(request.data, dict) else None
    if not isinstance(raw, str) or not raw.strip():
        raise refusal("person_missing")
    try:
        return phone_numbers.read_kept_from(raw, request.account.default_country)
    except phone_numbers.Unreadable as problem:
        said = phone_problems.on_the_wire(problem.code)
        raise refusal("person_missing", [{"field": "phone", "code": problem.code, "message": said}]) from None


def _file(text: str) -> HttpResponse:
    headers = {"Content-Disposition": 'attachment; filename="person.json"', "Cache-Control": "no-store"}
    return HttpResponse(text, content_type="application/json; charset=utf-8", headers=headers)
