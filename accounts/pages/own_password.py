"""The page where a person changes their own password: Django's, except that saving is an act."""

from typing import Any

from django.contrib import admin
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.views import PasswordChangeView
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.forms import AdminOwnPasswordChangeForm

from accounts import actions
from accounts.audit import Actor
from accounts.requests import account_of


class _OwnPassword(PasswordChangeView):
    form_class = AdminOwnPasswordChangeForm

    def get_success_url(self) -> str:
        return reverse("admin:password_change_done")

    def form_valid(self, form: Any) -> HttpResponse:
        actor = None if account_of(self.request) is None else Actor.of(self.request)
        actions.change_own_password(actor, form.user, form.cleaned_data["new_password1"])
        update_session_auth_hash(self.request, form.user)  # whoever changes it stays logged in, here alone
        return HttpResponseRedirect(self.get_success_url())


def change_own_password(request: HttpRequest) -> Any:
    """In the place of the admin's own page, at its address."""
    request.current_app = admin.site.name  # what the admin's templates read
    return _OwnPassword.as_view(extra_context=admin.site.each_context(request))(request)
