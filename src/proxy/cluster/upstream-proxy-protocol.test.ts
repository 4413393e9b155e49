import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { readProxyHeader } from "../listener/proxy-protocol.ts";
import { proxyHeader } from "./upstream-proxy-protocol.ts";

suite("proxyHeader()", () => {
  const cases = [
    { source: "10.1.2.3", destination: "10.96.0.1" },
    { source: "2001:db8::1", destination: "::1" },
    { source: "2001:db8:0:1:2:3:4:5", destination: "::ffff:10.1.2.3" },
  ];
  for (const version of [1, 2] as const) {
    for (const { source, destination } of cases) {
      test(`version ${version} tells ${source} and ${destination}`, () => {
        const header = proxyHeader(
          version,
          { address: source, port: 40000 },
          { address: destination, port: 443 },
        );
        const read = readProxyHeader(header);
        assert.ok(read !== undefined && read !== "more");
        assert.equal(read.length, header.length);
        const told = (text: string | undefined) =>
          new URL(`http://${text?.includes(":") ? `[${text}]` : text}`).host;
        assert.deepEqual(
          [
            told(read.source?.address),
            read.source?.port,
            told(read.destination?.address),
            read.destination?.port,
          ],
          [told(source), 40000, told(destination), 443],
        );
      });
    }

    test(`version ${version} tells nothing of addresses of two families`, () => {
      const header = proxyHeader(version, { address: "10.1.2.3", port: 1 }, { address: "::1", port: 2 });
      assert.deepEqual(readProxyHeader(header), {
        source: undefined,
        destination: undefined,
        length: header.length,
      });
    });
  }

  test("version 1 is text", () => {
    const header = proxyHeader(1, { address: "10.1.2.3", port: 40000 }, { address: "10.96.0.1", port: 443 });
    assert.equal(header.toString("latin1"), "PROXY TCP4 10.1.2.3 10.96.0.1 40000 443\r\n");
  });
});
