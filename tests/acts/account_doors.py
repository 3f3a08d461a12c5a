"""An account, its members and their tokens."""

from io import StringIO
from typing import Any

from django.core.management import call_command
from django.urls import reverse

from accounts.management.commands.bootstrap import TOKEN_NAME
from accounts.models import Account, ApiToken, Membership, Role, User
from tests.accounts import people
from tests.acts.table import Scene, admin, api, command
from tests.factories import make_account

ACTS = "accounts.actions"


def member(scene: Scene, role: Role = Role.AGENT) -> Membership:
    return people.member(scene.account, role)


def token(scene: Scene, of: Membership | None = None) -> ApiToken:
    return ApiToken.issue(of or scene.member, TOKEN_NAME)[0]


def bootstrap(account: str, email: str, *options: str) -> None:
    call_command("bootstrap", "--account", account, "--email", email, *options, stdout=StringIO())


# --- The account -------------------------------------------------------------------------------------------


@command(f"{ACTS}.create_account", "account.created", "bootstrap", also=("membership.created", "apitoken.created"))
def create_account(scene: Scene) -> None:
    """A new account has an administrator and a token, and each of the three its entry."""
    bootstrap("Nueva", "ana@example.com")
    scene.account = Account.objects.get(name="Nueva")


@admin(f"{ACTS}.change_account", "account.changed")
def change_account_by_page(scene: Scene) -> Any:
    return scene.press(
        "accounts_account_change",
        {"name": "Otra", "time_zone": "UTC", "whatsapp_api_campaigns": "on"},
        scene.account.pk,
    )


@command(f"{ACTS}.change_account", "account.changed", "bootstrap")
def enable_campaigns(scene: Scene) -> None:
    token(scene)
    Account.objects.filter(pk=scene.account.pk).update(whatsapp_api_campaigns=False)
    bootstrap(scene.account.name, scene.member.user.email, "--enable-campaigns")


@api(f"{ACTS}.change_rules", "account.rules_changed", "PATCH", "sending_rules")
def change_rules_by_api(scene: Scene) -> Any:
    return scene.call("PATCH", "sending_rules", {"country_rules": ["PE"], "reason": "Ley 32323"})


@admin(f"{ACTS}.change_rules", "account.rules_changed")
def change_rules_by_page(scene: Scene) -> Any:
    form = {"name": scene.account.name, "time_zone": "UTC", "default_country": "PE", "whatsapp_api_campaigns": "on"}
    return scene.press(
        "accounts_account_change", {**form, "countries": ["PE"], "reason": "Ley 32323"}, scene.account.pk
    )


@admin(f"{ACTS}.enter_account", "account.entered")
def enter_account(scene: Scene) -> Any:
    user = scene.member.user
    user.is_superuser = True
    user.save()
    scene.account = make_account()
    return scene.admin.post(reverse("switch_account"), {"account_id": scene.account.pk})


# --- Members -------------------------------------------------------------------------------------------------


@admin(f"{ACTS}.appoint", "membership.created")
def add_member_by_page(scene: Scene) -> Any:
    return scene.press("accounts_membership_add", {"email": "ana@example.com", "role": "agent"})


@command(f"{ACTS}.appoint", "membership.created", "bootstrap", also=("apitoken.created",))
def add_member_by_command(scene: Scene) -> None:
    bootstrap(scene.account.name, "ana@example.com")


@admin(f"{ACTS}.appoint", "membership.changed")
def change_role_by_page(scene: Scene) -> Any:
    return scene.press("accounts_membership_change", {"role": "viewer"}, member(scene).pk)


@command(f"{ACTS}.appoint", "membership.changed", "bootstrap")
def change_role_by_command(scene: Scene) -> None:
    agent = member(scene)
    token(scene, agent)
    bootstrap(scene.account.name, agent.user.email)


@admin(f"{ACTS}.remove_member", "membership.deleted")
def remove_member_by_page(scene: Scene) -> Any:
    return scene.press("accounts_membership_delete", None, member(scene).pk)


@admin(f"{ACTS}.reset_password", "membership.password_reset")
def reset_password_by_page(scene: Scene) -> Any:
    return scene.press("accounts_membership_reset_password", None, member(scene).pk)


OLD, NEW = "correct horse battery", "staple battery horse"


def press_own_password(scene: Scene, old: str = OLD) -> Any:
    """Whoever has a password asks for another one."""
    scene.member.user.set_password(OLD)
    scene.member.user.save()
    form = {"old_password": old, "new_password1": NEW, "new_password2": NEW}
    return scene.press("password_change", form)


@admin(f"{ACTS}.change_own_password", "user.password_changed")
def change_own_password_by_page(scene: Scene) -> Any:
    answer = press_own_password(scene)
    assert User.objects.get(pk=scene.member.user_id).check_password(NEW)
    assert scene.admin.get(answer.url).status_code == 200  # and is still logged in
    return answer


# --- Tokens --------------------------------------------------------------------------------------------------


@admin(f"{ACTS}.issue_token", "apitoken.created")
def issue_token_by_page(scene: Scene) -> Any:
    return scene.press("accounts_apitoken_add", {"name": "Chatwoot", "membership": scene.member.pk})


@command(f"{ACTS}.issue_token", "apitoken.created", "bootstrap")
def issue_token_by_command(scene: Scene) -> None:
    bootstrap(scene.account.name, scene.member.user.email)


@admin(f"{ACTS}.revoke_token", "apitoken.revoked")
def revoke_token_by_page(scene: Scene) -> Any:
    return scene.press("accounts_apitoken_revoke", None, token(scene).pk)
