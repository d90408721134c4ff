// Sends one trace by the real OpenTelemetry SDK: `node send_spans.js <http|proto> <url> <token> <compression>`.
// Prints {traceId, succeeded, error, diagnostics} as JSON.
"use strict";

const { diag, trace, DiagLogLevel, ROOT_CONTEXT, SpanKind, SpanStatusCode } = require("@opentelemetry/api");
const { resourceFromAttributes } = require("@opentelemetry/resources");
const { BatchSpanProcessor, TracerProvider } = require("@opentelemetry/sdk-trace");

const [encoding, url, token, compression] = process.argv.slice(2);
const { OTLPTraceExporter } = require(`@opentelemetry/exporter-trace-otlp-${encoding}`);

const diagnostics = [];
const note = (level) => (...words) => diagnostics.push([level, ...words].join(" "));
diag.setLogger(
  { error: note("error"), warn: note("warn"), info: note("info"), debug: () => {}, verbose: () => {} },
  DiagLogLevel.INFO,
);

// What the exporter tells its processor, kept for the test.
class Told extends OTLPTraceExporter {
  export(spans, tell) {
    super.export(spans, (result) => {
      this.result = result;
      tell(result);
    });
  }
}

const exporter = new Told({ url, compression, headers: { Authorization: `Bearer ${token}` } });
const provider = new TracerProvider({
  resource: resourceFromAttributes({ "service.name": "storefront" }),
  spanProcessors: [new BatchSpanProcessor({ exporter })],
});
const tracer = provider.getTracer("shop");
const outer = tracer.startSpan("checkout", {
  kind: SpanKind.SERVER,
  attributes: { amount_minor: 4990, ratio: 0.5, retried: false, tags: ["a", "b"] },
});
outer.addEvent("sent", { attempt: 1 });
const within = trace.setSpan(ROOT_CONTEXT, outer);
// Without a name: kept, and the answer says so.
const inner = tracer.startSpan("", { kind: SpanKind.CLIENT }, within);
inner.setStatus({ code: SpanStatusCode.ERROR, message: "timed out" });
inner.end();
outer.end();

(async () => {
  // It rejects where the export failed; that is told by the result.
  await provider.forceFlush().catch(() => {});
  await provider.shutdown().catch(() => {});
  const { code, error } = exporter.result;
  const answer = {
    traceId: outer.spanContext().traceId,
    succeeded: code === 0,
    error: error ? { code: error.code, data: error.data } : null,
    diagnostics,
  };
  process.stdout.write(JSON.stringify(answer));
})();
