package config

import (
	"os"
	"strings"
)

// Traces reports whether traces are collected. That is said by the variables
// that OpenTelemetry gives all programs, and not by our table; the exporter
// reads them itself, for all that they say beyond that.
func Traces() (bool, error) {
	const hint = "Gatehouse sends traces by OTLP over HTTP: set OTEL_EXPORTER_OTLP_ENDPOINT to a collector, such as http://localhost:4318."
	if strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") {
		return false, nil
	}
	switch exporter := os.Getenv("OTEL_TRACES_EXPORTER"); exporter {
	case "none":
		return false, nil
	case "", "otlp":
	default:
		return false, fail(hint, "OTEL_TRACES_EXPORTER is otlp or none, not %q", exporter)
	}
	if os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") == "" && os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") == "" {
		return false, nil
	}
	for _, name := range []string{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"} {
		if protocol := os.Getenv(name); protocol != "" {
			if protocol != "http/protobuf" {
				return false, fail(hint, "%s is http/protobuf, not %q", name, protocol)
			}
			break
		}
	}
	return true, nil
}
