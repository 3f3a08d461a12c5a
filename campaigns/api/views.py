"""The API of campaigns (seed 003, contract §4) and of the segments they share."""

import mimetypes
from pathlib import PurePath
from typing import Any

from django.db.models import QuerySet
from django.http import FileResponse, Http404, HttpRequest
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.filters import SearchFilter
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet, ModelViewSet

from accounts import needed
from accounts.audit import Actor
from accounts.errors import ApiError
from accounts.lists.keyset_pages import KeysetPages
from accounts.models import Account
from accounts.requests import account_of
from accounts.written.reading import row_id
from campaigns.actions import campaign_acts, segment_acts
from campaigns.api.contact_views import FORCE
from campaigns.api.serializers import (
    CampaignSerializer,
    PreviewSerializer,
    SegmentSerializer,
    TestAnswerSerializer,
    refuse,
    segment_name_taken,
)
from campaigns.audience.refused import Refused
from campaigns.launch import media, previewing, test_message
from campaigns.launch.control import NotLaunched
from campaigns.models import Campaign, Segment
from campaigns.results import figures
from campaigns.states import CampaignStatus
from campaigns.wording import estimate_words, gone_words
from campaigns.wording.refusals import refusal
from devices import phone_numbers
from jobs.api.serializers import ReceiptsInFullSerializer, RecipientPageSerializer
from jobs.api.views import FILTERS, RECIPIENT_PARAMETERS, JobExport, JobReceipts, JobRecipients
from jobs.intake.kept_files import display_name
from jobs.models import IllegalTransition, Job
from jobs.states import MessageKind
from jobs.wording import phone_problems


class CampaignCalls(APIView):
    """What every call about campaigns has in common: the feature flag, and the account's own campaigns."""

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, Refused):
            exc = _answer_to(exc)
        elif isinstance(exc, Campaign.DoesNotExist):
            # It was there a moment ago, and somebody deleted it since.
            exc = Http404()
        return super().handle_exception(exc)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if not self.account.whatsapp_api_campaigns:
            raise refusal("feature_disabled")

    @property
    def account(self) -> Account:
        account = account_of(self.request)
        assert account is not None  # RolePermission let the call through
        return account

    def find_campaign(self) -> Campaign:
        """The campaign of the address. Raises Http404."""
        campaigns = Campaign.objects.for_account(self.account).with_status()
        campaign: Campaign | None = (
            campaigns.filter(pk=self.kwargs["campaign_id"]).select_related("account", "segment", "sender").first()
        )
        if campaign is None:
            raise Http404
        return campaign

    def answer(self, campaign: Campaign, status: int = 200) -> Response:
        """The campaign as it is now."""
        [fresh] = figures.attach([Campaign.unscoped.with_status().get(pk=campaign.pk)])
        return Response(CampaignSerializer(fresh).data, status=status)


def _answer_to(refused: Refused) -> ApiError:
    errors = [
        {"field": problem["path"], "code": problem["code"], "message": problem["message"]}
        for problem in refused.problems
    ]
    return refusal(refused.code, errors)


@extend_schema_view(
    list=extend_schema(
        parameters=[
            OpenApiParameter("status", str, enum=CampaignStatus.values),
            OpenApiParameter("kind", str, enum=MessageKind.values),
            OpenApiParameter("sender_id", int),
            OpenApiParameter("search", str, description="Part of the title or the message"),
        ]
    )
)
@extend_schema(tags=["campaigns"])
class Campaigns(CampaignCalls, GenericViewSet[Campaign]):
    """Campaigns of an account. `status` and `delivery_stats` are read from the latest run; one that was launched can
    no longer be edited. Ordered by `scheduled_at`, campaigns without a time are left out.
    """

    serializer_class = CampaignSerializer
    pagination_class = KeysetPages
    lookup_url_kwarg = "campaign_id"
    filter_backends = (SearchFilter,)
    search_fields = ("title", "message")
    ordering_fields = ("id", "title", "scheduled_at", "created_at", "updated_at")
    ordering = "-id"
    queryset = Campaign.unscoped.none()  # for the OpenAPI description; get_queryset says which

    def get_queryset(self) -> QuerySet[Campaign]:
        query = self.request.query_params
        rows: Any = Campaign.objects.for_account(self.account).with_status()
        if status := query.get("status"):
            if status not in CampaignStatus.values:
                raise refusal("campaign_status_invalid", choices=", ".join(CampaignStatus.values))
            rows = rows.filter(status_now=status)
        if kind := query.get("kind"):
            if kind not in MessageKind.values:
                raise refusal("campaign_kind_invalid", choices=", ".join(MessageKind.values))
            rows = rows.filter(kind=kind)
        if sender := query.get("sender_id"):
            if (sender_id := row_id(sender)) is None:
                raise refusal("sender_invalid")
            rows = rows.filter(sender_id=sender_id)
        if query.get("ordering", "").removeprefix("-") == "scheduled_at":
            rows = rows.filter(scheduled_at__isnull=False)
        return rows  # type: ignore[no-any-return]

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "account": account_of(self.request)}

    def list(self, request: Request, **_: Any) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(self.get_serializer(figures.attach(page or []), many=True).data)

    def retrieve(self, request: Request, **_: Any) -> Response:
        return self.answer(self.find_campaign())

    def create(self, request: Request, **_: Any) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        try:
            campaign = campaign_acts.create(Actor.of(request), serializer.validated_data, timezone.now())
        except campaign_acts.SegmentGone:
            raise _segment_gone() from None
        return self.answer(campaign, 201)

    def partial_update(self, request: Request, **_: Any) -> Response:
        campaign = self.find_campaign()
        serializer = self.get_serializer(campaign, data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        try:
            campaign_acts.change(Actor.of(request), campaign, serializer.validated_data, timezone.now())
        except campaign_acts.SegmentGone:
            raise _segment_gone() from None
        return self.answer(campaign)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, **_: Any) -> Response:
        campaign = self.find_campaign()
        campaign_acts.delete(Actor.of(request), campaign)
        return Response(status=204)


@extend_schema(tags=["campaigns"])
class Trigger(CampaignCalls):
    """Launch the campaign now, whatever it was scheduled for. 409 where it already ran."""

    @extend_schema(request=None, responses=CampaignSerializer)
    def post(self, request: Request, **_: Any) -> Response:
        campaign = self.find_campaign()
        campaign_acts.launch(Actor.of(request), campaign, timezone.now())
        return self.answer(campaign)


@extend_schema(tags=["campaigns"])
class Preview(CampaignCalls):
    """Who would get what, and how long it would take. Nothing is sent or changed."""

    @extend_schema(request=None, responses=PreviewSerializer)
    def post(self, request: Request, **_: Any) -> Response:
        campaign = self.find_campaign()
        preview = previewing.preview(campaign, timezone.now())
        estimate = preview.estimate
        shown = {
            "count": preview.count,
            "sample": preview.sample,
            "excluded": [{"reason": reason, "count": number} for reason, number in preview.excluded.items()],
            "excluded_lists": preview.excluded_lists,
            "estimate": {
                "finishes_at": estimate.finishes_at,
                "seconds": None if estimate.seconds is None else round(estimate.seconds),
                "devices": estimate.devices,
                "text": estimate_words.on_the_wire(
                    estimate.seconds, estimate.devices, estimate.more_devices_for_one_day
                ),
            },
            "problems": [
                *preview.problems,
                *([gone_words.NO_WAY_OUT.spanish] if preview.lacks_way_out else []),
                *(gone_words.on_the_wire(kind, which) for kind, which in preview.gone),
            ],
            "lacking": [{"variable": name, "count": number} for name, number in preview.lacking.items()],
        }
        return Response(PreviewSerializer(shown).data)


@extend_schema(tags=["campaigns"])
class TestSend(CampaignCalls):
    """Send the message to up to ten numbers at once, {"phones": ["+51987654321"]}, with a sample contact's values."""

    __test__ = False

    @extend_schema(
        request={
            "application/json": {
                "type": "object",
                "required": ["phones"],
                "properties": {
                    "phones": {"type": "array", "items": {"type": "string"}, "maxItems": test_message.MOST_PHONES}
                },
            }
        },
        responses=TestAnswerSerializer,
    )
    def post(self, request: Request, **_: Any) -> Response:
        campaign = self.find_campaign()
        phones = self._phones(request.data)
        job = campaign_acts.send_test(Actor.of(request), campaign, phones)
        return Response({"job_id": str(job.uuid), "phones": phones, "landlines": test_message.landlines(phones)})

    def _phones(self, data: Any) -> list[str]:
        given = data.get("phones") if isinstance(data, dict) else None
        refused = refusal("phones_invalid", limit=test_message.MOST_PHONES)
        if not isinstance(given, list) or not 1 <= len(given) <= test_message.MOST_PHONES:
            raise refused
        if not all(isinstance(raw, str) for raw in given):
            raise refused
        try:
            return test_message.phones_of(given, self.account.default_country)
        except phone_numbers.Unreadable as problem:
            refused.errors = [
                {"field": "phones", "code": problem.code, "message": phone_problems.on_the_wire(problem.code)}
            ]
            raise refused from None


@extend_schema(tags=["campaigns"])
class CampaignAction(CampaignCalls):
    """POST pause, resume, cancel, retry_failed: answers the campaign as it is then.

    Asking twice is no error; an impossible move is 409 and changes nothing.
    """

    action_name = ""

    @extend_schema(request=None, responses=CampaignSerializer)
    def post(self, request: Request, **_: Any) -> Response:
        campaign = self.find_campaign()
        try:
            campaign_acts.CONTROLS[self.action_name](Actor.of(request), campaign)
        except NotLaunched:
            raise refusal("campaign_not_launched") from None
        except IllegalTransition:
            status = self.find_campaign().current_status
            raise refusal("campaign_impossible_move", status=status.value) from None
        return self.answer(campaign)


# --- What became of it: the job's own views, under the campaign's address -------------------------------


@extend_schema(tags=["campaigns"])
class CampaignRecipients(CampaignCalls, JobRecipients):
    """The recipients of the campaign's latest run, page by page; none before it was launched."""

    @extend_schema(
        responses=RecipientPageSerializer,
        parameters=RECIPIENT_PARAMETERS,
    )
    def get(self, request: Any, **_: Any) -> Response:  # type: ignore[override]
        run = self.find_campaign().latest_run
        if run is None:
            return Response({"results": [], "next": None})
        return super().get(request, job_id=str(run.job.uuid))


@extend_schema(tags=["campaigns"])
class CampaignReceipts(CampaignCalls, JobReceipts):
    """What became of the messages of the campaign's latest run, by device and variant. 409 before it was launched."""

    @extend_schema(responses=ReceiptsInFullSerializer)
    def get(self, request: Any, **_: Any) -> Response:  # type: ignore[override]
        return self.answer_receipts(_job(self.find_campaign()))


@extend_schema(tags=["campaigns"])
class CampaignExport(CampaignCalls, JobExport):
    """The outcome of the campaign's latest run, as a file for a spreadsheet."""

    @extend_schema(responses={(200, "text/csv"): OpenApiTypes.STR}, parameters=FILTERS)
    def get(self, request: Any, **_: Any) -> Any:  # type: ignore[override]
        campaign = self.find_campaign()
        answer = self.answer_job(request, _job(campaign))
        campaign_acts.exported(Actor.of(request), campaign)
        return answer


def _job(campaign: Campaign) -> Job:
    run = campaign.latest_run
    if run is None:
        raise refusal("campaign_not_launched")
    return run.job


# --- The uploaded file ------------------------------------------------------------------------------------


@extend_schema(tags=["campaigns"])
class Multimedia(CampaignCalls):
    """Upload the file that goes with the message, instead of a url: multipart/form-data with `file` and `type`.

    An audio goes without a message: make its campaign with `"multimedia": {"type": "audio"}` and none.
    """

    parser_classes = (MultiPartParser,)

    @extend_schema(
        request={
            "multipart/form-data": {
                "type": "object",
                "required": ["file", "type"],
                "properties": {
                    "file": {"type": "string", "format": "binary"},
                    "type": {"type": "string", "enum": list(media.MAX_BYTES)},
                },
            }
        },
        responses=CampaignSerializer,
    )
    def post(self, request: Request, **_: Any) -> Response:
        campaign = self.find_campaign()
        file, kind = request.FILES.get("file"), request.POST.get("type")
        if file is None:
            raise refuse("file_missing")
        if kind not in media.MAX_BYTES:
            raise refuse("multimedia_type")
        name = display_name(file.name or "") or "file"
        media.check(kind, "", name, file.size, media.beginning_of(file))
        campaign_acts.attach_file(Actor.of(request), campaign, (kind, file, name))
        return self.answer(campaign)


def campaign_media(request: HttpRequest, ticket: str, file_name: str) -> FileResponse:
    """A campaign's uploaded file, for the gateways that send it. The ticket is all the permission there is."""
    campaign = media.campaign_of(ticket)
    if campaign is None:
        raise Http404
    try:
        file = campaign.multimedia_file.open("rb")
    except OSError:
        raise Http404 from None
    content_type = mimetypes.guess_type(PurePath(campaign.multimedia_file.name or "").name)[0]
    answer = FileResponse(file, content_type=content_type or "application/octet-stream", as_attachment=True)
    answer["Cache-Control"] = "private, no-store"
    return answer


# --- Segments -----------------------------------------------------------------------------------------------


@extend_schema(tags=["segments"])
class Segments(ModelViewSet[Segment]):
    """Audiences with a name, which campaigns share."""

    serializer_class = SegmentSerializer
    pagination_class = KeysetPages
    lookup_url_kwarg = "segment_id"
    filter_backends = (SearchFilter,)
    search_fields = ("name",)
    ordering_fields = ("id", "name", "created_at")
    ordering = "name"
    queryset = Segment.unscoped.none()  # for the OpenAPI description; get_queryset says which

    def get_queryset(self) -> QuerySet[Segment]:
        account = account_of(self.request)
        if account is None:
            return self.queryset.all()
        rows: QuerySet[Segment] = Segment.objects.for_account(account)
        return rows

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "account": account_of(self.request)}

    def perform_create(self, serializer: Any) -> None:
        self._save(serializer, Segment())

    def perform_update(self, serializer: Any) -> None:
        self._save(serializer, serializer.instance)

    @extend_schema(parameters=[FORCE])
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().destroy(request, *args, **kwargs)

    def perform_destroy(self, instance: Segment) -> None:
        force = needed.is_forced(self.request.query_params)
        try:
            segment_acts.delete(Actor.of(self.request), instance, force=force)
        except needed.StillNeeded as error:
            raise needed.in_use(error) from None

    def _save(self, serializer: Any, segment: Segment) -> None:
        try:
            serializer.instance = segment_acts.save(Actor.of(self.request), segment, serializer.validated_data)
        except segment_acts.SegmentNameTaken:
            raise segment_name_taken() from None


def _segment_gone() -> ValidationError:
    return ValidationError({"segment_id": ErrorDetail("", "does_not_exist")})
