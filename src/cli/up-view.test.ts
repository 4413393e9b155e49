import assert from "node:assert/strict";
import path from "node:path";
import { suite, test } from "vitest";
import type { ClusterProgress } from "../engine/index.ts";
import type { Terminal } from "./terminal.ts";
import { createUpView } from "./up-view.ts";

const same = (text: string) => text;

function plainTerminal(): Terminal & { readonly notes: string[] } {
  const notes: string[] = [];
  return {
    notes,
    print() {},
    note: (text) => notes.push(text),
    live() {},
    isInteractive: false,
    paint: { good: same, warn: same, bad: same, dim: same, bold: same },
  };
}

const cluster = (name: string, readyAfter?: number): ClusterProgress => ({
  name,
  network: "n1",
  region: "eu",
  api: "127.16.0.1:6443",
  controlPlane: name === "east" ? "istiod" : "← east",
  gateways: [],
  pods: { ready: 3, total: 3 },
  ...(readyAfter === undefined ? {} : { readyAfter }),
});

suite("createUpView()", () => {
  test("without a terminal every cluster gets one line when it is ready, aligned with the others", () => {
    const terminal = plainTerminal();
    const view = createUpView(terminal);
    view.show({
      kind: "clusters",
      mesh: "demo",
      dataplane: "builtin",
      lines: [cluster("east"), cluster("longer-name")],
    });
    view.show({ kind: "cluster", cluster: cluster("east") });
    view.show({ kind: "cluster", cluster: cluster("east", 410) });
    view.show({ kind: "cluster", cluster: cluster("east", 410) });
    view.show({ kind: "cluster", cluster: cluster("longer-name", 630) });
    const [headline = "", east = "", west = "", ...more] = terminal.notes;
    assert.match(headline, /^demo · 2 clusters · primary-remote on one network/);
    assert.match(east, /^ {2}east {10}n1 .* 3 of 3 pods ready {3}0\.41 s$/);
    assert.equal(east.indexOf("api "), west.indexOf("api "));
    assert.deepEqual(more, []);
  });

  test("a provider is told apart from a remote", () => {
    const terminal = plainTerminal();
    const provider = { ...cluster("west"), controlPlane: "pods of east" };
    createUpView(terminal).show({
      kind: "clusters",
      mesh: "demo",
      dataplane: "builtin",
      lines: [cluster("east"), provider],
    });
    assert.match(
      terminal.notes[0] ?? "",
      /^demo · 2 clusters · one control plane, pods on 1 provider, on one network/,
    );
  });

  test("what is told before the clusters are known comes below the headline", () => {
    const terminal = plainTerminal();
    const view = createUpView(terminal);
    view.show({
      kind: "warning",
      diagnostic: {
        severity: "warning",
        code: "mesh/no-stand-in",
        path: [],
        message: "nothing runs this image",
        hint: "later",
      },
    });
    assert.deepEqual(terminal.notes, []);
    view.show({ kind: "clusters", mesh: "demo", dataplane: "builtin", lines: [cluster("east")] });
    assert.match(terminal.notes[1] ?? "", /nothing runs this image; later/);
  });

  test("the way to stop names Ctrl-C only where it reaches the engine", () => {
    for (const detached of [false, true]) {
      const terminal = plainTerminal();
      createUpView(terminal, { detached }).ready({
        milliseconds: 900,
        kubeconfig: "/x/.isthmus/kubeconfig",
        clusters: ["east"],
        console: { url: "http://127.0.0.1:20001/?token=secret", isWantedPort: true },
      });
      assert.equal(/Ctrl-C/.test(terminal.notes.join("\n")), !detached);
    }
  });

  test("bare clusters are said to be bare, and what comes next is a plan and an apply", () => {
    const terminal = plainTerminal();
    const view = createUpView(terminal, { bare: true });
    view.show({ kind: "clusters", mesh: "demo", dataplane: "builtin", lines: [cluster("east")] });
    view.show({ kind: "cluster", cluster: { ...cluster("east"), readyAfter: 12 } });
    view.ready({
      milliseconds: 900,
      kubeconfig: path.resolve(".isthmus/kubeconfig"),
      clusters: ["east"],
      console: { url: "http://127.0.0.1:20001/?token=secret", isWantedPort: true },
    });
    const said = terminal.notes.join("\n");
    assert.match(said, /^demo · 1 bare cluster, with nothing of the mesh in it/);
    assert.match(said, /plan --kubeconfig \.isthmus\/kubeconfig\n.*apply --kubeconfig \.isthmus\/kubeconfig/);
    assert.doesNotMatch(said, /istiod|pods ready|verify/);
  });
});
