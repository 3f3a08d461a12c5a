"""What cannot be filled is not sent: the same at every door of a bulk send."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command

from jobs.intake import importing
from jobs.message.book import template_of
from jobs.models import Job
from tests.accounts import people
from tests.jobs.uploads import Sender, left_behind

pytestmark = pytest.mark.django_db

NAMED = "Celular 1|nombre\n51987650001|Ana\n"
PADDED = "phone|a|b\n51987650001|Ana | dos \n"


@pytest.fixture
def sender() -> Sender:
    return Sender()


def texts(job: Job) -> list[str]:
    importing.import_slice(job.pk, 0)
    while importing.import_slice(job.pk, 0):
        pass
    template = template_of(job)
    return [template.render(one.values, one.phone) for one in job.recipients.order_by("position")]


@pytest.mark.parametrize("message", ["Hola @nombre", "Hola @Nombre", "Hola {{ NOMBRE }}", "Hola @valor1"])
def test_names_are_found_whatever_their_case(sender, message):
    assert sender.upload(NAMED, message=message, allow_missing=None).status_code == 200
    assert texts(Job.unscoped.get()) == ["Hola Ana"]


def test_a_first_cell_that_names_a_phone_is_a_header_with_its_number(sender):
    assert sender.upload(NAMED, message="Hola @nombre").json()["job"]["total_numbers"] == 1


def test_values_are_trimmed(sender):
    sender.upload(PADDED, message="<@a>, <@valor2>", allow_missing=None)
    assert texts(Job.unscoped.get()) == ["<Ana>, <dos>"]


@pytest.mark.parametrize(
    ("message", "names"),
    [
        ("Hola @valor9", {"@valor9": ["@valor1"]}),
        ("Hola {{unknown}}", {"{{unknown}}": []}),
        ("Hola @nombres y @valor2", {"@nombres": ["@nombre"], "@valor2": ["@valor1"]}),
    ],
)
def test_what_nothing_can_fill_is_refused_with_its_names_and_the_nearest(sender, message, names):
    answer = sender.upload(NAMED, message=message, allow_missing=None)
    assert (answer.status_code, answer.json()["code"]) == (400, "variables_unknown")
    assert {error["name"]: error["nearest"] for error in answer.json()["errors"]} == names
    assert all(name in answer.json()["message"] for name in names)
    assert left_behind() == (0, 0, [])


@pytest.mark.parametrize("said", ["false", ""])
def test_and_so_it_is_where_that_is_not_allowed(sender, said):
    assert sender.upload(NAMED, message="@valor9", allow_missing=said).status_code == 400


def test_what_is_allowed_is_sent_as_before(sender):
    assert sender.upload(NAMED, message="@valor9 {{x}} @nombres").status_code == 200
    assert texts(Job.unscoped.get()) == ["--- {{x}} @nombres"]


def test_allow_missing_is_true_or_false(sender):
    assert sender.upload(NAMED, allow_missing="quizás").json()["code"] == "allow_missing_invalid"


def test_a_value_that_only_some_rows_lack_is_three_dashes(sender):
    sender.upload("phone|a|b\n51987650001|Ana|x\n51987650002\n", message="@a @b", allow_missing=None)
    assert texts(Job.unscoped.get()) == ["Ana x", "--- ---"]


def test_text_stays_text(sender):
    message = "Síguenos en @empresa, a@b.pe, https://x.pe/@nombre2 @ 5"
    assert sender.upload("phone|@valor1\n51987650001|Ana\n", message=message, allow_missing=None).status_code == 200


def test_the_same_key_finds_its_job_whatever_the_rule_was(sender):
    first = sender.upload(NAMED, message="Hola @nombre", allow_missing=None, key="k")
    again = sender.upload(NAMED, message="Hola @nombre", allow_missing="false", key="k")
    assert first.json()["job"]["id"] == again.json()["job"]["id"]


def test_the_page_says_which_and_has_a_box(sender):
    browser = people.browser(sender.membership)
    form = {"message": "Hola @nombres", "file": SimpleUploadedFile("lista.csv", NAMED.encode())}
    refused = browser.post("/admin/jobs/job/new/", form)
    assert refused.status_code == 400
    assert "@nombres → @nombre" in refused.content.decode()
    form["file"] = SimpleUploadedFile("lista.csv", NAMED.encode())
    assert browser.post("/admin/jobs/job/new/", {**form, "allow_missing": "true"}).status_code == 302


def test_the_command_says_which_and_has_an_option(sender, tmp_path):
    file = tmp_path / "lista.csv"
    file.write_text(NAMED)
    with pytest.raises(CommandError, match="@nombres"):
        call_command("send_bulk", str(file), "--message", "Hola @nombres", "--account", sender.account.name)
