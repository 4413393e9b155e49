import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { servicePortProtocol } from "./port-protocol.ts";

suite("protocol of a Service's port", () => {
  test.each([
    [{ name: "http", port: 80 }, "http"],
    [{ name: "http-web", port: 80 }, "http"],
    [{ name: "grpc-api", port: 80 }, "grpc"],
    [{ name: "https", port: 443 }, "https"],
    [{ name: "tcp-db", port: 5432 }, "tcp"],
    [{ name: "web", port: 80 }, ""],
    [{ name: "httpx", port: 80 }, ""],
    [{ name: "web", port: 80, appProtocol: "kubernetes.io/h2c" }, "http2"],
    [{ name: "tcp-web", port: 80, appProtocol: "http" }, "http"],
    [{ name: "http", port: 53, protocol: "UDP" }, "udp"],
    [{ name: "x", port: 3306 }, "tcp"],
  ])("%j is %j", (port, expected) => {
    assert.equal(servicePortProtocol(port), expected);
  });
});
