"""POST /messages/send-bulk-file: seed 000 to the letter, and every refusal, which leaves nothing behind."""

import re
import threading
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from accounts.models import Role
from devices.states import DeviceStatus
from jobs.intake import accepting, kept_files
from jobs.models import Job
from jobs.states import JobStatus
from tests.factories import make_account, make_device
from tests.jobs.uploads import CONTENT, MESSAGE, Sender, left_behind

PHONE = "+51987654321"


@pytest.fixture
def unchanged(db):
    """Whatever the test does leaves neither rows nor files behind."""
    before = left_behind()
    yield
    assert left_behind() == before


class TestAccepted:
    def test_answers_as_the_seed_says(self, sender):
        response = sender.upload()

        assert response.status_code == 200
        answer = response.json()
        job = answer["job"]
        assert answer["status"] == "success"
        assert answer["message"] == "Job creado y en proceso. Procesando 3 mensajes desde archivo 'lista.csv'."
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", job.pop("created_at"))
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", job.pop("updated_at"))
        assert job == {
            "id": str(Job.unscoped.get().uuid),
            "status": "pending",
            "message": MESSAGE,
            "total_numbers": 3,
            "devices_limit": 5,
            "progress": {"sent": 0, "failed": 0, "total": 3, "percentage": 0.0},
            "results": {},
        }

    @pytest.mark.parametrize(
        "path", ["/messages/send-bulk-file", "/messages/send-bulk-file/", "/send-bulk-file", "/send-bulk-file/"]
    )
    def test_at_each_of_its_addresses(self, sender, path):
        assert sender.upload(path=path).status_code == 200

    def test_below_the_address_of_the_account(self, sender):
        assert sender.upload(path=f"/api/v1/accounts/{sender.account.pk}/jobs").status_code == 200
        assert sender.upload(path=f"/api/v1/accounts/{make_account().pk}/jobs").status_code == 404

    def test_keeps_the_file_and_asks_for_its_import(self, sender, import_nudges, django_capture_on_commit_callbacks):
        with django_capture_on_commit_callbacks(execute=True):
            sender.upload()

        job = Job.unscoped.get()
        assert (settings.UPLOAD_DIR / job.upload_name).read_text() == CONTENT
        assert list(settings.FILE_UPLOAD_TEMP_DIR.iterdir()) == []
        assert import_nudges == [job.pk]

    def test_does_not_need_a_broker(self, sender, monkeypatch, django_capture_on_commit_callbacks):
        def fail(job_id):
            raise ConnectionError

        monkeypatch.setattr("jobs.tasks.import_job.delay", fail)
        with django_capture_on_commit_callbacks(execute=True):
            assert sender.upload().status_code == 200

    def test_no_device_is_said_only_of_devices_that_were_asked_lately(self, sender, simulator):
        minutes_ago = timezone.now() - timedelta(minutes=4)
        old = {"base_url": simulator.url, "status": DeviceStatus.DISCONNECTED, "status_checked_at": minutes_ago}
        type(sender.device).unscoped.update(**old)
        simulator.set_state("demo-1", "close")
        assert sender.upload().json()["code"] == "no_devices_available"
        simulator.set_state("demo-1", "open")
        assert sender.upload().status_code == 400  # it was asked a moment ago
        type(sender.device).unscoped.update(**old)
        assert sender.upload().status_code == 200

    @pytest.mark.parametrize("name", ["x.csv", "x.txt", "X.CSV", "a.b.Txt"])
    def test_files_named_csv_or_txt(self, sender, name):
        assert sender.upload(name=name).status_code == 200

    def test_optional_fields(self, sender):
        other = make_device(sender.account)
        start = timezone.now() + timedelta(hours=1)
        response = sender.upload(
            title=" Campaña ",
            devices_limit="7",
            devices=[str(sender.device.pk), str(other.pk)],
            scheduled_at=start.isoformat(),
            on_duplicate="send",
        )

        assert response.status_code == 200
        job = Job.unscoped.get()
        assert (job.title, job.devices_limit, job.on_duplicate) == ("Campaña", 7, "send")
        assert job.requested_device_ids == [sender.device.pk, other.pk]
        assert job.start_at == start
        assert job.created_by == sender.membership.user

    @pytest.mark.parametrize("write", ["{0},{1}", "[{0}, {1}]", " {0} , {1},{0}"])
    def test_devices_may_be_written_in_one_field(self, sender, write):
        ids = [sender.device.pk, make_device(sender.account).pk]
        assert sender.upload(devices=write.format(*ids)).status_code == 200
        assert Job.unscoped.get().requested_device_ids == ids

    def test_empty_fields_count_as_absent(self, sender):
        assert (
            sender.upload(title="", devices_limit="", devices="", scheduled_at="", on_duplicate="").status_code == 200
        )
        assert Job.unscoped.get().devices_limit == 5

    @pytest.mark.parametrize("seconds_ago", [None, 5, 50])
    def test_starts_when_a_front_end_had_time_to_connect(self, sender, seconds_ago):
        before = timezone.now()
        moment = seconds_ago and (before - timedelta(seconds=seconds_ago)).isoformat()
        assert sender.upload(scheduled_at=moment).status_code == 200
        assert before + accepting.START_GRACE <= Job.unscoped.get().start_at <= timezone.now() + accepting.START_GRACE

    def test_line_ends_of_a_browsers_form_become_plain(self, sender):
        assert sender.upload(message="a\r\nb").json()["job"]["message"] == "a\nb"

    def test_header_names_are_kept_for_the_message(self, sender):
        sender.upload(f"phone|@nombre| dni\n{PHONE}|ana|1")
        assert Job.unscoped.get().columns == ["nombre", "dni"]

    @pytest.mark.parametrize(
        ("name", "shown"),
        [
            ("../../etc/passwd.csv", "passwd.csv"),
            ("C:\\x\\lista.csv", "lista.csv"),
            ("a\u202etxt.csv", "atxt.csv"),
            ("x" * 200 + ".csv", "x" * 115 + "….csv"),
        ],
    )
    def test_the_name_of_the_file_is_fit_to_be_shown(self, name, shown):
        assert kept_files.display_name(name) == shown

    def test_keeps_rows_with_bad_phones(self, sender):
        assert sender.upload(f"123\n{PHONE}\n").json()["job"]["total_numbers"] == 2


class TestRefused:
    """Each with its status and code, and nothing left behind."""

    pytestmark = pytest.mark.usefixtures("unchanged")

    def refused(self, response, status, code):
        assert response.status_code == status
        body = response.json()
        assert set(body) == {"status", "code", "message", "errors"}
        assert (body["status"], body["code"]) == ("error", code)
        assert body["message"]
        assert len(body["errors"]) <= 20
        return body

    @pytest.fixture
    def sender(self, sender, unchanged):
        return sender

    @pytest.mark.parametrize(
        ("content", "code"),
        [
            (None, "file_missing"),
            ("", "file_empty"),
            ("\ufeff", "file_empty"),
            ("\n \n\r\n", "file_empty"),
            ("phone|@valor1\n", "file_header_only"),
            ("abc|x", "file_header_only"),
            ("1|x\n123|y", "no_valid_phone"),
            ("٩٦٦٥٠١٢٣٤٥٦٧|x", "no_valid_phone"),
            (f"{PHONE};ana;3", "no_valid_phone"),
            (f"{PHONE}|maría".encode("cp1252"), "not_utf8"),
            (f"{PHONE}|x".encode("utf-16"), "not_utf8"),
            (f"{PHONE}|x".encode("utf-16-le"), "nul_byte"),
            (f"{PHONE}|a\0b", "nul_byte"),
            (f"{PHONE}|" + "x" * 8192, "line_too_long"),
            (f"{PHONE}" + "|x" * 50, "too_many_columns"),
        ],
    )
    def test_files(self, sender, content, code):
        self.refused(sender.upload(content), 400, code)

    @pytest.mark.parametrize("name", ["x.xlsx", "x", "csv", "x.csv.exe", "x.csv "])
    def test_names(self, sender, name):
        self.refused(sender.upload(name=name), 400, "file_extension")

    @pytest.mark.parametrize(
        ("fields", "code"),
        [
            ({"message": None}, "message_missing"),
            ({"message": " \n\t"}, "message_missing"),
            ({"message": "x" * 65_537}, "message_too_long"),
            ({"message": "a\0b"}, "message_invalid"),
            ({"title": "x" * 201}, "title_invalid"),
            ({"title": "a\0b"}, "title_invalid"),
            *[({"devices_limit": raw}, "devices_limit_invalid") for raw in ["0", "1001", "-1", "5.0", "cinco", "٥"]],
            *[({"devices": raw}, "devices_invalid") for raw in ["x", "1;2", "-1", "1 2", "9" * 30]],
            *[
                ({"scheduled_at": raw}, "scheduled_at_invalid")
                for raw in [
                    "mañana",
                    "2026-01-15",
                    "2026-01-15T20:00:00",
                    "2026-13-15T20:00:00Z",
                    "0001-01-01T00:00:00+14:00",
                ]
            ],
            ({"scheduled_at": "9999-12-31T23:59:59-12:00"}, "scheduled_at_invalid"),
            ({"scheduled_at": "2999-01-01T00:00:00Z"}, "scheduled_at_too_far"),
            ({"scheduled_at": "2020-01-15T20:00:00Z"}, "scheduled_at_past"),
            ({"scheduled_at": "2020-01-15T20:00:00-05:00"}, "scheduled_at_past"),
            ({"on_duplicate": "drop"}, "on_duplicate_invalid"),
            ({"key": ""}, "idempotency_key_invalid"),
            ({"key": "x" * 256}, "idempotency_key_invalid"),
            ({"key": "clave única"}, "idempotency_key_invalid"),
        ],
    )
    def test_fields(self, sender, fields, code):
        self.refused(sender.upload(**fields), 400, code)

    @pytest.mark.parametrize("limit", ["1", "1000", " 5 "])
    def test_but_not_the_devices_limits_at_the_edge(self, sender, limit, db):
        self.refused(sender.upload("", devices_limit=limit), 400, "file_empty")

    def test_a_body_that_is_no_form(self, sender):
        for body in [{"content_type": "application/json", "data": "{}"}, {"content_type": "text/csv", "data": CONTENT}]:
            self.refused(sender.client.post("/messages/send-bulk-file", **body), 400, "file_missing")

    def test_a_file_sent_as_text(self, sender):
        response = sender.client.post("/messages/send-bulk-file", {"message": "x", "file": CONTENT})
        self.refused(response, 400, "file_missing")

    def test_a_broken_form(self, sender):
        response = sender.client.post(
            "/messages/send-bulk-file", data=b"--x\r\nnonsense", content_type="multipart/form-data; boundary=x"
        )
        assert response.status_code == 400

    def test_more_recipients_than_allowed(self, sender, settings):
        settings.MAX_RECIPIENTS = 3
        self.refused(sender.upload(CONTENT + "+51999999999\n"), 413, "too_many_recipients")

    def test_more_bytes_than_allowed(self, sender, settings):
        settings.MAX_UPLOAD_BYTES = len(CONTENT) - 1
        self.refused(sender.upload(), 413, "file_too_large")

    def test_exactly_what_is_allowed_is_accepted(self, db, settings):
        settings.MAX_RECIPIENTS, settings.MAX_UPLOAD_BYTES = 3, len(CONTENT)
        sender = Sender()
        assert sender.upload().status_code == 200
        Job.unscoped.all().delete()
        [path.unlink() for path in settings.UPLOAD_DIR.iterdir()]

    def test_no_device(self, sender):
        for change in [{"enabled": False}, {"status": DeviceStatus.DISCONNECTED}, {"status": DeviceStatus.BLOCKED}]:
            type(sender.device).unscoped.update(enabled=True, status=DeviceStatus.CONNECTED)
            type(sender.device).unscoped.update(**change)
            body = self.refused(sender.upload(), 400, "no_devices_available")
            assert body["message"] == "No hay devices disponibles"

    def test_no_device_among_those_asked_for(self, sender):
        off = make_device(sender.account, enabled=False)
        self.refused(sender.upload(devices=str(off.pk)), 400, "no_devices_available")

    def test_devices_of_another_account(self, sender):
        foreign = make_device(make_account())
        self.refused(sender.upload(devices=f"{sender.device.pk},{foreign.pk}"), 400, "devices_unknown")

    def test_lines_are_named_but_never_quoted(self, sender):
        body = self.refused(sender.upload("secreto1\n\nsecreto2|" + "\n3" * 30), 400, "no_valid_phone")
        assert [error["line"] for error in body["errors"]] == [1, *range(3, 22)]
        assert set(body["errors"][0]) == {"line", "code", "message"}
        assert "secreto" not in str(body)

    def test_what_fails_on_our_side(self, sender, monkeypatch):
        def fail(*args, **kwargs):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(Job.unscoped, "create", fail)
        sender.client.raise_request_exception = False
        assert sender.upload().status_code == 500


class TestWhoMay:
    def test_viewers_may_not(self, db):
        assert Sender(Role.VIEWER).upload().status_code == 403
        assert left_behind() == (0, 0, [])

    def test_nobody_may_not(self, client, db):
        response = client.post("/messages/send-bulk-file", {"message": "x"})
        assert (response.status_code, response.json()["status"]) == (401, "error")


class TestIdempotency:
    def test_the_same_again_is_answered_with_the_first_job(
        self, sender, import_nudges, django_capture_on_commit_callbacks
    ):
        with django_capture_on_commit_callbacks(execute=True):
            first = sender.upload(key="k-1", title="x")
            again = sender.upload(key="k-1", title="x")

        assert (first.status_code, again.status_code) == (200, 200)
        assert first.json() == again.json()
        assert Job.unscoped.count() == len(import_nudges) == len(list(settings.UPLOAD_DIR.iterdir())) == 1

    def test_also_when_no_device_is_left(self, sender):
        first = sender.upload(key="k-1")
        type(sender.device).unscoped.update(enabled=False)
        assert sender.upload(key="k-1").json() == first.json()

    @pytest.mark.parametrize(
        "other", [{"content": CONTENT + "\n"}, {"message": "x"}, {"devices_limit": "4"}, {"on_duplicate": "send"}]
    )
    def test_other_content_is_a_conflict(self, sender, other):
        sender.upload(key="k-1")
        before = left_behind()
        response = sender.upload(key="k-1", **other)

        assert (response.status_code, response.json()["code"]) == (409, "idempotency_conflict")
        assert left_behind() == before

    def test_a_key_belongs_to_its_account(self, sender):
        sender.upload(key="k-1")
        assert Sender().upload(key="k-1", message="x").status_code == 200

    def test_without_a_key_every_upload_is_a_job(self, sender):
        sender.upload()
        sender.upload()
        assert Job.unscoped.count() == 2

    @pytest.mark.django_db(transaction=True)
    @pytest.mark.parametrize("messages", [["x"] * 8, ["x", "y"] * 4])
    def test_of_many_at_once_one_is_the_first(self, sender, import_nudges, messages):
        sender.client  # noqa: B018 - its token is made here, not in a thread
        start = threading.Barrier(len(messages))
        responses = []

        def upload(message: str) -> None:
            start.wait()
            responses.append((message, sender.upload(key="k-1", message=message)))
            connection.close()

        threads = [threading.Thread(target=upload, args=[message]) for message in messages]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        job = Job.unscoped.get()
        for message, response in responses:
            assert response.status_code == (200 if message == job.message else 409)
            if message == job.message:
                assert response.json()["job"]["id"] == str(job.uuid)
        assert [path.name for path in settings.UPLOAD_DIR.iterdir()] == [job.upload_name]
        assert list(settings.FILE_UPLOAD_TEMP_DIR.iterdir()) == []
        assert import_nudges == [job.pk]


class TestOrphans:
    def test_files_of_no_waiting_job_are_removed_once_old(self, sender):
        waiting, cancelled = sender.job(), sender.job()
        Job.unscoped.filter(pk=cancelled.pk).update(status=JobStatus.CANCELLED)
        (settings.UPLOAD_DIR / "orphan").touch()
        (settings.FILE_UPLOAD_TEMP_DIR / "unfinished.upload.csv").touch()

        assert accepting.remove_orphan_uploads(timedelta(hours=1)) == 0
        assert accepting.remove_orphan_uploads(timedelta(0)) == 3
        assert left_behind()[2] == [waiting.upload_name]
