"""The admin's pages of jobs: their list, the upload, each job live, its recipients; and the suppressed numbers."""

import uuid
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import admin, messages
from django.contrib.humanize.templatetags.humanize import intcomma
from django.contrib.postgres.expressions import ArraySubquery
from django.core.exceptions import PermissionDenied
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.views import ChangeList
from unfold.widgets import UnfoldAdminTextInputWidget

from accounts.access.permissions import may
from accounts.audit import Actor
from accounts.errors import ApiError
from accounts.models import Role
from accounts.pages.admin_base import AccountAdmin, AccountForm, ReadOnly, display
from accounts.requests import account_of, membership_of
from devices import phone_numbers
from jobs import actions, retention
from jobs.erasing import erased
from jobs.intake import accepting
from jobs.message.book import template_of
from jobs.models import IllegalTransition, Job, JobDevice, JobPurpose, Recipient, Suppression
from jobs.pages import job_pages
from jobs.wording import phone_problems, recipient_errors, suppression_reasons
from jobs.wording.job_reasons import job_reason

DEVICES_NAMED = 10  # of those of a job in the list


class JobChangeList(ChangeList):  # type: ignore[misc]
    """A list whose rows lead to the jobs' live pages."""

    def url_for_result(self, result: Job) -> str:
        return live_address(result)


def live_address(job: Job) -> str:
    return reverse("admin:jobs_job_live", args=[job.uuid])


@admin.register(Job)
class JobAdmin(AccountAdmin):
    """Jobs. Each is a record of what happened: made by an upload, never edited, deleted only when it has ended."""

    required_role = Role.ADMINISTRATOR  # to delete; sending asks for less
    list_display = ("name", "state", "progress", "device_names", "created", "started", "finished")
    list_display_links = ("name",)
    list_filter = ("status", "created_at")
    search_fields = ("title", "file_name")
    search_help_text = gettext_lazy("Search by title, file or id")
    ordering = ("-id",)

    # --- The list ---------------------------------------------------------------------------------

    @display(description=gettext_lazy("job"), ordering="id")
    def name(self, job: Job) -> str:
        return render_to_string("jobs/cells/name.html", {"job": job})

    @display(description=gettext_lazy("status"), ordering="status")
    def state(self, job: Job) -> str:
        return render_to_string("jobs/cells/status.html", {"job": job, "reason": job_reason(job.state_reason)})

    @display(description=gettext_lazy("progress"))
    def progress(self, job: Job) -> str:
        return render_to_string("jobs/cells/progress.html", {"job": job})

    @display(description=gettext_lazy("devices"))
    def device_names(self, job: Job) -> str:
        shown: Any = job
        context = {"names": shown.names_of_devices, "more": shown.devices_count - 1}
        return render_to_string("jobs/cells/devices.html", context)

    @display(description=gettext_lazy("created"), ordering="created_at")
    def created(self, job: Job) -> str:
        return render_to_string("jobs/cells/moment.html", {"moment": job.created_at})

    @display(description=gettext_lazy("started"), ordering="started_at")
    def started(self, job: Job) -> str:
        moment = job.started_at or (None if job.finished_at else job.start_at)
        return render_to_string("jobs/cells/moment.html", {"moment": moment, "is_planned": job.started_at is None})

    @display(description=gettext_lazy("finished"), ordering="finished_at")
    def finished(self, job: Job) -> str:
        return render_to_string("jobs/cells/moment.html", {"moment": job.finished_at})

    def get_queryset(self, request: HttpRequest) -> QuerySet[Job]:
        # Of a job's devices, which may be a thousand, the names of a few: fifty jobs are listed at once.
        links = JobDevice.objects.filter(job=OuterRef("pk"))
        jobs: QuerySet[Job] = super().get_queryset(request).filter(purpose=JobPurpose.SEND)
        jobs = jobs.defer("message", "results", "columns")
        counted = links.order_by().values("job").annotate(number=Count("pk")).values("number")
        named = links.order_by("device_id").values("device__name")[:DEVICES_NAMED]
        return jobs.annotate(devices_count=Coalesce(Subquery(counted), 0), names_of_devices=ArraySubquery(named))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Job], search_term: str
    ) -> tuple[QuerySet[Job], bool]:
        if (job_uuid := as_uuid(search_term)) is not None:
            return queryset.filter(uuid=job_uuid), False
        found: tuple[QuerySet[Job], bool] = super().get_search_results(request, queryset, search_term)
        return found

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return JobChangeList

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        return {}  # deleting is for one at a time

    # --- Who may do what ----------------------------------------------------------------------------

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(membership_of(request), Role.AGENT)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    # --- Pages ------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("new/", wrap(self.new_view), name="jobs_job_new"),
            path("<uuid:job_uuid>/live/", wrap(self.live_view), name="jobs_job_live"),
            path("<uuid:job_uuid>/recipients/", wrap(self.recipients_view), name="jobs_job_recipients"),
            path("<uuid:job_uuid>/control/<slug:action>/", wrap(self.control_view), name="jobs_job_control"),
            *super().get_urls(),
        ]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:jobs_job_new"))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        return HttpResponseRedirect(live_address(self._job(request, pk=object_id)))

    def new_view(self, request: HttpRequest) -> HttpResponse:
        """The upload page. Its script sends to the API; without scripts the form comes here."""
        account = account_of(request)
        if account is None or not self.has_add_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            context = job_pages.new_job(account, request.GET)
            return self.show(request, "jobs/new.html", gettext_lazy("New job"), context)
        try:
            fields = accepting.BulkFields.from_form(job_pages.form_of(request.POST))
            job, _is_new = actions.send_file(Actor.of(request), request.FILES.get("file"), fields)
        except ApiError as error:
            context = job_pages.new_job(account, request.POST, error)
            return self.show(request, "jobs/new.html", gettext_lazy("New job"), context, status=error.status_code)
        return HttpResponseRedirect(live_address(job))

    def live_view(self, request: HttpRequest, job_uuid: Any) -> HttpResponse:
        job = self._job(request, uuid=job_uuid)
        context = {
            **job_pages.live(job),
            "may_delete": retention.is_over(job) and self.has_delete_permission(request, job),
            "may_send": self.has_add_permission(request),
        }
        return self.show(request, "jobs/live.html", str(job), context, of=job)

    def recipients_view(self, request: HttpRequest, job_uuid: Any) -> HttpResponse:
        job = self._job(request, uuid=job_uuid)
        return self.show(request, "jobs/recipients.html", _("Recipients"), job_pages.recipients(request, job), of=job)

    def control_view(self, request: HttpRequest, job_uuid: Any, action: str) -> HttpResponse:
        """Pause, resume, cancel, retry: the buttons of the live page."""
        job = self._job(request, uuid=job_uuid)
        if not self.has_add_permission(request):
            raise PermissionDenied
        act = actions.CONTROLS.get(action)
        if act is None:
            raise Http404
        if request.method != "POST":
            if action != "cancel":
                return HttpResponseRedirect(live_address(job))
            return self.ask(
                request,
                job,
                question=_("Cancel “%(job)s”?") % {"job": job},
                explanation=_("Whoever has not been written to yet will not be. This cannot be undone."),
                verb=_("Cancel the job"),
                back_url=live_address(job),
            )
        try:
            changed = act(Actor.of(request), job)
        except IllegalTransition:
            job.refresh_from_db()
            said = _("Nothing was done: the job is %(status)s by now.") % {"status": job.get_status_display()}
            messages.warning(request, said)
            return HttpResponseRedirect(live_address(job))
        if not changed and action == "retry_failed":
            messages.info(request, _("Nobody is left to retry: those who failed would fail again."))
        return HttpResponseRedirect(live_address(job))

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        job = self._job(request, pk=object_id)
        if not self.has_delete_permission(request, job):
            raise PermissionDenied
        if not retention.is_over(job):
            messages.error(request, _("Only a job that has ended can be deleted."))
            return HttpResponseRedirect(live_address(job))
        if request.method != "POST":
            return self.ask(
                request,
                job,
                question=_("Delete “%(job)s” and its recipients?") % {"job": job},
                explanation=_("Its results and who received it can no longer be looked up. This cannot be undone."),
                verb=_("Delete"),
                back_url=live_address(job),
            )
        try:
            recipients = actions.delete(Actor.of(request), job)
        except retention.StillOpen:
            messages.error(request, _("Only a job that has ended can be deleted."))
            return HttpResponseRedirect(live_address(job))
        said = ngettext(
            "“%(job)s” was deleted, with %(count)s recipient.",
            "“%(job)s” was deleted, with %(count)s recipients.",
            recipients,
        )
        messages.success(request, said % {"job": job, "count": intcomma(recipients)})
        return HttpResponseRedirect(reverse("admin:jobs_job_changelist"))

    def _job(self, request: HttpRequest, **which: Any) -> Job:
        """The account's job. Another's does not exist."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        account = account_of(request)
        try:
            job: Job | None = Job.objects.for_account(account).filter(**which).first() if account else None
        except ValueError:
            job = None
        if job is None:
            raise Http404
        return job


@admin.register(Recipient)
class RecipientAdmin(ReadOnly, AccountAdmin):
    """One recipient, in full. Lists of them belong to a job: see JobAdmin.recipients_view."""

    account_path = "job__account_id"
    fields = (
        "job_link",
        "row",
        "phone",
        "text",
        "values",
        "state",
        "error",
        "device",
        "tries",
        "tried_at",
        "sent_at",
        "delivered_at",
        "read_at",
        "played_at",
        "failed_after_at",
        "gateway_message_id",
    )
    readonly_fields = ("job_link", "row", "text", "error")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Recipient]:
        return super().get_queryset(request).select_related("job", "device")

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:jobs_job_changelist"))

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        response: Any = super().render_change_form(request, context, *args, **kwargs)
        # The way to here leads through the job, and so does the way back.
        response.context_data.update(opts=Job._meta, original=kwargs["obj"].job)
        return response  # type: ignore[no-any-return]

    @display(description=gettext_lazy("job"))
    def job_link(self, recipient: Recipient) -> str:
        return render_to_string("jobs/cells/job_link.html", {"job": recipient.job, "recipient": recipient})

    @display(description=gettext_lazy("row"))
    def row(self, recipient: Recipient) -> int:
        return recipient.position + 1

    @display(description=gettext_lazy("message"))
    def text(self, recipient: Recipient) -> str:
        return template_of(recipient.job).render(recipient.values, recipient.phone, recipient.variant)

    @display(description=gettext_lazy("error"))
    def error(self, recipient: Recipient) -> str:
        return str(recipient_errors.on_the_page(recipient.error_code)) or "–"


class SuppressionForm(AccountForm):
    """Takes a number in any spelling."""

    phone = forms.CharField(
        label=gettext_lazy("Phone"),
        max_length=phone_numbers.MAX_WRITTEN,
        widget=UnfoldAdminTextInputWidget,
        help_text=gettext_lazy("With the country code, such as +51987654321"),
    )

    class Meta:
        model = Suppression
        fields = ("phone", "reason")

    def clean_phone(self) -> str:
        try:
            phone = phone_numbers.read_kept_from(self.cleaned_data["phone"], self.instance.account.default_country)
        except phone_numbers.Unreadable as problem:
            raise forms.ValidationError(str(phone_problems.on_the_page(problem.code))) from None
        banned = Suppression.objects.for_account(self.instance.account_id)
        key = phone_numbers.key_of(phone)
        if banned.filter(phone_key=key).exists() or erased.among(self.instance.account_id, [key]):
            raise forms.ValidationError(_("This number is suppressed already."))
        return phone


@admin.register(Suppression)
class SuppressionAdmin(AccountAdmin):
    """Numbers the account must not write to: added and removed, each time on record."""

    required_role = Role.ADMINISTRATOR  # to remove
    form = SuppressionForm
    list_display = ("phone", "why", "since_when", "created_at")
    list_select_related = ("account",)
    readonly_fields = ("why", "since_when")
    search_fields = ("phone", "reason")
    ordering = ("-id",)
    list_before_template = "jobs/suppression_notice.html"

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(membership_of(request), Role.AGENT)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("phone", "why", "since_when", "created_at") if obj else ("phone", "reason")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Suppression], search_term: str
    ) -> tuple[QuerySet[Suppression], bool]:
        phone = phone_numbers.without_separators(search_term)
        codes = suppression_reasons.codes_saying(search_term)
        found = Q(phone__contains=phone) | Q(reason__icontains=search_term) | Q(reason_code__in=codes)
        return queryset.filter(found), False

    @display(description=gettext_lazy("reason"), ordering="reason")
    def why(self, number: Suppression) -> str:
        return suppression_reasons.on_the_page(number.reason_code, number.reason)

    @display(description=gettext_lazy("since"), ordering="since")
    def since_when(self, number: Suppression) -> str:
        """The day, where the account is: files say no more of it."""
        if number.since is None:
            return "–"
        return date_format(timezone.localtime(number.since, ZoneInfo(number.account.time_zone)))

    # Django's own log would keep the number for good; the audit log says who did what.

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> None:
        return None

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> None:
        return None

    def log_deletions(self, request: HttpRequest, queryset: Any) -> None:
        return None

    def save_model(self, request: HttpRequest, obj: Suppression, form: Any, change: bool) -> None:
        actions.suppress(Actor.of(request), obj)  # has_change_permission: rows are never changed here

    def delete_model(self, request: HttpRequest, obj: Suppression) -> None:
        actions.lift(Actor.of(request), [obj])

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Suppression]) -> None:
        actions.lift(Actor.of(request), list(queryset))


def as_uuid(text: str) -> uuid.UUID | None:
    """Read a job's id as somebody pastes it; None for any other search."""
    try:
        return uuid.UUID(text.strip())
    except ValueError:
        return None
