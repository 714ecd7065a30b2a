# syntax=docker/dockerfile:1
# thermoviz in two stages: the first builds a virtual environment, the second carries only that and the app.
# The first has what the second does without: `strip`, which docker/slim.py uses.
FROM python:3.11 AS build
# PyTorch's own index of CPU wheels: the default build of torch for Linux carries 2.7 GB of CUDA.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /venv
ENV PATH=/venv/bin:$PATH
# With any value also Dask, for servers and workers of a cluster (compose.yaml).
ARG CLUSTER
COPY requirements.txt requirements-dev.txt /src/
COPY docker/slim.py /src/
RUN pip install --index-url "$TORCH_INDEX" "$(grep '^torch==' /src/requirements.txt)" \
    && pip install -r /src/requirements.txt ${CLUSTER:+"$(grep '^distributed==' /src/requirements-dev.txt)"} \
    && python /src/slim.py /venv

FROM python:3.11-slim
RUN useradd --create-home --uid 1000 thermoviz
COPY --from=build /venv /venv
WORKDIR /app
COPY --chown=thermoviz:thermoviz requirements.txt pyproject.toml README.md ./
COPY --chown=thermoviz:thermoviz thermoviz thermoviz
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 \
    NUMBA_CACHE_DIR=/home/thermoviz/.cache/numba THERMOVIZ_STORE=/home/thermoviz/.cache/thermoviz
USER 1000:1000
# Compiled once here, so that the first visitor's run does not wait for it (another kind of processor compiles anew).
RUN python -m thermoviz warm
# All that is written and kept: finished runs, compiled kernels. What is written and can be lost goes to /tmp, so that
# the image runs as it is with `--read-only --tmpfs /tmp`.
VOLUME /home/thermoviz/.cache
EXPOSE 8501
# Answers 503, and why, where no worker can be started, too. Needs no name that THERMOVIZ_HOSTS allows.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD ["python", "-c", \
    "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8501/healthz', timeout=4)"]
CMD ["python", "-m", "thermoviz", "serve", "--address=0.0.0.0", "--port=8501"]
