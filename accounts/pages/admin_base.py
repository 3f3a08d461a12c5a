"""The base of every admin page: rows of one account only, allowed by role, each change by an act.

    @admin.register(Device)
    class DeviceAdmin(AccountAdmin):
        required_role = Role.ADMINISTRATOR   # to add, change and delete; reading needs `view_role`

Django's own permissions are not used: a membership's role says everything. A superuser sees the account
they have chosen, like anybody else.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from django import forms
from django.contrib.admin.filters import RelatedFieldListFilter
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.text import capfirst
from unfold import decorators
from unfold.admin import ModelAdmin, StackedInline, TabularInline

from accounts.access.permissions import may
from accounts.models import Account, Role, User
from accounts.needed import StillNeeded
from accounts.requests import account_of, membership_of
from accounts.scoping import ScopedModel

F = TypeVar("F", bound=Callable[..., Any])


def action(**options: Any) -> Callable[[F], F]:
    """Mark a method as an action of the page (unfold's decorator, typed)."""
    mark: Callable[[F], F] = decorators.action(**options)
    return mark


def display(**options: Any) -> Callable[[F], F]:
    """Mark a method as a column of the list (unfold's decorator, typed)."""
    mark: Callable[[F], F] = decorators.display(**options)
    return mark


def belongs_to_accounts(model: type[models.Model]) -> bool:
    """Whether each row of the model belongs to an account, so that others may not see it."""
    return model in {Account, User} or issubclass(model, ScopedModel)


def narrowed(rows: models.QuerySet[Any], account: Account | None) -> models.QuerySet[Any]:
    """Keep what the account may see: its own rows, and of those what its model shows at all."""
    if account is None:
        return rows.none()
    if rows.model is Account:
        return rows.filter(pk=account.pk)
    if rows.model is User:
        return rows.filter(memberships__account=account)
    scoped: Any = rows
    found: models.QuerySet[Any] = scoped.for_account(account)
    return found


class RoleAccess:
    """Who may open what, and whose rows they find there: for ModelAdmins and for inlines."""

    view_role: Role = Role.VIEWER
    required_role: Role = Role.ADMINISTRATOR
    # For a model that is not scoped itself, such as a recipient: "job__account_id".
    account_path: str | None = None

    model: type[models.Model]

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(membership_of(request), self.view_role)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(membership_of(request), self.required_role)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(membership_of(request), self.required_role)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(membership_of(request), self.required_role)

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        account = account_of(request)
        rows: models.QuerySet[Any] = super().get_queryset(request)  # type: ignore[misc]
        if belongs_to_accounts(self.model):
            return narrowed(rows, account)
        if self.account_path is None:
            raise TypeError(f"{type(self).__name__}: say how its rows lead to their account, in account_path")
        return rows.none() if account is None else rows.filter(**{self.account_path: account.pk})

    def get_field_queryset(self, db: Any, db_field: Any, request: HttpRequest) -> Any:
        """Offer as a field's choices only what belongs to the account."""
        choices = super().get_field_queryset(db, db_field, request)  # type: ignore[misc]
        model = db_field.remote_field.model
        if not belongs_to_accounts(model):
            return choices
        return narrowed(model._default_manager.all() if choices is None else choices, account_of(request))


class AccountForm(forms.ModelForm):  # type: ignore[type-arg]
    """A form whose new row belongs to the account its user acts in."""

    account: Account | None = None  # set by AccountAdmin.get_form, on a class made for the one request

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.account is not None and _has_account(self._meta.model) and self.instance.account_id is None:
            self.instance.account = self.account

    def _get_validation_exclusions(self) -> set[str]:
        # The account is not on the form, but "one name per account" must be checked all the same.
        excluded: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]
        return excluded - {"account"}


class AccountAdmin(RoleAccess, ModelAdmin):  # type: ignore[misc]
    """Admin pages of a model that belongs to an account."""

    form = AccountForm
    list_per_page = 50  # with its checkboxes, a page of 100 rows would exceed DATA_UPLOAD_MAX_NUMBER_FIELDS
    list_filter_submit = False
    show_full_result_count = False
    warn_unsaved_form = True

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        title = {"title": capfirst(self.opts.verbose_name_plural)}  # not "Select … to change"
        response: HttpResponse = super().changelist_view(request, {**title, **(extra_context or {})})
        return response

    def found(self, request: HttpRequest, object_id: Any) -> Any:
        """The account's row. Another's does not exist."""
        row = self.get_object(request, str(object_id))
        if row is None:
            raise Http404
        return row

    def get_exclude(self, request: HttpRequest, obj: Any = None) -> Sequence[str]:
        excluded = list(super().get_exclude(request, obj) or ())
        return [*excluded, "account"] if _has_account(self.model) else excluded

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        form.account = account_of(request)
        return form

    def get_list_filter(self, request: HttpRequest) -> list[Any]:
        return [self._scoped_filter(item) for item in super().get_list_filter(request)]

    def _scoped_filter(self, item: Any) -> Any:
        name, kind = item if isinstance(item, list | tuple) else (item, RelatedFieldListFilter)
        if not isinstance(name, str) or not issubclass(kind, RelatedFieldListFilter):
            return item
        try:
            field = self.model._meta.get_field(name)
        except FieldDoesNotExist:  # a path over several models: written out by who wants it
            return item
        if not field.is_relation:
            return item
        return name, type(f"Scoped{kind.__name__}", (_ScopedChoices, kind), {})

    # --- Pages every model's actions may need ---------------------------------------------------------

    def ask(
        self,
        request: HttpRequest,
        obj: Any,
        *,
        question: str,
        explanation: str,
        verb: str,
        back_url: str = "",
        option: tuple[str, str] | None = None,
        needed: StillNeeded | None = None,
    ) -> HttpResponse:
        """Answer the page that asks before something that cannot be undone; its button POSTs back here.

        The other button leads to `back_url`, or else to the list. `option`: the name of a box that may be ticked, and
        what it says. `needed`: it was refused because others need it; now
        there is a box to tick, `force`.
        """
        context: dict[str, Any] = {
            "needed": needed,
            "question": question,
            "explanation": explanation,
            "verb": verb,
            "option": option,
            "option_is_ticked": option is not None and request.POST.get(option[0]) == "true",
        }
        if back_url:
            context["back_url"] = back_url
        return self._page(request, obj, "accounts/confirm.html", verb, context)

    def show_once(
        self,
        request: HttpRequest,
        obj: Any,
        *,
        title: str,
        heading: str,
        label: str,
        secret: str,
        explanation: str,
    ) -> HttpResponse:
        """Answer the page that shows a secret this one time. Render it from the POST that made the secret."""
        context = {"heading": heading, "label": label, "secret": secret, "explanation": explanation}
        return self._page(request, obj, "accounts/shown_once.html", title, context)

    def show(
        self,
        request: HttpRequest,
        template: str,
        title: Any,
        content: dict[str, Any],
        *,
        of: Any = None,
        status: int = 200,
    ) -> HttpResponse:
        """Answer a page of the admin's own, about `of` or about all; going back shows how it is now."""
        frame = {**self.admin_site.each_context(request), "opts": self.opts, "original": of, "title": title}
        response = render(request, template, {**frame, **content}, status=status)
        response["Cache-Control"] = "no-store"
        return response

    def _page(self, request: HttpRequest, obj: Any, template: str, title: str, context: dict[str, Any]) -> HttpResponse:
        the_list = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")
        return self.show(request, template, title, {"back_url": the_list, **context}, of=obj)

    # --- Changes: each model's page calls its act in `<app>/actions`, which audits it ---------------------

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        raise NotImplementedError(f"{type(self).__name__}: save by an act, which writes the audit entry")

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        raise NotImplementedError(f"{type(self).__name__}: delete by an act, which writes the audit entry")

    def delete_queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> None:
        raise NotImplementedError(f"{type(self).__name__}: delete by an act, which writes the audit entry")


class ReadOnly:
    """For records of what happened: nobody adds, changes or deletes them by hand."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class AccountTabularInline(RoleAccess, TabularInline):  # type: ignore[misc]
    """Rows below another model's form, by the same rules."""

    extra = 0


class AccountStackedInline(RoleAccess, StackedInline):  # type: ignore[misc]
    """The same, one below the other."""

    extra = 0


class _ScopedChoices:
    """A filter in the list's margin that names only what belongs to the account."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> list[tuple[Any, str]]:
        model = field.remote_field.model
        limit: dict[str, Any] = {}
        if belongs_to_accounts(model):
            limit["pk__in"] = narrowed(model._default_manager.all(), account_of(request)).values("pk")
        ordering = self.field_admin_ordering(field, request, model_admin)  # type: ignore[attr-defined]
        choices: list[tuple[Any, str]] = field.get_choices(
            include_blank=False, ordering=ordering, limit_choices_to=limit
        )
        return choices


def _has_account(model: type[models.Model]) -> bool:
    return any(field.name == "account" for field in model._meta.fields)
