import assert from "node:assert/strict";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, suite, test } from "vitest";
import { findKubectls } from "../support/tools.ts";
import { edit } from "./support/examples.ts";
import { answeredBy, type LiqoMesh, liqoClusters, startLiqo } from "./support/liqo.ts";
import { dataplane, eventually, patientUp } from "./support/running-mesh.ts";

const hasKubectl = findKubectls().length > 0;

suite.skipIf(!hasKubectl)("LIQO: peerings that the mesh file changes [needs kubectl]", () => {
  let mesh: LiqoMesh;

  beforeAll(async () => {
    mesh = await startLiqo({
      prepare(folder) {
        for (const cluster of liqoClusters) rmSync(path.join(folder, `sample-app/s0-hpa-${cluster}.yaml`));
      },
    });
  });
  afterAll(() => mesh?.stop());

  const file = (name: string) => path.join(mesh.folder, name);
  const meshFile = () => file("mesh.yaml");
  /** Runs the changed file, in place of what runs now. */
  const upAgain = async () => {
    await mesh.isthmus("down");
    return mesh.isthmus("up", "--detach", ...patientUp, ...dataplane);
  };
  const restart = async () => {
    const { code, stderr } = await upAgain();
    assert.equal(code, 0, stderr);
  };
  /** Runs what must fail, and gives what it says. */
  const failure = async () => {
    const { code, stderr } = await upAgain();
    assert.notEqual(code, 0);
    return stderr;
  };
  const uids = async (cluster: string, kind: string, ...args: string[]) => {
    const { items } = JSON.parse(await mesh.kubectl(cluster, "get", kind, ...args, "-o", "json"));
    return new Map<string, string>(
      items.map(({ metadata }: { metadata: { name: string; uid: string } }) => [metadata.name, metadata.uid]),
    );
  };
  const appPods = (cluster: string) => uids(cluster, "pods", "-n", "fluidosmesh");
  const peeringOf = (name: string) => {
    const namespace = `liqo-tenant-${name}`;
    const labels = { "liqo.io/remote-cluster-id": name, "fluidos.eu/made-by": "node" };
    const metadata = { name, namespace, labels };
    return [
      { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace, labels } },
      {
        apiVersion: "core.liqo.io/v1beta1",
        kind: "ForeignCluster",
        metadata: { name, labels },
        spec: { clusterID: name },
      },
      {
        apiVersion: "authentication.liqo.io/v1beta1",
        kind: "ResourceSlice",
        metadata,
        spec: {
          class: "default",
          consumerClusterID: "consumer",
          providerClusterID: name,
          resources: { cpu: "4" },
        },
      },
      {
        apiVersion: "offloading.liqo.io/v1beta1",
        kind: "VirtualNode",
        metadata,
        spec: { clusterID: name, createNode: true },
      },
    ];
  };
  const tenant = ["-n", "liqo-tenant-provider2"] as const;

  test("LIQO-29 a second provider takes pods after a few lines in the mesh file; what runs already is not touched", async () => {
    // LIQO-32: somebody else has made the peering before, as FLUIDOS does.
    const list = JSON.stringify({ apiVersion: "v1", kind: "List", items: peeringOf("provider2") });
    const made = await mesh.tryKubectl("consumer", ["apply", "-f", "-"], list);
    assert.equal(made.code, 0, made.stderr);
    const before = new Map(
      [...(await appPods("consumer"))].filter(([name]) => !name.startsWith("s0-provider2-")),
    );
    // Unless this is tried again.
    if (!/provider2/.test(readFileSync(meshFile(), "utf8"))) {
      edit(meshFile(), /^peerings:/m, "  provider2: { primary: consumer, zone: provider2 }\npeerings:");
      edit(
        meshFile(),
        /$/,
        "  - { consumer: consumer, provider: provider2, resources: { cpu: 4, memory: 4Gi }, namespaces: [fluidosmesh] }\n",
      );
    }
    const deployment = readFileSync(file("sample-app/s0-dep-provider1.yaml"), "utf8");
    writeFileSync(file("sample-app/s0-dep-provider2.yaml"), deployment.replaceAll("provider1", "provider2"));
    await restart();
    const now = await appPods("consumer");
    for (const [name, uid] of before) assert.equal(now.get(name), uid, name);
    const [added = "", ...others] = [...now.keys()].filter((name) => !before.has(name));
    assert.deepEqual(others, []);
    assert.match(added, /^s0-provider2-/);
    assert.deepEqual([...(await appPods("provider2")).keys()], [added]);
    await eventually(async () => {
      const lines = await mesh.fromPod("consumer", 1, "http://s0.fluidosmesh");
      return answeredBy(lines).join() === "s0-consumer";
    });
    await eventually(async () => {
      const { peerings, findings } = await mesh.status();
      assert.deepEqual(
        peerings.map(({ provider, state }) => `${provider} ${state}`),
        ["provider1 Established", "provider2 Established"],
      );
      assert.deepEqual(findings, []);
      return true;
    });
  });

  test("LIQO-32 a peering that was there before is adopted: the same objects, with what others wrote", async () => {
    for (const kind of ["foreigncluster", "virtualnode", "resourceslice"]) {
      const { metadata, spec, status } = JSON.parse(
        await mesh.kubectl("consumer", ...tenant, "get", kind, "provider2", "-o", "json"),
      );
      assert.equal(metadata.labels["fluidos.eu/made-by"], "node", kind);
      assert.equal(metadata.annotations["isthmus.dev/from"], "peerings[1]", kind);
      if (kind === "resourceslice") {
        assert.deepEqual(spec.resources, { cpu: "4", memory: "4Gi" });
        assert.deepEqual(status.resources, spec.resources);
      }
    }
    const before = await uids("consumer", "virtualnodes", "-A");
    const pods = await appPods("provider2");
    await restart();
    assert.deepEqual(await uids("consumer", "virtualnodes", "-A"), before);
    assert.deepEqual(await appPods("provider2"), pods);
  });

  test("LIQO-30 a provider that leaves the mesh file's peerings runs nothing more of the consumer, and keeps what others made", async () => {
    const whole = readFileSync(meshFile(), "utf8");
    writeFileSync(meshFile(), whole.replace(/^ {2}- \{ consumer: consumer, provider: provider2.*\n/m, ""));
    rmSync(file("sample-app/s0-dep-provider2.yaml"), { force: true });
    await restart();
    await eventually(async () => (await appPods("provider2")).size === 0);
    // From now on these are the mesh file's own on provider2, without a trace of the consumer's.
    await eventually(async () => {
      const istiod = ["-n", "istio-system", "get", "service", "istiod", "-o", "json"] as const;
      const objects = [
        await mesh.kubectl("provider2", "get", "namespace", "istio-system", "-o", "json"),
        await mesh.kubectl("provider2", "get", "namespace", "fluidosmesh", "-o", "json"),
        await mesh.kubectl("provider2", ...istiod),
      ].map((text) => JSON.parse(text));
      for (const { metadata } of objects)
        assert.equal(metadata.labels["offloading.liqo.io/origin"], undefined);
      assert.equal(objects[2].spec.selector, undefined);
      return true;
    }, 10_000);
    const { metadata } = JSON.parse(
      await mesh.kubectl("consumer", "get", "foreigncluster", "provider2", "-o", "json"),
    );
    assert.equal(metadata.labels["fluidos.eu/made-by"], "node");
    assert.equal(metadata.annotations?.["isthmus.dev/from"], undefined);
    for (const cluster of liqoClusters)
      await eventually(async () => {
        assert.deepEqual(answeredBy(await mesh.fromOutside(cluster, 5)), [`s0-${cluster}`]);
        return true;
      });
  });

  test("LIQO-44 what a provider does not have is not granted, and status says so", async () => {
    const whole = readFileSync(meshFile(), "utf8");
    edit(meshFile(), /cpu: 20,/, "cpu: 400,");
    try {
      await restart();
    } finally {
      writeFileSync(meshFile(), whole);
    }
    const cpu = await mesh.kubectl(
      "consumer",
      "get",
      "node",
      "provider1",
      "-o",
      "jsonpath={.status.allocatable.cpu}",
    );
    assert.ok(Number(cpu) > 0 && Number(cpu) < 400, cpu);
    await eventually(async () => {
      const { findings, peerings } = await mesh.status();
      assert.equal(peerings[0]?.resources["cpu"], cpu);
      const [found] = findings.filter(({ code }) => code === "peering/resources-capped");
      assert.equal(found?.cause, `provider1 grants ${cpu} of 400 cpu: it has no more`);
      return true;
    });
    const described = await mesh.kubectl(
      ...(["consumer", "-n", "liqo-tenant-provider1", "describe", "resourceslice", "provider1"] as const),
    );
    assert.match(described, /provider1 does not have all of it: cpu: 400 asked for, \d+ offered/);
  });

  test("LIQO-46 up refuses to offload a namespace that the provider has of its own, and moves nothing", async () => {
    await restart();
    await mesh.tryKubectl("provider1", ["create", "namespace", "taken"]);
    const whole = readFileSync(meshFile(), "utf8");
    edit(
      meshFile(),
      "namespaces: [fluidosmesh]           # offloaded",
      "namespaces: [fluidosmesh, taken]    # offloaded",
    );
    try {
      const said = await failure();
      assert.match(said, /peering\/refused/);
      assert.match(said, /namespace taken of provider1 was not made for consumer/);
    } finally {
      writeFileSync(meshFile(), whole);
    }
  });

  test("LIQO-47 a node port that is taken is refused with the port and who has it", async () => {
    const service = (name: string) =>
      JSON.stringify({
        apiVersion: "v1",
        kind: "Service",
        metadata: { name, namespace: "fluidosmesh" },
        spec: { type: "NodePort", ports: [{ port: 80, nodePort: 30_123 }] },
      });
    for (const name of ["a-first", "b-second"]) writeFileSync(file(`sample-app/${name}.yaml`), service(name));
    try {
      const said = await failure();
      assert.match(said, /Service b-second: .*30123: provided port is already allocated/);
      assert.match(said, /30123 is the Service fluidosmesh\/a-first's/);
    } finally {
      for (const name of ["a-first", "b-second"]) rmSync(file(`sample-app/${name}.yaml`));
    }
  });

  test("LIQO-40 a peering of a cluster that is not there is refused with its place and the nearest name", async () => {
    edit(meshFile(), "provider: provider1", "provider: provder1");
    const { code, stdout, stderr } = await mesh.isthmus("compile");
    assert.equal(code, 3);
    const said = stdout + stderr;
    const line =
      readFileSync(meshFile(), "utf8")
        .split("\n")
        .findIndex((one) => /provder1/.test(one)) + 1;
    assert.match(said, new RegExp(`mesh\\.yaml:${line}:`));
    assert.match(said, /provder1/);
    assert.match(said, /did you mean "?provider1/i);
    assert.match(said, /consumer/);
  });
});
