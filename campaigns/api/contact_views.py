"""The API of contacts and labels."""

from typing import Any

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import ModelViewSet

from accounts import needed
from accounts.api.csv_files import CsvView
from accounts.audit import Actor
from accounts.lists.keyset_pages import KeysetPages
from accounts.models import Account
from accounts.requests import ApiRequest, account_of
from accounts.written.reading import is_storable
from campaigns.actions import contact_acts
from campaigns.api.contact_serializers import (
    BulkLabelsAnswerSerializer,
    BulkLabelsSerializer,
    ContactSerializer,
    LabelNames,
    LabelSerializer,
)
from campaigns.contacts import export, labels, people
from campaigns.models import Contact, Label
from campaigns.states import Channel
from campaigns.wording.refusals import refusal

MAX_BULK_IDS = 10_000
FORCE = OpenApiParameter("force", bool, description="Delete it although a waiting campaign needs it")
FILTERS = [
    OpenApiParameter("label", str, many=True, description="One of these labels"),
    OpenApiParameter("phone", str, description="In any spelling"),
    OpenApiParameter("email", str),
    OpenApiParameter("opted_out", bool, description="true or false"),
    OpenApiParameter("search", str, description="Part of the name, the phone or the e-mail"),
    OpenApiParameter(
        "attribute.region", str, description="The custom attribute `region`, or any other, has this value"
    ),
]


def chosen(request: Request, account: Account) -> QuerySet[Contact]:
    """The contacts that the address's filters mean. Raises ApiError (400) for one that means nothing."""
    try:
        filters = people.Filters.from_query(request._request.GET)
    except people.BadFilter as bad:
        raise refusal("filter_invalid", what=bad) from None
    return filters.apply(Contact.objects.for_account(account), account)


@extend_schema_view(list=extend_schema(parameters=FILTERS))
@extend_schema(tags=["contacts"])
class Contacts(ModelViewSet[Contact]):
    """Contacts of an account. A phone may come in any spelling and goes out in E.164; one that another contact
    has, be it with Brazil's, Mexico's or Argentina's extra digit, is 409 `phone_taken`.

    Labels that there are not yet are made. `custom_attributes` is replaced as a whole. `opted_out: true`
    suppresses the number for every sending; false lifts that.
    """

    serializer_class = ContactSerializer
    pagination_class = KeysetPages
    lookup_url_kwarg = "contact_id"
    ordering_fields = ("id", "name", "email", "created_at", "updated_at")
    ordering = "-id"
    queryset = Contact.unscoped.none()  # for the OpenAPI description; get_queryset says which

    def get_queryset(self) -> QuerySet[Contact]:
        account = account_of(self.request)
        if account is None:
            return self.queryset.all()
        # One contact is named by its id, whatever else the address says.
        if self.action == "list":
            return chosen(self.request, account)
        rows: QuerySet[Contact] = Contact.objects.for_account(account)
        return rows

    def perform_create(self, serializer: Any) -> None:
        self._save(serializer, Contact(account=account_of(self.request)))

    def perform_update(self, serializer: Any) -> None:
        self._save(serializer, serializer.instance)

    def perform_destroy(self, instance: Contact) -> None:
        contact_acts.delete(Actor.of(self.request), instance)

    def _save(self, serializer: Any, contact: Contact) -> None:
        values = {
            ("opted_out" if name == "is_opted_out" else name): value
            for name, value in serializer.validated_data.items()
        }
        try:
            serializer.instance = contact_acts.save(Actor.of(self.request), contact, values, Channel.API)
        except people.PhoneTaken:
            raise refusal("phone_taken") from None
        except people.PhoneErased:
            raise refusal("phone_erased") from None


class BulkLabels(APIView):
    """Label or unlabel many contacts in one statement."""

    takes_off = False

    @extend_schema(request=BulkLabelsSerializer, responses=BulkLabelsAnswerSerializer, tags=["contacts"])
    def post(self, request: ApiRequest, **_: Any) -> Response:
        """Put labels on contacts, or take them off: those of `contact_ids`, or all that match the `filter`, whose
        names are those of the list's filters: {"label": "vip", "attribute.region": "norte"}; {} means everybody.
        Answers how many were meant and how many changed."""
        given = request.data if isinstance(request.data, dict) else {}
        if not given.get("labels"):
            raise refusal("labels_missing")
        try:
            names = LabelNames().run_validation(given["labels"])
        except ValidationError as bad:
            raise ValidationError({"labels": bad.detail}) from None
        meant, ids = self._meant(given, request.account)
        act = contact_acts.take_off if self.takes_off else contact_acts.put_on
        try:
            matched, changed = act(Actor.of(request), meant, names, None if ids is None else len(ids))
        except contact_acts.ContactsUnknown:
            raise refusal("contacts_unknown") from None
        return Response({"matched": matched, "changed": changed})

    def _meant(self, given: dict[str, Any], account: Account) -> tuple[QuerySet[Contact], set[int] | None]:
        rows: QuerySet[Contact] = Contact.objects.for_account(account)
        if ("contact_ids" in given) == ("filter" in given):
            raise refusal("contacts_missing")
        if "filter" in given:
            try:
                return people.Filters.from_json(given["filter"]).apply(rows, account), None
            except people.BadFilter as bad:
                raise refusal("filter_invalid", what=bad) from None
        ids = given["contact_ids"]
        is_good = isinstance(ids, list) and all(type(one) is int and 0 < one < 2**63 for one in ids)
        if not is_good or not 0 < len(ids) <= MAX_BULK_IDS:
            raise refusal("contacts_invalid", limit=MAX_BULK_IDS)
        return rows.filter(pk__in=ids), set(ids)


class ContactExport(CsvView):
    """GET contacts/export.csv"""

    @extend_schema(parameters=FILTERS, responses={(200, "text/csv"): OpenApiTypes.STR}, tags=["contacts"])
    def get(self, request: ApiRequest, **_: Any) -> StreamingHttpResponse:
        """The contacts that the filters mean, as CSV that opens in a spreadsheet and can be imported again."""
        pages = export.pages(chosen(request, request.account))
        # The filters' names: what they say may be a person's.
        contact_acts.exported(Actor.of(request), filters=sorted(request._request.GET)[:50])
        return self.answer_file(request, "contacts.csv", pages)


@extend_schema_view(list=extend_schema(parameters=[OpenApiParameter("search", str, description="Part of the name")]))
@extend_schema(tags=["labels"])
class Labels(ModelViewSet[Label]):
    """Labels of an account, each with how many contacts carry it. Renaming or deleting one changes those contacts;
    renaming also the segments and campaigns that name it."""

    serializer_class = LabelSerializer
    pagination_class = KeysetPages
    lookup_url_kwarg = "label_id"
    ordering_fields = ("name", "id", "created_at")
    ordering = "name"
    queryset = Label.unscoped.none()

    def get_queryset(self) -> QuerySet[Label]:
        account = account_of(self.request)
        if account is None:
            return self.queryset.all()
        rows: QuerySet[Label] = Label.objects.for_account(account)
        if self.action == "list" and (part := self.request.query_params.get("search")):
            if not is_storable(part):
                raise refusal("filter_invalid", what="search")
            rows = rows.filter(name__icontains=part)
        return rows

    def paginate_queryset(self, queryset: Any) -> Any:
        page: list[Label] = super().paginate_queryset(queryset) or []
        self.counts = labels.count(page[0].account_id, [label.name for label in page]) if page else {}
        return page

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "counts": getattr(self, "counts", None)}

    def perform_create(self, serializer: Any) -> None:
        try:
            serializer.instance = contact_acts.create_label(Actor.of(self.request), Label(**serializer.validated_data))
        except labels.LabelTaken:
            raise refusal("label_taken") from None

    def perform_update(self, serializer: Any) -> None:
        label: Label = serializer.instance
        name = serializer.validated_data.get("name", label.name)
        try:
            contact_acts.rename_label(Actor.of(self.request), label, name)
        except labels.LabelTaken:
            raise refusal("label_taken") from None

    @extend_schema(parameters=[FORCE])
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().destroy(request, *args, **kwargs)

    def perform_destroy(self, instance: Label) -> None:
        force = needed.is_forced(self.request.query_params)
        try:
            contact_acts.delete_label(Actor.of(self.request), instance, force=force)
        except needed.StillNeeded as error:
            raise needed.in_use(error) from None
