"""Spans, sent away by OpenTelemetry's OTLP over HTTP, where an address to send them to is set.

That is by the variables of OpenTelemetry, or by `service.otlp_endpoint`. Nothing of it is loaded
otherwise. It needs the extra `overtide[otel]`.
"""

import importlib.util
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING

from overtide.schemas.document import read_file
from overtide.schemas.errors import OvertideError, SetupError
from overtide.schemas.spans import Attribute, send_to

if TYPE_CHECKING:
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider

    from overtide.project import Project

VARIABLES = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
SETTING = ("service", "otlp_endpoint")
SECONDS = 2.0
"""How long sending may take at the end, and each time where OpenTelemetry's variables say nothing.

Who collects may be gone, and a stop must not wait for that.
"""


@contextmanager
def traced(project: "Project", part: str) -> Iterator[None]:
    """Send the spans of a block, if they are asked for; `part` names the process among others.

    Raise `missing_extra`, or `no_configuration`.
    """
    endpoint = _endpoint(project)
    if endpoint is None:
        yield
        return
    if importlib.util.find_spec("opentelemetry.sdk") is None:
        raise SetupError(
            "missing_extra",
            "Spans are to be sent, and OpenTelemetry is not installed.",
            None,
            f"Install it with `pip install 'overtide[otel]'`, or unset {VARIABLES[1]} and "
            f"`{'.'.join(SETTING)}`.",
        )
    provider = _provider(endpoint, project.environ, part)
    send_to(OtelTracer(provider))
    try:
        yield
    finally:
        send_to(None)
        ending = threading.Thread(target=provider.shutdown, daemon=True)
        ending.start()
        ending.join(SECONDS)


def _endpoint(project: "Project") -> str | None:
    """Return where spans are sent: empty where the variables say it, None where nowhere."""
    environ = project.environ
    if environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    if environ.get("OTEL_TRACES_EXPORTER", "otlp").lower() == "none":
        return None
    if any(environ.get(name) for name in VARIABLES):
        return ""
    document = read_file(project.folder, environ).value
    section = document.get(SETTING[0]) if isinstance(document, dict) else None
    address = section.get(SETTING[1]) if isinstance(section, dict) else None
    return f"{address.rstrip('/')}/v1/traces" if isinstance(address, str) and address else None


def _provider(endpoint: str, environ: Mapping[str, str], part: str) -> "TracerProvider":
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    named = "OTEL_EXPORTER_OTLP_TIMEOUT" in environ
    exporter = OTLPSpanExporter(endpoint or None, timeout=None if named else SECONDS)
    resource = {"service.version": version("overtide"), "overtide.part": part}
    if "OTEL_SERVICE_NAME" not in environ:
        resource["service.name"] = "overtide"
    provider = TracerProvider(resource=Resource.create(resource), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider


class OtelSpan:
    """A span of OpenTelemetry."""

    def __init__(self, own: "trace.Span", tracer: "trace.Tracer") -> None:
        self._own, self._tracer = own, tracer

    def named(self, name: str) -> None:
        """Give it another name."""
        self._own.update_name(name)

    def tell(self, attributes: Mapping[str, Attribute], error: str = "") -> None:
        """Add attributes; an error code says that the work failed."""
        from opentelemetry.trace import StatusCode

        self._own.set_attributes(attributes)
        if error:
            self._own.set_attribute("error.type", error)
            self._own.set_status(StatusCode.ERROR)

    def child(self, name: str, began: int, ended: int, attributes: Mapping[str, Attribute]) -> None:
        """Add a part that is over: nanoseconds since 1970."""
        from opentelemetry.trace import set_span_in_context

        within = set_span_in_context(self._own)
        part = self._tracer.start_span(name, within, attributes=attributes, start_time=began)
        part.end(ended)


class OtelTracer:
    """Begins spans of OpenTelemetry."""

    def __init__(self, provider: "TracerProvider") -> None:
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._tracer = provider.get_tracer("overtide", version("overtide"))
        self._headers = TraceContextTextMapPropagator()

    @contextmanager
    def span(
        self, name: str, attributes: Mapping[str, Attribute], parent: Mapping[str, str] | None
    ) -> Iterator[OtelSpan]:
        """Begin a span; an exception that leaves it is noted by its code, never by its text."""
        from opentelemetry.trace import SpanKind

        within = None if parent is None else self._headers.extract(parent)
        kind = SpanKind.INTERNAL if parent is None else SpanKind.SERVER
        with self._tracer.start_as_current_span(
            name,
            within,
            kind,
            attributes,
            record_exception=False,
            set_status_on_exception=False,
        ) as own:
            told = OtelSpan(own, self._tracer)
            try:
                yield told
            except Exception as error:
                told.tell({}, error.code if isinstance(error, OvertideError) else "internal_error")
                raise
