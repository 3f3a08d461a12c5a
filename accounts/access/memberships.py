"""In whose name a caller acts: the membership that a session, a token or a ticket stands for."""

from django.contrib.auth.models import AnonymousUser

from accounts.models import Account, Membership, Role, User

SESSION_KEY = "account_id"


def choose_membership(user: User | AnonymousUser | None, account_id: int | None = None) -> Membership | None:
    """Return the user's membership in the account asked for, else in their first; None where there is none.

    A superuser stands in every account as an administrator: where no membership says so, an unsaved
    one does.
    """
    if not isinstance(user, User) or not user.is_active:
        return None
    theirs = Membership.unscoped.filter(user=user).select_related("account").order_by("pk")
    if account_id is not None:
        chosen = theirs.filter(account_id=account_id).first() or _superuser_in(user, account_id)
        if chosen is not None:
            return _with_user(chosen, user)
    first = theirs.first() or _superuser_in(user, None)
    return None if first is None else _with_user(first, user)


def accounts_of(user: User) -> list[Account]:
    """The accounts this user may switch to, by name."""
    if user.is_superuser:
        return list(Account.objects.all())
    return list(Account.objects.filter(memberships__user=user))


def _superuser_in(user: User, account_id: int | None) -> Membership | None:
    if not user.is_superuser:
        return None
    accounts = Account.objects.order_by("pk")
    account = accounts.first() if account_id is None else accounts.filter(pk=account_id).first()
    return None if account is None else Membership(account=account, user=user, role=Role.ADMINISTRATOR)


def _with_user(membership: Membership, user: User) -> Membership:
    if user.is_superuser:
        membership.role = Role.ADMINISTRATOR
    membership.user = user
    return membership
