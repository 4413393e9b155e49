import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, suite, test } from "vitest";
import { checkIstioObject } from "../../src/discovery/validation/check-istio-object.ts";
import {
  type FieldSchema,
  istioKinds,
  leavesOf,
} from "../../src/discovery/validation/test-support/istio-schemas.ts";
import { objectWith } from "../../src/discovery/validation/test-support/object-with.ts";
import type { JsonObject } from "../../src/kube/index.ts";
import { findIstioctl } from "../support/tools.ts";

const istioctl = findIstioctl();

/** Values that one field or another must not have; every text field is tried with each of these. */
const texts = [
  "x",
  "",
  "*",
  "a_b",
  "1s",
  "0s",
  "1.0005s",
  "/x",
  "10.0.0.0/8",
  "10.0.0.0/40",
  "*.example.com",
].concat([
  "a.b",
  "a/b",
  "*/*",
  "~",
  "100%",
  "5xx",
  "80",
  "99999",
  "(",
  "a(?=b)",
  "SPEAK",
  "host",
  ":path",
  "ftp://a",
]);
const numbers = [-1, 0, 1, 101, 65_536];

/** Kinds of which a judgement takes Envoy's own schemas, or more than one object. */
const leftOut = new Set(["EnvoyFilter", "TrafficExtension", "WasmPlugin"]);

/** What we say and istioctl does not, or the reverse, and why. */
const onPurpose: readonly RegExp[] = [
  // What is only here so.
  /not run here|no effect here|are run here$/,
  // istioctl loses the warnings of some parts on the way.
  /^consistent hash MinimumRingSize is deprecated|^outlier detection consecutive errors is deprecated/,
  /^abort configured, but error type not set|^using legacy gatewayName format/,
  // Nothing of it runs here; what is in a filter of access logs is not parsed.
  /^must be a valid CEL expression|^HTTP\/2 abort fault injection not supported yet/,
];
const isMeant = (message: string) => onPurpose.some((pattern) => pattern.test(message));

function valuesOf(schema: FieldSchema): readonly unknown[] {
  if (schema.enum !== undefined) return schema.enum;
  switch (schema.type) {
    case "string":
      return texts;
    case "integer":
    case "number":
      return numbers;
    case "boolean":
      return [true];
    default:
      return [undefined];
  }
}

suite.skipIf(istioctl === undefined)("objects that istioctl validate refuses [needs istioctl]", () => {
  const folder = mkdtempSync(path.join(tmpdir(), "isthmus-validate-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  /** What istioctl says of each object, by its name. */
  function judged(objects: readonly JsonObject[]): ReadonlyMap<string, readonly string[]> {
    const file = path.join(folder, "objects.yaml");
    writeFileSync(file, objects.map((object) => JSON.stringify(object)).join("\n---\n"));
    const { stdout, stderr } = spawnSync(istioctl ?? "", ["validate", "-f", file], {
      encoding: "utf8",
      maxBuffer: 256 * 1024 * 1024,
    });
    const said = new Map<string, string[]>();
    for (const line of `${stdout}${stderr}`.split("\n")) {
      const [, name, message] = /^(?:\t\* |Error: |Warning: )\w+\/sample\/(o\d+): (.*)$/.exec(line) ?? [];
      if (name !== undefined && message !== undefined) said.set(name, [...(said.get(name) ?? []), message]);
    }
    return said;
  }

  for (const kind of istioKinds().filter((one) => !leftOut.has(one.kind)))
    test(`${kind.kind}: the same ones have something wrong with them, whichever field is set to whichever value`, () => {
      const objects = leavesOf(kind.spec)
        // Subsets have the same policies once more.
        .filter(([field]) => !field.startsWith("subsets[].trafficPolicy"))
        .flatMap(([field, schema]) => valuesOf(schema).map((value) => objectWith(kind, field, value)))
        .map((object, i): JsonObject & { metadata: { name: string; namespace: string } } => ({
          ...object,
          metadata: { name: `o${i}`, namespace: "sample" },
        }));
      const theirs = judged(objects);
      assert.ok(theirs.size > 0);
      const differing = objects.flatMap((object) => {
        const said = theirs.get(object.metadata.name) ?? [];
        // Types of fields and forms of durations are the schema's business.
        if (said.some((message) => message.startsWith("cannot parse proto message"))) return [];
        const ours = (checkIstioObject(object) ?? []).map(({ message }) => message);
        const [mine, istios] = [ours, said].map((messages) =>
          messages.filter((message) => !isMeant(message)),
        );
        const isSame = (mine?.length === 0) === (istios?.length === 0);
        return isSame ? [] : [{ spec: object["spec"], mine, istios }];
      });
      assert.deepEqual(differing, []);
    });
});
