"""The rules of commercial campaigns as fields of the account's page: each country's, the cap, and why they change."""

from typing import Any, Final

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminTextInputWidget,
)

from accounts.actions import MOST_REASON_CHARACTERS
from accounts.models import Account
from accounts.pages.admin_base import AccountForm
from accounts.rules import caps
from accounts.rules.caps import Cap
from accounts.rules.presets import DEFAULT, RULES
from accounts.written.reading import is_storable

NAMES: Final = ("countries", "cap_messages", "cap_days", "reason")
# What each country's rule does, for whoever switches it.
WORDS: Final = {
    "PE": gettext_lazy("Peru: only to those who gave consent (Ley 32323)"),
    "CO": gettext_lazy(
        "Colombia: Monday to Friday 7–19, Saturday 8–15, never on Sundays and public holidays, one message a day"
        " (Ley 2300)"
    ),
    "BR": gettext_lazy("Brazil: only with consent or legitimate interest (LGPD)"),
    "CL": gettext_lazy("Chile: only with consent or legitimate interest (Ley 21.719)"),
    "ES": gettext_lazy("Spain: only with consent, or to one's customers (LSSI)"),
    "US": gettext_lazy("United States: from 8 to 21 (TCPA)"),
}


class RuleFields(AccountForm):
    """Adds them to a form of the account, whose columns they are not: an act of their own writes them."""

    class Meta:
        model = Account
        fields = ()

    countries = forms.MultipleChoiceField(
        label=gettext_lazy("Rules of countries"),
        choices=[(country, WORDS[country]) for country in RULES],
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )
    cap_messages = forms.IntegerField(
        label=gettext_lazy("Messages per person, at most"),
        help_text=gettext_lazy("Over all commercial campaigns, in so many days. Empty: any number."),
        min_value=1,
        max_value=caps.MOST_MESSAGES,
        required=False,
        widget=UnfoldAdminIntegerFieldWidget,
    )
    cap_days = forms.IntegerField(
        label=gettext_lazy("in how many days"),
        min_value=1,
        max_value=caps.MOST_DAYS,
        required=False,
        widget=UnfoldAdminIntegerFieldWidget,
    )
    reason = forms.CharField(
        label=gettext_lazy("Why these rules change"),
        help_text=gettext_lazy("Needed to switch a rule on or off, or to change the limit. It stays in the audit log."),
        max_length=MOST_REASON_CHARACTERS,
        required=False,
        widget=UnfoldAdminTextInputWidget,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        account: Account = self.instance
        self.initial["countries"] = list(account.country_rules)
        self.initial["cap_messages"] = account.frequency_cap.get("messages")
        self.initial["cap_days"] = account.frequency_cap.get("days")
        if "countries" in self.fields and set(DEFAULT) - set(account.country_rules):
            self.fields["countries"].help_text = gettext_lazy(
                "Those of Peru and Colombia are on in new accounts, and one of them is off here. If you write to people"
                " there, switch it on. They bind commercial campaigns only, by the country of each number."
            )
        elif "countries" in self.fields:
            self.fields["countries"].help_text = gettext_lazy(
                "They bind commercial campaigns only, by the country of each number. This is no legal advice."
            )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        messages, days = cleaned.get("cap_messages"), cleaned.get("cap_days")
        if (messages is None) != (days is None) and not {"cap_messages", "cap_days"} & self.errors.keys():
            self.add_error("cap_days", _("Say both, how many messages and in how many days, or neither."))
        reason = cleaned.get("reason", "")
        if self.changes_rules and not (reason.strip() and is_storable(reason)):
            self.add_error("reason", _("Say why: it stays in the audit log."))
        return cleaned

    @property
    def changes_rules(self) -> bool:
        return bool({"countries", "cap_messages", "cap_days"} & set(self.changed_data))

    @property
    def cap(self) -> Cap | None:
        messages, days = self.cleaned_data["cap_messages"], self.cleaned_data["cap_days"]
        return None if messages is None or days is None else Cap(messages, days)
