// A run with a step, a log event, a log record and a BullMQ consumer, as Node's exporters send them:
//   node send.js http|proto
// The endpoint is that of OTEL_EXPORTER_OTLP_ENDPOINT.
const [form] = process.argv.slice(2);
const { context, trace, SpanKind, SpanStatusCode } = require("@opentelemetry/api");
const { SeverityNumber } = require("@opentelemetry/api-logs");
const { Resource } = require("@opentelemetry/resources");
const { NodeTracerProvider, BatchSpanProcessor } = require("@opentelemetry/sdk-trace-node");
const { LoggerProvider, BatchLogRecordProcessor } = require("@opentelemetry/sdk-logs");
const { OTLPTraceExporter } = require(`@opentelemetry/exporter-trace-otlp-${form}`);
const { OTLPLogExporter } = require(`@opentelemetry/exporter-logs-otlp-${form}`);

const resource = new Resource({ "service.name": `node-${form}`, "process.pid": process.pid });
const spans = new NodeTracerProvider({ resource, spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())] });
spans.register();
const logs = new LoggerProvider({ resource });
logs.addLogRecordProcessor(new BatchLogRecordProcessor(new OTLPLogExporter()));

const tracer = trace.getTracer("conformance");
const run = tracer.startSpan("nightly", { attributes: { "joblog.kind": "job", "joblog.reference": "r-1" } });
context.with(trace.setSpan(context.active(), run), () => {
  const step = tracer.startSpan("load", { attributes: { "joblog.kind": "step", "joblog.seq": 1 } });
  step.addEvent("log", { "log.message": "loaded", "log.severity": "WARN", rows: 3, parts: ["a", "b"] });
  logs.getLogger("app").emit({
    body: { said: ["in", "parts"] },
    severityNumber: SeverityNumber.ERROR,
    attributes: { bytes: new Uint8Array([0, 255]) },
    context: trace.setSpan(context.active(), step),
  });
  step.recordException(new TypeError("no such table"));
  step.setStatus({ code: SpanStatusCode.ERROR, message: "no such table" });
  step.end();
});
run.setStatus({ code: SpanStatusCode.ERROR, message: "load failed" });
run.end();
tracer
  .startSpan("process mails", {
    kind: SpanKind.CONSUMER,
    attributes: { "bullmq.job.id": "17", "bullmq.job.name": "welcome", "bullmq.queue.name": "mails" },
  })
  .end();

Promise.all([spans.shutdown(), logs.shutdown()]).then(() => console.log(run.spanContext().traceId));
