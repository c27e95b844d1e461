# The viewer with its ingest, the agent, the command line; and jobs, which may be built on top of it.
#   docker build --tag otel-joblog .
FROM python:3.13.9-slim-bookworm AS build
WORKDIR /source
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY otel_joblog otel_joblog
COPY dashboards dashboards
RUN python -m venv /app && /app/bin/pip install --no-cache-dir --constraint constraints.txt .

FROM python:3.13.9-slim-bookworm
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin joblog \
    && install -d -m 0700 -o joblog -g joblog /var/lib/otel-joblog
COPY --from=build /app /app
ENV PATH=/app/bin:$PATH PYTHONUNBUFFERED=1 OTEL_JOBLOG_STATE_DIR=/var/lib/otel-joblog
USER joblog
VOLUME /var/lib/otel-joblog
EXPOSE 8765
ENTRYPOINT ["otel-joblog"]
CMD ["serve"]
