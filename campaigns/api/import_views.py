"""The API of imports of contacts."""

import json
from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema, extend_schema_field, inline_serializer
from rest_framework import serializers
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.parsers import MultiPartParser
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.audit import Actor
from accounts.lists.keyset_pages import LenientKeysetPages
from accounts.requests import ApiRequest
from accounts.written.reading import true_or_false
from campaigns.actions import import_acts
from campaigns.imports import attribute_columns, consent_columns, recognition, upload
from campaigns.models import ContactImport
from campaigns.wording import contact_line_problems
from campaigns.wording.refusals import refusal

_MAPPING_KEYS = (
    *("encoding", "delimiter", "header", "start", "sheet", "columns", "add_labels", "default_country"),
    *(consent_columns.SOURCE, "reason"),
)
_MAPPING_HELP = (
    'How the file is read: {"encoding", "delimiter", "header", "start": 1, "sheet": 0, "columns": {"phone": 0, '
    '"more_phones": [6], "name": 1, "email": 2, "labels": 3, "country": 7, "custom_attributes": {"region": 4, "age": '
    '{"column": 5, "type": "number"}}}, "add_labels": [], "default_country": "PE"}. '
    "The table begins at the line `start`; what is above is passed over. "
    "An attribute's type is recognised by all of its cells unless it is said: text, number (with "
    '"decimal": "." or ","), boolean, date (with "order": "dmy" or "mdy") or json. '
    "A name may be several columns, [1, 2]. Of a line's phones the first mobile is taken, the "
    "others are kept as attributes. "
    "`country` says of each line whose number it is where that is written without its code: a name, two letters or a "
    "calling code; where it says nothing that is known, `default_country` holds. "
    "`opted_out`, `opted_out_at`, `opted_in`, `opted_in_at` and `opted_in_source` are columns of consent: whoever is "
    "opted out is not written to, also where contacts that exist are left alone, and `opted_out` may be several "
    "columns, [4, 5]. Opting in asks for its source: a column, or words for all beside `columns`, "
    '"opted_in_source": "Formulario web". `opted_in_basis` may say another basis than consent (legitimate_interest, '
    "contract), `opted_in_version` which text was agreed to. "
    '"confirmed": true says that the columns are right where `unsure` asks.'
)
_UPLOAD_FORM = {
    "multipart/form-data": {
        "type": "object",
        "required": ["file"],
        "properties": {
            "file": {"type": "string", "format": "binary", "description": ".csv, .txt, .xlsx or .vcf"},
            "update_existing": {"type": "boolean", "default": True},
            "mapping": {"type": "string", "description": f"JSON. {_MAPPING_HELP}"},
        },
    }
}


_PROBLEMS = inline_serializer(
    "ContactImportProblem",
    {
        "line": serializers.IntegerField(),
        "column": serializers.CharField(help_text="Its header's name, or #3; empty for the line as a whole"),
        "code": serializers.CharField(),
        "message": serializers.CharField(),
    },
    many=True,
)


class ContactImportSerializer(serializers.ModelSerializer[ContactImport]):
    """An import. While it is `ready`, the counts say what would happen; from `running` on, what has happened."""

    mapping = serializers.SerializerMethodField(help_text=_MAPPING_HELP)
    sheets = serializers.SerializerMethodField(help_text="The names of a workbook's sheets; `mapping.sheet` is one")
    encoding_words = serializers.SerializerMethodField(help_text="Words that show whether the encoding is right")
    columns = serializers.SerializerMethodField(help_text="The header's names")
    sample = serializers.SerializerMethodField(help_text="The first rows")
    types = serializers.SerializerMethodField(
        help_text="What the columns of attributes hold; recognised while the file is checked"
    )
    phone_column = serializers.SerializerMethodField(help_text="What was taken for the phone, with five samples")
    unsure = serializers.SerializerMethodField(
        help_text="Why the columns must be confirmed before the start: phone_by_content, phone_doubtful"
    )
    created = serializers.IntegerField(source="created_count")
    updated = serializers.IntegerField(source="updated_count")
    skipped = serializers.IntegerField(source="skipped_count")
    opted_out = serializers.IntegerField(source="opted_out_count", help_text="People whom the file opts out")
    opted_in = serializers.IntegerField(source="opted_in_count", help_text="People whom the file opts in")
    percentage = serializers.SerializerMethodField()
    warning_count = serializers.IntegerField(help_text="How much was left out of lines that are imported")
    errors = serializers.SerializerMethodField(  # type: ignore[assignment]
        help_text="The first 1,000 lines that are not imported"
    )
    warnings = serializers.SerializerMethodField(
        help_text="The first 1,000 cells that are left out of lines that are imported"
    )

    class Meta:
        model = ContactImport
        fields = (
            "id",
            "kind",
            "file_name",
            "status",
            "update_existing",
            "mapping",
            "sheets",
            "encoding_words",
            "columns",
            "sample",
            "types",
            "phone_column",
            "unsure",
            "rows",
            "processed",
            "percentage",
            "created",
            "updated",
            "skipped",
            "opted_out",
            "opted_in",
            "error_count",
            "errors",
            "warning_count",
            "warnings",
            "created_at",
            "finished_at",
        )
        read_only_fields = fields

    def get_mapping(self, row: ContactImport) -> dict[str, Any]:
        # What is beside it there has a place of its own.
        said = {name: row.mapping[name] for name in _MAPPING_KEYS if name in row.mapping}
        return {"start": 1, "sheet": 0, **said, "columns": attribute_columns.shown(row.mapping)}

    def get_sheets(self, row: ContactImport) -> list[str]:
        sheets: list[str] = row.mapping.get("sheets", [])
        return sheets

    def get_encoding_words(self, row: ContactImport) -> list[str]:
        words: list[str] = row.mapping.get("encoding_words", [])
        return words

    def get_columns(self, row: ContactImport) -> list[str]:
        names: list[str] = row.mapping["names"]
        return names

    def get_sample(self, row: ContactImport) -> list[list[str]]:
        sample: list[list[str]] = row.mapping["sample"]
        return sample

    @extend_schema_field(
        inline_serializer(
            "ContactImportType",
            {
                "attribute": serializers.CharField(),
                "column": serializers.IntegerField(),
                "type": serializers.CharField(
                    help_text="text, number, boolean, date, json; empty: not known, or no cell"
                ),
                "reading": serializers.CharField(help_text="The decimal sign of a number, dmy or mdy of a date"),
                "is_recognised": serializers.BooleanField(help_text="By its cells, and not said in `mapping`"),
                "doubt": serializers.CharField(help_text="Why it stays text: decimal_unclear, order_unclear"),
            },
            many=True,
        )
    )
    def get_types(self, row: ContactImport) -> list[dict[str, Any]]:
        names = ("attribute", "column", "type", "reading", "is_recognised", "doubt")
        return [{name: getattr(one, name) for name in names} for one in recognition.shown_types(row.mapping)]

    @extend_schema_field(
        inline_serializer(
            "ContactImportPhoneColumn",
            {
                "column": serializers.IntegerField(),
                "name": serializers.CharField(),
                "samples": serializers.ListField(child=serializers.CharField()),
            },
            allow_null=True,
        )
    )
    def get_phone_column(self, row: ContactImport) -> dict[str, Any] | None:
        return upload.phone_column(row)

    def get_unsure(self, row: ContactImport) -> list[str]:
        unsure: list[str] = row.mapping.get("unsure", [])
        return unsure

    def get_percentage(self, row: ContactImport) -> float:
        return upload.percentage(row)

    @extend_schema_field(_PROBLEMS)
    def get_errors(self, row: ContactImport) -> list[dict[str, Any]]:
        return [contact_line_problems.on_the_wire(problem) for problem in row.errors]

    @extend_schema_field(_PROBLEMS)
    def get_warnings(self, row: ContactImport) -> list[dict[str, Any]]:
        return [contact_line_problems.on_the_wire(problem) for problem in row.warnings]


class ContactImports(APIView):
    """Files of contacts, newest first."""

    parser_classes = (MultiPartParser,)
    pagination_class = LenientKeysetPages

    @extend_schema(responses=ContactImportSerializer(many=True), tags=["contacts"])
    def get(self, request: ApiRequest, **_: Any) -> Response:
        """Imports, newest first, without their errors' lines."""
        pages = LenientKeysetPages()
        rows: QuerySet[ContactImport] = ContactImport.objects.for_account(request.account)
        page = pages.paginate_queryset(rows, request, self)
        return pages.get_paginated_response(ContactImportSerializer(page, many=True).data)

    @extend_schema(request=_UPLOAD_FORM, responses={201: ContactImportSerializer}, tags=["contacts"])
    def post(self, request: ApiRequest, **_: Any) -> Response:
        """Upload a file. What it is made of and what its columns are is guessed, and it is checked in the background;
        nothing is imported before `start`."""
        try:
            form, files = request.POST, request.FILES
        except UnsupportedMediaType:
            raise refusal("import_file_missing") from None
        update_existing = _updates_existing(form.get("update_existing") or "true")
        mapping = _parsed(given) if (given := form.get("mapping")) else None
        try:
            row = import_acts.accept_file(Actor.of(request), files.get("file"), update_existing, mapping)
        except upload.BadMapping as bad:
            raise refusal("mapping_invalid", what=bad) from None
        return Response(ContactImportSerializer(row).data, status=201)


_SUPPRESSIONS_FORM = {
    "multipart/form-data": {
        "type": "object",
        "required": ["file"],
        "properties": {
            "file": {"type": "string", "format": "binary", "description": ".csv, .txt, .xlsx or .vcf"},
            "reason": {"type": "string", "description": "For the lines that say none; 200 characters at most"},
            "default_country": {"type": "string", "description": "Of numbers without a code; else the account's"},
            "mapping": {
                "type": "string",
                "description": "JSON. How the file is read, as for contacts; of columns "
                '{"phone": 0, "reason": 1, "since": 2}. What is not given is found out.',
            },
        },
    }
}


class SuppressionImport(APIView):
    """POST …/suppressions/import"""

    parser_classes = (MultiPartParser,)

    @extend_schema(request=_SUPPRESSIONS_FORM, responses={201: ContactImportSerializer}, tags=["suppressions"])
    def post(self, request: ApiRequest, **_: Any) -> Response:
        """Put the numbers of a file on the list, with reason and date; up to a million, in the background.

        The answer is an import of the kind `suppressions`: `GET …/contact_imports/{id}` says how far it is, and at
        `completed` how many were added (`created`), there already (`skipped`) and refused (`error_count`, `errors`).
        A number that is there keeps its reason and date. Lines without a number that can be read are refused, each
        with its code; a date or reason that is none is left out and told under `warnings`."""
        try:
            form, files = request.POST, request.FILES
        except UnsupportedMediaType:
            raise refusal("import_file_missing") from None
        mapping = _parsed(given) if (given := form.get("mapping")) else {}
        if isinstance(mapping, dict):
            mapping |= {name: form[name] for name in ("reason", "default_country") if name in form}
        try:
            row = import_acts.suppress_file(Actor.of(request), files.get("file"), mapping)
        except upload.BadMapping as bad:
            raise refusal("mapping_invalid", what=bad) from None
        return Response(ContactImportSerializer(row).data, status=201)


class ContactImportDetail(APIView):
    """One import."""

    @extend_schema(responses=ContactImportSerializer, tags=["contacts"])
    def get(self, request: ApiRequest, import_id: int, **_: Any) -> Response:
        """How far it is, what it did or would do, and what is wrong with which line."""
        return Response(ContactImportSerializer(_find(request, import_id)).data)

    @extend_schema(
        request=inline_serializer(
            "ContactImportChange",
            {
                "mapping": serializers.JSONField(required=False, help_text=_MAPPING_HELP),
                "update_existing": serializers.BooleanField(required=False),
            },
        ),
        responses=ContactImportSerializer,
        tags=["contacts"],
    )
    def patch(self, request: ApiRequest, import_id: int, **_: Any) -> Response:
        """Say how the file is to be read, before it is started; it is then checked again. Parts of `mapping` that are
        not given stay. 409 once it was started."""
        row = _find(request, import_id)
        given = request.data if isinstance(request.data, dict) else {}
        update_existing = given.get("update_existing")
        if update_existing is not None and not isinstance(update_existing, bool):
            raise refusal("mapping_invalid", what="update_existing debe ser true o false")
        try:
            import_acts.map_columns(Actor.of(request), row, given.get("mapping", {}), update_existing)
        except upload.BadMapping as bad:
            raise refusal("mapping_invalid", what=bad) from None
        return Response(ContactImportSerializer(row).data)

    @extend_schema(responses={204: None}, tags=["contacts"])
    def delete(self, request: ApiRequest, import_id: int, **_: Any) -> Response:
        """Forget an import and its file; one that runs stops. Contacts that it made stay."""
        import_acts.delete(Actor.of(request), _find(request, import_id))
        return Response(status=204)


class ContactImportStart(APIView):
    """POST …/start"""

    @extend_schema(request=None, responses=ContactImportSerializer, tags=["contacts"])
    def post(self, request: ApiRequest, import_id: int, **_: Any) -> Response:
        """Import a checked file. 409 where it is not `ready`."""
        row = _find(request, import_id)
        import_acts.start(Actor.of(request), row)
        return Response(ContactImportSerializer(row).data)


def _find(request: ApiRequest, import_id: int) -> ContactImport:
    row: ContactImport = get_object_or_404(ContactImport.objects.for_account(request.account), pk=import_id)
    return row


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise refusal("mapping_invalid", what="no es JSON") from None


def _updates_existing(text: str) -> bool:
    try:
        return true_or_false(text)
    except ValueError:
        raise refusal("mapping_invalid", what="update_existing debe ser true o false") from None
