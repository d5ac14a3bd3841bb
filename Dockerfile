# The pinned environment with EM-Paste installed; docs/containers.md says how it is used.
FROM python:3.11-slim

# git: DVC asks it for the repository. The fonts write labels in any script on overlays and contact sheets.
# hadolint ignore=DL3008
RUN apt-get update \
  && apt-get install --yes --no-install-recommends git openssh-client fonts-noto-core libfribidi0 \
  && rm -rf /var/lib/apt/lists/*

WORKDIR /opt/empaste
COPY requirements.lock ./
# uv in the pinned version, and with it everything else; the layer changes with the lock alone.
RUN awk '/^[^ ]/ {own = /^uv==/} own' requirements.lock > /tmp/uv.lock \
  && pip install --no-cache-dir --require-hashes --requirement /tmp/uv.lock \
  && uv pip install --system --no-cache --compile-bytecode --require-hashes --no-deps --requirement requirements.lock

# The pipeline's files go into the package, for empaste init.
COPY pyproject.toml setup.py README.md LICENSE dvc.yaml params.yaml .dvcignore ./
COPY presets ./presets
COPY stages ./stages
COPY src ./src
RUN uv pip install --system --no-cache --compile-bytecode --no-deps .

# A project's own code goes before the installed one: a checkout that is mounted runs as it stands. HOME and USER serve any
# --user, whom the image does not know; git trusts a folder that belongs to somebody else, as a mounted one may.
ENV PYTHONPATH=/project/src \
  HOME=/home/empaste \
  USER=empaste \
  OMP_WAIT_POLICY=PASSIVE
RUN useradd --create-home --uid 1000 empaste \
  && chmod 0777 /home/empaste \
  && git config --system --add safe.directory '*'

USER 1000
WORKDIR /project
CMD ["empaste", "--help"]
