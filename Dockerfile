# The registry for a deployment: front, web, worker and beat are one image with different commands.
FROM python:3.12-slim AS packages
COPY requirements/base.txt /tmp/base.txt
RUN python -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --require-hashes -r /tmp/base.txt

FROM python:3.12-slim
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    MODE=production STATE_DIR=/var/lib/registry STATIC_ROOT=/srv/static DJANGO_SETTINGS_MODULE=server.settings \
    WEB_SOCKET=/run/registry/web.sock HOST=0.0.0.0
RUN useradd --system --uid 10001 --home-dir /var/lib/registry --create-home registry \
    && install -d -o registry -m 0700 /run/registry
COPY --from=packages /opt/venv /opt/venv
WORKDIR /srv/registry
COPY . .
# Collected at build time; these keys sign nothing and stay in this one step.
RUN SECRET_KEY=build SIGNING_KEY=build ALLOWED_HOSTS=build DATABASE_URL=postgresql://build/build REDIS_URL=redis://build \
    python manage.py collectstatic --no-input -v 0 && python -m compileall -q server registry console api
USER registry
EXPOSE 8000
# PostgreSQL and Valkey are not asked: a restart of this process would not mend them.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/healthz/settings', timeout=2)"]
# The front; docker-compose.yml has what the others run.
CMD ["python", "-m", "server.front"]
