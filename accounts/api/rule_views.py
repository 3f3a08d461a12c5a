"""The API of an account's rules: which countries' it keeps to, and how often one person is written to."""

from typing import Any, Final

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import actions, messages
from accounts.audit import Actor
from accounts.errors import ApiError
from accounts.models import Account, Role
from accounts.requests import ApiRequest
from accounts.rules import caps
from accounts.rules.presets import RULES, Rule
from accounts.written.reading import is_storable


class CapSerializer(serializers.Serializer[dict[str, int]]):
    """So many messages to one person in so many days, over all campaigns."""

    messages = serializers.IntegerField(min_value=1, max_value=caps.MOST_MESSAGES)
    days = serializers.IntegerField(min_value=1, max_value=caps.MOST_DAYS)


class RuleSerializer(serializers.Serializer[dict[str, Any]]):
    """What one country asks, and whether the account keeps to it."""

    country = serializers.CharField()
    is_on = serializers.BooleanField()
    bases = serializers.ListField(
        child=serializers.CharField(), help_text="One of which a contact's consent must rest on"
    )
    hours = serializers.DictField(
        child=serializers.ListField(child=serializers.CharField()),
        help_text='By weekday, Monday 0: {"0": ["07:00", "18:59"]}',
    )
    holidays = serializers.BooleanField(help_text="Whether nobody is written to on public holidays")
    a_day = serializers.IntegerField(allow_null=True, help_text="How many messages a day one person may get")


class SendingRulesSerializer(serializers.Serializer[dict[str, Any]]):
    """The rules of an account's commercial campaigns."""

    country_rules = serializers.ListField(child=serializers.CharField(), help_text="The countries whose rules are on")
    frequency_cap = CapSerializer(allow_null=True)
    offered = RuleSerializer(many=True, read_only=True)


class SendingRulesChange(serializers.Serializer[dict[str, Any]]):
    """What is to be changed; what is left out stays."""

    country_rules = serializers.ListField(child=serializers.ChoiceField(sorted(RULES)), required=False)
    frequency_cap = CapSerializer(allow_null=True, required=False)
    reason = serializers.CharField(max_length=actions.MOST_REASON_CHARACTERS, help_text="Kept in the audit log")


_NAMES: Final = {"country_rules", "frequency_cap", "reason"}


class SendingRules(APIView):
    """The rules of an account's commercial campaigns."""

    required_role = Role.ADMINISTRATOR

    @extend_schema(responses=SendingRulesSerializer, tags=["account"])
    def get(self, request: ApiRequest, **_: Any) -> Response:
        """Which countries' rules are on, what each asks, and how often one person is written to at most."""
        return Response(_shown(request.account))

    @extend_schema(request=SendingRulesChange, responses=SendingRulesSerializer, tags=["account"])
    def patch(self, request: ApiRequest, **_: Any) -> Response:
        """Switch rules of countries on or off, or change the cap. Binds every message from now on."""
        body = request.data
        if not isinstance(body, dict) or set(body) - _NAMES:
            raise ApiError("invalid")
        countries = body.get("country_rules")
        if "country_rules" in body and not _are_countries(countries):
            raise _invalid_countries()
        reason = body.get("reason", "")
        if not isinstance(reason, str) or not is_storable(reason):
            raise ApiError("reason_missing")
        account = request.account
        try:
            cap = caps.parse(body["frequency_cap"]) if "frequency_cap" in body else actions.SAME
            actions.change_rules(Actor.of(request), account, country_rules=countries, cap=cap, reason=reason)
        except caps.BadCap:
            raise ApiError("frequency_cap_invalid") from None
        except actions.RulesRefused as refused:
            raise (
                _invalid_countries() if refused.code == "country_rules_invalid" else ApiError(refused.code)
            ) from None
        return Response(_shown(account))


def _are_countries(raw: Any) -> bool:
    return isinstance(raw, list) and all(isinstance(one, str) and one in RULES for one in raw)


def _invalid_countries() -> ApiError:
    code = "country_rules_invalid"
    return ApiError(code, messages.ERRORS[code].format(choices=", ".join(sorted(RULES))))


def _shown(account: Account) -> dict[str, Any]:
    return {
        "country_rules": sorted(account.country_rules),
        "frequency_cap": account.frequency_cap or None,
        "offered": [_offered(rule, account) for rule in RULES.values()],
    }


def _offered(rule: Rule, account: Account) -> dict[str, Any]:
    hours = {} if rule.hours is None else rule.hours
    return {
        "country": rule.country,
        "is_on": rule.country in account.country_rules,
        "bases": sorted(rule.bases),
        "hours": {str(day): [f"{start:%H:%M}", f"{end:%H:%M}"] for day, (start, end) in hours.items()},
        "holidays": rule.has_holidays,
        "a_day": rule.a_day,
    }
