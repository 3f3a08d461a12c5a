"""manage.py send_bulk: the same job, from a terminal."""

import time

import pytest
from django.core.management import CommandError, call_command

from jobs.intake import importing
from jobs.management.commands import send_bulk
from jobs.models import Job
from jobs.states import JobStatus
from tests.factories import make_account
from tests.jobs.uploads import CONTENT, left_behind

# The wake-up follows the commit.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def engine(monkeypatch, import_nudges):
    """Between two looks at a job: import it, then send to everybody but the last."""
    ends = {"sent": 2, "failed": 1, "results": {"by_error": {"not_on_whatsapp": 1}}}

    def step(seconds):
        job = Job.unscoped.get()
        if import_nudges:
            importing.import_slice(import_nudges.pop(), time.monotonic() + 60)
            Job.unscoped.update(status=JobStatus.PROCESSING, sent=1)
        else:
            Job.unscoped.filter(pk=job.pk).update(status=JobStatus.COMPLETED, **ends)

    monkeypatch.setattr(send_bulk.time, "sleep", step)
    return ends


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "clientes.csv"
    path.write_text(CONTENT)
    return path


def run(file, *options: str) -> int:
    with pytest.raises(SystemExit) as ended:
        call_command("send_bulk", str(file), "--message", "Hola @valor1", *options)
    return ended.value.code


def test_watches_until_the_end_and_says_what_failed(sender, engine, file, capsys):
    assert run(file, "--devices-limit", "3") == 1

    lines = capsys.readouterr().out.splitlines()
    job = Job.unscoped.get()
    assert lines == [
        f"job {job.uuid}: Job creado y en proceso. Procesando 3 mensajes desde archivo 'clientes.csv'.",
        "  0.0 %  sent 0  failed 0  of 3  pending",
        " 33.3 %  sent 1  failed 0  of 3  processing",
        "100.0 %  sent 2  failed 1  of 3  completed",
        "completed: sent 2, failed 1, total 3",
        "          1  El número no tiene WhatsApp.",
    ]
    assert (job.devices_limit, job.account, job.message) == (3, sender.account, "Hola @valor1")
    assert file.read_text() == CONTENT


def test_ends_well_when_all_were_sent(sender, engine, file):
    engine |= {"sent": 3, "failed": 0, "results": {}}
    assert run(file) == 0


@pytest.mark.parametrize(("options", "wanted"), [([], True), (["--no-canary"], False)])
def test_it_says_whether_a_few_go_first(sender, engine, file, options, wanted):
    run(file, *options)
    assert Job.unscoped.get().canary_wanted is wanted


def test_ctrl_c_leaves_the_job_running_and_says_so(sender, import_nudges, file, capsys, monkeypatch):
    def interrupt(seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr(send_bulk.time, "sleep", interrupt)
    assert run(file) == 130
    assert "The job goes on" in capsys.readouterr().out
    assert Job.unscoped.get().status == JobStatus.PENDING


@pytest.mark.parametrize("by", ["name", "id"])
def test_the_account_is_chosen_by_name_or_id(sender, engine, file, by):
    make_account()
    run(file, "--account", sender.account.name if by == "name" else str(sender.account.pk))
    assert Job.unscoped.get().account == sender.account


class TestRefusals:
    def refused(self, file, *options: str) -> str:
        before = left_behind()
        with pytest.raises(CommandError) as refusal:
            call_command("send_bulk", str(file), "--message", "x", *options)
        assert refusal.value.returncode == 2
        assert left_behind() == before
        return str(refusal.value)

    def test_files(self, sender, file, capsys):
        file.write_text("1\n2\n")
        assert "Ningún teléfono" in self.refused(file)
        assert f"{file}:1: El teléfono no es válido." in capsys.readouterr().err
        assert "No such file" in self.refused(file.with_name("none.csv"))
        assert "directory" in self.refused(file.parent)
        assert ".csv o .txt" in self.refused(file.rename(file.with_suffix(".xlsx")))

    def test_a_file_that_is_too_large_is_not_even_copied(self, sender, file, settings):
        settings.MAX_UPLOAD_BYTES = 10
        assert "máximo de 10 bytes" in self.refused(file)

    def test_fields(self, sender, file):
        assert "devices_limit" in self.refused(file, "--devices-limit", "0")

    def test_accounts(self, db, file):
        assert "bootstrap" in self.refused(file)
        make_account()
        assert "No hay devices disponibles" in self.refused(file)
        make_account()
        assert "--account" in self.refused(file)
        assert "no account" in self.refused(file, "--account", "nobody")
