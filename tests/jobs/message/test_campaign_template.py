"""What a campaign's recipient will read, and that it is the same wherever it is asked for."""

import itertools
import re
import subprocess
import sys
import time
from collections import Counter
from uuid import UUID

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.api.serializers import RecipientSerializer
from jobs.message.book import MessageBook, template_of
from jobs.message.rendering import MAX_DEPTH, CampaignTemplate, draw, problems_of, variables_of
from jobs.models import Job, MessageSyntax
from jobs.sending import reconcile
from jobs.sending.claims import Claimer
from jobs.sending.reading import refill
from jobs.states import RecipientState
from tests.factories import make_account, make_device, make_job
from tests.jobs.claiming import claim

COLUMNS = ["name", "phone", "email", "custom_attributes.region"]
ANA = ["Ana", "+51987654321", "ana@example.com", "norte"]
PINNED = "dcdbcbcacacddaaadaab"


def render(message: str, *values: str, phone: str = "+51987654321", salt: str = "") -> str:
    return CampaignTemplate([(message, 1)], COLUMNS, salt).render(values or ANA, phone)


class TestVariables:
    @pytest.mark.parametrize(
        ("variable", "text"),
        [
            ("{{name}}", "Ana"),
            ("{{ name }}", "Ana"),
            ("{{phone}}", "+51987654321"),
            ("{{email}}", "ana@example.com"),
            ("{{custom_attributes.region}}", "norte"),
            ("{{contact.name}}", "Ana"),
            ("{{contact.phone_number}}", "+51987654321"),
            ("{{contact.custom_attributes.region}}", "norte"),
            ("{{contact.custom_attribute.region}}", "norte"),
            ('{{name|default:"amigo"}}', "Ana"),
            ("*{{name}}*{{name}}", "*Ana*Ana"),
        ],
    )
    def test_are_the_contacts(self, variable, text):
        assert render(variable) == text

    @pytest.mark.parametrize("blank", ["", " ", "\t", "\u00a0"])
    def test_a_blank_one_is_three_dashes_or_its_default(self, blank):
        assert render("<{{name}}>", blank) == "<--->"
        assert render('<{{name|default:"amigo"}}>', blank) == "<amigo>"
        assert render("<{{ name | default : 'vecina \"x\"' }}>", blank) == '<vecina "x">'
        assert render('<{{name|default:""}}>', blank) == "<>"

    def test_a_missing_one_is_three_dashes_or_its_default(self):
        assert render('{{custom_attributes.nada}} {{custom_attributes.nada|default:"x"}}') == "--- x"
        assert render("{{email}}", "Ana") == "---"

    def test_a_default_is_text_and_nothing_else(self):
        assert render('{{name|default:"{a|b} {{phone}}"}}', "") == "{a|b} {{phone}}"

    @pytest.mark.parametrize("value", ["{{phone}}", "{a|b}", "}", "|", "{"])
    def test_a_value_goes_in_as_it_is(self, value):
        assert render("{x{{name}}|x{{name}}}", value) == f"x{value}"

    @pytest.mark.parametrize(
        "text",
        ["{{nombre}}", "{{Nam}}", "{{}}", "{{name|upper}}", "{{a|b}}", "{{custom_attributes.}}", "{{contact.}}"],
    )
    def test_one_that_does_not_exist_stays_text(self, text):
        assert render(text) == text

    def test_a_file_s_variables_mean_nothing_here(self):
        assert render("@valor1 {name}") == "@valor1 {name}"


class TestChoices:
    def possible(self, message: str, *values: str) -> set[str]:
        return {render(message, *values, phone=f"+519{number}") for number in range(200)}

    def test_are_one_of_their_options(self):
        assert self.possible("{Hola|Buenas|Qué tal}!") == {"Hola!", "Buenas!", "Qué tal!"}

    def test_an_option_may_be_empty(self):
        assert self.possible("a{|b}") == {"a", "ab"}
        assert self.possible("{|}") == {""}

    def test_options_may_hold_variables_and_choices(self):
        assert self.possible("{Hola {{name}}|{Buenas|Buenos días} {{name}}}") == {
            "Hola Ana",
            "Buenas Ana",
            "Buenos días Ana",
        }
        assert self.possible("{{{name}}|{{phone}}}") == {"Ana", "+51987654321"}
        assert self.possible("{{a|b}|c}") == {"a", "b", "c"}

    def test_are_independent_of_each_other(self):
        assert self.possible("{a|b}{c|d}{e|f}") == {"".join(letters) for letters in itertools.product("ab", "cd", "ef")}

    def test_come_about_equally_often(self):
        drawn = Counter(render("{a|b|c|d}", phone=f"+5198{number:07}") for number in range(4000))
        assert all(850 < times < 1150 for times in drawn.values())

    def test_are_the_same_for_a_recipient_and_not_for_another_job(self):
        message = "{a|b|c|d}" * 8
        template = CampaignTemplate([(message, 1)], COLUMNS, "job")
        assert len({template.render(ANA, "+51987654321") for _ in range(20)}) == 1
        assert render(message, salt="one") != render(message, salt="other")

    def test_are_the_same_in_another_process(self):
        message = "{a|b|c|d}" * 20
        prints = f"print(CampaignTemplate([({message!r}, 1)], [], 'x').render([], '+1'))"
        program = f"from jobs.message.rendering import *; {prints}"
        command = [sys.executable, "-c", program]
        assert subprocess.check_output(command, text=True).strip() == render(message, phone="+1", salt="x")

    def test_are_the_same_in_the_next_release(self):
        # What went out under an older release may be looked up under a newer one: change this only with a new syntax.
        assert render("{a|b|c|d}" * 20, phone="+51987654321", salt="x") == PINNED

    @pytest.mark.parametrize(
        "text",
        [
            "{",
            "}",
            "|",
            "{}",
            "{a}",
            "a|b",
            "{a|b",
            "a|b}",
            "}{",
            "{a|b}}"[:3],
            "{{",
            "}}",
            "{a {b} c}",
            "{ {{",
            "{a|{b",
        ],
    )
    def test_braces_that_are_no_choice_stay_text(self, text):
        assert render(text) == text

    def test_what_is_around_them_still_works(self):
        assert self.possible("{ {a|b} {{name}}") == {"{ a Ana", "{ b Ana"}
        assert self.possible("} {{name}} {a|b}|") == {"} Ana a|", "} Ana b|"}
        assert self.possible("{x {a|b} y}") == {"{x a y}", "{x b y}"}
        assert self.possible("{a|b}}") == {"a}", "b}"}
        assert self.possible("{1|{{name}} {a|b}") == {"{1|Ana a", "{1|Ana b"}

    def test_too_deep_they_are_all_text(self):
        deepest = "{x|" * MAX_DEPTH + "}" * MAX_DEPTH
        assert render(deepest) in ("x", "")
        assert render("{x|" + deepest + "}") == "{x|" + deepest + "}"

    def test_more_than_can_be_thrown_for_take_their_first_option(self):
        assert render("{a|b}" * 5000)[600:] == "a" * 4400


class TestVariants:
    TEXTS = [("A {{name}}", 1), ("B", 3)]

    def test_the_recorded_one_is_rendered(self):
        template = CampaignTemplate(self.TEXTS, COLUMNS)
        assert template.render(ANA, "+1", 0) == "A Ana"
        assert template.render(ANA, "+1", 1) == "B"

    def test_without_a_record_it_is_drawn(self):
        template = CampaignTemplate(self.TEXTS, COLUMNS, "job")
        for number in range(20):
            phone = f"+519{number}"
            assert template.variant_of(phone) == draw([1, 3], phone, "job")
            assert template.render(ANA, phone) == ["A Ana", "B"][draw([1, 3], phone, "job")]

    def test_one_text_is_no_variant(self):
        assert CampaignTemplate([("x", 1)]).variant_of("+1") is None


class TestChecking:
    def test_variables_are_named_as_columns_have_them_once_each(self):
        assert variables_of(
            "{{name}} {{contact.name}} {x|{{ email }}}", '{{custom_attributes.a b|default:"{{phone}}"}}'
        ) == [
            "name",
            "email",
            "custom_attributes.a b",
        ]
        assert variables_of("{{nombre}} {name}") == []

    @pytest.mark.parametrize(
        "text",
        [
            "Hola",
            "{{name}}",
            '{{ contact.name | default: "a" }}',
            "{a|b {{phone}}}",
            "{",
            "{{a|b}|c}",
            "}}",
            "{{{name}}|x}",
        ],
    )
    def test_a_good_message_has_no_problems(self, text):
        assert problems_of(text) == []

    @pytest.mark.parametrize("text", ["{{nombre}}", "{{}}", "{{a|b}}", "{{custom_attributes.}}", "{x|{{apellido}}}"])
    def test_an_unknown_variable_is_a_problem(self, text):
        (problem,) = problems_of(text)
        assert "no existe" in problem

    @pytest.mark.parametrize(
        "text", ["{{name|upper}}", "{{name|default:amigo}}", '{{name|default:"amigo}}', "{{name|}}"]
    )
    def test_so_is_a_default_that_is_written_otherwise(self, text):
        (problem,) = problems_of(text)
        assert "default" in problem

    def test_so_are_choices_too_deep(self):
        (problem,) = problems_of("{a|" * 11 + "}" * 11)
        assert "10" in problem

    def test_each_is_told_once_and_not_at_length(self):
        assert len(problems_of("{{x}}{{x}}")) == 1
        assert len(problems_of("".join(f"{{{{x{number}}}}}" for number in range(50)))) == 20
        assert len(problems_of("{{" + "x" * 60_000 + "}}")[0]) < 250


@given(st.text(alphabet="{}|\"' name:default.a\n", max_size=60), st.lists(st.text(max_size=5), max_size=4))
@settings(max_examples=300)
def test_any_message_renders_and_the_same_again(message, values):
    template = CampaignTemplate([(message, 1)], COLUMNS, "x")
    assert template.render(values, "+1") == template.render(values, "+1")
    assert isinstance(problems_of(message), list)
    if "|" not in message and not re.search(r"\{\{.*\}\}", message, re.DOTALL):
        assert template.render(values, "+1") == message


@pytest.mark.parametrize(
    "message",
    [
        "{{" * 32_000,
        "{" * 65_000,
        "{a|" * 20_000,
        '{{a|default:"' * 4_500,
        "{{" + " " * 65_000,
        "{|}" * 20_000,
        "|" * 65_000,
    ],
)
def test_no_message_takes_long(message):
    began = time.thread_time()  # not the clock: this machine may be busy with something else
    CampaignTemplate([(message, 1)], COLUMNS).render(ANA, "+1")
    problems_of(message)
    variables_of(message)
    assert time.thread_time() - began < 5  # squared, it would be minutes


@pytest.mark.django_db
class TestWhatIsSent:
    VARIANTS = [{"text": "{Hola|Buenas|Saludos} {{name}} A", "weight": 1}, {"text": "{Hola|Buenas} B", "weight": 1}]

    def job(self, **fields) -> Job:
        account = make_account()
        device = make_device(account)
        job = make_job(account, 30, (device,), message="-", syntax=MessageSyntax.CAMPAIGN, columns=["name"], **fields)
        self.device_id = device.pk
        return job

    def texts_sent(self, job: Job) -> dict[int, str]:
        claimer = Claimer(self.device_id, 1000)
        with connection.cursor() as cursor:
            refill(cursor, [claimer], timezone.now())
        drawn = [(self.device_id, job_id, waiting) for job_id, waiting in claimer.draw(1000, timezone.now())]
        return {claimed.recipient_id: claimed.text for claimed in claim(*drawn)}

    def test_is_what_every_later_look_at_it_shows(self):
        job = self.job(variants=self.VARIANTS, uuid=UUID(int=1))
        for recipient in job.recipients.in_order():
            job.recipients.filter(pk=recipient.pk).update(variant=recipient.position % 2)
        sent = self.texts_sent(job)
        assert len(sent) == 30
        template = template_of(Job.unscoped.get(pk=job.pk))
        for one in job.recipients.in_order():
            assert template.render(one.values, one.phone, one.variant) == sent[one.pk]
            assert sent[one.pk].endswith("A" if one.position % 2 == 0 else "B")
        assert {text.split()[0] for text in sent.values()} == {"Hola", "Buenas", "Saludos"}

    def test_is_what_a_look_up_asks_the_gateway_for(self):
        job = self.job(variants=self.VARIANTS)
        for recipient in job.recipients.in_order():
            job.recipients.filter(pk=recipient.pk).update(variant=recipient.position % 2)
        sent = self.texts_sent(job)
        job.recipients.update(state=RecipientState.AMBIGUOUS, due_at=Now())
        assert {doubtful.claim.recipient_id: doubtful.claim.text for doubtful in reconcile._take(MessageBook())} == sent

    def test_is_what_the_list_of_recipients_shows(self):
        job = self.job(variants=self.VARIANTS)
        job.recipients.update(variant=1)
        sent = self.texts_sent(job)
        shown = RecipientSerializer(job.recipients.in_order(), many=True, context={"template": template_of(job)}).data
        assert [one["text"] for one in shown] == [sent[one.pk] for one in job.recipients.in_order()]

    def test_is_the_job_s_message_where_there_are_no_variants(self):
        job = self.job()
        Job.unscoped.filter(pk=job.pk).update(message="{{contact.name}}, {sí|no}")
        job.refresh_from_db()
        texts = set(self.texts_sent(job).values())
        assert all(re.fullmatch(r"persona \d+, (sí|no)", text) for text in texts)
        assert {text[-2:] for text in texts} == {"sí", "no"}
