"""The API of what people write back: read, answered, settled."""

from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.audit import Actor
from accounts.errors import ApiError
from accounts.lists.keyset_pages import KeysetPages
from accounts.requests import ApiRequest
from accounts.written.reading import is_storable, with_plain_line_ends
from campaigns.actions import message_acts
from campaigns.contacts import inbox
from campaigns.contacts.people import BadFilter
from campaigns.models import Contact
from campaigns.wording.refusals import refusal
from devices import phone_numbers
from devices.models import Device
from jobs.models import IncomingMessage
from jobs.replies.answering import LONGEST_TEXT
from jobs.wording import phone_problems

FILTERS = [
    OpenApiParameter("contact", int, description="Of this contact"),
    OpenApiParameter("device", int, description="To this device"),
    OpenApiParameter("phone", str, description="From this number, in any spelling"),
    OpenApiParameter("wish", str, description="out, in, in_after_out or near_out"),
    OpenApiParameter("unresolved", bool, description="true: those that wait for a person to settle them"),
    OpenApiParameter("search", str, description="Part of the text or of the sender's own name"),
]


class MessageSerializer(serializers.ModelSerializer[IncomingMessage]):
    """What somebody wrote.

    `phone` is null where WhatsApp told only a LID. `answers`: the message of ours that it quotes, else the last one
    that its sender had from the device. `wish`: "out" wants no more messages, "near_out" may, and a person must say.
    """

    phone = serializers.SerializerMethodField()
    contact_id = serializers.SerializerMethodField()
    answers = serializers.SerializerMethodField()

    class Meta:
        model = IncomingMessage
        fields = (
            *("id", "device_id", "contact_id", "phone", "lid", "name", "kind", "text", "wish", "answers"),
            *("at", "received_at", "edited_at", "settled_at"),
        )
        read_only_fields = fields

    def get_phone(self, message: IncomingMessage) -> str | None:
        return message.phone or None

    def get_contact_id(self, message: IncomingMessage) -> int | None:
        contact = self.context["beside"].contacts.get(message.phone_key)
        return None if contact is None else contact.pk

    def get_answers(self, message: IncomingMessage) -> dict[str, Any] | None:
        answered = self.context["beside"].answered.get(message.recipient_id)
        return (
            None
            if answered is None
            else {
                "job_id": answered.job,
                "recipient_id": answered.recipient_id,
                "campaign_id": answered.campaign_id,
                "variant": answered.variant,
            }
        )


class Messages(APIView):
    """What people wrote to the account's devices, and answers to them."""

    pagination_class = KeysetPages

    @extend_schema(responses=MessageSerializer(many=True), parameters=FILTERS, tags=["messages"])
    def get(self, request: ApiRequest, **_: Any) -> Response:
        """What people wrote, newest first."""
        try:
            filters = inbox.Filters.from_query(request._request.GET)
        except BadFilter as bad:
            raise refusal("filter_invalid", what=bad) from None
        rows: QuerySet[IncomingMessage] = IncomingMessage.objects.for_account(request.account)
        pages = KeysetPages()
        page = pages.paginate_queryset(filters.apply(rows, request.account), request, self)
        return pages.get_paginated_response(_on_the_wire(request, page))

    @extend_schema(
        request=inline_serializer(
            "AnswerToSend",
            {
                "text": serializers.CharField(max_length=LONGEST_TEXT),
                "message_id": serializers.IntegerField(required=False),
                "contact_id": serializers.IntegerField(required=False),
                "phone": serializers.CharField(required=False),
            },
        ),
        responses={201: inline_serializer("AnswerSent", {"job_id": serializers.UUIDField()})},
        tags=["messages"],
    )
    def post(self, request: ApiRequest, **_: Any) -> Response:
        """Answer somebody who wrote, through the device that they wrote to, at its pace."""
        body = request.data if isinstance(request.data, dict) else {}
        text = with_plain_line_ends(body["text"]).strip() if isinstance(body.get("text"), str) else ""
        if not 0 < len(text) <= LONGEST_TEXT or not is_storable(text):
            raise refusal("answer_text_invalid", limit=LONGEST_TEXT)
        phone, device = _to(request, body)
        try:
            job = message_acts.answer(Actor.of(request), phone, text, device)
        except message_acts.NeverWrote:
            raise refusal("never_wrote") from None
        except message_acts.WantsNone:
            raise refusal("wants_no_messages") from None
        return Response({"job_id": str(job.uuid)}, status=201)


class MessageSettled(APIView):
    """Says what only a person can say of a message."""

    @extend_schema(
        request=inline_serializer(
            "WhatItMeant",
            {"phone": serializers.CharField(required=False), "opted_out": serializers.BooleanField(required=False)},
        ),
        responses=MessageSerializer,
        tags=["messages"],
    )
    def post(self, request: ApiRequest, message_id: int, **_: Any) -> Response:
        """`phone`: whose message it is, where WhatsApp told only a LID. `opted_out`: what a near miss meant."""
        body = request.data if isinstance(request.data, dict) else {}
        message = _found(request, message_id)
        phone, opted_out = body.get("phone"), body.get("opted_out")
        try:
            if isinstance(phone, str) and opted_out is None:
                message_acts.link(Actor.of(request), message, _read(phone, request.account.default_country))
            elif isinstance(opted_out, bool) and phone is None:
                message_acts.settle(Actor.of(request), message, leaves=opted_out)
            else:
                raise refusal("settle_invalid")
        except message_acts.NotAsked:
            raise refusal("nothing_to_settle") from None
        message.refresh_from_db()
        return Response(_on_the_wire(request, [message])[0])


def _on_the_wire(request: ApiRequest, messages: list[IncomingMessage]) -> Any:
    beside = inbox.beside(request.account.pk, messages)
    return MessageSerializer(messages, many=True, context={"beside": beside}).data


def _to(request: ApiRequest, body: dict[str, Any]) -> tuple[str, Device | None]:
    """Whom an answer is for, and by which device, where that is said. Raises ApiError."""
    given = {name: body[name] for name in ("message_id", "contact_id", "phone") if body.get(name) is not None}
    if len(given) != 1:
        raise refusal("answer_to_invalid")
    ((name, value),) = given.items()
    if name == "phone" and isinstance(value, str):
        return _read(value, request.account.default_country), None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 2**63:
        raise refusal("answer_to_invalid")
    if name == "message_id":
        message = _found(request, value)
        if not message.phone:
            raise refusal("sender_unknown")
        return message.phone, message.device
    contact = Contact.objects.for_account(request.account).filter(pk=value).first()
    if contact is None or not contact.phone:
        raise refusal("never_wrote")
    return contact.phone, None


def _found(request: ApiRequest, message_id: int) -> IncomingMessage:
    message: IncomingMessage | None = (
        IncomingMessage.objects.for_account(request.account).select_related("device").filter(pk=message_id).first()
    )
    if message is None:
        raise Http404
    return message


def _read(phone: str, default_country: str) -> str:
    try:
        return phone_numbers.read_one(phone[: phone_numbers.MAX_WRITTEN], default_country).e164
    except phone_numbers.Unreadable as problem:
        said = phone_problems.on_the_wire(problem.code)
        errors = [{"field": "phone", "code": problem.code, "message": said}]
        raise ApiError("answer_to_invalid", said, errors=errors) from None
