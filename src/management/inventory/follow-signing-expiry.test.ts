import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { signingExpiryOf } from "./follow-signing-expiry.ts";

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
