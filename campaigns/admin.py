"""The admin's pages of campaigns: their list, their form, each of them with what became of it."""

import json
from typing import Any, Final

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework.exceptions import ErrorDetail
from unfold.views import ChangeList

from accounts.audit import Actor
from accounts.models import Account
from accounts.pages.admin_base import display
from accounts.written.reading import row_id
from campaigns.actions import campaign_acts
from campaigns.api.serializers import CampaignSerializer
from campaigns.audience import fitting
from campaigns.audience.refused import BadAudience, EmptyAudience, Refused
from campaigns.launch import control, drafting, launching, media, previewing, test_message
from campaigns.launch.unfilled_texts import VariablesUnknown
from campaigns.models import Campaign, Segment
from campaigns.pages import campaign_form, campaign_pages, form_problems
from campaigns.pages.campaign_frame import CampaignPages, are_enabled
from campaigns.results import figures
from campaigns.states import CampaignStatus
from campaigns.wording import field_problems
from campaigns.wording.refusals import page_refusal
from devices import phone_numbers
from jobs.intake.kept_files import display_name
from jobs.models import IllegalTransition
from jobs.wording import phone_problems

MAX_COUNT_BYTES: Final = 2**20


class CampaignChangeList(ChangeList):  # type: ignore[misc]
    """A list whose rows lead to the campaigns' own pages, and know their latest runs."""

    def url_for_result(self, result: Campaign) -> str:
        return address_of(result)

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        found: list[Any] = list(self.result_list)  # type: ignore[has-type]
        runs = figures.latest_runs(found)
        for campaign in found:
            campaign.run = runs.get(campaign.pk)
        self.result_list = found


class StatusFilter(admin.SimpleListFilter):
    """By what a campaign is now, as its latest run has it."""

    title = gettext_lazy("status")
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(status, str(label).capitalize()) for status, label in CampaignStatus.choices]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(Q(status_now=self.value())) if self.value() in CampaignStatus.values else queryset


def address_of(campaign: Campaign) -> str:
    return reverse("admin:campaigns_campaign_page", args=[campaign.pk])


@admin.register(Campaign)
class CampaignAdmin(CampaignPages):
    """Campaigns: drafted on a form, launched by a person or their schedule, then followed on their own page."""

    list_display = ("name", "state", "scheduled", "progress", "created")
    list_display_links = ("name",)
    list_filter = (StatusFilter, "kind")
    search_fields = ("title", "message")
    search_help_text = gettext_lazy("Search by title or message")
    ordering = ("-id",)

    # --- The list ---------------------------------------------------------------------------------

    @display(description=gettext_lazy("campaign"), ordering="title")
    def name(self, campaign: Campaign) -> str:
        return render_to_string("campaigns/cells/name.html", {"campaign": campaign})

    @display(description=gettext_lazy("status"), ordering="status_now")
    def state(self, campaign: Campaign) -> str:
        return render_to_string("campaigns/cells/status.html", {"campaign": campaign})

    @display(description=gettext_lazy("scheduled for"), ordering="scheduled_at")
    def scheduled(self, campaign: Campaign) -> str:
        return render_to_string("jobs/cells/moment.html", {"moment": campaign.scheduled_at})

    @display(description=gettext_lazy("progress"))
    def progress(self, campaign: Campaign) -> str:
        run = campaign.run  # type: ignore[attr-defined]
        if run is None:
            return "–"
        counts = {
            "run": run,
            "failed": campaign_pages.failed_of(run),
            "sendable": campaign_pages.sendable_of(run),
            "percentage": campaign_pages.percentage_of(run),
        }
        return render_to_string("campaigns/cells/progress.html", counts)

    @display(description=gettext_lazy("created"), ordering="id")
    def created(self, campaign: Campaign) -> str:
        return render_to_string("jobs/cells/moment.html", {"moment": campaign.created_at})

    def get_queryset(self, request: HttpRequest) -> QuerySet[Campaign]:
        rows: Any = super().get_queryset(request)
        found: QuerySet[Campaign] = rows.with_status().select_related("account", "segment", "sender")
        return found

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return CampaignChangeList

    # --- Pages ------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("new/", wrap(self.new_view), name="campaigns_campaign_new"),
            path("count/", wrap(self.count_view), name="campaigns_campaign_count"),
            path("<int:campaign_id>/page/", wrap(self.page_view), name="campaigns_campaign_page"),
            path("<int:campaign_id>/edit/", wrap(self.edit_view), name="campaigns_campaign_edit"),
            path("<int:campaign_id>/preview/", wrap(self.preview_view), name="campaigns_campaign_preview"),
            path("<int:campaign_id>/test/", wrap(self.test_view), name="campaigns_campaign_test"),
            path("<int:campaign_id>/launch/", wrap(self.launch_view), name="campaigns_campaign_launch"),
            path(
                "<int:campaign_id>/control/<slug:action>/", wrap(self.control_view), name="campaigns_campaign_control"
            ),
            *super().get_urls(),
        ]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:campaigns_campaign_new"))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        return HttpResponseRedirect(address_of(self._find(request, object_id)))

    def page_view(self, request: HttpRequest, campaign_id: int) -> HttpResponse:
        campaign = self._find(request, campaign_id)
        context = {
            **campaign_pages.campaign(campaign),
            "may_send": self.has_add_permission(request),
            "may_delete": self.has_delete_permission(request, campaign) and not control.is_under_way(campaign),
            "campaigns_are_off": not are_enabled(request),
        }
        return self.show(request, "campaigns/page.html", str(campaign), context, of=campaign)

    def preview_view(self, request: HttpRequest, campaign_id: int) -> HttpResponse:
        """Who would get what if it were launched now. Changes nothing."""
        campaign = self._find(request, campaign_id)
        try:
            context = campaign_pages.preview(campaign, previewing.preview(campaign, timezone.now()))
        except Refused as refused:
            messages.error(request, str(page_refusal(refused.code)))
            return HttpResponseRedirect(address_of(campaign))
        context["may_launch"] = self.has_add_permission(request) and launching.why_not(campaign) is None
        return self.show(request, "campaigns/preview.html", _("Preview"), context, of=campaign)

    # --- The form -----------------------------------------------------------------------------------

    def new_view(self, request: HttpRequest) -> HttpResponse:
        account = self._writable(request)
        if request.method == "POST":
            return self._save(request, account, None)
        segment = Segment.objects.for_account(account).filter(pk=row_id(request.GET.get("segment"))).first()
        context = campaign_pages.form(account, campaign_form.empty(account, segment), {})
        return self.show(request, "campaigns/form.html", gettext_lazy("New campaign"), context)

    def edit_view(self, request: HttpRequest, campaign_id: int) -> HttpResponse:
        campaign = self._find(request, campaign_id)
        account = self._writable(request)
        if not drafting.may_change(campaign):
            messages.warning(request, str(page_refusal("campaign_launched")))
            return HttpResponseRedirect(address_of(campaign))
        if request.method == "POST":
            return self._save(request, account, campaign)
        context = campaign_pages.form(account, campaign_form.of_campaign(campaign), {}, campaign)
        return self.show(request, "campaigns/form.html", _("Change the campaign"), context, of=campaign)

    def _save(self, request: HttpRequest, account: Account, campaign: Campaign | None) -> HttpResponse:
        """Make or change the campaign of the posted form, or show the form again with what is wrong."""
        form = campaign_form.posted(request.POST)
        file: Any = request.FILES.get("media_file")
        fields, errors = campaign_form.fields_of(form, campaign, timezone.now(), has_file=file is not None)
        serializer = CampaignSerializer(campaign, data=fields, context={"account": account})
        if not serializer.is_valid():
            errors = {**serializer.errors, **errors}
        problems = form_problems.by_field(errors)
        if file is not None and "multimedia" not in problems:
            problems |= _file_problems(form["media_type"], file)
        if not problems:
            try:
                return self._saved(request, campaign, serializer.validated_data, form["media_type"], file)
            except campaign_acts.SegmentGone:
                problems = form_problems.by_field({"segment_id": [ErrorDetail("", "does_not_exist")]})
            except VariablesUnknown as refused:
                problems["message"] = [str(page_refusal(refused.code)), *map(str, refused.found)]
            except Refused as refused:
                problems["form"] = [str(page_refusal(refused.code))]
        context = campaign_pages.form(account, form, problems, campaign)
        title = _("New campaign") if campaign is None else _("Change the campaign")
        return self.show(request, "campaigns/form.html", title, context, of=campaign, status=400)

    def _saved(
        self,
        request: HttpRequest,
        campaign: Campaign | None,
        fields: dict[str, Any],
        media_type: str,
        file: Any,
    ) -> HttpResponse:
        actor, now = Actor.of(request), timezone.now()
        named = None if file is None else (media_type, file, display_name(file.name or "") or "file")
        if campaign is None:
            campaign = campaign_acts.create(actor, fields, now, named)
        else:
            campaign_acts.change(actor, campaign, fields, now, named)
        messages.success(request, _("“%(campaign)s” was saved. Nothing has been sent yet.") % {"campaign": campaign})
        return HttpResponseRedirect(address_of(campaign))

    def count_view(self, request: HttpRequest) -> HttpResponse:
        """The live count of an audience, of a form's script: POST {"audience" or "segment", "texts", "kind"}."""
        account = self._writable(request)
        if request.method != "POST":
            return HttpResponseRedirect(reverse("admin:campaigns_campaign_new"))
        try:
            asked = json.loads(request.body[:MAX_COUNT_BYTES])
            texts = [text for text in asked.get("texts", []) if isinstance(text, str)][:10]
            raw, segment_id, kind = asked.get("audience", {}), row_id(asked.get("segment")), str(asked.get("kind", ""))
        except (ValueError, AttributeError, TypeError, RecursionError):
            return JsonResponse({"error": str(field_problems.OTHER_PROBLEM)}, status=400)
        if segment_id is not None:
            segment = Segment.objects.for_account(account).filter(pk=segment_id).first()
            if segment is None:
                return JsonResponse({"error": str(field_problems.on_the_page("does_not_exist"))}, status=400)
            raw = segment.audience
        try:
            audience = fitting.read(raw, account)
        except BadAudience as bad:
            first = bad.problems[0]
            return JsonResponse({"error": field_problems.audience_problem_at(first["path"], first["code"])}, status=400)
        return JsonResponse(campaign_pages.counted(account, audience, texts, kind))

    # --- What is done to it ---------------------------------------------------------------------------

    def launch_view(self, request: HttpRequest, campaign_id: int) -> HttpResponse:
        """Send it now: asks first, with the count of this moment."""
        campaign = self._find(request, campaign_id)
        self._writable(request)
        try:
            if request.method != "POST":
                audience = launching.audience_of(campaign)
                if audience.is_empty:
                    raise EmptyAudience
                if forbidden := launching.why_not(campaign):
                    raise forbidden
                question, explanation = campaign_pages.launch_question(campaign, audience)
                verb = _("Send now")
                return self.ask(
                    request,
                    campaign,
                    question=question,
                    explanation=explanation,
                    verb=verb,
                    back_url=address_of(campaign),
                )
            campaign_acts.launch(Actor.of(request), campaign, timezone.now())
        except Refused as refused:
            messages.error(request, str(page_refusal(refused.code)))
        return HttpResponseRedirect(address_of(campaign))

    def test_view(self, request: HttpRequest, campaign_id: int) -> HttpResponse:
        """Send the message to a few numbers of one's own, written one a line or with commas between."""
        campaign = self._find(request, campaign_id)
        account = self._writable(request)
        written = request.POST.get("phones", "")
        problem = ""
        if request.method == "POST":
            parts = _parts(written)
            try:
                if 1 <= len(parts) <= test_message.MOST_PHONES:
                    phones = test_message.phones_of(parts, account.default_country)
                    return self._tried_out(request, campaign, phones)
                problem = str(page_refusal("phones_invalid", count=test_message.MOST_PHONES))
            except phone_numbers.Unreadable as unreadable:
                problem = str(phone_problems.on_the_page(unreadable.code))
            except Refused as refused:
                problem = str(page_refusal(refused.code))
        context = {
            "campaign": campaign,
            "phones": written,
            "errors": {"phones": [problem]} if problem else {},
            "most": test_message.MOST_PHONES,
        }
        status = 400 if problem else 200
        return self.show(request, "campaigns/test.html", _("Test"), context, of=campaign, status=status)

    def _tried_out(self, request: HttpRequest, campaign: Campaign, phones: list[str]) -> HttpResponse:
        job = campaign_acts.send_test(Actor.of(request), campaign, phones)
        if landlines := test_message.landlines(phones):
            text = _("Landlines get messages only if they use WhatsApp Business: %(phones)s.")
            messages.warning(request, text % {"phones": ", ".join(landlines)})
        return HttpResponseRedirect(reverse("admin:jobs_job_live", args=[job.uuid]))

    def control_view(self, request: HttpRequest, campaign_id: int, action: str) -> HttpResponse:
        """Pause, resume, cancel, retry: the buttons of the campaign's page."""
        campaign = self._find(request, campaign_id)
        self._writable(request)
        act = campaign_acts.CONTROLS.get(action)
        if act is None:
            raise Http404
        if request.method != "POST":
            if action != "cancel":
                return HttpResponseRedirect(address_of(campaign))
            return self.ask(
                request,
                campaign,
                question=_("Cancel “%(campaign)s”?") % {"campaign": campaign},
                explanation=_("Whoever has not been written to yet will not be. This cannot be undone."),
                verb=_("Cancel the campaign"),
                back_url=address_of(campaign),
            )
        try:
            changed = act(Actor.of(request), campaign)
        except IllegalTransition:
            status = self._find(request, campaign_id).current_status.label
            messages.warning(request, str(page_refusal("campaign_impossible_move", status=status)))
            return HttpResponseRedirect(address_of(campaign))
        if not changed and action == "retry_failed":
            messages.info(request, _("Nobody is left to retry: those who failed would fail again."))
        return HttpResponseRedirect(address_of(campaign))

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        campaign = self._find(request, object_id)
        if not self.has_delete_permission(request, campaign):
            raise PermissionDenied
        if request.method != "POST":
            return self.ask(
                request,
                campaign,
                question=_("Delete “%(campaign)s”?") % {"campaign": campaign},
                explanation=_("Its jobs stay in the list of jobs. This cannot be undone."),
                verb=_("Delete"),
                back_url=address_of(campaign),
            )
        try:
            campaign_acts.delete(Actor.of(request), campaign)
        except Refused as refused:
            messages.error(request, str(page_refusal(refused.code)))
            return HttpResponseRedirect(address_of(campaign))
        messages.success(request, _("“%(campaign)s” was deleted.") % {"campaign": campaign})
        return HttpResponseRedirect(reverse("admin:campaigns_campaign_changelist"))


def _file_problems(kind: str, file: Any) -> dict[str, list[str]]:
    if kind not in media.MAX_BYTES:
        return {"multimedia": [str(field_problems.on_the_page("multimedia_type"))]}
    try:
        media.check(kind, "", display_name(file.name or "") or "file", file.size, media.beginning_of(file))
    except Refused as refused:
        return {"multimedia": [str(page_refusal(refused.code))]}
    return {}


def _parts(written: str) -> list[str]:
    """What is written one a line, or with commas between."""
    return [part.strip() for part in written.replace(",", "\n").replace(";", "\n").splitlines() if part.strip()]
