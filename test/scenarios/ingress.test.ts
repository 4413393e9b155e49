import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { request as requestPlain } from "node:http";
import { request } from "node:https";
import path from "node:path";
import tls from "node:tls";
import { afterAll, beforeAll, suite, test } from "vitest";
import { WebSocket } from "ws";
import { generateKey, issueCertificate } from "../../src/pki/index.ts";
import { findKubectls } from "../support/tools.ts";
import { hello, startAks } from "./support/examples.ts";
import { helloLine, versions } from "./support/hello.ts";
import { eventually, type MeshUnderTest } from "./support/running-mesh.ts";

const hasKubectl = findKubectls().length > 0;
const clusters = ["main0", "remote0"] as const;
const shop = "shop.example.com";
const chat = "chat.example.com";
const api = "api.example.com";
const members = "members.example.com";

const istio = (kind: string, name: string, spec: object, namespace = "istio-system") => ({
  apiVersion: "networking.istio.io/v1",
  kind,
  metadata: { name, namespace },
  spec,
});
const gateway = (name: string, ...servers: object[]) =>
  istio("Gateway", name, { selector: { istio: "ingressgateway" }, servers });
const port = (number: number, protocol: string) => ({ number, protocol, name: protocol.toLowerCase() });
const virtualService = (name: string, host: string, gatewayName: string, ...http: object[]) =>
  istio("VirtualService", name, { hosts: [host], gateways: [gatewayName], http });
const to = (host: string, number: number) => ({ destination: { host, port: { number } } });
const toHello = { route: [to("helloworld.sample.svc.cluster.local", 5000)] };

/** A program that listens on 8080, behind a Service on port 80. */
const program8080 = (name: string, image: string) => [
  {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace: "sample" },
    spec: { selector: { app: name }, ports: [{ name: "http", port: 80, targetPort: 8080 }] },
  },
  {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace: "sample" },
    spec: {
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: { containers: [{ name, image, ports: [{ containerPort: 8080 }] }] },
      },
    },
  },
];

interface Place {
  readonly address: string;
  readonly port: number;
}

suite.skipIf(!hasKubectl)(
  "requests from outside, at a gateway that is east-west gateway too [needs kubectl]",
  () => {
    let mesh: MeshUnderTest;
    let crossNetwork: Place;
    let web: Place;
    let certificate = "";

    const apply = async (...items: object[]) => {
      const list = JSON.stringify({ apiVersion: "v1", kind: "List", items });
      const { code, stderr } = await mesh.tryKubectl("main0", ["apply", "-f", "-"], list);
      assert.equal(code, 0, stderr);
    };

    beforeAll(async () => {
      const program = (name: string) =>
        JSON.stringify([process.execPath, path.join(import.meta.dirname, `support/${name}.mjs`)]);
      mesh = await startAks({
        prepare(folder) {
          const file = path.join(folder, "mesh.yaml");
          const images = `images:
  example/echo-socket: { command: ${program("echo-socket")} }
  example/issuer: { command: ${program("issuer")} }
`;
          writeFileSync(file, readFileSync(file, "utf8") + images);
        },
      });
      const { gateways } = JSON.parse((await mesh.isthmus("status", "-o", "json")).stdout);
      const of = (kind: string): Place =>
        gateways.find(
          (one: { cluster: string; kind: string }) => one.cluster === "main0" && one.kind === kind,
        );
      crossNetwork = of("eastwest");
      web = of("ingress");

      const key = generateKey();
      const now = Date.now();
      certificate = issueCertificate(
        { publicKey: key.publicKey, dnsNames: [shop], notBefore: now - 60_000, notAfter: now + 3_600_000 },
        { selfKey: key.privateKey },
      );
      const pem = key.privateKey.export({ type: "pkcs8", format: "pem" }).toString();
      await apply(
        {
          apiVersion: "v1",
          kind: "Secret",
          type: "kubernetes.io/tls",
          metadata: { name: "shop-cert", namespace: "istio-system" },
          stringData: { "tls.crt": certificate, "tls.key": pem },
        },
        gateway("web", {
          port: port(443, "HTTPS"),
          tls: { mode: "SIMPLE", credentialName: "shop-cert" },
          hosts: [shop],
        }),
        gateway("plain", { port: port(80, "HTTP"), hosts: [chat, api, members] }),
        virtualService("shop", shop, "web", toHello),
        virtualService("chat", chat, "plain", { route: [to("echo.sample.svc.cluster.local", 80)] }),
        ...program8080("echo", "example/echo-socket"),
        ...program8080("issuer", "example/issuer"),
      );
    });
    afterAll(() => mesh?.stop());

    /** An HTTPS request as a browser makes it, and the certificate that the gateway showed for its host. */
    const browse = (servername: string) =>
      new Promise<{ body: string; peer: string }>((resolve, reject) => {
        const call = request(
          {
            host: crossNetwork.address,
            port: crossNetwork.port,
            path: "/hello",
            servername,
            ca: certificate,
            headers: { host: servername },
            agent: false,
          },
          async (response) => {
            const socket = response.socket as tls.TLSSocket;
            const peer = socket.getPeerX509Certificate()?.fingerprint256 ?? "";
            let body = "";
            for await (const chunk of response) body += String(chunk);
            resolve({ body: body.trim(), peer });
          },
        );
        call.setTimeout(30_000, () => call.destroy(new Error("no answer")));
        call.on("error", reject);
        call.end();
      });

    /** How a TLS handshake ends: with the peer's name, or with an error. */
    const handshake = (options: tls.ConnectionOptions) =>
      new Promise<string>((resolve) => {
        const place = { host: crossNetwork.address, port: crossNetwork.port };
        const socket = tls.connect({ ...place, rejectUnauthorized: false, ...options }, () => {
          resolve(socket.getPeerX509Certificate()?.subjectAltName ?? "no name");
          socket.destroy();
        });
        socket.setTimeout(30_000, () => socket.destroy(new Error("no answer")));
        socket.on("error", (reason) => resolve(`refused: ${reason.message}`));
        socket.on("close", () => resolve("refused: closed"));
      });

    /** A plain request from outside for a host of the gateway. */
    const ask = (host: string, page: string, headers: Readonly<Record<string, string>> = {}) =>
      new Promise<{ readonly status: number; readonly body: string }>((resolve, reject) => {
        const place = {
          host: web.address,
          port: web.port,
          path: page,
          headers: { ...headers, host },
          agent: false,
        };
        const call = requestPlain(place, async (response) => {
          let body = "";
          for await (const chunk of response) body += String(chunk);
          resolve({ status: response.statusCode ?? 0, body });
        });
        call.on("error", reject);
        call.end();
      });

    test("AKS-58 port 443 serves an HTTPS host with its own certificate and leads the mesh's traffic on, by server name", async () => {
      const { body, peer } = await eventually(() => browse(shop), 10_000);
      assert.match(body, helloLine);
      assert.equal(peer, new X509Certificate(certificate).fingerprint256);
      // The certificate of the pod behind, untouched: its TLS ends there and not at the gateway.
      const inside = "outbound_.5000_._.helloworld.sample.svc.cluster.local";
      await eventually(async () =>
        /URI:spiffe:\/\/cluster\.local\/ns\/sample\//.test(
          await handshake({ servername: inside, ALPNProtocols: ["istio"] }),
        ),
      );
      for (const cluster of clusters)
        await eventually(async () => {
          const { v1, v2 } = versions(await mesh.curl(cluster, hello, 40));
          assert.ok(v1 > 0 && v2 > 0, `from ${cluster}: v1 ${v1}, v2 ${v2}`);
          return true;
        });
      for (let i = 0; i < 5; i++) assert.match((await browse(shop)).body, helloLine);
    });

    test("AKS-58 a name of neither kind, and none at all, is refused", async () => {
      for (const options of [
        { servername: "other.example.com" },
        {},
        // A host of the ingress is not led on although the client speaks the mesh's protocol.
        { servername: "other.example.com", ALPNProtocols: ["istio"] },
      ])
        assert.match(await handshake(options), /^refused/);
    });

    test("AKS-58 analyze has nothing to say against the two on one port", async () => {
      const findings = JSON.parse((await mesh.isthmus("analyze", "-o", "json")).stdout);
      const codes = findings.map(({ code }: { code: string }) => code);
      assert.deepEqual(
        codes.filter((code: string) => code.startsWith("gateway/")),
        [],
      );
    });

    test("OKE-16 a websocket opens through the ingress and carries text and bytes both ways", async () => {
      const open = async () => {
        const socket = new WebSocket(`ws://${web.address}:${web.port}/room?n=1`, { headers: { host: chat } });
        const received: { readonly text: string; readonly isBinary: boolean }[] = [];
        socket.on("message", (data, isBinary) => received.push({ text: String(data), isBinary }));
        await new Promise<void>((resolve, reject) => {
          socket.once("open", resolve);
          socket.once("error", reject);
        });
        return { socket, received };
      };
      const { socket, received } = await eventually(open, 20_000);
      socket.send("hello");
      socket.send(Buffer.from("bytes"));
      await eventually(async () => received.length >= 3);
      assert.deepEqual(received, [
        { text: "opened /room?n=1", isBinary: false },
        { text: "hello", isBinary: false },
        { text: "bytes", isBinary: true },
      ]);
      const closed = new Promise<number>((resolve) => socket.once("close", resolve));
      socket.close(1000);
      assert.equal(await closed, 1000);
    });

    test("OKE-49 two VirtualServices for one host at one gateway are merged, the older one's routes first, with a warning", async () => {
      const answer = (name: string, prefix: string) => ({
        match: [{ uri: { prefix } }],
        directResponse: { status: 200, body: { string: name } },
      });
      const get = async (page: string) => (await ask(api, page)).body;
      await apply(virtualService("one", api, "plain", answer("one", "/one"), answer("one", "/both")));
      // Creation times count whole seconds.
      const created = Date.now();
      await eventually(async () => (await get("/one")) === "one" && Date.now() - created > 1100, 10_000);
      await apply(virtualService("two", api, "plain", answer("two", "/two"), answer("two", "/both")));
      await eventually(async () => (await get("/two")) === "two", 10_000);
      assert.deepEqual([await get("/one"), await get("/both")], ["one", "one"]);
      const found = await eventually(async () =>
        JSON.parse((await mesh.isthmus("analyze", "-o", "json")).stdout).find(
          ({ code }: { code: string }) => code === "traffic/several-virtual-services",
        ),
      );
      assert.equal(found.severity, "warning");
      for (const name of ["one", "two"])
        assert.match(JSON.stringify(found), new RegExp(`istio-system/${name}`));
    });

    test("tokens are checked with the keys that their issuer shows in the cluster, and lead to what their claims open", async () => {
      const issuer = "https://id.example.com";
      const atGateway = { selector: { matchLabels: { istio: "ingressgateway" } } };
      const security = (kind: string, spec: object) => ({
        apiVersion: "security.istio.io/v1",
        kind,
        metadata: { name: "members", namespace: "istio-system" },
        spec: { ...atGateway, ...spec },
      });
      const says = (status: number) => ({ directResponse: { status } });
      await apply(
        gateway("issuer", { port: port(80, "HTTP"), hosts: ["issuer.example.com"] }),
        virtualService("issuer", "issuer.example.com", "issuer", {
          route: [to("issuer.sample.svc.cluster.local", 80)],
        }),
        virtualService(
          "members",
          members,
          "plain",
          { match: [{ headers: { "@request.auth.claims.role": { exact: "editor" } } }], ...says(201) },
          says(202),
        ),
        security("RequestAuthentication", {
          jwtRules: [{ issuer, jwksUri: "http://issuer.sample.svc.cluster.local/keys" }],
        }),
        security("AuthorizationPolicy", {
          action: "DENY",
          rules: [
            {
              from: [{ source: { notRequestPrincipals: [`${issuer}/*`] } }],
              to: [{ operation: { hosts: [members] } }],
            },
          ],
        }),
      );
      const tokenFor = (role: string) =>
        eventually(async () => {
          const { status, body } = await ask(
            "issuer.example.com",
            `/token?iss=${issuer}&sub=ann&role=${role}`,
          );
          return status === 200 && body;
        }, 20_000);
      const enter = async (token: string) =>
        (await ask(members, "/", { authorization: `Bearer ${token}` })).status;
      const [editor, reader] = [await tokenFor("editor"), await tokenFor("reader")];
      // Routes and what stands before them come to the gateway in parts.
      for (const [what, wanted, answer] of [
        ["an editor", 201, () => enter(editor)],
        ["a reader", 202, () => enter(reader)],
        ["without a token", 403, async () => (await ask(members, "/")).status],
        ["another signature", 401, () => enter(`${reader.slice(0, -9)}AAAAAAAAA`)],
        ["other hosts ask for no token", 404, async () => (await ask(api, "/nowhere")).status],
      ] as const)
        await eventually(async () => {
          assert.equal(await answer(), wanted, what);
          return true;
        });
    });
  },
);
