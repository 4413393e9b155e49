import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { type Headers, header } from "../http/headers.ts";
import { sampleRequest } from "./sample-request.ts";

const rules = { client: 10_000, random: 5000, overall: 10_000, byRequestId: true };
const id = (first: string, reason = "4") => `${first}-0000-${reason}000-8000-000000000000`;

suite("sampleRequest()", () => {
  const cases: readonly {
    readonly title: string;
    readonly id: string;
    readonly more?: Headers;
    readonly rules?: Partial<typeof rules>;
    readonly traced: boolean;
    readonly noted: string;
  }[] = [
    {
      title: "a request whose id is below the share is traced, which its id says then",
      id: id("00001387"),
      traced: true,
      noted: id("00001387", "9"),
    },
    { title: "one at the share is not", id: id("00001388"), traced: false, noted: id("00001388") },
    {
      title: "one that another proxy chose is",
      id: id("00001388", "9"),
      traced: true,
      noted: id("00001388", "9"),
    },
    {
      title: "one of a client that asks for it is",
      id: id("00001388"),
      more: ["x-client-trace-id", "a"],
      traced: true,
      noted: id("00001388", "b"),
    },
    {
      title: "one of a service that asks for it is",
      id: id("00001388"),
      more: ["x-envoy-force-trace", "true"],
      traced: true,
      noted: id("00001388", "a"),
    },
    {
      title: "none is where no request may be",
      id: id("00000001", "9"),
      rules: { overall: 0 },
      traced: false,
      noted: id("00000001"),
    },
    {
      title: "an id of another form is read and left alone",
      id: "00000001",
      traced: true,
      noted: "00000001",
    },
    {
      title: "an id that is no number is not traced",
      id: "nothing-like-it",
      traced: false,
      noted: "nothing-like-it",
    },
    {
      title: "every request is where ids don't count",
      id: id("00001388"),
      rules: { byRequestId: false },
      traced: true,
      noted: id("00001388"),
    },
  ];
  for (const { title, id: given, more = [], rules: own = {}, traced, noted } of cases) {
    test(title, () => {
      const headers: Headers = ["x-request-id", given, ...more];
      assert.equal(sampleRequest(headers, { ...rules, ...own }), traced);
      assert.equal(header(headers, "x-request-id"), noted);
    });
  }
});
