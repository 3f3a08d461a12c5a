"""The API of what people said of being written to."""

import json
from datetime import datetime, timedelta
from typing import Any, Final

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.audit import Actor
from accounts.lists.keyset_pages import KeysetPages
from accounts.models import Account
from accounts.requests import ApiRequest
from accounts.written.reading import is_storable, row_id
from campaigns.actions import contact_acts
from campaigns.api.contact_serializers import refuse, texts_in
from campaigns.contacts import consent_history
from campaigns.contacts.consent_by_file import SOURCE_CHARACTERS
from campaigns.contacts.consent_history import Statement, Told
from campaigns.contacts.people import PhoneErased
from campaigns.models import ConsentRecord, Contact
from campaigns.states import Basis, Channel
from campaigns.wording.refusals import refusal
from devices import phone_numbers
from jobs.api.serializers import Moment
from jobs.states import MessageKind

EVIDENCE_CHARACTERS: Final = 4_000
A_DAY: Final = timedelta(days=1)  # whatever its clock, a later moment is none at which somebody spoke
FILTERS = [
    OpenApiParameter("contact", int, description="Of this contact, and of its number"),
    OpenApiParameter("phone", str, description="Of this number, in any spelling"),
]


class ConsentSerializer(serializers.ModelSerializer[ConsentRecord]):
    """One statement. "" says: of all messages (`kind`), nobody knows (`channel`), a revocation (`basis`)."""

    revoked = serializers.BooleanField(source="is_revocation")
    evidence = serializers.JSONField()
    recorded_by = serializers.IntegerField(source="user_id", allow_null=True)
    given_at = Moment()
    recorded_at = Moment()

    class Meta:
        model = ConsentRecord
        fields = (
            *("id", "contact_id", "phone", "revoked", "kind", "basis", "channel", "source", "evidence"),
            *("text_version", "given_at", "recorded_at", "recorded_by"),
        )
        read_only_fields = fields


@extend_schema_field(OpenApiTypes.DATETIME)
class _GivenAt(serializers.Field[Any, Any, Any, Any]):
    def to_internal_value(self, data: Any) -> datetime:
        try:
            moment = datetime.fromisoformat(data)
            if moment.utcoffset() is not None and moment.year > 1970 and moment <= timezone.now() + A_DAY:
                return moment
        except (TypeError, ValueError, OverflowError):
            pass
        raise refuse("given_at_invalid")


@extend_schema_field(OpenApiTypes.OBJECT)
class _Evidence(serializers.JSONField):
    def to_internal_value(self, data: Any) -> Any:
        value = super().to_internal_value(data)
        if not isinstance(value, dict) or len(json.dumps(value)) > EVIDENCE_CHARACTERS:
            raise refuse("evidence_invalid", limit=EVIDENCE_CHARACTERS)
        if not all(map(is_storable, texts_in(value))):
            raise refuse("text_invalid")
        return value


class StatementSerializer(serializers.Serializer[Any]):
    """What somebody said. Of a contact, or where it is a revocation of any number."""

    contact_id = serializers.IntegerField(required=False, min_value=1, max_value=2**63 - 1)
    phone = serializers.CharField(required=False, max_length=phone_numbers.MAX_WRITTEN)
    revoked = serializers.BooleanField(required=False, default=False)
    kind = serializers.ChoiceField(MessageKind.choices, required=False)
    basis = serializers.ChoiceField(Basis.choices, required=False)
    channel = serializers.ChoiceField(Channel.choices, required=False, default=Channel.API.value)
    # Its name is also an attribute of a serializer.
    source = serializers.CharField(  # type: ignore[assignment]
        required=False, allow_blank=True, default="", max_length=SOURCE_CHARACTERS, help_text="Where it was said"
    )
    evidence = _Evidence(required=False, default=dict)
    text_version = serializers.CharField(
        required=False, allow_blank=True, default="", max_length=100, help_text="Of what the person read and agreed to"
    )
    given_at = _GivenAt(required=False, help_text="Now, where it is missing")

    def validate_phone(self, value: str) -> str:
        account: Account = self.context["account"]
        try:
            return phone_numbers.read_one(value, account.default_country).e164
        except phone_numbers.Unreadable as problem:
            raise refuse(problem.code) from None

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["revoked"] and attrs.get("basis"):
            raise serializers.ValidationError({"basis": refuse("basis_of_revocation").detail})
        if not attrs["revoked"] and not attrs["source"]:
            raise serializers.ValidationError({"source": refuse("source_missing").detail})
        return attrs

    def statement(self, user_id: int | None) -> Statement:
        """What was sent. Raises ApiError where it is nobody's."""
        said = self.validated_data
        account: Account = self.context["account"]
        contact, phone = _whose(account, said.get("contact_id"), said.get("phone"))
        if contact is None and not (said["revoked"] and phone):
            raise refusal("consent_of_whom")
        kind = "" if said["revoked"] else MessageKind.COMMERCIAL.value
        return Statement(
            phone,
            None if contact is None else contact.pk,
            said["revoked"],
            said.get("given_at") or timezone.now(),
            Told(said["channel"], said["source"], said["evidence"], user_id, said["text_version"]),
            kind=said.get("kind", kind),
            basis=said.get("basis", Basis.CONSENT.value),
        )


class Consents(APIView):
    """What people said of being written to, each statement with its basis, its channel and what shows it."""

    pagination_class = KeysetPages

    @extend_schema(responses=ConsentSerializer(many=True), parameters=FILTERS, tags=["consents"])
    def get(self, request: ApiRequest, **_: Any) -> Response:
        """What one person said, newest first."""
        given = {name: request.query_params[name] for name in ("contact", "phone") if name in request.query_params}
        if len(given) != 1 or not is_storable(given.get("phone", "")):
            raise refusal("consents_of_whom")
        if "phone" in given:
            key = phone_numbers.key_of_spelling(given["phone"], request.account.default_country)
            rows = consent_history.of_person(request.account.pk, None, key or "")
        else:
            contact = Contact.objects.for_account(request.account).filter(pk=row_id(given["contact"])).first()
            rows = consent_history.of_person(request.account.pk, contact and contact.pk, contact and contact.phone_key)
        pages = KeysetPages()
        page = pages.paginate_queryset(rows, request, self)
        return pages.get_paginated_response(ConsentSerializer(page, many=True).data)

    @extend_schema(request=StatementSerializer, responses={201: ConsentSerializer}, tags=["consents"])
    def post(self, request: ApiRequest, **_: Any) -> Response:
        """Keep what somebody said, now or earlier. A revocation suppresses the number at once; a consent lifts an
        opt-out only if it was given later."""
        serializer = StatementSerializer(data=request.data, context={"account": request.account})
        serializer.is_valid(raise_exception=True)
        actor = Actor.of(request)
        said = serializer.statement(None if actor.user is None else actor.user.pk)
        try:
            kept = contact_acts.record_consent(actor, said)
        except PhoneErased:
            raise refusal("phone_erased") from None
        return Response(ConsentSerializer(kept).data, status=201)


def _whose(account: Account, contact_id: int | None, phone: str | None) -> tuple[Contact | None, str]:
    """The contact that is named, by its id or by its number, and the number ("": none). Raises ApiError."""
    if (contact_id is None) == (phone is None):
        raise refusal("consent_of_whom")
    contacts = Contact.objects.for_account(account)
    if contact_id is not None:
        contact = contacts.filter(pk=contact_id).first()
        if contact is None:
            raise refusal("contacts_unknown")
        return contact, contact.phone or ""
    assert phone is not None
    contact = contacts.filter(phone_key=phone_numbers.key_of(phone)).first()
    return contact, phone
