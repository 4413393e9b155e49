import assert from "node:assert/strict";
import { suite, test } from "vitest";
import type { Headers } from "../http/headers.ts";
import { extractContext, injectContext, type Propagation } from "./trace-context.ts";

const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
const span = "00f067aa0ba902b7";
const parent = "05e3ac9a4f6e3b90";
const context = { traceId: trace, spanId: span, parentId: undefined, isSampled: true, state: undefined };

suite("extractContext()", () => {
  const cases: readonly {
    readonly title: string;
    readonly propagation: Propagation;
    readonly headers: Headers;
    readonly expected: unknown;
  }[] = [
    {
      title: "nothing of a request without headers",
      propagation: "b3",
      headers: [],
      expected: { kind: "nothing" },
    },
    {
      title: "B3's headers of one value each",
      propagation: "b3",
      headers: [
        "x-b3-traceid",
        trace.toUpperCase(),
        "x-b3-spanid",
        span,
        "x-b3-parentspanid",
        parent,
        "x-b3-sampled",
        "0",
      ],
      expected: { kind: "context", context: { ...context, parentId: parent, isSampled: false } },
    },
    {
      title: "B3's single header before those",
      propagation: "b3",
      headers: ["x-b3-traceid", "xyz", "x-b3-spanid", "xyz", "b3", `${trace}-${span}-1-${parent}`],
      expected: { kind: "context", context: { ...context, parentId: parent } },
    },
    {
      title: "ids without a decision, which get this proxy's",
      propagation: "b3",
      headers: ["x-b3-traceid", trace, "x-b3-spanid", span],
      expected: { kind: "context", context: { ...context, isSampled: false } },
    },
    {
      title: "a decision alone",
      propagation: "b3",
      headers: ["x-b3-sampled", "true"],
      expected: { kind: "decision", isSampled: true },
    },
    {
      title: "nothing readable in ids of a wrong length",
      propagation: "b3",
      headers: ["x-b3-traceid", "abc", "x-b3-spanid", span],
      expected: { kind: "broken" },
    },
    {
      title: "W3C's header with its state",
      propagation: "w3c",
      headers: ["traceparent", `00-${trace}-${span}-01`, "tracestate", "a=b"],
      expected: { kind: "context", context: { ...context, state: "a=b" } },
    },
    {
      title: "W3C's header after B3's, where both are known",
      propagation: "b3 and w3c",
      headers: ["traceparent", `00-${trace}-${span}-00`],
      expected: { kind: "context", context: { ...context, isSampled: false } },
    },
    {
      title: "no W3C header where B3 alone is known",
      propagation: "b3",
      headers: ["traceparent", `00-${trace}-${span}-00`],
      expected: { kind: "nothing" },
    },
    {
      title: "nothing readable in ids of zeros",
      propagation: "w3c",
      headers: ["traceparent", `00-${"0".repeat(32)}-${span}-01`],
      expected: { kind: "broken" },
    },
  ];
  for (const { title, propagation, headers, expected } of cases)
    test(`reads ${title}`, () => assert.deepEqual(extractContext(headers, propagation, false), expected));
});

suite("injectContext()", () => {
  test("what it writes is read again", () => {
    for (const propagation of ["b3", "w3c", "b3 and w3c"] as const) {
      const headers: Headers = ["x-b3-parentspanid", parent];
      injectContext(headers, context, propagation);
      const expected = propagation === "w3c" ? { ...context, state: "" } : context;
      assert.deepEqual(extractContext(headers, propagation, false), { kind: "context", context: expected });
    }
  });
});
