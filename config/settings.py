"""Django's settings. Every value that differs between installations comes from `environment`."""

from contextlib import suppress
from pathlib import Path

from django.utils.translation import gettext_lazy as _

from config import environment as env
from config.admin_look import UNFOLD as UNFOLD
from config.logs import logging_config
from config.schedule import BEAT_SCHEDULE
from config.session_pool import retry_steadily
from config.stack.places.layout import Layout

BASE_DIR = env.REPOSITORY

# --- What the environment says -------------------------------------------------------------------
DEBUG = env.read("DEBUG", env.yes_or_no, default=False)
PORT = env.read("PORT", env.whole_number(1, 65535), 8000)
DATA_DIR = env.read("DATA_DIR", Path, BASE_DIR / ".data").absolute()
PUBLIC_URL = env.read("PUBLIC_URL", env.http_url, f"http://127.0.0.1:{PORT}")
LOG_FORMAT = env.read("LOG_FORMAT", env.one_of("console", "json"), "console")

MAX_UPLOAD_BYTES = env.read("MAX_UPLOAD_BYTES", env.whole_number(1, 10 * 1024**3), 104_857_600)
MAX_RECIPIENTS = env.read("MAX_RECIPIENTS", env.whole_number(1, 100_000_000), 1_000_000)
CHUNK_SIZE = env.read("CHUNK_SIZE", env.whole_number(1, 100_000), 1000)
WORKER_PROCESSES = env.read("WORKER_PROCESSES", env.whole_number(1, 256), 2)
GATEWAY_CONNECT_TIMEOUT = env.read("GATEWAY_CONNECT_TIMEOUT", env.seconds(0.1, 120), 5.0)
GATEWAY_READ_TIMEOUT = env.read("GATEWAY_READ_TIMEOUT", env.seconds(0.1, 600), 90.0)
LEASE_SECONDS = env.read("LEASE_SECONDS", env.seconds(1, 3600), 180.0)
QUIET_SECONDS = env.read("QUIET_SECONDS", env.seconds(0, 3600), 120.0)
LOOK_UP_GIVE_UP_SECONDS = env.read("LOOK_UP_GIVE_UP_SECONDS", env.seconds(0, 604_800), 86_400.0)
ACK_WATCHDOG_MINUTES = env.read("ACK_WATCHDOG_MINUTES", env.whole_number(0, 1440), 10)
ACK_WATCHDOG_MESSAGES = env.read("ACK_WATCHDOG_MESSAGES", env.whole_number(1, 10_000), 5)
CANARY_ABOVE = env.read("CANARY_ABOVE", env.whole_number(0, 100_000_000), 2000)
CANARY_SIZE = env.read("CANARY_SIZE", env.whole_number(0, 10_000), 100)
CANARY_WAIT_MINUTES = env.read("CANARY_WAIT_MINUTES", env.whole_number(1, 1440), 10)
CANARY_UNDELIVERED_PERCENT = env.read("CANARY_UNDELIVERED_PERCENT", env.whole_number(0, 100), 50)
CANARY_REFUSED_PERCENT = env.read("CANARY_REFUSED_PERCENT", env.whole_number(0, 100), 20)
CANARY_OPT_OUT_PERCENT = env.read("CANARY_OPT_OUT_PERCENT", env.whole_number(0, 100), 5)
# So many messages to strangers in a row that WhatsApp refuses, and a device writes for so long only to people who wrote
# to it; 0: never.
TIME_LOCK_ERRORS = env.read("TIME_LOCK_ERRORS", env.whole_number(0, 1000), 3)
TIME_LOCK_HOURS = env.read("TIME_LOCK_HOURS", env.whole_number(1, 720), 24)
# Strangers that a device may write to in a day, where its own row does not say; 0: any number.
NEW_PEOPLE_A_DAY = env.read("NEW_PEOPLE_A_DAY", env.whole_number(0, 1_000_000), 0)
CAMPAIGN_MISFIRE_SECONDS = env.read("CAMPAIGN_MISFIRE_SECONDS", env.whole_number(60, 604_800), 3600)

_layout = Layout(DATA_DIR)
_embedded_database = env.postgresql(_layout.database_url)
_database = env.read("DATABASE_URL", env.postgresql, _embedded_database)
REDIS_URL = env.read("REDIS_URL", env.redis_address, _layout.redis_url)
# The embedded stack's gateway simulator lives on this machine; elsewhere a private network must be named.
_machine_itself: list[str] = ["127.0.0.0/8", "::1/128"] if _database is _embedded_database else []
EGRESS_ALLOWED_CIDRS = env.read("EGRESS_ALLOWED_CIDRS", env.networks, _machine_itself)

SECRET_KEY = env.read("SECRET_KEY", env.secret, "") or env.kept_secrets(DATA_DIR)["SECRET_KEY"]
# Newest first: the first encrypts, all decrypt.
_given_keys: list[str] = env.read("FIELD_ENCRYPTION_KEYS", env.fernet_keys, [])
FIELD_ENCRYPTION_KEYS = _given_keys or [env.kept_secrets(DATA_DIR)["FIELD_ENCRYPTION_KEYS"]]
ALLOWED_HOSTS = env.read("ALLOWED_HOSTS", env.words, ["127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS: list[str] = env.read("CSRF_TRUSTED_ORIGINS", env.origins, [])
CORS_ALLOWED_ORIGINS: list[str] = env.read("CORS_ALLOWED_ORIGINS", env.origins, [])

retry_steadily()

# --- The project -----------------------------------------------------------------------------------
# Without "daphne", which only `runserver` needs: it brings twisted into every process, 15 MB and a fifth of each start.
INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "config.admin_site.SiteConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "rest_framework",
    "drf_spectacular",
    "corsheaders",
    "channels",
    "django_celery_beat",
    "accounts",
    "devices",
    "jobs",
    "campaigns",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.access.middleware.AccountMiddleware",
    "accounts.time_zones.BrowserTimeZone",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
AUTH_USER_MODEL = "accounts.User"
APPEND_SLASH = False  # every API path is served with and without its slash; a redirect would drop a POST's body
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        **_database,
        "OPTIONS": {
            **_database["OPTIONS"],
            # Each request runs on a thread of its own: a pool, not one connection a thread.
            "pool": {"min_size": 0, "max_size": 16, "timeout": 30, "max_idle": 120},
        },
        # A connection that PostgreSQL closed (a restart) is noticed when taken, not by the query that needs it.
        "CONN_HEALTH_CHECKS": True,
    }
}

CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}

CHANNEL_PREFIX = "pregonero"
CHANNEL_LAYERS = {
    "default": {
        # Publish/subscribe: the queueing layer lost 4-65 % of bursts where this one lost none.
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [REDIS_URL], "prefix": CHANNEL_PREFIX},
    }
}

# --- Language and time -----------------------------------------------------------------------------
LANGUAGE_CODE = "es"
LANGUAGES = [("es", _("Spanish")), ("pt-br", _("Portuguese")), ("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "UTC"
USE_TZ = True

# --- Files -----------------------------------------------------------------------------------------
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True  # nothing to collect before the first start
UPLOAD_DIR = DATA_DIR / "uploads"
# A recipient file goes to disk as it arrives and is then moved, never copied: same file system.
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.TemporaryFileUploadHandler"]
FILE_UPLOAD_TEMP_DIR = DATA_DIR / "incoming"
FILE_UPLOAD_PERMISSIONS = 0o600
for _directory in (UPLOAD_DIR, FILE_UPLOAD_TEMP_DIR):
    _directory.mkdir(parents=True, exist_ok=True)
with suppress(OSError):  # an image has it, filled when it was built, and is read-only
    STATIC_ROOT.mkdir(exist_ok=True)

# Files that go with campaigns' messages: served by `campaigns.api.views.campaign_media` alone, never by their path.
MEDIA_ROOT = DATA_DIR / "media"
MEDIA_URL = ""

# --- E-mail: none unless configured --------------------------------------------------------------------
_mail = env.read("EMAIL_URL", env.smtp, env.NO_MAIL)
EMAIL_HOST, EMAIL_PORT = _mail.host, _mail.port
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _mail.user, _mail.password
EMAIL_USE_TLS, EMAIL_USE_SSL = _mail.starttls, _mail.tls
EMAIL_TIMEOUT = 15
DEFAULT_FROM_EMAIL = env.read("EMAIL_FROM", str, "pregonero@localhost")

# --- API -------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.api.authentication.TokenAuthentication",
        "accounts.api.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.access.permissions.RolePermission"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "accounts.errors.answer",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Pregonero",
    "DESCRIPTION": "Send WhatsApp messages to many people and know what became of each one.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "ENUM_NAME_OVERRIDES": {"DeviceStatus": "devices.states.DeviceStatus", "JobStatus": "jobs.states.JobStatus"},
}

# --- Celery: wake-ups only, the rows decide ------------------------------------------------------------
CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://").replace("?db=", "?virtual_host=")
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_ROUTES = {
    "jobs.tasks.run_lanes": {"queue": "lanes"},
    "jobs.tasks.call_endpoints": {"queue": "endpoints"},
}
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_BEAT_SCHEDULE = BEAT_SCHEDULE
# Never: Celery would close the pool with the connection after each task, nine times PostgreSQL's CPU. `config.celery`
# gives the connection back instead.
CELERY_DB_REUSE_MAX = 1_000_000
CELERY_TIMEZONE = "UTC"

# --- Security --------------------------------------------------------------------------------------
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
_https = PUBLIC_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _https
SECURE_SSL_REDIRECT = False  # the proxy in front does it, so that health checks inside stay plain
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _https else None
SECURE_HSTS_SECONDS = 31_536_000 if _https else 0
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_NUMBER_FIELDS = 100

LOGGING = logging_config(LOG_FORMAT)
