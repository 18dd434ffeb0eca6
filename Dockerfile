# The image of every job: the Pulumi CLI with its Python host, every provider plugin, and the program. When it runs,
# nothing is fetched. Build it with a base that you have looked at:
#
#   docker build --build-arg PYTHON_IMAGE=python:3.11-slim@sha256:... -t registry.example.com/token-rotation:0.1.0 .
ARG PYTHON_IMAGE=python:3.11-slim

FROM ${PYTHON_IMAGE} AS build
ARG PULUMI_VERSION=3.259.0
ARG TARGETARCH=amd64
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates curl && rm -rf /var/lib/apt/lists/*

# The CLI, by the sum that its release names.
WORKDIR /download
RUN archive="pulumi-v${PULUMI_VERSION}-linux-${TARGETARCH/amd64/x64}.tar.gz"; \
    from=https://get.pulumi.com/releases/sdk; \
    curl --fail --silent --show-error --location --remote-name "$from/$archive"; \
    curl --fail --silent --show-error --location "$from/pulumi-${PULUMI_VERSION}-checksums.txt" \
      | grep " $archive\$" | sha256sum --check --strict; \
    tar --extract --file "$archive" --directory /opt --transform 's,^pulumi,pulumi-cli,'

# The packages of the program, where Pulumi.yaml says that they are.
WORKDIR /app
COPY requirements.txt ./
RUN python -m venv .venv && .venv/bin/pip install --no-cache-dir --disable-pip-version-check -r requirements.txt

# The plugins of these packages, each at the version that its package asks for.
ENV PATH=/app/.venv/bin:/opt/pulumi-cli:$PATH PULUMI_HOME=/opt/pulumi PULUMI_SKIP_UPDATE_CHECK=true
COPY deploy/image/install_plugins.py /download/
RUN python /download/install_plugins.py && mkdir -p /opt/pulumi/workspaces /opt/pulumi/logs

FROM ${PYTHON_IMAGE}
COPY --from=build /opt/pulumi-cli /opt/pulumi-cli
COPY --from=build /opt/pulumi /opt/pulumi
COPY --from=build /app/.venv /app/.venv
COPY deploy/image/tokens /usr/local/bin/tokens
COPY Pulumi.yaml Pulumi.homelab.yaml __main__.py /app/
COPY components /app/components
COPY dynamic_providers /app/dynamic_providers
COPY operations /app/operations
COPY rotation /app/rotation
ENV PATH=/app/.venv/bin:/opt/pulumi-cli:$PATH \
    PULUMI_HOME=/opt/pulumi \
    PULUMI_DYNAMIC_TF_PLUGIN_CACHE_DIR=/opt/pulumi/dynamic_tf_plugins \
    PULUMI_SKIP_UPDATE_CHECK=true \
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION=true \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    USER=rotator
# The root of a job's pod is read-only; compiled here, the program starts faster.
RUN python -m compileall -q /app
WORKDIR /app
USER 65532:65532
ENTRYPOINT ["tokens"]
CMD ["--help"]
