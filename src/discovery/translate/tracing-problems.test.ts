import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { parseMeshConfig } from "./mesh-config.ts";
import { tracingProblems } from "./tracing-problems.ts";

suite("tracingProblems()", () => {
  const cases = [
    { title: "nothing of providers that run", mesh: "extensionProviders: [{name: z, zipkin: {}}]", said: [] },
    {
      title: "which provider is of a kind that is gone",
      mesh: "extensionProviders: [{name: old, lightstep: {}}, {name: z, zipkin: {}}]",
      said: [/"old" gets no traces: lightstep is not run; use opentelemetry/],
    },
    {
      title: "what to write instead of a collector in ProxyConfig",
      mesh: "defaultConfig: {tracing: {sampling: 5, zipkin: {address: 'zipkin:9411'}}}",
      said: [/defaultConfig\.tracing\.zipkin is not run; declare the collector under extensionProviders/],
    },
  ];
  for (const { title, mesh, said } of cases) {
    test(`says ${title}`, () => {
      const problems = tracingProblems(parseMeshConfig(mesh, { systemNamespace: "istio-system" }));
      assert.equal(problems.length, said.length);
      for (const [i, pattern] of said.entries()) assert.match(problems[i] ?? "", pattern);
    });
  }
});
