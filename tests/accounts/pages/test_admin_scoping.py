"""No admin address shows another account's rows: not to an administrator, not to a superuser.

The addresses are taken from the admin itself, so that a page added later is tested too.
"""

import re
from itertools import product

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse
from django.urls.converters import UUIDConverter
from django.utils.timezone import now

from accounts.models import Account, ApiToken, AuditEntry, Membership, Role
from accounts.pages.admin_base import AccountAdmin
from campaigns.models import AttributeName, Campaign, Contact, Label, Notification, Segment
from devices.models import Device
from jobs.models import ExclusionList, IncomingMessage, Job, Recipient, Suppression
from tests.accounts import people
from tests.campaigns.arrange import imported_file
from tests.devices import arrange
from tests.devices.endpoints.arrange import endpoint

MARK = "zyxwv"  # in every text of the other account
SEARCH = MARK[:4]  # finds it, and is not it
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_no_gateway")]


@pytest.fixture
def _no_gateway(settings):
    settings.EGRESS_ALLOWED_CIDRS = []


def one_of_each(account):
    """A row of every model with admin pages, in this account, each with MARK in it."""
    member = people.member(account, who=people.user(f"{MARK}-{account.pk}@example.com"))
    token = ApiToken.issue(member, f"{MARK} token")[0]
    device = arrange.device(account, name=f"{MARK} device", instance_name=MARK)
    job = Job.unscoped.create(account=account, title=f"{MARK} job", message=MARK, total=1)
    recipient = Recipient.objects.create(job=job, position=0, phone="+51987654321", values=[MARK])
    suppression = Suppression.unscoped.create(account=account, phone="+51987654321", reason=MARK)
    entry = AuditEntry.unscoped.create(account=account, action=f"{MARK}.done", subject=MARK)
    contact = Contact.unscoped.create(account=account, name=f"{MARK} contact", labels=[MARK])
    label = Label.unscoped.create(account=account, name=MARK)
    attribute = AttributeName.unscoped.create(account=account, name=f"{MARK}_attribute")
    contact_import = imported_file(account, f"{MARK}.csv")
    segment = Segment.unscoped.create(account=account, name=f"{MARK} segment", audience={"labels": [MARK]})
    campaign = Campaign.unscoped.create(account=account, title=f"{MARK} campaign", message=MARK, segment=segment)
    place = endpoint(account, "https://example.com/hooks", description=f"{MARK} endpoint")
    rows = (
        place,
        account,
        member,
        token,
        device,
        job,
        recipient,
        suppression,
        entry,
        contact,
        label,
        attribute,
        contact_import,
    )
    told = Notification.unscoped.create(
        account=account, user=member.user, campaign=campaign, code="as_written", details={"title": MARK, "text": MARK}
    )
    whose = {"account": account, "device": device, "message_id": MARK, "phone": "+51987654321", "name": MARK}
    written = IncomingMessage.unscoped.create(**whose, kind="text", text=MARK, at=now())
    excluded = ExclusionList.unscoped.create(account=account, name=f"{MARK} list", kind="own")
    rows = (*rows, segment, campaign, told, written, excluded)
    return {type(row): row for row in rows}


PAGES = {model: page for model, page in admin.site._registry.items() if isinstance(page, AccountAdmin)}


def object_addresses(model, row):
    """Every address of a model's pages that names a row, by whatever it names it."""
    for pattern in PAGES[model].get_urls():
        converters = pattern.pattern.converters
        if pattern.name and len(converters) == 1:
            ((parameter, converter),) = converters.items()
            value = row.uuid if isinstance(converter, UUIDConverter) else row.pk
            yield reverse(f"admin:{pattern.name}", kwargs={parameter: value})
    info = model._meta.app_label, model._meta.model_name
    yield reverse("admin:{}_{}_changelist".format(*info)) + f"{row.pk}/"


def list_addresses(model):
    info = model._meta.app_label, model._meta.model_name
    base = reverse("admin:{}_{}_changelist".format(*info))
    yield from (base, f"{base}?q={SEARCH}", f"{base}?all=", f"{base}?_facets=True", f"{base}add/", f"{base}?o=1&e=1")
    for field in model._meta.fields:
        if field.is_relation:
            yield f"{base}?{field.name}__id__exact=1"
    for pattern in PAGES[model].get_urls():
        if pattern.name and not pattern.pattern.converters:
            yield reverse(f"admin:{pattern.name}")


@pytest.fixture
def others():
    return one_of_each(people.account(f"{MARK} account"))


@pytest.fixture(params=["administrator", "superuser", "member of none"])
def client(request):
    if request.param == "superuser":
        mine = people.account()
        return people.browser(people.user(is_superuser=True), account_id=mine.pk)
    if request.param == "member of none":
        return people.browser(people.user())
    return people.browser(people.member(role=Role(request.param)))


def test_every_page_of_the_admin_is_scoped_or_for_superusers_only():
    unscoped = {model._meta.label for model in admin.site._registry if model not in PAGES}
    assert {label.partition(".")[0] for label in unscoped} <= {"django_celery_beat"}
    client = people.browser(people.member())
    for label in unscoped:
        assert client.get(reverse("admin:{}_{}_changelist".format(*label.lower().split(".")))).status_code == 403


@pytest.mark.parametrize("model", PAGES, ids=lambda model: model._meta.label)
def test_an_address_of_another_accounts_row_leads_nowhere(model, others, client):
    row = others[model]
    before = model._default_manager.filter(pk=row.pk).values().get()
    for address, method in product(object_addresses(model, row), ("get", "post")):
        answer = getattr(client, method)(address, {"post": "yes"} if method == "post" else {})
        assert answer.status_code in {302, 403, 404}, address
        assert MARK not in answer.content.decode().lower(), address
        if answer.status_code == 302:
            assert MARK not in client.get(answer.url, follow=True).content.decode().lower()
    assert model._default_manager.filter(pk=row.pk).values().get() == before


@pytest.mark.parametrize("model", PAGES, ids=lambda model: model._meta.label)
def test_no_list_filter_or_choice_names_another_accounts_row(model, others, client):
    for address in list_addresses(model):
        page = client.get(address, follow=True).content.decode().lower()
        assert MARK not in page, address


@pytest.mark.parametrize("model", PAGES, ids=lambda model: model._meta.label)
def test_a_bulk_action_reaches_no_other_accounts_row(model, others, client):
    row = others[model]
    address = next(list_addresses(model))
    for name in ("delete_selected", *(PAGES[model].actions or ())):
        data = {"action": name, "_selected_action": [row.pk], "post": "yes", "select_across": "1", "index": "0"}
        page = client.post(address, data, follow=True).content.decode().lower()
        assert MARK not in page
    assert model._default_manager.filter(pk=row.pk).exists()


def test_the_frames_own_addresses_name_nothing_of_others(others, client):
    addresses = [
        reverse("admin:index"),
        reverse("admin:jsi18n"),
        reverse("admin:search") + f"?s={SEARCH}&extended=1",
        *(reverse("admin:app_list", args=[app]) for app in {model._meta.app_label for model in PAGES}),
    ]
    for model in PAGES:
        for field in model._meta.fields:
            if field.is_relation:
                query = f"app_label={model._meta.app_label}&model_name={model._meta.model_name}&field_name={field.name}"
                addresses.append(reverse("admin:autocomplete") + f"?term={SEARCH}&{query}")
    for address in addresses:
        assert MARK not in client.get(address).content.decode().lower(), address


def test_view_on_site_tells_nothing(others, client):
    from django.contrib.contenttypes.models import ContentType

    for model, row in others.items():
        address = reverse("admin:view_on_site", args=[ContentType.objects.get_for_model(model).pk, row.pk])
        answer = client.get(address)
        assert answer.status_code == 404
        assert MARK not in answer.content.decode().lower()


def test_nobody_sees_anything():
    for model in PAGES:
        for address in list_addresses(model):
            answer = Client().get(address)
            assert answer.status_code == 302
            assert "/login/" in answer.url


@pytest.mark.parametrize("role", Role)
def test_ones_own_rows_are_there(role):
    """The proof that the tests above look in the right place."""
    account = people.account()
    rows = one_of_each(account)
    client = people.browser(people.member(account, role))
    for model, page in PAGES.items():
        address = next(list_addresses(model))
        answer = client.get(address, follow=True)
        if page.view_role == Role.ADMINISTRATOR != role:
            assert answer.status_code == 403, model
            continue
        shown = answer.content.decode().lower()
        assert re.search(f"{MARK}|{account.name.lower()}|51987654321", shown), model
        info = model._meta.app_label, model._meta.model_name
        change = reverse("admin:{}_{}_change".format(*info), args=[rows[model].pk])
        assert client.get(change, follow=True).status_code == 200, model


@pytest.mark.parametrize("role", [Role.AGENT, Role.VIEWER])
def test_who_is_no_administrator_changes_no_setting(role):
    account = people.account()
    rows = one_of_each(account)
    client = people.browser(people.member(account, role))
    for model in (Account, Membership, ApiToken, AuditEntry, Device):
        before = model._default_manager.filter(pk=rows[model].pk).values().get()
        for address in (*object_addresses(model, rows[model]), f"{next(list_addresses(model))}add/"):
            answer = client.post(address, {"post": "yes", "name": "changed", "role": "administrator"})
            assert answer.status_code in ({200, 403} if address.endswith("/history/") else {302, 403}), address
            if answer.status_code == 302:  # the short address of a row only leads to its page
                assert answer.url.endswith("/change/")
        assert model._default_manager.filter(pk=rows[model].pk).values().get() == before
