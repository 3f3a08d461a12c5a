"""What the admin's frame shows of accounts: which one this is, and the way to another (settings.UNFOLD)."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.access.memberships import accounts_of
from accounts.models import User
from accounts.requests import account_of


def account_name(request: HttpRequest) -> str:
    """Below the product's name: the account all pages speak of."""
    if not request.user.is_authenticated:
        return ""
    account = account_of(request)
    return account.name if account else _("You belong to no account yet")


def user_links(request: HttpRequest) -> list[dict[str, Any]]:
    """In the menu of the user: the switcher, for who has more than one account, and the password."""
    links = [{"title": _("Change password"), "link": reverse("admin:password_change")}]
    if isinstance(request.user, User) and len(accounts_of(request.user)) > 1:
        links.insert(0, {"title": _("Switch account"), "link": reverse("switch_account")})
    return links
