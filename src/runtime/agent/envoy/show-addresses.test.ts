import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { listenerAddress } from "./adapt-resources.ts";
import { showAddresses } from "./show-addresses.ts";

suite("showAddresses()", () => {
  const known: Readonly<Record<string, { address: string; port: number }>> = {
    "/tmp/x-a.b/3/o1": { address: "gw.example.com", port: 15443 },
  };
  const show = (text: string) =>
    showAddresses(text, "/tmp/x-a.b/3", (path) => listenerAddress(path) ?? known[path]);
  const cases = [
    {
      name: "a listener in JSON",
      text: '{"address": {"pipe": {\n  "path": "/tmp/x-a.b/3/0.0.0.0_15001"\n }}}',
      shown: '{"address": {"socket_address": {"address": "0.0.0.0", "port_value": 15001}}}',
    },
    {
      name: "an endpoint in text",
      text: "outbound|80||x::/tmp/x-a.b/3/o1::cx_active::1",
      shown: "outbound|80||x::gw.example.com:15443::cx_active::1",
    },
    {
      name: "a listener in text",
      text: "virtualOutbound::/tmp/x-a.b/3/0.0.0.0_15001\nother::x\n",
      shown: "virtualOutbound::0.0.0.0:15001\nother::x\n",
    },
    { name: "an access log line", text: '"/tmp/x-a.b/3/o1" - 5', shown: '"gw.example.com:15443" - 5' },
    { name: "a socket that is not known", text: '"/tmp/x-a.b/3/o9"', shown: '"/tmp/x-a.b/3/o9"' },
    { name: "another folder", text: "/tmp/x-axb/3/o1", shown: "/tmp/x-axb/3/o1" },
  ];
  for (const { name, text, shown } of cases) {
    test(name, () => {
      assert.equal(show(text), shown);
    });
  }
});
