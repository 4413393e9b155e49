import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { createSignal, silentLogger, waitFor } from "../../base/index.ts";
import { createKubeClient } from "../../kube/index.ts";
import { createClusterInformers } from "../cluster-informers.ts";
import { followSigningExpiry, signingExpiryOf } from "./follow-signing-expiry.ts";

/** What the istiods of a cluster say: seconds by Service. */
async function followed(says: Readonly<Record<string, number | undefined>>) {
  const stop = new AbortController();
  const client = createKubeClient({
    async send({ path }: { readonly path: string }) {
      const [, service = ""] = /services\/([^:]+):15014\/proxy\/metrics$/.exec(path) ?? [];
      const seconds = says[service];
      return seconds === undefined
        ? { status: 403, headers: {}, body: "forbidden" }
        : { status: 200, headers: {}, body: `citadel_server_cert_chain_expiry_timestamp ${seconds}\n` };
    },
  } as never);
  const changes = createSignal();
  const expiry = followSigningExpiry(
    createClusterInformers(client, stop.signal, silentLogger),
    () => Object.keys(says),
    () => changes.notify(),
  );
  try {
    const wasAsked = () => (expiry.wasAsked ? true : undefined);
    await waitFor(wasAsked, { signal: AbortSignal.timeout(15_000), changes });
    return expiry.notAfter;
  } finally {
    stop.abort();
  }
}

suite("followSigningExpiry()", () => {
  const cases = [
    { what: "one istiod", says: { istiod: 2000 }, is: 2_000_000 },
    {
      what: "of two revisions the one that expires first",
      says: { istiod: 2000, "istiod-canary": 1000 },
      is: 1_000_000,
    },
    { what: "only one with a revision", says: { "istiod-canary": 1000 }, is: 1_000_000 },
    { what: "one that nobody may ask", says: { istiod: undefined, "istiod-canary": 1000 }, is: 1_000_000 },
    { what: "none that says it", says: { istiod: undefined }, is: undefined },
    { what: "no istiod", says: {}, is: undefined },
  ];
  for (const { what, says, is } of cases) test(what, async () => assert.equal(await followed(says), is));
});

suite("signingExpiryOf()", () => {
  const cases = [
    { what: "ours", page: "citadel_server_cert_chain_expiry_timestamp 1764000000\n", is: 1_764_000_000_000 },
    {
      what: "upstream's, as Go writes numbers",
      page: "# HELP x\ncitadel_server_cert_chain_expiry_timestamp 1.764e+09\npilot_xds 3\n",
      is: 1_764_000_000_000,
    },
    {
      what: "none could be read",
      page: "citadel_server_cert_chain_expiry_timestamp -1\n",
      is: undefined,
    },
    { what: "no such metric", page: "pilot_xds 3\n", is: undefined },
  ];
  for (const { what, page, is } of cases) test(what, () => assert.equal(signingExpiryOf(page), is));
});
