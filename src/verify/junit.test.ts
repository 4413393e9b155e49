import assert from "node:assert/strict";
import { suite, test } from "vitest";
import type { Cell, VerifyReport } from "./contracts.ts";
import { junitOf } from "./junit.ts";

const cell = (cluster: string): Cell => ({
  from: { cluster, namespace: "shop", name: "curl-1" },
  sent: 4,
  failed: 0,
  shares: [{ group: "v1 (fra)", cluster: "fra", received: 4, pods: 1, path: "local" }],
  p50: 2,
  p99: 3,
  mtls: true,
  evidence: `4 requests by shop/curl-1 in ${cluster}`,
});
const report = (over: Partial<VerifyReport> = {}): VerifyReport => ({
  ok: true,
  requestsPerCell: 4,
  services: [
    { service: "web.shop:80", url: "http://web.shop/", cells: [cell("fra"), cell("ash")], problems: [] },
  ],
  checks: [{ name: "a certificate of a foreign root", ok: true, evidence: "web-1 (fra): closed" }],
  skipped: [],
  milliseconds: 1234,
  ...over,
});

suite("junitOf()", () => {
  test("a case for each caller and for each refusal, with its evidence", () => {
    assert.equal(
      junitOf(report()),
      `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="isthmus verify" tests="3" failures="0" skipped="0" time="1.234">
  <testsuite name="web.shop:80" tests="2" failures="0" skipped="0">
    <testcase classname="web.shop:80" name="answers callers in fra" time="0.0020">
      <system-out>4 requests by shop/curl-1 in fra</system-out>
    </testcase>
    <testcase classname="web.shop:80" name="answers callers in ash" time="0.0020">
      <system-out>4 requests by shop/curl-1 in ash</system-out>
    </testcase>
  </testsuite>
  <testsuite name="refusals" tests="1" failures="0" skipped="0">
    <testcase classname="refusals" name="a certificate of a foreign root is refused">
      <system-out>web-1 (fra): closed</system-out>
    </testcase>
  </testsuite>
</testsuites>
`,
    );
  });

  test("failures stand at the caller that they are of, texts are escaped", () => {
    const [first] = report().services;
    assert.ok(first);
    const problems = ['web.shop from ash: 1 of 4 requests failed (<503> & "reset"\u0007)'];
    const xml = junitOf(
      report({
        ok: false,
        services: [{ ...first, problems }],
        checks: [{ name: "TLS", ok: false, evidence: "an answer came" }],
        unreachable: [{ cluster: "muc", reason: "it refuses" }],
      }),
    );
    assert.match(xml, /tests="4" failures="3" skipped="0"/);
    assert.match(
      xml,
      /callers in ash" time="0.0020">\n +<failure message="web\.shop from ash: 1 of 4 requests failed \(&lt;503&gt; &amp; &quot;reset&quot; \)"\/>/,
    );
    assert.doesNotMatch(xml, /callers in fra" time="0.0020">\n +<failure/);
    assert.match(xml, /the API of muc answers">\n +<failure message="it refuses"\/>/);
    assert.match(xml, /TLS is refused">\n +<failure message="TLS is accepted"\/>/);
  });

  test("what could not be counted at all fails by itself", () => {
    const [first] = report().services;
    assert.ok(first);
    const problems = ["web.shop from muc: the metrics of web-1 can't be read"];
    const xml = junitOf(report({ ok: false, services: [{ ...first, problems }] }));
    assert.match(xml, /failures="1"/);
    assert.match(xml, /name="can be counted">\n +<failure message="web\.shop from muc: the metrics/);
  });

  test("what was not tried is skipped, and nothing proved is a failure", () => {
    const xml = junitOf(report({ ok: false, services: [], skipped: ["x: no pod to call from"] }));
    assert.match(
      xml,
      /there is a service to prove">\n +<failure message="no HTTP service with sidecars was found"\/>/,
    );
    assert.match(xml, /x: no pod to call from">\n +<skipped\/>/);
  });
});
