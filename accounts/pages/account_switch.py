"""HTML pages of this app that are not a model's admin."""

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts import actions
from accounts.access.memberships import SESSION_KEY, accounts_of
from accounts.audit import Actor
from accounts.models import Membership, User
from accounts.requests import account_of


def switch_account(request: HttpRequest) -> HttpResponse:
    """Show the accounts one may act in; a POST of `account_id` chooses one for the rest of the session."""
    user = request.user
    if not isinstance(user, User):
        raise Http404
    accounts = accounts_of(user)
    if request.method == "POST":
        chosen = next((one for one in accounts if str(one.pk) == request.POST.get("account_id")), None)
        if chosen is None:
            raise Http404
        request.session[SESSION_KEY] = chosen.pk
        if not Membership.unscoped.filter(user=user, account=chosen).exists():
            actions.enter_account(Actor(chosen, user))
        return HttpResponseRedirect(reverse("admin:index"))
    context = {
        **admin.site.each_context(request),
        "title": _("Switch account"),
        "accounts": accounts,
        "current": account_of(request),
    }
    return render(request, "accounts/switch_account.html", context)
