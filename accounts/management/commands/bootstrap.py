"""The first account, its administrator and a token. Safe to repeat, and safe when two run at once."""

import json
import secrets
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.validators import validate_email
from django.db import transaction
from django.forms import ValidationError

from accounts import actions
from accounts.audit import Actor
from accounts.countries import is_country
from accounts.models import Account, Role, User

TOKEN_NAME = "bootstrap"  # noqa: S105 - a name


class Command(BaseCommand):
    help = (
        "Create (or find) an account with an administrator and an API token. "
        "The token is shown only when it is made: once per account and user."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--account", required=True, metavar="NAME")
        parser.add_argument("--email", required=True, help="who administers it; also the name to log in with")
        parser.add_argument("--password", help="for a new user; without it one is made and shown")
        parser.add_argument(
            "--country", default="", metavar="PE", help="two letters: what numbers without a country code belong to"
        )
        parser.add_argument("--enable-campaigns", action="store_true", help="switch the campaigns feature on")
        parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")

    def handle(self, *args: Any, **options: Any) -> None:
        name, email = options["account"].strip(), options["email"].strip().lower()
        try:
            validate_email(email)
        except ValidationError:
            raise CommandError("--email must be an e-mail address") from None
        if not 0 < len(name) <= 120:
            raise CommandError("--account must have 1 to 120 characters")
        country = options["country"].strip().upper()
        if country and not is_country(country):
            raise CommandError("--country must be the two letters of a country, such as PE")
        made = bootstrap(
            name, email, options["password"], enable_campaigns=options["enable_campaigns"], country=country
        )
        if options["json"]:
            self.stdout.write(json.dumps(made))
            return
        for label, value in made.items():
            self.stdout.write(f"{label}: {value if value is not None else '(made earlier; shown only once)'}")
        if not Account.objects.get(pk=made["account_id"]).default_country:
            self.stdout.write("country: none, so numbers without + are refused; say it with --country, or in settings")


@transaction.atomic
def bootstrap(
    name: str, email: str, password: str | None, *, enable_campaigns: bool, country: str = ""
) -> dict[str, Any]:
    """Return {"account_id", "user_id", "email", "token"}; `token` is None where it was made before.

    `country` ("PE") is what the account's numbers without a country code belong to; "" leaves it as it is.

    "password" is added where one was made up. A user who exists keeps theirs.
    """
    account = actions.create_account(name)
    actor = Actor(account)
    if enable_campaigns and not account.whatsapp_api_campaigns:
        account.whatsapp_api_campaigns = True
        actions.change_account(actor, account, ["whatsapp_api_campaigns"])

    if country and account.default_country != country:
        account.default_country = country
        actions.change_account(actor, account, ["default_country"])

    made_up = None
    user = User.objects.filter(email__iexact=email).first()
    if user is None:
        made_up = None if password else secrets.token_urlsafe(12)
        user = User(email=email, is_staff=True)
        user.set_password(password or made_up)
        # Another account's bootstrap may have been first with the same person.
        user, is_new = User.objects.get_or_create(email=email, defaults={"password": user.password, "is_staff": True})
        made_up = made_up if is_new else None
    if not user.is_active:
        raise CommandError(f"the user {email} is switched off")
    if not user.is_staff:
        User.objects.filter(pk=user.pk).update(is_staff=True)

    # Locks the row: from here on a second bootstrap of the same account and user waits for the first.
    membership = actions.appoint(actor, user, Role.ADMINISTRATOR)
    token = None
    if not membership.tokens.filter(name=TOKEN_NAME, revoked_at=None).exists():
        _, token = actions.issue_token(actor, membership, TOKEN_NAME)
    shown = {"account_id": account.pk, "user_id": user.pk, "email": user.email, "token": token}
    return {**shown, "password": made_up} if made_up else shown
