import assert from "node:assert/strict";
import { afterEach, suite, test } from "vitest";
import { createSignal, silentLogger } from "../../base/index.ts";
import { createChanges } from "../translate/objects.ts";
import { objectsOf, parseObjects, putObject } from "../translate/test-support/make-world.ts";
import { createWorld, updateWorld } from "../translate/world.ts";
import { resolveGateways } from "./resolve-gateways.ts";

const gateway = (hostname: string) => `
apiVersion: v1
kind: Service
metadata: {name: east-west, namespace: istio-system, labels: {topology.istio.io/network: n2}}
spec: {type: LoadBalancer, ports: [{name: tls, port: 15443}]}
status: {loadBalancer: {ingress: [{hostname: ${hostname}}]}}
---`;

/** Lets pending lookups end. */
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
const fail = (problem: string) => {
  throw new Error(problem);
};
const stops: AbortController[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop.abort();
});

/** A control plane's world with one gateway by name, names in `names`, and timers that run when they are told to. */
function start(names: Record<string, readonly string[] | Error>) {
  const objects = objectsOf(gateway("GW.example.com"));
  let world = createWorld(objects, fail);
  let changes = createChanges();
  const worldChanges = createSignal();
  const timers: { readonly delay: number; readonly action: () => void }[] = [];
  const stop = new AbortController();
  stops.push(stop);
  const settle = async () => {
    await turn();
    if (!changes.rules) return;
    const taken = changes;
    changes = createChanges();
    world = updateWorld(world, taken, fail);
    worldChanges.notify();
    await turn();
  };
  resolveGateways(
    { objects, changes: () => changes, schedule() {} },
    {
      world: () => world,
      worldChanges,
      async resolve(name) {
        const found = names[name] ?? [];
        if (found instanceof Error) throw found;
        return found;
      },
      clock: {
        now: () => 0,
        after(delay, action) {
          const timer = { delay, action };
          timers.push(timer);
          return () => void timers.splice(timers.indexOf(timer), 1);
        },
      },
      signal: stop.signal,
      log: silentLogger,
    },
  );
  return {
    names,
    settle,
    put(yaml: string) {
      for (const object of parseObjects(yaml)) putObject(objects, object);
      changes.rules = true;
    },
    /** Runs the timers that wait, and gives their delays. */
    async wait() {
      const due = timers.splice(0);
      for (const { action } of due) action();
      await settle();
      return due.map(({ delay }) => delay);
    },
    gateways: () =>
      world.rules.networkGateways.gatewaysFor("n2", "c1").map(({ address, port }) => `${address}:${port}`),
  };
}

suite("resolveGateways()", () => {
  test("AKS-45 a gateway by host name is at the addresses of the name, and follows them", async () => {
    const mesh = start({ "gw.example.com": ["198.51.100.8", "198.51.100.7"] });
    await mesh.settle();
    assert.deepEqual(mesh.gateways(), ["198.51.100.7:15443", "198.51.100.8:15443"]);
    mesh.names["gw.example.com"] = ["198.51.100.9"];
    assert.deepEqual(await mesh.wait(), [30_000]);
    assert.deepEqual(mesh.gateways(), ["198.51.100.9:15443"]);
  });

  test("a name without an address is asked for again, sooner at first; what was found before stays", async () => {
    const mesh = start({});
    await mesh.settle();
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
    const mesh = start({ "gw.example.com": ["198.51.100.7"], "new.example.com": ["198.51.100.8"] });
    await mesh.settle();
    mesh.put(gateway("new.example.com"));
    await mesh.settle();
    await mesh.settle();
    assert.deepEqual(mesh.gateways(), ["198.51.100.8:15443"]);
    assert.equal((await mesh.wait()).length, 1);
  });
});
