"""Every setting, in one file. MODE=production takes its secrets from the environment and makes none itself."""

import sys
from pathlib import Path
from typing import Any

from server.environment import (
    BadEnvironment,
    database,
    doors,
    env,
    flag,
    kept_secret,
    mail,
    networks,
    number,
    redis_address,
    words,
)
from server.places import PROJECT, socket_folder

BASE_DIR = PROJECT
MODE = env("MODE", "development")
if MODE not in {"development", "production", "test"}:
    raise BadEnvironment(f"MODE is {MODE!r}; write development or production.")
PRODUCTION = MODE == "production"
TESTING = MODE == "test"
DEBUG = flag("DEBUG", default=False) and not PRODUCTION

# State of a development server: data, logs, secrets. Nothing else is written below the project.
STATE_DIR = Path(env("STATE_DIR", str(PROJECT / "var"))).resolve()
if not PRODUCTION:
    STATE_DIR.mkdir(parents=True, exist_ok=True, mode=0o700)

SECRET_KEY = env("SECRET_KEY") if PRODUCTION else env("SECRET_KEY", "") or kept_secret(STATE_DIR / "secret_key")
# 32 bytes as 64 hex digits: the Ed25519 key that signs sign-offs and releases.
SIGNING_KEY = env("SIGNING_KEY") if PRODUCTION else env("SIGNING_KEY", "") or kept_secret(STATE_DIR / "signing_key")

ALLOWED_HOSTS = words("ALLOWED_HOSTS", default=None if PRODUCTION else "localhost,127.0.0.1,[::1],testserver")
CSRF_TRUSTED_ORIGINS = words("CSRF_TRUSTED_ORIGINS")

INSTALLED_APPS = [
    "registry",
    "console",
    "api",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "django_htmx",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
]

MIDDLEWARE = [
    "server.middleware.RequestLine",
    "server.middleware.SecurityHeaders",
    "api.metrics.CountedRequests",
    "api.problems.ProblemsUnderApi",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "console.refusals.Refusals",
]

ROOT_URLCONF = "server.urls"
WSGI_APPLICATION = "server.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [PROJECT / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# --- servers -----------------------------------------------------------------------------------------------------

_sockets = socket_folder(STATE_DIR)
_here = None if PRODUCTION else f"postgresql:///registry?host={_sockets}&user=registry"
DATABASES = {"default": database(env("DATABASE_URL", _here))}
# What web and workers connect with where they are not the tables' owner: see the command grant_app_role.
APP_DATABASE_URL = env("APP_DATABASE_URL", "")
_pool_size = number("DATABASE_POOL_SIZE", default=0)
if _pool_size:
    # Web threads come and go; the pool keeps their connections and checks one before it hands it out.
    DATABASES["default"]["OPTIONS"]["pool"] = {"min_size": 1, "max_size": _pool_size, "timeout": 10}
else:
    DATABASES["default"] |= {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}
DATABASES["default"]["OPTIONS"].setdefault("connect_timeout", 5)

REDIS = redis_address(env("REDIS_URL", None if PRODUCTION else f"unix://{_sockets}/valkey.sock"))
REDIS_URL = REDIS.client
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS.client,
        "KEY_PREFIX": "registry",
        "OPTIONS": {"socket_connect_timeout": 2, "socket_timeout": 2},
    }
}

# --- people ------------------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "registry.Person"
AUTHENTICATION_BACKENDS = ["registry.services.passwords.CountedSignIn"]
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "sign-in"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
# Public halves of signing keys no longer used, 64 hex digits each, so that what they signed can still be checked.
RETIRED_PUBLIC_KEYS = words("RETIRED_PUBLIC_KEYS")
if TESTING:
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

SESSION_COOKIE_NAME = "registry_session"
CSRF_COOKIE_NAME = "registry_csrf"
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 60 * 60
CSRF_COOKIE_HTTPONLY = True

# How people reach it, for the links in letters to them.
# A review that nobody signs reminds those asked every so many days.
REMIND_AFTER_DAYS = number("REMIND_AFTER_DAYS", default=3)
# Networks inside that webhooks may reach, such as 10.1.0.0/16; everything else they reach is public.
WEBHOOK_NETWORKS = networks("WEBHOOK_NETWORKS")
# Where brokers may lie that dead letters are read from, such as 10.1.0.0/16:5672; and what holds their passwords.
BROKER_NETWORKS = doors("BROKER_NETWORKS", "" if PRODUCTION else "127.0.0.0/8:*,[::1/128]:*")
BROKER_SOCKETS = [] if PRODUCTION else [str(_sockets)]
BROKER_SECRETS = env("BROKER_SECRETS", "/run/secrets/brokers" if PRODUCTION else str(STATE_DIR / "brokers"))
PUBLIC_URL = env("PUBLIC_URL", "" if PRODUCTION else f"http://127.0.0.1:{env('PORT', '8000')}")
DEFAULT_FROM_EMAIL = env("EMAIL_FROM", "registry@localhost")
EMAIL_TIMEOUT = 10
if _email_url := env("EMAIL_URL", ""):
    globals().update(mail(_email_url))
else:
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    EMAIL_FILE_PATH = STATE_DIR / "mail"

# --- the wire ----------------------------------------------------------------------------------------------------

X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
if PRODUCTION:
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = flag("HTTPS", default=True)
    SECURE_HSTS_SECONDS = number("HSTS_SECONDS", default=365 * 24 * 60 * 60) if SESSION_COOKIE_SECURE else 0
    SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = False
    SECURE_SSL_REDIRECT = flag("HTTPS_REDIRECT", default=SESSION_COOKIE_SECURE)
    # Probes and scrapes reach the process itself, without the proxy that ends TLS.
    SECURE_REDIRECT_EXEMPT = [r"^healthz/", r"^metrics$"]
BEHIND_PROXY = flag("BEHIND_PROXY", default=False)
if BEHIND_PROXY:
    # Only where a proxy always sets or removes these headers itself.
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 20_000
# Files are read in memory up to what an import may hold, and passed over beyond that: none is ever written to disk.
FILE_UPLOAD_HANDLERS = ["console.uploads.Bounded"]

# --- language and files ------------------------------------------------------------------------------------------

LANGUAGE_CODE = "en"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
INSTALLED_APPS += ["django.forms"]

STATIC_URL = "/static/"
STATIC_ROOT = Path(env("STATIC_ROOT", str(STATE_DIR / "static")))
# What the exporters style, in pages and in files, stands beside them.
STATICFILES_DIRS = [PROJECT / "static", ("css", PROJECT / "registry" / "exporters" / "css")]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if TESTING or DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage",
    },
}
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = TESTING or DEBUG

# --- the machine's face ------------------------------------------------------------------------------------------

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "api.auth.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "EXCEPTION_HANDLER": "api.refusals.handler",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Integration registry",
    "DESCRIPTION": "Design records, their reviews, and the live settings that services obey.",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "PATH_CONVERTER_OVERRIDES": {
        "name": {"type": "string", "description": "The integration's name in addresses."},
        "version": {"type": "string", "description": "A version such as 1.0, or `draft`, or `in-force`."},
    },
    "PREPROCESSING_HOOKS": ["api.openapi.with_plain_views"],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enum_id_removal",
        "api.openapi.finished",
    ],
}
# /metrics answers this machine alone, unless a token is set, or it is opened where only Prometheus can reach it.
METRICS_OPEN = flag("METRICS_OPEN", default=False)
METRICS_TOKEN = env("METRICS_TOKEN", "")

# --- tasks -------------------------------------------------------------------------------------------------------

REDRIVE_LEASE_SECONDS = int(env("REDRIVE_LEASE_SECONDS", "60"))
"""So long a worker may be silent before what it was sending is called uncertain."""

CELERY_BROKER_URL = REDIS.celery
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_TIME_LIMIT = 300
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 600, "global_keyprefix": "registry:"}
CELERY_TASK_ALWAYS_EAGER = False


def every(seconds: float, task: str) -> dict[str, Any]:
    """A bell that nobody hears any more once the next one rings."""
    return {"task": f"registry.tasks.{task}", "schedule": seconds, "options": {"expires": seconds}}


# The queue of work is in PostgreSQL; beat only rings the bell, so a lost ring costs ten seconds and nothing else.
CELERY_BEAT_SCHEDULE = {
    "deliver the outbox": every(10.0, "deliver_outbox"),
    "end overrides and make scheduled releases": every(5.0, "keep_time"),
    "take dead letters in": every(10.0, "harvest"),
    "count dead letters": every(60.0, "count_depths"),
    "check the books of dead letters": every(60.0, "check_books"),
    "prune dead letters": every(60.0 * 10, "prune_letters"),
    "forget instances that are gone": every(60.0 * 10, "prune_instances"),
    "deliver to webhooks": every(10.0, "deliver_webhooks"),
    "prune deliveries": every(60.0 * 60, "prune_deliveries"),
    "go on with redrives": every(5.0, "drive_redrives"),
    "remind of reviews": every(60.0 * 5, "remind"),
    "prune the outbox": every(60.0 * 60, "prune_outbox"),
    "look at all integrations together": every(60.0, "survey"),
    "look again at old records": every(60.0, "recheck"),
    "prune the uploads": every(60.0 * 60, "prune_uploads"),
}
CELERY_BEAT_SCHEDULE_FILENAME = env("BEAT_SCHEDULE_FILE", str(STATE_DIR / "beat-schedule"))

# --- what happened -----------------------------------------------------------------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "server.logs.JsonLine"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "stream": sys.stderr}},
    "root": {"handlers": ["stderr"], "level": env("LOG_LEVEL", "INFO")},
    "loggers": {
        # Our own request line says it once; Django would say it again.
        "django.request": {"level": "CRITICAL" if PRODUCTION else "ERROR"},
        "django.server": {"level": "WARNING"},
    },
}
