"""The upload page without any script: a plain form that does what the API does, and says in words what is wrong."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from accounts.models import Role
from jobs.models import Job
from tests.accounts import people
from tests.factories import make_account, make_device
from tests.jobs.uploads import CONTENT, MESSAGE, left_behind

pytestmark = pytest.mark.django_db
PAGE = "/admin/jobs/job/new/"


@pytest.fixture
def account():
    account = make_account()
    make_device(account, name="Ventas")
    return account


@pytest.fixture
def browser(account):
    return people.browser(people.member(account, Role.AGENT))


@pytest.fixture
def send(browser, import_nudges):
    def post(content: str | bytes | None = CONTENT, *, name: str = "lista.csv", headers=None, **form):
        data = content.encode() if isinstance(content, str) else content
        files = {} if data is None else {"file": SimpleUploadedFile(name, data)}
        return browser.post(PAGE, {"message": MESSAGE, **form, **files}, headers=headers)

    return post


def test_a_list_becomes_a_job_and_its_live_page_opens(send, account, django_capture_on_commit_callbacks, import_nudges):
    with django_capture_on_commit_callbacks(execute=True):
        response = send(title="Enero", devices_limit="3", on_duplicate="skip_phone")
    job = Job.objects.for_account(account).get()
    assert response.status_code == 302
    assert response.url == f"/admin/jobs/job/{job.uuid}/live/"
    assert (job.title, job.total, job.devices_limit, job.on_duplicate) == ("Enero", 3, 3, "skip_phone")
    assert job.created_by.email.endswith("@example.com")
    assert import_nudges == [job.pk]


def test_the_page_offers_the_accounts_devices_only(browser):
    make_device(make_account(), name="De otra cuenta")
    html = browser.get(PAGE).content.decode()
    assert "Ventas" in html
    assert "De otra cuenta" not in html


def test_chosen_devices_are_kept(send, account):
    device = make_device(account, name="Soporte")
    send(devices=[str(device.pk)])
    assert Job.unscoped.get().requested_device_ids == [device.pk]


class TestWhatIsWrongIsSaidBesideItsField:
    @pytest.mark.parametrize(
        ("content", "name", "form", "field", "sentence", "status"),
        [
            (None, "", {}, "file", "Elige el archivo con tus destinatarios.", 400),
            (CONTENT, "lista.xlsx", {}, "file", "El nombre del archivo debe terminar en .csv o .txt.", 400),
            ("", "lista.csv", {}, "file", "El archivo está vacío.", 400),
            ("phone|@valor1\n", "lista.csv", {}, "file", "El archivo solo tiene la cabecera.", 400),
            ("Ñandú".encode("latin-1"), "a.csv", {}, "file", "El archivo no está en UTF-8.", 400),
            (CONTENT, "lista.csv", {"message": "  "}, "message", "Escribe el mensaje.", 400),
            (CONTENT, "lista.csv", {"title": "x" * 201}, "title", "El título puede tener 200 caracteres", 400),
            (CONTENT, "a.csv", {"devices_limit": "0"}, "devices_limit", "Escribe un número entero de 1 a 1000.", 400),
            (CONTENT, "lista.csv", {"devices": ["987654"]}, "devices", "ya no existe", 400),
            (CONTENT, "a.csv", {"starts_at": "mañana"}, "scheduled_at", "Esta fecha y hora no son válidas.", 400),
            (CONTENT, "a.csv", {"starts_at": "2999-01-01T10:00"}, "scheduled_at", "dentro de un año como máximo", 400),
        ],
    )
    def test_in_spanish(self, send, content, name, form, field, sentence, status):
        response = send(content, name=name, **form)
        html = response.content.decode()
        assert response.status_code == status
        beside = html.split(f'id="error-{field}"')[1].split("</div>")[0]
        assert sentence in beside
        assert html.count('role="alert" hidden') == html.count('class="pg-error"') - 1
        assert left_behind() == (0, 0, [])

    def test_with_the_lines_of_the_file(self, send):
        html = send("uno|a\ndos 2|b\n|c\n" + "x3|d\n" * 9).content.decode()
        assert "Ningún teléfono del archivo es válido." in html
        assert "Línea 2: el teléfono no es válido" in html
        assert "y 3 más" in html

    def test_in_the_readers_language(self, send):
        html = send(None, headers={"Accept-Language": "pt-BR"}).content.decode()
        assert "Escolha o arquivo com os destinatários." in html

    def test_and_what_was_written_stays(self, send):
        html = send(None, message="Hola @valor1", title="Enero", on_duplicate="send").content.decode()
        assert ">Hola @valor1</textarea>" in html
        assert 'value="Enero"' in html
        assert '<option value="send" selected>' in html

    def test_without_a_device(self, send, account):
        account.devices.update(enabled=False)
        html = send().content.decode()
        assert "No hay ningún dispositivo disponible" in html
        assert "No hay ningún dispositivo conectado" in html


class TestStart:
    def test_is_on_the_readers_clock(self, send, browser):
        browser.cookies["timezone"] = "America%2FLima"
        day = (timezone.now() + timedelta(days=10)).date()
        send(starts_at=f"{day}T08:30")
        assert Job.unscoped.get().start_at == datetime(day.year, day.month, day.day, 13, 30, tzinfo=UTC)

    def test_is_utc_where_the_browser_says_nothing_and_the_page_says_so(self, send, browser):
        assert "Zona horaria: UTC" in browser.get(PAGE).content.decode()
        day = (timezone.now() + timedelta(days=10)).date()
        send(starts_at=f"{day}T08:30")
        assert Job.unscoped.get().start_at.hour == 8

    def test_is_now_where_it_is_left_empty(self, send):
        send(starts_at="")
        assert abs(Job.unscoped.get().start_at - timezone.now()) < timedelta(seconds=60)


class TestWhoMaySend:
    def test_a_viewer_may_not(self, account):
        viewer = people.browser(people.member(account, Role.VIEWER))
        assert viewer.get(PAGE).status_code == 403
        assert viewer.post(PAGE, {"message": "x"}).status_code == 403
        assert 'href="/admin/jobs/job/new/"' not in viewer.get("/admin/").content.decode()

    def test_a_stranger_is_asked_to_log_in(self, client):
        assert client.get(PAGE).url.startswith("/admin/login/")
