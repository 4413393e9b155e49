import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { createMetrics } from "./metrics.ts";

suite("metrics of a program", () => {
  test("are a page that Prometheus reads", () => {
    const metrics = createMetrics();
    const requests = metrics.counter("requests_total", "Requests.", ["verb", "code"]);
    requests.add(["GET", "200"]);
    requests.add(["GET", "200"], 2);
    requests.add(["PUT", 'a"b']);
    const sizes = metrics.histogram("size_bytes", "Sizes.", [1, 10], ["type"]);
    for (const size of [1, 5, 50]) sizes.observe(size, ["cds"]);
    metrics.gauge("connected", "Connections.", () => 3);
    metrics.gauge("objects", "Objects.", () => [[{ resource: "pods" }, 2]]);
    metrics.counter("failures_total", "Failures.");
    assert.equal(
      metrics.text(),
      `# HELP requests_total Requests.
# TYPE requests_total counter
requests_total{verb="GET",code="200"} 3
requests_total{verb="PUT",code="a\\"b"} 1
# HELP size_bytes Sizes.
# TYPE size_bytes histogram
size_bytes_bucket{type="cds",le="1"} 1
size_bytes_bucket{type="cds",le="10"} 2
size_bytes_bucket{type="cds",le="+Inf"} 3
size_bytes_sum{type="cds"} 56
size_bytes_count{type="cds"} 3
# HELP connected Connections.
# TYPE connected gauge
connected 3
# HELP objects Objects.
# TYPE objects gauge
objects{resource="pods"} 2
# HELP failures_total Failures.
# TYPE failures_total counter
failures_total 0
`,
    );
  });

  test("have a bounded number of series", () => {
    const metrics = createMetrics();
    const counter = metrics.counter("x", "", ["a"]);
    for (let i = 0; i < 6000; i++) counter.add([String(i)]);
    assert.equal(metrics.text().split("\n").length, 5000 + 3);
  });
});
