"""From the stored file to recipients: exactly what the file says, once, whatever happens on the way."""

import threading
import time

import pytest
from django.conf import settings
from django.db import connection, transaction
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from jobs import control
from jobs.intake import importing
from jobs.models import Job, OnDuplicate, Recipient, Suppression
from jobs.states import JobStatus, RecipientState
from tests.factories import make_account
from tests.jobs.uploads import Sender

PHONES = [f"+5190000000{digit}" for digit in range(10)]


def import_all(job: Job) -> Job:
    while importing.import_slice(job.pk, time.monotonic() + 60):
        pass
    job.refresh_from_db()
    return job


def recipients(job: Job, *columns: str) -> list[tuple]:
    return list(Recipient.objects.filter(job_id=job.pk).in_order().values_list(*columns))


def stored_files() -> list[str]:
    return [path.name for path in settings.UPLOAD_DIR.iterdir()]


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(importing, "CHUNK_ROWS", 7)
    monkeypatch.setattr(importing, "BATCH_ROWS", 3)


class TestRows:
    def test_are_imported_in_file_order(self, sender):
        job = import_all(sender.job(f"phone|@a|@b\n{PHONES[0]}|x|y\n\n51 900-000.001|z\n{PHONES[2]}\n"))

        assert recipients(job, "position", "phone", "values", "state", "error_code", "tries", "due_at") == [
            (0, PHONES[0], ["x", "y"], "queued", "", 0, None),
            (1, PHONES[1], ["z"], "queued", "", 0, None),
            (2, PHONES[2], [], "queued", "", 0, None),
        ]
        assert (job.imported, job.failed, job.status) == (3, 0, JobStatus.PENDING)
        assert job.imported_at is not None

    def test_a_bad_phone_is_a_recipient_that_failed(self, sender):
        bad = "0\\9\t" + "x" * 50
        job = import_all(sender.job(f"{PHONES[0]}\n{bad}|v\n|w\n"))

        assert recipients(job, "phone", "values", "state", "error_code")[1:] == [
            (bad[:40], ["v"], "failed", "invalid_number"),
            ("", ["w"], "failed", "invalid_number"),
        ]
        assert (job.sent, job.failed, job.total) == (0, 2, 3)

    @hypothesis_settings(
        max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
    )
    @given(
        rows=st.lists(
            st.lists(
                st.sampled_from(
                    ["", "NULL", "null", "\\", '"', "\\N", "\\.", "{}", "{,}", "a,b", "\t", "\\t", "😀", "x" * 999]
                )
                | st.text(st.characters(codec="utf-8", exclude_characters="\n\r\0"), max_size=20),
                max_size=4,
            ),
            min_size=1,
            max_size=12,
        )
    )
    def test_values_arrive_whatever_they_hold(self, sender, rows):
        lines = []
        for values in rows:
            cells = ['"' + value.replace('"', '""') + '"' for value in values]
            lines.append("|".join([PHONES[0], *cells]))
        job = import_all(sender.job("\n".join(lines), on_duplicate=OnDuplicate.SEND))

        assert [values for (values,) in recipients(job, "values")] == [
            [value.strip() for value in values] for values in rows
        ]


class TestDuplicates:
    CONTENT = "\n".join(
        [f"{PHONES[0]}|a", f"{PHONES[1]}|a", f"{PHONES[0]}|a", f"{PHONES[0]}|b", "51900000001|a", f"{PHONES[0]}|a|"]
    )

    @pytest.mark.parametrize(
        ("mode", "suppressed"),
        [(OnDuplicate.SKIP_ROW, [2, 4]), (OnDuplicate.SKIP_PHONE, [2, 3, 4, 5]), (OnDuplicate.SEND, [])],
    )
    def test_the_first_in_the_file_is_sent(self, sender, mode, suppressed):
        job = import_all(sender.job(self.CONTENT, on_duplicate=mode))

        expected = [("suppressed", "duplicate") if place in suppressed else ("queued", "") for place in range(6)]
        assert recipients(job, "state", "error_code") == expected
        assert job.failed == len(suppressed)

    def test_another_jobs_recipients_are_no_duplicates(self, sender):
        import_all(sender.job(self.CONTENT))
        assert import_all(sender.job(self.CONTENT)).failed == 2

    def test_a_bad_phone_is_no_duplicate(self, sender):
        job = import_all(sender.job(f"{PHONES[0]}\n1\n1\n"))
        assert recipients(job, "error_code")[1:] == [("invalid_number",)] * 2


class TestSuppressions:
    def test_opted_out_phones_are_kept_unsent(self, sender):
        Suppression.unscoped.create(account=sender.account, phone=PHONES[1])
        job = import_all(sender.job("\n".join([PHONES[0], PHONES[1], PHONES[1]])))

        assert recipients(job, "state", "error_code") == [("queued", ""), *[("suppressed", "opted_out")] * 2]
        assert job.failed == 2

    def test_every_spelling_of_the_number_is_meant(self, sender):
        Suppression.unscoped.create(account=sender.account, phone="+551187654321")
        job = import_all(sender.job("+5511987654321\n+551187654321\n+5511987654322"))
        assert recipients(job, "state") == [("suppressed",), ("suppressed",), ("queued",)]

    def test_another_accounts_do_not_matter(self, sender):
        Suppression.unscoped.create(account=make_account(), phone=PHONES[0])
        assert import_all(sender.job(PHONES[0])).failed == 0


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("small_chunks")
class TestInterrupted:
    CONTENT = "phone|@n\n" + "".join(f"{PHONES[n % 10]}|{n}\n" for n in range(23))
    EXPECTED = [(n, PHONES[n % 10], [str(n)]) for n in range(23)]

    def test_a_slice_ends_at_its_deadline_and_the_next_goes_on(self, sender):
        job = sender.job(self.CONTENT)
        imported = []
        while importing.import_slice(job.pk, 0.0):
            job.refresh_from_db()
            imported.append(job.imported)

        assert imported == [7, 14, 21, 23]
        assert recipients(job, "position", "phone", "values") == self.EXPECTED

    def test_a_worker_that_dies_at_any_row_loses_and_doubles_nothing(self, sender, monkeypatch):
        class Killed(BaseException):
            pass

        whole_line = importing._line

        for fatal in range(23):

            def line(job_id, position, row, fatal=fatal):
                if position == fatal:
                    raise Killed
                return whole_line(job_id, position, row)

            job = sender.job(self.CONTENT)
            monkeypatch.setattr(importing, "_line", line)
            with pytest.raises(Killed):
                importing.import_slice(job.pk, time.monotonic() + 60)
            job.refresh_from_db()
            assert job.imported == Recipient.objects.filter(job_id=job.pk).count() == fatal // 7 * 7

            monkeypatch.setattr(importing, "_line", whole_line)
            import_all(job)
            assert recipients(job, "position", "phone", "values") == self.EXPECTED

    def test_a_worker_whose_connection_is_cut_leaves_the_rest_to_another(self, sender, monkeypatch):
        job = sender.job(self.CONTENT)
        settle = importing._leave_out_and_count

        def cut(cursor, job):
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

        monkeypatch.setattr(importing, "_leave_out_and_count", cut)
        with pytest.raises(Exception, match="terminating connection"):
            import_all(job)
        connection.close()
        monkeypatch.setattr(importing, "_leave_out_and_count", settle)

        assert import_all(job).imported_at is not None
        assert recipients(job, "position", "phone", "values") == self.EXPECTED

    def test_two_workers_at_once_do_it_once(self, sender):
        job = sender.job(self.CONTENT * 20)
        start = threading.Barrier(3)
        errors = []

        def work() -> None:
            start.wait()
            try:
                import_all(job)
            except Exception as error:
                errors.append(error)
            finally:
                connection.close()

        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        job.refresh_from_db()
        assert errors == []
        assert job.imported_at is not None
        assert job.imported == job.total == 23 * 20 + 19  # the header of each copy but the first is a bad phone
        assert [position for (position,) in recipients(job, "position")] == list(range(job.total))
        assert stored_files() == []

    def test_a_job_that_another_worker_holds_is_left_alone(self, sender):
        job = sender.job(self.CONTENT)
        more = []

        def work() -> None:
            more.append(importing.import_slice(job.pk, time.monotonic() + 60))
            connection.close()

        with transaction.atomic():
            Job.unscoped.select_for_update(no_key=True).get(pk=job.pk)
            thread = threading.Thread(target=work)
            thread.start()
            thread.join()

        assert more == [False]
        assert not Recipient.objects.exists()


@pytest.mark.django_db(transaction=True)
class TestTheFile:
    def test_is_deleted_once_the_import_is_committed(self, sender):
        job = sender.job()
        assert stored_files() == [job.upload_name]
        import_all(job)
        assert stored_files() == []
        assert job.upload_name == ""

    def test_a_finished_import_is_not_done_again(self, sender):
        job = import_all(sender.job())
        before = recipients(job, "id")
        assert import_all(job).failed == 0
        assert recipients(job, "id") == before

    @pytest.mark.usefixtures("small_chunks")
    @pytest.mark.parametrize("rows_before", [0, 7])
    def test_if_lost_the_job_fails_and_says_so(self, sender, rows_before):
        job = sender.job(TestInterrupted.CONTENT)
        if rows_before:
            assert importing.import_slice(job.pk, 0.0)
        (settings.UPLOAD_DIR / job.upload_name).unlink()
        import_all(job)

        assert (job.status, job.state_reason) == (JobStatus.FAILED, "file_lost")
        assert (job.sent, job.failed, job.total) == (0, 23, 23)
        assert not Recipient.objects.filter(job_id=job.pk, state=RecipientState.QUEUED).exists()

    def test_if_lost_while_the_job_is_paused_it_fails_once_somebody_has_it_go_on(self, sender):
        job = sender.job()
        control.pause(job)
        (settings.UPLOAD_DIR / job.upload_name).unlink()
        assert import_all(job).status == JobStatus.PAUSED

        control.resume(job)
        import_all(job)
        assert (job.status, job.state_reason) == (JobStatus.FAILED, "file_lost")

    @pytest.mark.parametrize("content", ["", "+51900000000|x\n", "+51900000000|\0\n" * 3, "phone"])
    def test_if_changed_the_job_fails_too(self, sender, content):
        job = sender.job()
        (settings.UPLOAD_DIR / job.upload_name).write_text(content)
        import_all(job)

        assert (job.status, job.state_reason) == (JobStatus.FAILED, "file_lost")
        assert not Recipient.objects.exists()

    def test_lost_after_another_worker_read_it_does_no_harm(self, sender, monkeypatch):
        job = sender.job()
        step = importing._step

        def too_late(job_id, reader):
            monkeypatch.setattr(importing, "_step", step)
            import_all(job)
            raise importing._FileLost

        monkeypatch.setattr(importing, "_step", too_late)
        assert importing.import_slice(job.pk, 0.0) is False
        job.refresh_from_db()
        assert job.status == JobStatus.PENDING

    @pytest.mark.usefixtures("small_chunks")
    def test_of_a_job_cancelled_meanwhile_is_let_go(self, sender):
        job = sender.job(TestInterrupted.CONTENT)
        assert importing.import_slice(job.pk, 0.0)
        Job.unscoped.filter(pk=job.pk).update(status=JobStatus.CANCELLED)
        import_all(job)

        assert (job.status, job.imported, job.imported_at) == (JobStatus.CANCELLED, 7, None)
        assert stored_files() == []

    @pytest.mark.usefixtures("small_chunks")
    def test_of_a_paused_job_goes_on_being_imported(self, sender):
        job = sender.job(TestInterrupted.CONTENT)
        Job.unscoped.filter(pk=job.pk).update(status=JobStatus.PAUSED)
        assert import_all(job).imported_at is not None


def test_senders_are_apart(db):
    one, other = Sender(), Sender()
    import_all(one.job(PHONES[0]))
    job = import_all(other.job(PHONES[0]))
    assert recipients(job, "state") == [("queued",)]
