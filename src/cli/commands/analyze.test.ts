import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, suite, test } from "vitest";
import { parse } from "yaml";
import { IsthmusError } from "../../base/index.ts";
import type { Finding } from "../../checks/index.ts";
import type { Terminal } from "../terminal.ts";
import { analyze } from "./analyze.ts";

const examples = path.join(import.meta.dirname, "../../../examples");
const folder = mkdtempSync(path.join(os.tmpdir(), "isthmus-analyze-"));
afterAll(() => rmSync(folder, { recursive: true }));

const plain = (text: string) => text;
const paint = { good: plain, warn: plain, bad: plain, dim: plain, bold: plain };

/** Runs the command; gives its exit code and what it printed. */
async function run(positionals: readonly string[], values: Parameters<typeof analyze.run>[0]["values"] = {}) {
  const lines: string[] = [];
  const terminal: Terminal = {
    print: (text) => lines.push(text),
    note: () => {},
    live: () => {},
    isInteractive: false,
    paint,
  };
  const code = await analyze.run({ positionals, values, terminal, signal: new AbortController().signal });
  return { code, text: lines.join("\n") };
}

function file(name: string, content: string): string {
  const place = path.join(folder, name);
  writeFileSync(place, content);
  return place;
}

const lost = file(
  "lost.yaml",
  `apiVersion: v1
kind: Namespace
metadata: { name: sample, labels: { istio-injection: enabled } }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: lost, namespace: sample }
spec: { hosts: [lost], http: [{ route: [{ destination: { host: nowhere } }] }] }
`,
);
const offline = { "use-kube": "false" };
const json = { ...offline, output: "json" };

suite("isthmus analyze without a running mesh", () => {
  for (const example of ["aks", "oke", "liqo"])
    test(`examples/${example} has nothing but hints`, async () => {
      const { code, text } = await run([path.join(examples, example)], { output: "json" });
      const findings: readonly Finding[] = JSON.parse(text);
      assert.deepEqual(
        findings.filter(({ severity }) => severity !== "info"),
        [],
      );
      assert.equal(code, 0);
    });

  test("a file is named with the line of the object, and the exit code is 1", async () => {
    const { code, text } = await run([lost], json);
    const [finding, ...more] = JSON.parse(text) as readonly Finding[];
    assert.deepEqual(more, []);
    assert.equal(code, 1);
    assert.deepEqual([finding?.code, finding?.istioCode], ["virtual-service/unknown-host", "IST0101"]);
    assert.deepEqual(finding?.objects, [
      {
        cluster: "files",
        kind: "VirtualService",
        namespace: "sample",
        name: "lost",
        path: "spec.http[0].route[0].destination.host",
        writtenAt: `${lost}:5`,
      },
    ]);
  });

  test("files count as applied to the primaries of a mesh file, or to the clusters that are named", async () => {
    const mesh = { file: [path.join(examples, "aks/mesh.yaml")], output: "json" };
    const inPrimary: readonly Finding[] = JSON.parse((await run([lost], mesh)).text);
    assert.deepEqual(
      inPrimary.map(({ code, cluster }) => [code, cluster]),
      [["virtual-service/unknown-host", "main0"]],
    );
    const inRemote: readonly Finding[] = JSON.parse(
      (await run([lost], { ...mesh, cluster: ["remote0"] })).text,
    );
    assert.deepEqual(
      inRemote.map(({ code, cluster }) => [code, cluster]),
      [["traffic/ignored-on-remote", "remote0"]],
    );
    await assert.rejects(
      run([lost], { ...mesh, cluster: ["remote9"] }),
      (reason) => reason instanceof IsthmusError && reason.code === "cluster/unknown",
    );
  });

  const selections: readonly {
    readonly what: string;
    readonly values: Parameters<typeof run>[1];
    readonly codes: readonly string[];
    readonly exit: number;
  }[] = [
    { what: "its namespace", values: { namespace: ["sample"] }, codes: ["IST0101"], exit: 1 },
    { what: "another namespace", values: { namespace: ["default"] }, codes: [], exit: 0 },
    {
      what: "all namespaces",
      values: { namespace: ["default"], "all-namespaces": true },
      codes: ["IST0101"],
      exit: 1,
    },
    { what: "a suppressed code of Istio's", values: { suppress: ["IST0101"] }, codes: [], exit: 0 },
    {
      what: "a suppressed code of ours for this object",
      values: { suppress: ["virtual-service/unknown-host=VirtualService lost.*"] },
      codes: [],
      exit: 0,
    },
    {
      what: "a suppressed code for another object",
      values: { suppress: ["IST0101=VirtualService lost.default"] },
      codes: ["IST0101"],
      exit: 1,
    },
  ];
  for (const { what, values, codes, exit } of selections)
    test(`${what}: ${codes.join(", ") || "nothing"} is shown, exit code ${exit}`, async () => {
      const { code, text } = await run([lost], { ...json, ...values });
      const findings: readonly Finding[] = JSON.parse(text);
      assert.deepEqual(
        findings.map(({ istioCode }) => istioCode),
        codes,
      );
      assert.equal(code, exit);
    });

  test("thresholds say what is shown and what makes the exit code 1", async () => {
    const hint = file("hint.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: { name: shop }\n");
    assert.match((await run([hint], offline)).text, /injection\/namespace-not-injected IST0102/);
    assert.equal((await run([hint], offline)).code, 0);
    assert.equal((await run([hint], { ...offline, "failure-threshold": "Info" })).code, 1);
    assert.equal((await run([hint], { ...offline, "output-threshold": "warning" })).text, "No findings.");
    await assert.rejects(run([hint], { ...offline, "failure-threshold": "fatal" }), /info, warning or error/);
  });

  test("an object's annotation leaves findings about it out, by either code", async () => {
    for (const code of ["IST0101", "IST0109, virtual-service/unknown-host", "*"]) {
      const annotated = file(
        "annotated.yaml",
        `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: lost, namespace: sample, annotations: { galley.istio.io/analyze-suppress: "${code}" } }
spec: { hosts: [lost], http: [{ route: [{ destination: { host: nowhere } }] }] }
`,
      );
      assert.equal((await run([annotated], offline)).text, "No findings.");
    }
  });

  test("as YAML, as a table and as text it is the same finding", async () => {
    const [finding]: readonly Finding[] = parse((await run([lost], { ...offline, output: "yaml" })).text);
    assert.equal(finding?.istioCode, "IST0101");
    assert.match(
      (await run([lost], { ...offline, output: "table" })).text,
      /✗ +IST0101 +virtual-service\/unknown-host +files +VirtualService sample\/lost/,
    );
    assert.match(
      (await run([lost], offline)).text,
      /^✗ requests to nowhere .*virtual-service\/unknown-host IST0101\n {2}cause/,
    );
    await assert.rejects(run([lost], { ...offline, output: "xml" }), /json, yaml or table/);
  });

  test("manifests of a folder are read", async () => {
    assert.match((await run([folder], offline)).text, /IST0101/);
  });

  test("mistakes in files are said with their place, all at once", async () => {
    const broken = file("broken.txt", "a: [\n---\nkind: Service\n");
    await assert.rejects(
      run([broken], offline),
      (reason) =>
        reason instanceof IsthmusError &&
        reason.code === "arguments/wrong" &&
        /broken\.txt:\d/.test(reason.message),
    );
    await assert.rejects(run([path.join(folder, "absent.yaml")], offline), /absent\.yaml can't be read/);
    await assert.rejects(run([], offline), /there must be files/);
  });

  test("all checks are listed with what they look for", async () => {
    const { code, text } = await run([], { "list-analyzers": true });
    assert.equal(code, 0);
    assert.match(text, /^virtual-service\.destinations +hosts and ports that are sent to exist$/m);
    assert.match(text, /^service\.consistency +Services of one name are the same in all clusters$/m);
  });
});
