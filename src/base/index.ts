/**
 * base: what every other folder may use: failures and diagnostics, logging, time, starting and stopping.
 *
 * Main types: IsthmusError (the world failed), Diagnostic (the user's file is wrong), Logger, Clock, Stop.
 *
 * Knows nothing of Kubernetes, Istio or the mesh file, and imports no other folder.
 */
export { type Clock, systemClock } from "./clock.ts";
export { type Diagnostic, formatDiagnostics, hasErrors, type SourceRange } from "./diagnostics.ts";
export { drained } from "./drained.ts";
export { type ErrorCode, errorCodes, IsthmusError } from "./errors.ts";
export { escapeHtml } from "./escape-html.ts";
export { parseGoDuration } from "./go-duration.ts";
export { createLogger, type Logger, logLevel, silentLogger } from "./logger.ts";
export { formatMetricsPage, type MetricRows, type MetricType } from "./metrics/format-page.ts";
export { type Counter, createMetrics, type Histogram, type Metrics } from "./metrics/metrics.ts";
export { nearestName } from "./nearest-name.ts";
export { pause } from "./pause.ts";
export { createRetry, type Retry } from "./retry.ts";
export { type Stop, startAll } from "./start-stop.ts";
export { unreachable } from "./unreachable.ts";
export { version } from "./version.ts";
export { createSignal, type Signal, waitFor } from "./wait-for.ts";
