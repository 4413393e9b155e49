import assert from "node:assert/strict";
import { create, fromBinary } from "@bufbuild/protobuf";
import { suite, test } from "vitest";
import { FilterChainMatchSchema } from "../../xds/gen/envoy/config/listener/v3/listener_components_pb.js";
import { ListenerSchema } from "../../xds/gen/envoy/config/listener/v3/listener_pb.js";
import { typeUrls } from "../../xds/index.ts";
import { readGolden, toResources } from "../testing/golden.ts";
import { type ConnectionFacts, compileChainMatcher } from "./match-chain.ts";

const plain: ConnectionFacts = {
  destinationAddress: "10.20.1.10",
  destinationPort: 5000,
  sni: undefined,
  transport: "raw_buffer",
  protocols: [],
  sourceAddress: "10.20.1.99",
  sourcePort: 40000,
};

suite("istiod's virtualInbound", () => {
  const bytes = toResources(readGolden("a-multinetwork--helloworld-cluster2"))
    .get(typeUrls.listener)
    ?.get("virtualInbound");
  const listener = fromBinary(ListenerSchema, bytes ?? new Uint8Array());
  const match = compileChainMatcher(
    listener.filterChains.map((chain) => ({
      match: chain.filterChainMatch,
      chain: `${chain.name}${chain.transportSocket === undefined ? "" : " with TLS"}`,
    })),
    "virtualInbound",
  );
  const cases: { facts: Partial<ConnectionFacts>; chain: string }[] = [
    { facts: { transport: "tls", protocols: ["istio-http/1.1", "istio"] }, chain: "0.0.0.0_5000 with TLS" },
    { facts: {}, chain: "0.0.0.0_5000" },
    { facts: { destinationPort: 15006 }, chain: "virtualInbound-blackhole" },
    {
      facts: { destinationPort: 15006, transport: "tls", protocols: ["istio"] },
      chain: "virtualInbound-blackhole",
    },
    {
      facts: { destinationPort: 9999, transport: "tls", protocols: ["istio-http/1.1"] },
      chain: "virtualInbound-catchall-http with TLS",
    },
    {
      facts: { destinationPort: 9999, transport: "tls", protocols: ["istio-peer-exchange", "istio"] },
      chain: "virtualInbound with TLS",
    },
    { facts: { destinationPort: 9999, transport: "tls", protocols: [] }, chain: "virtualInbound" },
    { facts: { destinationPort: 9999, protocols: ["http/1.1"] }, chain: "virtualInbound-catchall-http" },
    { facts: { destinationPort: 9999 }, chain: "virtualInbound" },
  ];
  for (const { facts, chain } of cases) {
    test(`${JSON.stringify(facts)} goes to ${chain}`, () =>
      assert.equal(match({ ...plain, ...facts }), chain));
  }
});

suite("compileChainMatcher()", () => {
  const chain = (name: string, match: Parameters<typeof create<typeof FilterChainMatchSchema>>[1]) => ({
    chain: name,
    match: create(FilterChainMatchSchema, match),
  });
  const byName = compileChainMatcher(
    [
      chain("exact", { serverNames: ["a.example.com"] }),
      chain("near", { serverNames: ["*.example.com"] }),
      chain("far", { serverNames: ["*.com"] }),
      chain("any", {}),
    ],
    "test",
  );
  const names = [
    { sni: "a.example.com", wins: "exact" },
    { sni: "b.example.com", wins: "near" },
    { sni: "c.b.example.com", wins: "near" },
    { sni: "other.com", wins: "far" },
    { sni: "other.org", wins: "any" },
    { sni: undefined, wins: "any" },
  ];
  for (const { sni, wins } of names) {
    test(`server name ${sni ?? "none"} goes to the chain "${wins}"`, () =>
      assert.equal(byName({ ...plain, sni }), wins));
  }

  test("a chain that lost at the port can't win by its server name", () => {
    const match = compileChainMatcher(
      [chain("port", { destinationPort: 5000, serverNames: ["x"] }), chain("name", { serverNames: ["a"] })],
      "test",
    );
    assert.equal(match({ ...plain, sni: "a" }), undefined);
  });

  test("a longer prefix wins", () => {
    const match = compileChainMatcher(
      [
        chain("wide", { prefixRanges: [{ addressPrefix: "10.0.0.0", prefixLen: 8 }] }),
        chain("narrow", { prefixRanges: [{ addressPrefix: "10.20.0.0", prefixLen: 16 }] }),
      ],
      "test",
    );
    assert.equal(match(plain), "narrow");
    assert.equal(match({ ...plain, destinationAddress: "10.1.1.1" }), "wide");
    assert.equal(match({ ...plain, destinationAddress: "11.1.1.1" }), undefined);
  });

  test("prefixes of the same length are different matches", () => {
    const match = compileChainMatcher(
      [
        chain("a", { prefixRanges: [{ addressPrefix: "10.20.0.0", prefixLen: 16 }] }),
        chain("b", { prefixRanges: [{ addressPrefix: "10.21.0.0", prefixLen: 16 }] }),
      ],
      "test",
    );
    assert.equal(match({ ...plain, destinationAddress: "10.20.1.1" }), "a");
    assert.equal(match({ ...plain, destinationAddress: "10.21.1.1" }), "b");
  });

  test("two chains with the same match are refused", () => {
    assert.throws(
      () =>
        compileChainMatcher([chain("a", { destinationPort: 1 }), chain("b", { destinationPort: 1 })], "test"),
      /same matching rules/,
    );
  });
});
