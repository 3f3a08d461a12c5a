"""The API of exclusion lists: numbers by file, which are left out of campaigns and jobs."""

import json
from datetime import date, timedelta
from typing import Any, Final

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field, inline_serializer
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied, UnsupportedMediaType
from rest_framework.parsers import MultiPartParser
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.access.permissions import may
from accounts.audit import Actor
from accounts.lists.keyset_pages import LenientKeysetPages
from accounts.models import Role
from accounts.requests import ApiRequest
from accounts.written.reading import is_storable
from campaigns.actions import exclusion_acts
from campaigns.imports import upload
from campaigns.models import ContactImport
from campaigns.wording.refusals import refusal
from jobs.models import ExclusionList, ListKind

_FILE: Final[dict[str, Any]] = {
    "file": {"type": "string", "format": "binary", "description": ".csv, .txt, .xlsx or .vcf"},
    "file_date": {"type": "string", "format": "date", "description": "Of the registry's file: 2026-11-30"},
    "default_country": {
        "type": "string",
        "description": "Of numbers without a code, and of hashes of such; else the account's",
    },
    "mapping": {
        "type": "string",
        "description": 'JSON. How the file is read, as for contacts; of columns {"phone": 0}. What is not given is '
        "found out.",
    },
}
_LIST_FORM = {
    "multipart/form-data": {
        "type": "object",
        "required": ["file", "name", "kind"],
        "properties": {
            "name": {"type": "string", "description": "Once in the account; 100 characters at most"},
            "kind": {"type": "string", "enum": ListKind.values},
            **_FILE,
        },
    }
}
_LOAD_FORM = {"multipart/form-data": {"type": "object", "required": ["file"], "properties": _FILE}}
NAME_CHARACTERS: Final = 100


class ExclusionListSerializer(serializers.ModelSerializer[ExclusionList]):
    """An exclusion list: what is in force of it, and the file that came last."""

    kind = serializers.ChoiceField(
        choices=ListKind.choices,
        help_text="repep, rne, no_llame, robinson, other: registries, which hold for what is advertising; own: holds "
        "for every campaign and every job of a file",
    )
    numbers = serializers.IntegerField(source="load.numbers", default=0, help_text="In force, each counted once")
    forms = serializers.ListField(
        child=serializers.CharField(),
        source="load.forms",
        default=list,
        help_text="What its lines are: plain, sha256, sha1, md5",
    )
    default_country = serializers.CharField(source="load.default_country", default="")
    file_date = serializers.DateField(source="load.file_date", default=None, allow_null=True)
    loaded_at = serializers.DateTimeField(source="load.loaded_at", default=None, allow_null=True)
    loaded_by = serializers.CharField(
        source="load.loaded_by.email", default=None, allow_null=True, help_text="The e-mail of who loaded it"
    )
    last_import = serializers.SerializerMethodField(
        help_text="The file that came last: how far it is. What was wrong with which line: GET …/contact_imports/{id}"
    )

    class Meta:
        model = ExclusionList
        fields = (
            "id",
            "name",
            "kind",
            "is_on",
            "numbers",
            "forms",
            "default_country",
            "file_date",
            "loaded_at",
            "loaded_by",
            "last_import",
            "created_at",
        )
        read_only_fields = fields

    @extend_schema_field(
        inline_serializer(
            "ExclusionListImport",
            {
                "id": serializers.IntegerField(),
                "status": serializers.ChoiceField(choices=ContactImport.Status.choices),
                "file_name": serializers.CharField(),
                "rows": serializers.IntegerField(),
                "processed": serializers.IntegerField(),
                "percentage": serializers.FloatField(),
                "error_count": serializers.IntegerField(help_text="Lines that could not be read"),
            },
            allow_null=True,
        )
    )
    def get_last_import(self, row: ExclusionList) -> dict[str, Any] | None:
        last = last_import(row)
        if last is None:
            return None
        said = ("id", "status", "file_name", "rows", "processed", "error_count")
        return {**{name: getattr(last, name) for name in said}, "percentage": upload.percentage(last)}


def last_import(row: ExclusionList) -> ContactImport | None:
    """The list's file that came last, unless that was forgotten."""
    imports: QuerySet[ContactImport] = ContactImport.objects.for_account(row.account_id).filter(exclusion_list=row)
    return imports.defer("errors", "warnings").order_by("-id").first()


class ExclusionLists(APIView):
    """Exclusion lists of an account, newest first."""

    parser_classes = (MultiPartParser,)

    @extend_schema(responses=ExclusionListSerializer(many=True), tags=["exclusion lists"])
    def get(self, request: ApiRequest, **_: Any) -> Response:
        """The lists, with what is in force of each."""
        pages = LenientKeysetPages()
        page = pages.paginate_queryset(_rows(request), request, self)
        return pages.get_paginated_response(ExclusionListSerializer(page, many=True).data)

    @extend_schema(request=_LIST_FORM, responses={201: ExclusionListSerializer}, tags=["exclusion lists"])
    def post(self, request: ApiRequest, **_: Any) -> Response:
        """Make a list of a file of numbers or of their hashes, up to a million; it is loaded in the background.

        Nothing of it holds until all of it is there. A file of which no line can be read makes an empty list."""
        form, file, mapping = _posted(request)
        row = ExclusionList(name=_name(form.get("name")), kind=_kind(form.get("kind")))
        try:
            exclusion_acts.create(Actor.of(request), row, file, _date(form.get("file_date")), mapping)
        except upload.BadMapping as bad:
            raise refusal("mapping_invalid", what=bad) from None
        return Response(ExclusionListSerializer(row).data, status=201)


class ExclusionListDetail(APIView):
    """One exclusion list. Whoever may not delete it may not switch it off."""

    @extend_schema(responses=ExclusionListSerializer, tags=["exclusion lists"])
    def get(self, request: ApiRequest, list_id: int, **_: Any) -> Response:
        """What is in force, and how far the file is that came last."""
        return Response(ExclusionListSerializer(_find(request, list_id)).data)

    @extend_schema(
        request=inline_serializer(
            "ExclusionListChange",
            {"name": serializers.CharField(required=False), "is_on": serializers.BooleanField(required=False)},
        ),
        responses=ExclusionListSerializer,
        tags=["exclusion lists"],
    )
    def patch(self, request: ApiRequest, list_id: int, **_: Any) -> Response:
        """Give it another name, or have it hold or not. Only an administrator switches one off."""
        row = _find(request, list_id)
        given = request.data if isinstance(request.data, dict) else {}
        name = _name(given["name"]) if "name" in given else None
        is_on = given.get("is_on")
        if is_on is not None and not isinstance(is_on, bool):
            raise refusal("exclusion_list_invalid", what="is_on debe ser true o false")
        if is_on is False and not may(request.membership, Role.ADMINISTRATOR):
            raise PermissionDenied
        exclusion_acts.change(Actor.of(request), row, name=name, is_on=is_on)
        return Response(ExclusionListSerializer(row).data)

    @extend_schema(responses={204: None}, tags=["exclusion lists"])
    def delete(self, request: ApiRequest, list_id: int, **_: Any) -> Response:
        """Delete it: it holds no more, at once."""
        exclusion_acts.delete(Actor.of(request), _find(request, list_id))
        return Response(status=204)


class ExclusionListLoad(APIView):
    """POST …/load"""

    parser_classes = (MultiPartParser,)

    @extend_schema(request=_LOAD_FORM, responses={201: ExclusionListSerializer}, tags=["exclusion lists"])
    def post(self, request: ApiRequest, list_id: int, **_: Any) -> Response:
        """Load a newer file, which takes the place of the one before once all of it is there; until then that holds."""
        row = _find(request, list_id)
        form, file, mapping = _posted(request)
        try:
            exclusion_acts.load(Actor.of(request), row, file, _date(form.get("file_date")), mapping)
        except upload.BadMapping as bad:
            raise refusal("mapping_invalid", what=bad) from None
        return Response(ExclusionListSerializer(row).data, status=201)


def _rows(request: ApiRequest) -> QuerySet[ExclusionList]:
    rows: QuerySet[ExclusionList] = ExclusionList.objects.for_account(request.account)
    return rows.select_related("load__loaded_by")


def _find(request: ApiRequest, list_id: int) -> ExclusionList:
    return get_object_or_404(_rows(request), pk=list_id)


def _posted(request: ApiRequest) -> tuple[Any, Any, Any]:
    """The form's fields, its file, and how that is read. Raises ApiError (400)."""
    try:
        form, files = request.POST, request.FILES
    except UnsupportedMediaType:
        raise refusal("import_file_missing") from None
    mapping: Any = {}
    if given := form.get("mapping"):
        try:
            mapping = json.loads(given)
        except (ValueError, RecursionError):
            raise refusal("mapping_invalid", what="no es JSON") from None
    if isinstance(mapping, dict) and "default_country" in form:
        mapping["default_country"] = form["default_country"]
    return form, files.get("file"), mapping


def _name(given: Any) -> str:
    name = given.strip() if isinstance(given, str) and is_storable(given) else ""
    if not 0 < len(name) <= NAME_CHARACTERS:
        raise refusal("exclusion_list_invalid", what=f"name debe tener de 1 a {NAME_CHARACTERS} caracteres")
    return name


def _kind(given: Any) -> str:
    if given not in ListKind.values:
        raise refusal("exclusion_list_invalid", what=f"kind debe ser uno de: {', '.join(ListKind.values)}")
    return str(given)


def _date(given: str | None) -> date | None:
    if not given:
        return None
    try:
        read = date.fromisoformat(given)
    except ValueError:
        read = None
    if read is None or read > timezone.now().date() + timedelta(days=1):
        raise refusal("exclusion_list_invalid", what="file_date debe ser una fecha pasada, como 2026-11-30")
    return read
