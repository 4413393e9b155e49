import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { IsthmusError, silentLogger } from "../../base/index.ts";
import type { KubeClient, KubeObject } from "../../kube/index.ts";
import { type Mesh, parseMesh } from "../../mesh/index.ts";
import type { Applying } from "../deliver/applying.ts";
import type { ResourceMap } from "../resource-map.ts";
import { realGate } from "./real-gates.ts";

const meshText = `
apiVersion: isthmus.dev/v1alpha1
kind: Mesh
name: m
clusters: { fra: { network: a }, ash: { primary: fra, network: b } }
`;
const gateway: KubeObject = {
  ...{ apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "gateway", namespace: "istio-system" } },
};

function meshOf(): Mesh {
  const parsed = parseMesh([{ file: "mesh.yaml", text: meshText }], [], {
    folder: "/m",
    files: { kindOf: () => "file" },
  });
  return parsed.ok ? parsed.mesh : assert.fail(JSON.stringify(parsed.problems));
}

/** A cluster whose gateway becomes available after `looks` looks at it. */
function clusterOf(name: string, looks: number, failed = new AbortController().signal): Applying {
  let left = looks;
  const status = () => (left-- > 0 ? {} : { replicas: 1, updatedReplicas: 1, availableReplicas: 1 });
  const client = { get: async () => ({ ...gateway, status: status() }) } as unknown as KubeClient;
  const resources = { find: async () => ({ kind: "Deployment" }) } as unknown as ResourceMap;
  return { name, client, resources, failed } as unknown as Applying;
}

suite("realGate()", () => {
  const wait = { addressTimeout: 20_000, signal: new AbortController().signal, log: silentLogger };
  const gateOfRemote = async (isServing: boolean) => {
    const failing = new AbortController();
    const fra = clusterOf("fra", 0, failing.signal);
    const ash = clusterOf("ash", 2);
    const others = { applying: new Map([["fra", fra]]), unreachable: new Map() };
    const gate = realGate(meshOf(), { ...wait, waiting() {} }, () => isServing);
    const passed = gate(ash, { wave: "gateways", objects: [gateway], charts: [] }, others);
    failing.abort(new IsthmusError("tool/failed", "fra: helm can't install chart cert-manager"));
    await passed;
  };

  test("ends a remote's wait when its primary fails before its control plane is complete", async () => {
    await assert.rejects(gateOfRemote(false), {
      code: "apply/blocked",
      message:
        "ash needs the configuration of fra's control plane, and fra failed: helm can't install chart cert-manager",
    });
  });

  test("lets a remote go on when something else of its primary fails later", async () => {
    await assert.doesNotReject(gateOfRemote(true));
  });
});
