"""The API of custom attributes: their names, and what their values are."""

from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.audit import Actor
from accounts.lists.keyset_pages import KeysetPages
from accounts.requests import ApiRequest
from accounts.written.reading import is_storable
from campaigns.actions import contact_acts
from campaigns.models import AttributeKind, AttributeName
from campaigns.wording.refusals import refusal

_KINDS = (
    "What its values are: text, number, boolean, date; mixed, of several kinds; empty, not known yet. An import and "
    "the first contact that has it say so. Audiences compare by it, and refuse operators that no such value can meet."
)


class AttributeSerializer(serializers.ModelSerializer[AttributeName]):
    """A custom attribute: its name as the account writes it, and what its values are."""

    kind = serializers.ChoiceField(choices=AttributeKind.choices, help_text=_KINDS)

    class Meta:
        model = AttributeName
        fields = ("id", "name", "kind")
        read_only_fields = ("id", "name")


class Attributes(APIView):
    """Custom attributes of an account."""

    ordering_fields = ("name", "id")
    ordering = "name"

    @extend_schema(
        parameters=[OpenApiParameter("search", str, description="Part of the name")],
        responses=AttributeSerializer(many=True),
        tags=["contacts"],
    )
    def get(self, request: ApiRequest, **_: Any) -> Response:
        """The attributes that contacts have or had, by name."""
        rows: QuerySet[AttributeName] = AttributeName.objects.for_account(request.account)
        if part := request.query_params.get("search"):
            if not is_storable(part):
                raise refusal("filter_invalid", what="search")
            rows = rows.filter(name__icontains=part)
        pages = KeysetPages()
        page = pages.paginate_queryset(rows, request, self)
        return pages.get_paginated_response(AttributeSerializer(page, many=True).data)


class AttributeDetail(APIView):
    """One custom attribute."""

    @extend_schema(responses=AttributeSerializer, tags=["contacts"])
    def get(self, request: ApiRequest, attribute_id: int, **_: Any) -> Response:
        """Its name and what its values are."""
        return Response(AttributeSerializer(_find(request, attribute_id)).data)

    @extend_schema(request=AttributeSerializer, responses=AttributeSerializer, tags=["contacts"])
    def patch(self, request: ApiRequest, attribute_id: int, **_: Any) -> Response:
        """Say what its values are. They stay as they are: only how audiences compare them changes."""
        attribute = _find(request, attribute_id)
        serializer = AttributeSerializer(attribute, data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        if "kind" in serializer.validated_data:
            contact_acts.say_kind(Actor.of(request), attribute, serializer.validated_data["kind"])
        return Response(AttributeSerializer(attribute).data)


def _find(request: ApiRequest, attribute_id: int) -> AttributeName:
    row: AttributeName = get_object_or_404(AttributeName.objects.for_account(request.account), pk=attribute_id)
    return row
