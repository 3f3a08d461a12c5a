"""What can be set, called, received or refused stands in the documents, and what they show is what happens."""

import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from accounts import messages
from accounts.live import json_socket
from devices import reasons as device_reasons
from devices.gateway import transport
from devices.gateway.evolution import send_answers
from jobs.intake import importing
from jobs.live import consumers, events
from jobs.sending import recovery
from jobs.wording import job_reasons
from jobs.wording.line_problems import LINE_PROBLEMS
from jobs.wording.phone_problems import PHONE_PROBLEMS
from jobs.wording.recipient_errors import RECIPIENT_ERRORS
from jobs.wording.refusals import REFUSALS

REPOSITORY = Path(__file__).resolve().parents[2]
PAGES = [REPOSITORY / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")] + sorted(
    (REPOSITORY / "docs").rglob("*.md")
)
README = (REPOSITORY / "README.md").read_text()
# Read by programs of ours from programs of ours, or by Python itself.
NOBODY_SETS = {"DJANGO_SETTINGS_MODULE", "PREGONERO_TOKEN", "PYTHONDONTWRITEBYTECODE"}


def text_of(page: str) -> str:
    return (REPOSITORY / page).read_text()


def calls_in(*globs: str) -> Iterator[tuple[str, ast.Call]]:
    """Yield each call in these files, with the name of what is called: `read` for `env.read(…)`."""
    for file in sorted(path for glob in globs for path in REPOSITORY.glob(glob)):
        for call in _calls_of(file):
            yield getattr(call.func, "attr", getattr(call.func, "id", "")), call


@cache
def _calls_of(file: Path) -> list[ast.Call]:
    return [node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call)]


def words_given_to(*names: str, files: tuple[str, ...], position: int = 0) -> set[str]:
    """The string constants that these functions are called with in these files."""
    return {
        argument.value
        for name, call in calls_in(*files)
        if name in names and len(call.args) > position
        for argument in [call.args[position]]
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    }


def settings_read() -> dict[str, Any]:
    """The variables that config/settings.py reads, with the default where it is a constant."""
    found = {}
    for name, call in calls_in("config/settings.py"):
        if name == "read" and isinstance(call.args[0], ast.Constant):
            defaults = [*call.args[2:], *(keyword.value for keyword in call.keywords)]
            found[call.args[0].value] = defaults[0].value if isinstance(defaults[0], ast.Constant) else None
    return found


# --- Settings ----------------------------------------------------------------------------------------


def test_every_environment_variable_stands_in_the_readme():
    everywhere = words_given_to("get", files=("config/**/*.py", "devices/simulator/**/*.py", "*/management/**/*.py"))
    variables = {word for word in everywhere if re.fullmatch(r"[A-Z][A-Z0-9_]{3,}", word)} | settings_read().keys()
    assert len(settings_read()) >= 20
    assert sorted(name for name in variables - NOBODY_SETS if f"`{name}`" not in README) == []


@pytest.mark.parametrize(("name", "default"), [item for item in settings_read().items() if item[1]])
def test_the_readme_has_the_default(name: str, default: Any):
    row = next(line for line in README.splitlines() if line.startswith(f"| `{name}`"))
    shown = f"{default:g}" if isinstance(default, float) else str(default)
    assert f"| `{shown}` |" in row


def test_every_variable_reaches_the_containers():
    of_make_run_only = {"PORT", "DEBUG"}
    compose = text_of("docker-compose.yml")
    missing = [name for name in settings_read() if not re.search(rf"^ +{name}:", compose, re.MULTILINE)]
    assert set(missing) == of_make_run_only


def test_the_example_environment_has_what_compose_demands():
    demanded = set(re.findall(r"\$\{([A-Z_]+):\?", text_of("docker-compose.yml")))
    offered = set(re.findall(r"^([A-Z_]+)=$", text_of(".env.example"), re.MULTILINE))
    assert offered == demanded


def test_every_command_stands_in_the_readme():
    commands = {path.stem for path in REPOSITORY.glob("*/management/commands/[a-z]*.py")}
    assert "bootstrap" in commands
    assert sorted(name for name in commands if not re.search(rf"`{name}\b", README)) == []


def test_every_make_target_that_is_named_exists():
    targets = set(re.findall(r"^([a-z]+):", text_of("Makefile"), re.MULTILINE))
    named = {target for page in PAGES for target in re.findall(r"`make ([a-z]+)", page.read_text())}
    assert {"run", "demo", "test"} <= named <= targets


# --- Events --------------------------------------------------------------------------------------------

COUNTERS = {"sent": 500, "failed": 2, "total": 1000, "percentage": 50.2}
MORE = {"sent": 500, "failed": 3, "total": 1000, "percentage": 50.3}
PAUSED = " ".join(job_reasons.sentence(job_reasons.NO_DEVICES_LEFT))
SHOWN = [
    events.subscribed("…"),
    events.snapshot("…", 117, "processing", COUNTERS, events.receipt_counts(480, 120, 0, 1, 9)),
    events.job_started("…", 1, 1000),
    events.chunk_processing("…", 2, 0, 1000, 5000),
    events.progress("…", 118, 1, "+51123123123", COUNTERS),
    events.error("…", 119, 1, "+51123123124", "not_on_whatsapp", MORE),
    events.receipt("…", 122, delivered=480, read=120, played=0, failed_after=1, replied=9),
    events.job_paused("…", 120, job_reasons.NO_DEVICES_LEFT, PAUSED),
    events.job_resumed("…", 121),
    events.job_completed("…", 640, {"sent": 998, "failed": 2, "total": 1000}),
    events.job_cancelled("…", 311, {"sent": 400, "failed": 600, "total": 1000}),
    events.job_failed("…", 1, *job_reasons.sentence(job_reasons.NO_DEVICES)),
    json_socket.pong("whatever you sent"),
    json_socket.invalid_message(consumers.JobConsumer.understands),
]


@pytest.mark.parametrize("event", SHOWN, ids=[event["type"] for event in SHOWN])
def test_the_page_of_events_shows_what_is_sent(event: events.Event):
    assert json.dumps(event, ensure_ascii=False) in text_of("docs/events.md").splitlines()


def test_every_event_is_on_the_page():
    types = {
        value.value
        for module in ("jobs/live/events.py", "accounts/live/json_socket.py")
        for node in ast.walk(ast.parse(text_of(module)))
        if isinstance(node, ast.Dict)
        for key, value in zip(node.keys, node.values, strict=True)
        if isinstance(key, ast.Constant) and key.value == "type" and isinstance(value, ast.Constant)
    }
    assert {event["type"] for event in SHOWN} == types


def test_every_close_code_is_on_the_page():
    known = {**vars(json_socket), **vars(consumers)}
    constants = [value for name, value in known.items() if name.isupper()]
    codes = [value for value in constants if isinstance(value, int) and value > 4000]
    assert len(codes) == 2
    assert all(f"| {code} |" in text_of("docs/events.md") for code in codes)


# --- Errors --------------------------------------------------------------------------------------------


def every_code() -> set[str]:
    code = ("accounts/**/*.py", "devices/**/*.py", "jobs/**/*.py")
    gateway = ("devices/gateway/**/*.py",)
    return {
        *messages.ERRORS,
        *messages.FIELD_ERRORS,
        *REFUSALS,
        *LINE_PROBLEMS,
        *PHONE_PROBLEMS,
        *RECIPIENT_ERRORS,
        *job_reasons.JOB_REASONS,
        *device_reasons.SENTENCES,
        *words_given_to("ApiError", "refusal", files=code),
        *words_given_to("not_written", files=code, position=1),
        *words_given_to("Rejected", "NotSent", "DeviceUnavailable", "OutcomeUnknown", "Unreachable", files=gateway),
        *(code for *_, code in send_answers.BEFORE_THE_SEND),
        *transport._CONNECTING.values(),
        *(importing.INVALID_NUMBER, importing.DUPLICATE, importing.OPTED_OUT, recovery.WORKER_DIED),
    }


def test_every_error_code_is_explained():
    page = text_of("docs/errors.md")
    codes = every_code()
    assert len(codes) > 100
    assert sorted(code for code in codes if f"`{code}`" not in page) == []


@pytest.mark.parametrize("code", REFUSALS)
def test_a_refusal_is_shown_with_its_status(code: str):
    status = REFUSALS[code].status
    rows = [line for line in text_of("docs/errors.md").splitlines() if f"`{code}`" in line and f"| {status} |" in line]
    assert rows


# --- Links -----------------------------------------------------------------------------------------------


def anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(REPOSITORY)) for page in PAGES])
def test_links_and_images_lead_somewhere(page: Path):
    prose = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", prose):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, fragment = link.partition("#")
        target = page.parent / path if path else page
        headings = re.findall(r"^#+ (.*)", target.read_text(), re.MULTILINE) if fragment and target.is_file() else []
        if not target.exists() or (fragment and fragment not in map(anchor, headings)):
            broken.append(link)
    assert broken == []


def test_the_list_of_decisions_is_complete():
    pages = sorted(path.name for path in (REPOSITORY / "docs/decisions").glob("0*.md"))
    listed = re.findall(r"^\| \[\d+\]\((.*?)\)", text_of("docs/decisions/README.md"), re.MULTILINE)
    assert listed == pages
    assert [name[:4] for name in pages] == [f"{number:04}" for number in range(1, len(pages) + 1)]
