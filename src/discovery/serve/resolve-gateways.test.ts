import assert from "node:assert/strict";
import { afterEach, suite, test } from "vitest";
import { resolveGateways } from "./resolve-gateways.ts";
import { startLookingUp, stopLookingUp } from "./test-support/looking-up.ts";

afterEach(stopLookingUp);

const gateway = (hostname: string) => `
apiVersion: v1
kind: Service
metadata: {name: east-west, namespace: istio-system, labels: {topology.istio.io/network: n2}}
spec: {type: LoadBalancer, ports: [{name: tls, port: 15443}]}
status: {loadBalancer: {ingress: [{hostname: ${hostname}}]}}
---`;

/** A control plane's world with one gateway by name, and names in `names`. */
async function start(names: Record<string, readonly string[] | Error>) {
  const looking = startLookingUp(gateway("GW.example.com"));
  resolveGateways(looking.sink, {
    ...looking.options,
    async resolve(name) {
      const found = names[name] ?? [];
      if (found instanceof Error) throw found;
      return found;
    },
  });
  await looking.settle();
  return {
    ...looking,
    names,
    gateways: () =>
      looking.options
        .world()
        .rules.networkGateways.gatewaysFor("n2", "c1")
        .map(({ address, port }) => `${address}:${port}`),
  };
}

suite("resolveGateways()", () => {
  test("AKS-45 a gateway by host name is at the addresses of the name, and follows them", async () => {
    const mesh = await start({ "gw.example.com": ["198.51.100.8", "198.51.100.7"] });
    assert.deepEqual(mesh.gateways(), ["198.51.100.7:15443", "198.51.100.8:15443"]);
    mesh.names["gw.example.com"] = ["198.51.100.9"];
    assert.deepEqual(await mesh.wait(), [30_000]);
    assert.deepEqual(mesh.gateways(), ["198.51.100.9:15443"]);
  });

  test("a name without an address is asked for again, sooner at first; what was found before stays", async () => {
    const mesh = await start({});
    assert.deepEqual(mesh.gateways(), []);
    const delays: number[] = [];
    for (let i = 0; i < 7; i++) delays.push(...(await mesh.wait()));
    assert.deepEqual(delays, [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
    mesh.names["gw.example.com"] = ["198.51.100.7"];
    await mesh.wait();
    assert.deepEqual(mesh.gateways(), ["198.51.100.7:15443"]);
    mesh.names["gw.example.com"] = new Error("the resolver is away");
    await mesh.wait();
    assert.deepEqual(mesh.gateways(), ["198.51.100.7:15443"]);
  });

  test("another name takes the place of the one before", async () => {
    const mesh = await start({ "gw.example.com": ["198.51.100.7"], "new.example.com": ["198.51.100.8"] });
    await mesh.settle();
    mesh.put(gateway("new.example.com"));
    await mesh.settle();
    await mesh.settle();
    assert.deepEqual(mesh.gateways(), ["198.51.100.8:15443"]);
    assert.equal((await mesh.wait()).length, 1);
  });
});
