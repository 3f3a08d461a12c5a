"""Whose everything is: accounts, the people in them and the tokens that speak for those people."""

import hashlib
import secrets
from typing import Any, ClassVar, Self

from django.contrib.auth.base_user import BaseUserManager
from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.rules import presets
from accounts.scoping import ScopedModel, ScopedQuerySet


class Account(models.Model):
    """One customer: the owner of devices, jobs, contacts and campaigns."""

    name = models.CharField(_("name"), max_length=120, unique=True)
    whatsapp_api_campaigns = models.BooleanField(
        _("campaigns enabled"),
        default=False,
        help_text=_("The feature flag of campaigns; off for new accounts."),
    )
    never_twice = models.BooleanField(
        _("never twice"),
        default=False,
        help_text=_(
            "Leave a message “unknown” for a person to decide, rather than retry it, when the gateway cannot tell."
        ),
    )
    time_zone = models.CharField(_("time zone"), max_length=64, default="UTC")
    default_country = models.CharField(
        _("country of numbers"),
        max_length=2,
        blank=True,
        help_text=_("Two letters, such as PE: what a number without country code belongs to."),
    )
    # {"start": "09:00", "end": "20:00", "weekdays": [0, …, 6]}, Monday is 0; empty: at any time.
    sending_window = models.JSONField(_("sending window"), default=dict, blank=True)
    # {"added": [words], "removed": [words], "added_in": [words]}, beside those of `jobs.replies.vocabulary`.
    opt_out_words = models.JSONField(_("opt-out words"), db_default={}, default=dict, blank=True)
    # The countries whose rules its commercial campaigns keep to: see `rules.presets`. Of an account that was there
    # before there were rules: none, until a person says so.
    country_rules = models.JSONField(_("rules of countries"), db_default=[], default=presets.default, blank=True)
    # {"messages": 3, "days": 7}: how often one person is written to at most, over all campaigns; empty: no cap.
    frequency_cap = models.JSONField(_("messages per person"), db_default={}, default=dict, blank=True)
    created_at = models.DateTimeField(_("created"), db_default=Now(), editable=False)

    class Meta:
        verbose_name = _("account")
        verbose_name_plural = _("accounts")
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class UserManager(BaseUserManager["User"]):
    """Creates users by e-mail."""

    use_in_migrations = True

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email__iexact=username)


class User(AbstractUser):
    """A person, known by e-mail. What they may do is said by their memberships, per account."""

    username = None  # type: ignore[assignment]
    email = models.EmailField(_("e-mail"), unique=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects: ClassVar[UserManager] = UserManager()  # type: ignore[assignment]

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")

    def __str__(self) -> str:
        return self.email


class Role(models.TextChoices):
    """What a member may do; the table is in docs/architecture.md and `access.permissions`."""

    ADMINISTRATOR = "administrator", _("administrator")
    AGENT = "agent", _("agent")
    VIEWER = "viewer", _("viewer")


class Membership(ScopedModel):
    """A user's place in an account."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="memberships", verbose_name=_("account"))
    user = models.ForeignKey(User, models.CASCADE, related_name="memberships", verbose_name=_("user"))
    role = models.CharField(_("role"), max_length=16, choices=Role.choices, default=Role.AGENT)
    created_at = models.DateTimeField(_("created"), db_default=Now(), editable=False)

    class Meta:
        verbose_name = _("member")
        verbose_name_plural = _("members")
        constraints = [
            models.UniqueConstraint(fields=["account", "user"], name="one_membership_per_account"),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="membership_role_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.account} · {self.get_role_display()}"


class ApiTokenQuerySet(ScopedQuerySet["ApiToken"]):
    def active(self) -> Self:
        return self.filter(revoked_at=None, membership__user__is_active=True)


class ApiToken(ScopedModel):
    """A credential of one member in one account. Only its hash is stored: it is shown once, when made."""

    account_path = "membership__account_id"

    membership = models.ForeignKey(Membership, models.CASCADE, related_name="tokens", verbose_name=_("member"))
    name = models.CharField(_("name"), max_length=120)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    last_characters = models.CharField(_("ends in"), max_length=4, editable=False)
    created_at = models.DateTimeField(_("created"), db_default=Now(), editable=False)
    last_used_at = models.DateTimeField(_("last used"), null=True, editable=False)
    revoked_at = models.DateTimeField(_("revoked"), null=True, editable=False)

    unscoped: ClassVar[Any] = ApiTokenQuerySet.as_manager()

    class Meta:
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")

    def __str__(self) -> str:
        return f"{self.name} (…{self.last_characters})"

    @staticmethod
    def digest_of(plain: str) -> str:
        # A token has 256 random bits: a fast hash is enough, there is nothing to guess.
        return hashlib.sha256(plain.encode()).hexdigest()

    @classmethod
    def issue(cls, membership: Membership, name: str) -> tuple["ApiToken", str]:
        """Make a token; return it with its plain text, which exists nowhere else."""
        plain = secrets.token_urlsafe(32)
        token = cls(membership=membership, name=name, digest=cls.digest_of(plain), last_characters=plain[-4:])
        token.save()
        return token, plain

    def revoke(self) -> None:
        type(self).unscoped.filter(pk=self.pk, revoked_at=None).update(revoked_at=timezone.now())


class AuditEntry(ScopedModel):
    """What somebody did that matters later. Append-only: no code changes or deletes one."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="audit_entries", verbose_name=_("account"))
    # Null: the user is gone, or the system itself acted.
    user = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+", verbose_name=_("user"))
    action = models.CharField(_("action"), max_length=60)
    subject = models.CharField(_("subject"), max_length=200)
    details = models.JSONField(_("details"), default=dict)
    created_at = models.DateTimeField(_("time"), db_default=Now(), editable=False)

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit log")
        # Newest first, page by page, within an account.
        indexes = [models.Index(fields=["account", "-id"], name="audit_newest_first")]
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.action}: {self.subject}"
