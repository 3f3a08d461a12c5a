"""No query forgets the account: a scoped model's `objects` answers only after an account was named.

    Job.objects.for_account(account).filter(…)    # views, admin, serializers
    Job.unscoped.filter(…)                        # the engine, which serves all accounts; it shows

`Job.objects.filter(…)` raises AccountRequired. The model needs an `account` field, or names the path to
one in `account_path`.
"""

from typing import Any, ClassVar, Generic, Self, TypeVar

from django.db import models

M = TypeVar("M", bound=models.Model)


class AccountRequired(TypeError):
    """A scoped model was queried without saying whose rows are meant."""


class ScopedQuerySet(models.QuerySet[M]):
    """A queryset that can be narrowed to one account."""

    def for_account(self, account: "models.Model | int") -> Self:
        """Keep only the rows of this account (an Account or its id)."""
        account_id = account if isinstance(account, int) else account.pk
        path: str = getattr(self.model, "account_path", "account_id")
        return self.filter(**{path: account_id})


class _Closed(Generic[M]):
    """What `Model.objects` is: a door that asks for the account first."""

    def __init__(self, model: type[M]) -> None:
        self.model = model

    def for_account(self, account: "models.Model | int") -> Any:
        return self.model._default_manager.for_account(account)  # type: ignore[attr-defined]

    def __getattr__(self, name: str) -> Any:
        raise AccountRequired(
            f"{self.model.__name__}.objects.{name}: name the account first, "
            f"{self.model.__name__}.objects.for_account(account).{name}, or use .unscoped in the engine"
        )


class ScopedObjects:
    """Descriptor for `objects` on a scoped model."""

    def __get__(self, instance: object, owner: type[M]) -> _Closed[M]:
        return _Closed(owner)


class ScopedModel(models.Model):
    """Base of every model that belongs to an account."""

    unscoped: ClassVar[Any] = ScopedQuerySet.as_manager()
    objects: ClassVar[Any] = ScopedObjects()

    class Meta:
        abstract = True
