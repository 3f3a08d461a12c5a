"""Which account a command is about."""

from django.core.management.base import CommandError

from accounts.models import Account


def account_named(name_or_id: str, returncode: int = 1) -> Account:
    """The account of this name or id; "" means the only one there is. Raises CommandError."""
    accounts = Account.objects.all()
    if name_or_id:
        found = accounts.filter(name=name_or_id).first()
        if found is None and name_or_id.isascii() and name_or_id.isdigit():
            found = accounts.filter(pk=int(name_or_id)).first()
        if found is None:
            raise CommandError("no account has this name or id", returncode=returncode)
        return found
    match list(accounts[:2]):
        case [only]:
            return only
        case []:
            raise CommandError("there is no account yet: see `manage.py bootstrap`", returncode=returncode)
        case _:
            raise CommandError("there are several accounts: choose one with --account", returncode=returncode)
