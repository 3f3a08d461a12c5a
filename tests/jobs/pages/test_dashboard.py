"""The panel: what runs, how the devices are, and what to do where there is nothing yet."""

import pytest
from django.utils import timezone

from accounts.models import Role
from devices.states import DeviceStatus
from jobs.models import Job
from jobs.states import JobStatus
from tests.accounts import people
from tests.factories import make_account, make_device, make_job

pytestmark = pytest.mark.django_db


@pytest.fixture
def account():
    return make_account("Tienda")


@pytest.fixture
def panel(account):
    def read(role: Role = Role.ADMINISTRATOR) -> str:
        response = people.browser(people.member(account, role)).get("/admin/")
        assert response.status_code == 200
        return response.content.decode()

    return read


def test_a_new_account_is_told_to_connect_a_device(panel):
    html = panel()
    assert "Primeros pasos" in html
    assert 'href="/admin/devices/device/add/"' in html
    assert "Puede hacerlo un administrador de la cuenta." in panel(Role.AGENT)


def test_with_a_device_to_upload_the_first_list(account, panel):
    make_device(account)
    assert "Sube tu primera lista</a>" in panel(Role.AGENT)
    assert "Sube tu primera lista</a>" not in panel(Role.VIEWER)


def test_shows_what_runs_with_its_progress_and_what_ended(account, panel):
    make_device(account)
    make_job(account, 200, title="En marcha", sent=90, failed=10)
    ended = make_job(account, 5, title="Terminado", status=JobStatus.COMPLETED, sent=5)
    Job.unscoped.filter(pk=ended.pk).update(finished_at=timezone.now())
    make_job(make_account(), title="De otra cuenta")
    html = panel()
    running, last = html.split('id="running"')[1].split('id="last"')
    assert "En marcha" in running
    assert "50 %" in running
    assert "Terminado" in last
    assert "De otra cuenta" not in html
    assert "Primeros pasos" not in html


def test_devices_that_need_a_person_come_first_with_their_reason(account, panel):
    make_device(account, name="A sana")
    make_device(account, name="B caída", status=DeviceStatus.DISCONNECTED, status_reason="instance_closed")
    devices = panel().split('id="devices"')[1]
    assert devices.index("B caída") < devices.index("A sana")
    assert "La sesión de WhatsApp está cerrada." in devices


def test_who_belongs_to_no_account_is_told_whom_to_ask(db):
    html = people.browser(people.user()).get("/admin/").content.decode()
    assert "Todavía no perteneces a ninguna cuenta" in html
