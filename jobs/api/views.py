"""The HTTP side of seed 000: an upload becomes a job, and jobs can be listed, looked into and exported."""

import re
import uuid
from typing import Any

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView

from accounts.api.csv_files import CsvView
from accounts.audit import Actor
from accounts.lists import keyset
from accounts.requests import ApiRequest
from devices import phone_numbers
from jobs import actions
from jobs.api import export
from jobs.api.serializers import (
    JobCreatedSerializer,
    JobDetailSerializer,
    JobInListSerializer,
    JobSerializer,
    ReceiptsInFullSerializer,
    RecipientPageSerializer,
    RecipientSerializer,
)
from jobs.intake import accepting
from jobs.message.book import template_of
from jobs.models import RECEIPT_TIMES, Job, OnDuplicate, RecipientQuerySet
from jobs.receipts import figures
from jobs.states import JobStatus, RecipientState
from jobs.wording.refusals import job_created, refusal

PAGE_SIZE = 100  # the most that a list answers at once

FILTERS = [
    OpenApiParameter("state", str, enum=RecipientState.values, description="`status` means the same"),
    OpenApiParameter(
        "receipt", str, enum=list(RECEIPT_TIMES), description="Of whom it was said; who read it is delivered"
    ),
    OpenApiParameter("error", str, description="An `error_code`, as in `by_error` of the job's results"),
    OpenApiParameter("search", str, description="+51987: begins with; 987: contains"),
]
RECIPIENT_PARAMETERS = [
    *FILTERS,
    OpenApiParameter("cursor", str),
    OpenApiParameter("limit", int),
]
_WHOLE_NUMBER = re.compile(r"[0-9]{1,9}")
_UPLOAD_FORM = {
    "multipart/form-data": {
        "type": "object",
        "required": ["file", "message"],
        "properties": {
            "file": {"type": "string", "format": "binary"},
            "message": {"type": "string"},
            "devices_limit": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 5},
            "title": {"type": "string", "maxLength": 200},
            "scheduled_at": {"type": "string", "format": "date-time"},
            "default_country": {
                "type": "string",
                "description": "PE: what numbers without + belong to; without it their digits stand as they are",
            },
            "devices": {"type": "string", "description": "1,2,3"},
            "on_duplicate": {"type": "string", "enum": OnDuplicate.values, "default": OnDuplicate.SKIP_ROW},
            "canary": {
                "type": "boolean",
                "default": True,
                "description": "Whether a large job sends to a few first, and to the others when those are well",
            },
            "allow_missing": {
                "type": "boolean",
                "default": False,
                "description": "Send also where the message has variables that nothing can fill: "
                "@valor9 of a file with three columns as ---, others as they stand. Without it: 400 variables_unknown.",
            },
        },
    }
}


class SendBulkFile(APIView):
    """POST /messages/send-bulk-file"""

    parser_classes = (MultiPartParser,)

    @extend_schema(
        request=_UPLOAD_FORM,
        responses=JobCreatedSerializer,
        parameters=[OpenApiParameter("Idempotency-Key", str, OpenApiParameter.HEADER)],
    )
    def post(self, request: ApiRequest, **_: Any) -> Response:
        try:
            form, files = request.POST, request.FILES
        except UnsupportedMediaType:
            raise refusal("file_missing") from None
        fields = accepting.BulkFields.from_form(form)
        job, _is_new = actions.send_file(
            Actor.of(request), files.get("file"), fields, request.headers.get("Idempotency-Key")
        )
        return Response(
            {
                "status": "success",
                "message": job_created(job.total, job.file_name),
                "job": JobSerializer(job).data,
                "countries": job.countries,
                "landlines": job.landlines,
            }
        )


class JobList(SendBulkFile):
    """GET /jobs; a POST here is an upload too."""

    @extend_schema(
        responses=JobInListSerializer(many=True),
        parameters=[
            OpenApiParameter("limit", int),
            OpenApiParameter("before", OpenApiTypes.UUID),
            OpenApiParameter("status", str, enum=JobStatus.values),
        ],
    )
    def get(self, request: ApiRequest, **_: Any) -> Response:
        limit = _limit(request)
        jobs = Job.objects.for_account(request.account).listed()
        before = request.query_params.get("before")
        after = [find_job(request, before, "before_invalid").pk] if before else None
        if status := request.query_params.get("status"):
            jobs = jobs.filter(status=_choice(status, JobStatus.values, "status_invalid"))
        part = keyset.read(jobs, ["-id"], limit=limit, after=after)
        response = Response(JobInListSerializer(part.rows, many=True).data)
        if part.has_next:
            following = replace_query_param(request.build_absolute_uri(), "before", part.rows[-1].uuid)
            response["Link"] = f'<{following}>; rel="next"'
        return response


class JobDetail(APIView):
    """GET /jobs/{id}"""

    @extend_schema(responses=JobDetailSerializer)
    def get(self, request: ApiRequest, job_id: str, **_: Any) -> Response:
        return Response(JobDetailSerializer(find_job(request, job_id)).data)


class JobRecipients(APIView):
    """GET /jobs/{id}/recipients: in file order, page by page."""

    @extend_schema(
        responses=RecipientPageSerializer,
        parameters=RECIPIENT_PARAMETERS,
    )
    def get(self, request: ApiRequest, job_id: str, **_: Any) -> Response:
        job = find_job(request, job_id)
        limit = _limit(request)
        recipients = _wanted(request, job)
        cursor = request.query_params.get("cursor")
        after = [_whole_number(cursor, "cursor_invalid")] if cursor else None
        part = keyset.read(recipients, ["position"], limit=limit, after=after)
        context = {"template": template_of(job)}
        return Response(
            {
                "results": RecipientSerializer(part.rows, many=True, context=context).data,
                "next": str(part.rows[-1].position) if part.has_next else None,
            }
        )


class JobReceipts(APIView):
    """GET /jobs/{id}/receipts: what became of its messages, by device and by variant."""

    @extend_schema(responses=ReceiptsInFullSerializer)
    def get(self, request: ApiRequest, job_id: str, **_: Any) -> Response:
        return self.answer_receipts(find_job(request, job_id))

    @staticmethod
    def answer_receipts(job: Job) -> Response:
        parts = {"by_device": figures.by_device(job), "by_variant": figures.by_variant(job)}
        return Response(ReceiptsInFullSerializer({**job.receipts(), **parts}).data)


class JobExport(CsvView):
    """GET /jobs/{id}/export.csv: all recipients, or those that the filters of `recipients` leave."""

    @extend_schema(responses={(200, "text/csv"): OpenApiTypes.STR}, parameters=FILTERS)
    def get(self, request: ApiRequest, job_id: str, **_: Any) -> StreamingHttpResponse:
        job = find_job(request, job_id)
        answer = self.answer_job(request, job)
        actions.exported(Actor.of(request), job)
        return answer

    def answer_job(self, request: Request, job: Job) -> StreamingHttpResponse:
        return self.answer_file(request, f"job-{job.uuid}.csv", export.pages(job, _wanted(request, job)))


def find_job(request: ApiRequest, job_id: str, code: str = "job_not_found") -> Job:
    """Return the caller's job of this id. Raises ApiError for an unknown, another's or a malformed one."""
    try:
        job = Job.objects.for_account(request.account).filter(uuid=uuid.UUID(job_id)).first()
    except ValueError:
        job = None
    if job is None:
        raise refusal(code)
    return job  # type: ignore[no-any-return]


def _wanted(request: Request, job: Job) -> RecipientQuerySet:
    """Those of the job's recipients that the address asks for. Raises ApiError."""
    query = request.query_params
    recipients: RecipientQuerySet = job.recipients.all()
    if state := query.get("state") or query.get("status"):
        recipients = recipients.filter(state=_choice(state, RecipientState.values, "state_invalid"))
    if receipt := query.get("receipt"):
        recipients = recipients.with_receipt(_choice(receipt, list(RECEIPT_TIMES), "receipt_invalid"))
    if error := query.get("error"):
        recipients = recipients.filter(error_code=error)
    if search := phone_numbers.without_separators(query.get("search", "")):
        lookup = "startswith" if search.startswith("+") else "contains"
        recipients = recipients.filter(**{f"phone__{lookup}": search})
    return recipients


def _limit(request: Request) -> int:
    """How many a page may hold: what `limit` says, at most 100."""
    limit = _whole_number(request.query_params.get("limit") or str(PAGE_SIZE), "limit_invalid")
    if limit < 1:
        raise refusal("limit_invalid")
    return min(limit, PAGE_SIZE)


def _whole_number(raw: str, code: str) -> int:
    if not _WHOLE_NUMBER.fullmatch(raw):
        raise refusal(code)
    return int(raw)


def _choice(raw: str, choices: list[str], code: str) -> str:
    if raw not in choices:
        raise refusal(code, choices=", ".join(choices))
    return raw
