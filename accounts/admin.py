"""The admin's pages of an account: its settings, members, tokens and audit log."""

import secrets
from typing import Any, Final

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import Group
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminEmailInputWidget, UnfoldAdminTextInputWidget

from accounts import actions
from accounts.audit import Actor
from accounts.countries import is_country
from accounts.models import Account, ApiToken, AuditEntry, Membership, Role, User
from accounts.pages import rule_fields
from accounts.pages.admin_base import AccountAdmin, AccountForm, ReadOnly, action, display
from accounts.pages.rule_fields import RuleFields
from accounts.requests import account_of
from accounts.time_zones import known_zone

admin.site.unregister(Group)  # roles come from memberships; Django's groups would say nothing


_WORDS: Final = ("added", "removed")


class AccountSettingsForm(RuleFields):
    """Takes a country's two letters in any case, and words with commas between them."""

    class Meta:
        model = Account
        fields = ("name", "default_country", "time_zone", "whatsapp_api_campaigns", "never_twice")

    # Each is a list in `Account.opt_out_words`, by its own name.
    added = forms.CharField(
        label=gettext_lazy("Words that opt out, besides ours"),
        help_text=gettext_lazy("With commas between them. Whoever writes one of them, and nothing else, gets no more."),
        max_length=1000,
        required=False,
        widget=UnfoldAdminTextInputWidget,
    )
    removed = forms.CharField(
        label=gettext_lazy("Words of ours that do not opt out"),
        help_text=gettext_lazy("Such as CANCELAR, where people cancel their bookings by it."),
        max_length=1000,
        required=False,
        widget=UnfoldAdminTextInputWidget,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "time_zone" in self.fields:  # which it is not for who may only look
            self.fields["time_zone"].required = False  # empty: as it was
        for name in _WORDS:
            self.initial[name] = ", ".join(self.instance.opt_out_words.get(name, ()))

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        for name in _WORDS:
            words = [word.strip() for word in cleaned.get(name, "").split(",")]
            self.instance.opt_out_words[name] = [word for word in words if word]
        return cleaned

    @property
    def changed_columns(self) -> set[str]:
        """The columns of what was changed."""
        own = [name for name in self.changed_data if name not in rule_fields.NAMES]
        return {"opt_out_words" if name in _WORDS else name for name in own}

    def clean_time_zone(self) -> str:
        name: str = self.cleaned_data["time_zone"].strip() or self.initial["time_zone"]
        if known_zone(name) is None:
            raise forms.ValidationError(_("Write a time zone such as America/Lima."))
        return name

    def clean_default_country(self) -> str:
        country: str = self.cleaned_data["default_country"].strip().upper()
        if country and not is_country(country):
            raise forms.ValidationError(_("Write the country's two letters, such as PE."))
        return country


@admin.register(Account)
class AccountSettingsAdmin(AccountAdmin):
    """The account one is in: its name, the country of its numbers, and what is switched on."""

    form = AccountSettingsForm
    fieldsets = (
        (None, {"fields": ("name", "default_country", "time_zone", "whatsapp_api_campaigns", "never_twice")}),
        (gettext_lazy("Words that opt out"), {"fields": ("added", "removed")}),
        (gettext_lazy("Rules of commercial campaigns"), {"fields": rule_fields.NAMES}),
        (None, {"fields": ("created_at",)}),
    )
    readonly_fields = ("created_at",)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # `manage.py bootstrap` makes accounts

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        account = account_of(request)
        if account is None:
            response: HttpResponse = super().changelist_view(request, extra_context)
            return response
        # A list of one.
        return HttpResponseRedirect(reverse("admin:accounts_account_change", args=[account.pk]))

    def save_model(self, request: HttpRequest, obj: Account, form: Any, change: bool) -> None:
        actor = Actor.of(request)
        with transaction.atomic():
            actions.change_account(actor, obj, form.changed_columns)
            if form.changes_rules:
                actions.change_rules(
                    actor,
                    obj,
                    country_rules=form.cleaned_data["countries"],
                    cap=form.cap,
                    reason=form.cleaned_data["reason"],
                )


class MemberForm(AccountForm):
    """Adds a person by e-mail: one who has a user already, or a new one."""

    email = forms.EmailField(label=gettext_lazy("E-mail"), widget=UnfoldAdminEmailInputWidget)

    class Meta:
        model = Membership
        fields = ("role",)

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"].lower()
        if Membership.unscoped.filter(account_id=self.instance.account_id, user__email__iexact=email).exists():
            raise forms.ValidationError(_("This person is a member already."))
        return email


class RoleForm(AccountForm):
    """Changes a member's role, but never that of the last administrator."""

    class Meta:
        model = Membership
        fields = ("role",)

    def clean_role(self) -> str:
        role: str = self.cleaned_data["role"]
        before = Membership.unscoped.get(pk=self.instance.pk)
        if role != Role.ADMINISTRATOR and is_last_administrator(before):
            raise forms.ValidationError(_("An account needs an administrator: appoint another one first."))
        return role


def is_last_administrator(membership: Membership) -> bool:
    """Whether nobody else could administer the account."""
    if membership.role != Role.ADMINISTRATOR:
        return False
    others = Membership.unscoped.filter(account_id=membership.account_id, role=Role.ADMINISTRATOR)
    return not others.exclude(pk=membership.pk).filter(user__is_active=True).exists()


@admin.register(Membership)
class MembershipAdmin(AccountAdmin):
    """Members and their roles. Adding a person without a user makes one, with a password shown once."""

    view_role = Role.ADMINISTRATOR
    form = RoleForm
    list_display = ("user", "full_name", "role", "last_login", "created_at")
    list_select_related = ("user",)
    list_filter = ("role",)
    search_fields = ("user__email", "user__first_name", "user__last_name")
    ordering = ("user__email",)
    readonly_fields = ("user", "last_login", "created_at")
    actions_detail = ("reset_password",)

    @display(description=gettext_lazy("full name"))
    def full_name(self, membership: Membership) -> str:
        return membership.user.get_full_name() or "–"

    @display(description=gettext_lazy("last login"), ordering="user__last_login")
    def last_login(self, membership: Membership) -> Any:
        return membership.user.last_login

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        return super().get_form(request, obj, change=change, **kwargs, form=self.form if obj else MemberForm)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("user", "role", "last_login", "created_at") if obj else ("email", "role")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return self.readonly_fields if obj else ()

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:
            obj.user, obj.first_password = user_for(form.cleaned_data["email"])
        obj.pk = actions.appoint(Actor.of(request), obj.user, obj.role).pk

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        actions.remove_member(Actor.of(request), obj)

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: Any = None) -> HttpResponse:
        if obj.first_password is None:
            response: HttpResponse = super().response_add(request, obj, post_url_continue)
            return response
        return self._show_password(request, obj, obj.first_password)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        allowed = super().has_delete_permission(request, obj)
        return allowed and not (isinstance(obj, Membership) and is_last_administrator(obj))

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        # One at a time: a bulk deletion could take all administrators at once.
        actions: dict[str, Any] = super().get_actions(request)
        return {name: entry for name, entry in actions.items() if name != "delete_selected"}

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        # A member's tokens, which nobody may delete by hand, go with the member.
        to_delete, counts, lacking, protected = super().get_deleted_objects(objs, request)
        return to_delete, counts, lacking - {ApiToken._meta.verbose_name}, protected

    @action(description=gettext_lazy("Reset password"), icon="lock_reset", permissions=["change"])
    def reset_password(self, request: HttpRequest, object_id: str) -> HttpResponse:
        membership = self.found(request, object_id)
        user = membership.user
        elsewhere = Membership.unscoped.filter(user=user).exclude(account_id=membership.account_id).exists()
        if elsewhere or user.is_superuser:
            messages.error(request, _("This person has a place beyond this account: only they can do this."))
            return HttpResponseRedirect(reverse("admin:accounts_membership_changelist"))
        if request.method != "POST":
            return self.ask(
                request,
                membership,
                question=_("Give %(user)s a new password?") % {"user": user},
                explanation=_("The present one stops working, and their open sessions end."),
                verb=_("Reset password"),
            )
        password = actions.reset_password(Actor.of(request), membership)
        return self._show_password(request, membership, password)

    def _show_password(self, request: HttpRequest, membership: Membership, password: str) -> HttpResponse:
        return self.show_once(
            request,
            membership,
            title=_("Password of %(user)s") % {"user": membership.user},
            heading=_("Give this password to %(user)s. It is shown only now.") % {"user": membership.user},
            label=_("Password"),
            secret=password,
            explanation=_("They can change it after logging in, in the menu at the lower left."),
        )


def user_for(email: str) -> tuple[User, str | None]:
    """Return the user with this e-mail, made if there is none, and the password made up for a new one."""
    user = User.objects.filter(email__iexact=email).first()
    if user is not None:
        if not user.is_staff:
            User.objects.filter(pk=user.pk).update(is_staff=True)
        return user, None
    password = secrets.token_urlsafe(12)
    return User.objects.create_user(email, password, is_staff=True), password


@admin.register(ApiToken)
class ApiTokenAdmin(AccountAdmin):
    """Tokens: made here, shown once, revoked and never deleted."""

    view_role = Role.ADMINISTRATOR
    list_display = ("name", "user", "ends_in", "state", "last_used_at", "created_at")
    list_select_related = ("membership__user", "membership__account")
    search_fields = ("name", "membership__user__email")
    ordering = ("revoked_at", "-id")
    fields = ("name", "membership")
    actions_detail = ("revoke",)
    actions_row = ("revoke",)

    @display(description=gettext_lazy("user"), ordering="membership__user__email")
    def user(self, token: ApiToken) -> str:
        return token.membership.user.email

    @display(description=gettext_lazy("ends in"))
    def ends_in(self, token: ApiToken) -> str:
        return f"…{token.last_characters}"

    @display(
        description=gettext_lazy("state"),
        label={gettext_lazy("active"): "success", gettext_lazy("revoked"): "danger"},
    )
    def state(self, token: ApiToken) -> Any:
        return gettext_lazy("revoked") if token.revoked_at else gettext_lazy("active")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return (*self.fields, "ends_in", "last_used_at", "created_at", "revoked_at") if obj else self.fields

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_revoke_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        token, obj.plain = actions.issue_token(Actor.of(request), obj.membership, obj.name)
        obj.pk, obj.last_characters = token.pk, token.last_characters

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: Any = None) -> HttpResponse:
        return self.show_once(
            request,
            obj,
            title=str(obj),
            heading=_("Copy the token now. It is shown only this once."),
            label=_("API token"),
            secret=obj.plain,
            explanation=_("Send it in a header, “Authorization: Bearer …”. If it is lost, revoke it and make another."),
        )

    @action(description=gettext_lazy("Revoke"), icon="block", permissions=["revoke"])
    def revoke(self, request: HttpRequest, object_id: str) -> HttpResponse:
        token = self.found(request, object_id)
        back = HttpResponseRedirect(reverse("admin:accounts_apitoken_changelist"))
        if token.revoked_at is not None:
            messages.info(request, _("This token was revoked before."))
            return back
        if request.method != "POST":
            return self.ask(
                request,
                token,
                question=_("Revoke the token %(token)s?") % {"token": token},
                explanation=_("Whatever uses it is refused from that moment on. This cannot be undone."),
                verb=_("Revoke"),
            )
        actions.revoke_token(Actor.of(request), token)
        messages.success(request, _("The token %(token)s is revoked.") % {"token": token})
        return back


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnly, AccountAdmin):
    """Who did what. Nobody changes it."""

    view_role = Role.ADMINISTRATOR
    list_display = ("created_at", "user", "action", "subject")
    list_select_related = ("user",)
    list_filter = ("action",)
    search_fields = ("subject", "action")
    fields = ("created_at", "user", "action", "subject", "details")
