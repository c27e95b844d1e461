// A run with a step, a log event and an asynq consumer, as Go's exporter sends them, by protobuf and gzip. The endpoint is
// that of OTEL_EXPORTER_OTLP_ENDPOINT; the service that of OTEL_SERVICE_NAME.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

func main() {
	ctx := context.Background()
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithCompression(otlptracehttp.GzipCompression))
	if err != nil {
		log.Fatal(err)
	}
	provider := sdk.NewTracerProvider(sdk.WithBatcher(exporter))
	tracer := provider.Tracer("conformance")
	run, parent := start(tracer, ctx, "nightly", attribute.String("joblog.kind", "job"), attribute.String("joblog.reference", "r-1"))
	_, step := start(tracer, run, "load", attribute.String("joblog.kind", "step"), attribute.Int("joblog.seq", 1))
	step.AddEvent("log", trace.WithAttributes(
		attribute.String("log.message", "loaded"), attribute.String("log.severity", "WARN"), attribute.Int("rows", 3),
		attribute.StringSlice("parts", []string{"a", "b"}),
	))
	step.RecordError(errors.New("no such table"))
	step.SetStatus(codes.Error, "no such table")
	step.End()
	parent.SetStatus(codes.Error, "load failed")
	parent.End()
	_, consumer := tracer.Start(ctx, "process mails", trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(
		attribute.String("messaging.system", "asynq"), attribute.String("messaging.message.id", "17"),
	))
	consumer.End()
	if err := provider.Shutdown(ctx); err != nil {
		log.Fatal(err)
	}
	fmt.Println(parent.SpanContext().TraceID())
}

func start(tracer trace.Tracer, ctx context.Context, name string, said ...attribute.KeyValue) (context.Context, trace.Span) {
	return tracer.Start(ctx, name, trace.WithAttributes(said...))
}
