"""Contacts and labels on the wire."""

import json
from collections.abc import Iterator
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.requests import account_of
from accounts.written.reading import is_storable, with_plain_line_ends
from campaigns.contacts import labels, people
from campaigns.models import Contact, Label
from campaigns.wording import contact_field_problems
from devices import phone_numbers


def refuse(code: str, **details: Any) -> serializers.ValidationError:
    """Build a complaint about the field that is being read."""
    return serializers.ValidationError(contact_field_problems.on_the_wire(code, **details), code)


class LabelNames(serializers.ListField):
    """Names of labels, each once, in the order given."""

    child = serializers.CharField(max_length=1000, trim_whitespace=False)

    def to_internal_value(self, data: Any) -> list[str]:
        names = [labels.clean(name) for name in super().to_internal_value(data)]
        good = list(dict.fromkeys(name for name in names if name is not None))
        if None in names:
            raise refuse("label_invalid", limit=labels.MAX_CHARACTERS)
        if len(good) > labels.MAX_ON_A_CONTACT:
            raise refuse("too_many_labels", limit=labels.MAX_ON_A_CONTACT)
        return good


@extend_schema_field(OpenApiTypes.OBJECT)
class Attributes(serializers.JSONField):
    """An object of anything JSON has."""

    def to_internal_value(self, data: Any) -> Any:
        value = super().to_internal_value(data)
        longest = people.ATTRIBUTE_NAME_CHARACTERS
        if not isinstance(value, dict) or not all(0 < len(name.strip()) <= longest for name in value):
            raise refuse("attributes_invalid", limit=longest)
        if not all(map(is_storable, texts_in(value))):
            raise refuse("text_invalid")
        if len(json.dumps(value)) > people.ATTRIBUTES_MAX_BYTES:
            raise refuse("attributes_too_large")
        return {name: with_plain_line_ends(one) if isinstance(one, str) else one for name, one in value.items()}


def texts_in(value: Any) -> Iterator[str]:
    """Every text in a JSON value, names too."""
    match value:
        case str():
            yield value
        case list():
            for one in value:
                yield from texts_in(one)
        case dict():
            for name, inner in value.items():
                yield name
                yield from texts_in(inner)


class ContactSerializer(serializers.ModelSerializer[Contact]):
    """A contact of contract §4. A `phone` may come in any spelling, and goes out in E.164."""

    name = serializers.CharField(max_length=people.NAME_CHARACTERS, required=False, allow_blank=True)
    phone = serializers.CharField(
        max_length=phone_numbers.MAX_WRITTEN, required=False, allow_null=True, allow_blank=True
    )
    email = serializers.EmailField(max_length=254, required=False, allow_blank=True)
    labels = LabelNames(required=False)
    custom_attributes = Attributes(required=False)
    opted_out = serializers.BooleanField(required=False, source="is_opted_out")

    class Meta:
        model = Contact
        fields = ("id", "name", "phone", "email", "labels", "custom_attributes", "opted_out")

    def validate_phone(self, value: str | None) -> str | None:
        if not value or not value.strip():
            return None
        account = account_of(self.context["request"])
        try:
            return phone_numbers.read_one(value, account.default_country if account else "").e164
        except phone_numbers.Unreadable as problem:
            raise refuse(problem.code) from None

    def to_representation(self, instance: Contact) -> dict[str, Any]:
        return {
            "id": instance.pk,
            "name": instance.name,
            "phone": instance.phone,
            "email": instance.email,
            "labels": instance.labels,
            "custom_attributes": instance.custom_attributes,
            "opted_out": instance.opted_out_at is not None,
        }


class LabelSerializer(serializers.ModelSerializer[Label]):
    """A label and how many contacts carry it."""

    name = serializers.CharField(max_length=1000)
    contacts = serializers.SerializerMethodField(help_text="How many contacts carry it")

    class Meta:
        model = Label
        fields = ("id", "name", "contacts")

    def get_contacts(self, label: Label) -> int:
        counts: dict[str, int] | None = self.context.get("counts")
        if counts is None:  # of one label
            counts = labels.count(label.account_id, [label.name])
        return counts[label.name]

    def validate_name(self, value: str) -> str:
        name = labels.clean(value)
        if name is None:
            raise refuse("label_invalid", limit=labels.MAX_CHARACTERS)
        return name


class BulkLabelsSerializer(serializers.Serializer[Any]):
    """Labels, and whose: `contact_ids`, or a `filter` with the names of the list's filters ({}: everybody)."""

    labels = LabelNames()
    contact_ids = serializers.ListField(child=serializers.IntegerField(), required=False)
    filter = serializers.DictField(required=False)


class BulkLabelsAnswerSerializer(serializers.Serializer[Any]):
    """How many contacts were meant, and how many of them changed."""

    matched = serializers.IntegerField()
    changed = serializers.IntegerField()
