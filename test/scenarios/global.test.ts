import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, suite, test } from "vitest";
import { createTrust } from "../../src/ca/index.ts";
import { findKubectls } from "../support/tools.ts";
import { assertCompiledApplies } from "./support/compiled-output.ts";
import { edit } from "./support/examples.ts";
import { handshake } from "./support/handshake.ts";
import { assertImports } from "./support/import.ts";
import { certificateOf, foreignCertificate } from "./support/mesh-certificate.ts";
import {
  eventually,
  isBuiltIn,
  isthmus,
  type MeshUnderTest,
  run,
  startExample,
} from "./support/running-mesh.ts";

const hasKubectl = findKubectls().length > 0;
const host = "messenger.default.global";
const apology = /Oops we received nothing!/;
const message = /We have a message for you:[\s\S]*All good from Google Cloude/;

suite.skipIf(!hasKubectl)(
  "GLOBAL: a control plane per cluster, exported services only [needs kubectl]",
  () => {
    let mesh: MeshUnderTest;
    let ingress: string;

    beforeAll(async () => {
      mesh = await startExample({
        example: "global",
        client: "deploy/greeter",
        container: "greeter",
        namespace: "default",
        args: ["--set", "istio.meshConfig.accessLogFile=/dev/stdout"],
        prepare(folder) {
          const file = path.join(folder, "mesh.yaml");
          // A busy machine may need more than the three seconds that it waits for the messenger usually.
          const env = "          env:\n";
          const timeout = '            - { name: TIMEOUT, value: "10000" }\n';
          edit(path.join(folder, "greeter/greeter.yaml"), env, `${env}${timeout}`);
          // The messenger comes later, as in the guide.
          edit(file, /\n +manifests: \[messenger\/\].*/, "");
          // A third cluster that has nothing to do with it at first.
          edit(file, /$/, "  mesh-3:\n    region: us-east-1\n    network: onprem\n");
        },
      });
      ingress = await mesh.kubectl(
        ...(["mesh-1", "-n", "istio-system", "get", "svc", "istio-ingressgateway"] as const),
        ...["-o", "jsonpath={.status.loadBalancer.ingress[0].ip}"],
      );
    });
    afterAll(() => mesh?.stop());

    const json = async (cluster: string, ...args: string[]) =>
      JSON.parse(await mesh.kubectl(cluster, ...args, "-o", "json"));
    const apply = async (cluster: string, object: object) => {
      const { code, stderr } = await mesh.tryKubectl(cluster, ["apply", "-f", "-"], JSON.stringify(object));
      assert.equal(code, 0, stderr);
    };
    const page = async (at = `http://${ingress}/greeter`) => {
      const started = performance.now();
      const response = await fetch(at, {
        headers: { connection: "close" },
        signal: AbortSignal.timeout(30_000),
      });
      return { status: response.status, body: await response.text(), took: performance.now() - started };
    };
    const pageShows = (wanted: RegExp, timeout = 15_000) =>
      eventually(async () => {
        const { status, body } = await page();
        assert.equal(status, 200);
        assert.match(body, wanted);
        return true;
      }, timeout);
    /** Addresses as a program in a mesh-1 pod sees them. */
    const resolve = async (name: string, cluster = "mesh-1") => {
      const pod = cluster === "mesh-1" ? "deploy/greeter" : "deploy/messenger";
      const { stdout } = await mesh.tryKubectl(cluster, ["exec", pod, "--", "getent", "hosts", name]);
      return stdout.split(/\s+/)[0] ?? "";
    };
    const gatewayAddress = (cluster: string) =>
      mesh.kubectl(
        ...([cluster, "-n", "istio-system", "get", "svc", "istio-eastwestgateway"] as const),
        ...["-o", "jsonpath={.status.loadBalancer.ingress[0].ip}"],
      );
    const entry = async (cluster = "mesh-1", of = host) =>
      (await json(cluster, "get", "serviceentries", "-A")).items.find(
        (one: { spec: { hosts: string[] } }) => one.spec.hosts[0] === of,
      );
    const messenger = (cluster: string) =>
      mesh.kubectl(cluster, "apply", "-f", path.join(mesh.folder, "messenger/messenger.yaml"));
    const scale = (cluster: string, deployment: string, replicas: number) =>
      mesh.kubectl(cluster, "scale", `deployment/${deployment}`, `--replicas=${replicas}`);
    const findings = async () =>
      JSON.parse((await mesh.isthmus("analyze", "-o", "json")).stdout) as {
        code: string;
        effect: string;
        cause: string;
        fix: string;
      }[];

    if (isBuiltIn)
      test("GLOBAL: kubectl applies what compile writes for each cluster, checked strictly by its API server", () =>
        assertCompiledApplies(mesh));

    if (isBuiltIn)
      test("import makes of the running clusters a file that changes nothing there", async () => {
        const { file, said } = await assertImports(mesh, ["mesh-1", "mesh-2", "mesh-3"]);
        assert.match(file, /^discovery: exports$[\s\S]*mesh-2:\n[\s\S]*exports:\n +- messenger\.default\n/m);
        assert.match(said, /the CA keys in the Secret cacerts stay there/);
      });

    test("GLOBAL-01 each cluster has its own istiod, nobody reads another's API, all CAs are of one root", async () => {
      const roots = new Set<string>();
      for (const cluster of ["mesh-1", "mesh-2", "mesh-3"]) {
        await mesh.kubectl(cluster, "-n", "istio-system", "get", "deployment", "istiod");
        const secrets = await json(cluster, "get", "secrets", "-A", "-l", "istio/multiCluster=true");
        assert.deepEqual(secrets.items, []);
        const { data } = await json(cluster, "-n", "istio-system", "get", "secret", "cacerts");
        const pem = (name: string) => new X509Certificate(Buffer.from(data[name], "base64"));
        assert.ok(pem("ca-cert.pem").verify(pem("root-cert.pem").publicKey));
        roots.add(pem("root-cert.pem").fingerprint256);
      }
      assert.equal(roots.size, 1);
    });

    test("GLOBAL-03 without messenger the page apologises, in time", async () => {
      await pageShows(apology);
      const { body, took } = await page();
      assert.match(body, /<dt>from<\/dt><dd>mesh-1<\/dd><dt>via<\/dt><dd><\/dd>/);
      assert.ok(took < 20_000, `${took} ms`);
    });

    test("GLOBAL-41 an export of a Service that does not exist waits for it and says so, with the near name", async () => {
      const file = path.join(mesh.folder, "messenger/messenger.yaml");
      await mesh.kubectl("mesh-2", "delete", "--ignore-not-found", "-f", file);
      await eventually(async () =>
        (await findings()).some(
          ({ code, cause }) =>
            code === "service-export/not-ready" &&
            /waiting for Service messenger\.default in mesh-2/.test(cause),
        ),
      );
      await eventually(async () => (await entry()) === undefined);
      await apply("mesh-2", serviceExport("messanger", "default"));
      await messenger("mesh-2");
      await eventually(async () =>
        (await findings()).some(({ cause }) =>
          /messanger\.default in mesh-2; there is a Service messenger$/.test(cause),
        ),
      );
      await mesh.kubectl("mesh-2", "delete", "serviceexport", "messanger");
      await eventually(
        async () => !(await findings()).some(({ code }) => code === "service-export/not-ready"),
      );
    });

    test("GLOBAL-04 the export becomes a ServiceEntry at mesh-2's gateway where it is needed, and only there", async () => {
      for (const cluster of ["mesh-1", "mesh-3"]) {
        const address = await gatewayAddress("mesh-2");
        await eventually(async () => {
          const { spec, metadata } = await entry(cluster);
          assert.equal(spec.location, "MESH_INTERNAL");
          assert.deepEqual(spec.ports, [{ number: 3000, name: "http", protocol: "HTTP" }]);
          assert.deepEqual(
            spec.endpoints.map((one: { address: string; ports: object; locality: string }) => [
              one.address,
              one.ports,
              one.locality,
            ]),
            [[address, { http: 15443 }, "europe-west3/europe-west3-b"]],
          );
          assert.equal(metadata.annotations["isthmus.dev/from"], "clusters.mesh-2.exports[0]");
          return true;
        });
      }
      assert.equal(await entry("mesh-2"), undefined);
      const addresses = await Promise.all(
        ["mesh-1", "mesh-3"].map(async (one) => (await entry(one)).spec.addresses),
      );
      assert.deepEqual(addresses[0], addresses[1]);
    });

    test("GLOBAL-05 then the page shows the message", async () => {
      await pageShows(message);
      await pageShows(new RegExp(`<dt>via</dt><dd>http://${host}:3000</dd>`));
    });

    test("GLOBAL-06 pods of mesh-1 resolve the name to that address, other names as before, and cluster DNS is untouched", async () => {
      const { spec } = await entry();
      await eventually(async () => (await resolve(host)) === spec.addresses[0]);
      const clusterIp = await mesh.kubectl(
        "mesh-1",
        "get",
        "svc",
        "greeter",
        "-o",
        "jsonpath={.spec.clusterIP}",
      );
      for (const name of ["greeter", "greeter.default", "greeter.default.svc.cluster.local"])
        assert.equal(await resolve(name), clusterIp, name);
      for (const name of ["nobody.default.global", "messenger.default.globals"])
        assert.equal(await resolve(name), "", name);
      assert.deepEqual(
        (await json("mesh-1", "-n", "kube-system", "get", "cm")).items
          .map(({ metadata }: { metadata: { name: string } }) => metadata.name)
          .filter((name: string) => /dns/.test(name)),
        [],
      );
    });

    test("GLOBAL-02 a Service that is not exported is seen by nobody else", async () => {
      await apply("mesh-2", {
        ...service("quiet", "default"),
        spec: { ports: [{ port: 80 }], selector: { app: "messenger" } },
      });
      assert.equal(await resolve("quiet.default.global"), "");
      const { stdout } = await mesh.isthmus("endpoints", "deploy/greeter.default", "--cluster", "mesh-1");
      assert.match(stdout, /messenger\.default\.global/);
      assert.doesNotMatch(stdout, /quiet/);
    });

    test("GLOBAL-07 mesh-2's gateway lets only exported names through, and the workload behind it only clients of the mesh", async () => {
      const to = { host: await gatewayAddress("mesh-2"), port: 15_443 };
      const identity = "spiffe://cluster.local/ns/default/sa/default";
      const names = (servername: string) => ({ servername, ALPNProtocols: ["istio-http/1.1", "istio"] });
      const exported = names("outbound_.3000_._.messenger.default.svc.cluster.local");
      const certs = path.join(mesh.folder, "certs");
      await eventually(async () => {
        await handshake(to, { ...exported, ...certificateOf(certs, "mesh-1", identity) }, true);
        return true;
      });
      await assert.rejects(handshake(to, exported, true), "no certificate");
      await assert.rejects(
        handshake(to, { ...exported, ...foreignCertificate(mesh.folder, identity) }, true),
        "a certificate of another root",
      );
      for (const name of [
        "outbound_.80_._.quiet.default.svc.cluster.local",
        "outbound_.15010_._.istiod.istio-system.svc.cluster.local",
      ])
        await assert.rejects(
          handshake(to, { ...names(name), ...certificateOf(certs, "mesh-1", identity) }, true),
          name,
        );
    });

    test("GLOBAL-08 messenger's side sees mTLS and the caller's identity", async () => {
      const ip = await mesh.kubectl(
        ...(["mesh-2", "get", "pods", "-l", "app=messenger"] as const),
        ...["-o", "jsonpath={.items[0].status.podIP}"],
      );
      const received = await eventually(async () => {
        const metrics = await (await fetch(`http://${ip}:15090/stats/prometheus`)).text();
        const lines = metrics
          .split("\n")
          .filter(
            (line) => line.startsWith("istio_requests_total") && line.includes('reporter="destination"'),
          );
        return lines.length > 0 && lines;
      });
      for (const line of received) {
        assert.match(line, /source_principal="spiffe:\/\/cluster\.local\/ns\/default\/sa\/default"/);
        assert.match(line, /connection_security_policy="mutual_tls"/);
      }
      const log = await mesh.kubectl("mesh-2", "logs", "-n", "istio-system", "deploy/istio-eastwestgateway");
      assert.doesNotMatch(log, /GET \/|HTTP\/1\.1/);
    });

    test("GLOBAL-09 a changed message is rolled out without a failed refresh", async () => {
      await pageShows(message);
      let done = false;
      const refreshes = (async () => {
        const bodies: string[] = [];
        while (!done) bodies.push((await page().catch((reason) => ({ body: String(reason) }))).body);
        return bodies;
      })();
      try {
        await mesh.kubectl("mesh-2", "set", "env", "deployment/messenger", "MESSAGE=Changed");
        await mesh.kubectl("mesh-2", "rollout", "status", "deployment/messenger", "--timeout=60s");
        await pageShows(/Changed/);
      } finally {
        done = true;
      }
      const failed = (await refreshes).filter((body) => !/We have a message for you/.test(body));
      assert.deepEqual(failed, []);
      await messenger("mesh-2");
      await mesh.kubectl("mesh-2", "rollout", "status", "deployment/messenger", "--timeout=60s");
      await pageShows(message);
    });

    test("GLOBAL-10 no messenger, an apology in time; its return needs nothing in mesh-1", async () => {
      await scale("mesh-2", "messenger", 0);
      await pageShows(apology);
      assert.ok((await page()).took < 20_000);
      await scale("mesh-2", "messenger", 1);
      await pageShows(message);
    });

    test("GLOBAL-14 the ingress routes /greeter, knows no /, and answers for a Service that is not there", async () => {
      assert.equal((await page(`http://${ingress}/`)).status, 404);
      assert.ok([404, 503].includes((await page(`http://${ingress}/message`)).status));
    });

    test("GLOBAL-18 greeter says that it is ready, through its sidecar too", async () => {
      const [answer] = await mesh.curl("mesh-1", "http://greeter:3000/");
      assert.equal(answer, "ready");
      const pods = (await json("mesh-1", "get", "pods", "-l", "app=greeter")).items;
      for (const { status } of pods)
        for (const { ready, restartCount } of status.containerStatuses)
          assert.deepEqual([ready, restartCount], [true, 0]);
    });

    test("GLOBAL-19 mesh-1 exports greeter at the same time", async () => {
      await apply("mesh-1", serviceExport("greeter", "default"));
      await eventually(async () => (await resolve("greeter.default.global", "mesh-2")) !== "");
      const answer = () =>
        mesh.tryKubectl("mesh-2", [
          ...["exec", "deploy/messenger", "-c", "messenger", "--"],
          ...["curl", "-sS", "--max-time", "5", "http://greeter.default.global:3000/greeter"],
        ]);
      await eventually(async () => message.test((await answer()).stdout), 15_000);
      await mesh.kubectl("mesh-1", "delete", "serviceexport", "greeter");
      await eventually(async () => (await entry("mesh-2", "greeter.default.global")) === undefined);
    });

    test("GLOBAL-48 a name whose namespace the caller's cluster does not have resolves all the same", async () => {
      await apply("mesh-2", { apiVersion: "v1", kind: "Namespace", metadata: { name: "post" } });
      await apply("mesh-2", { ...service("office", "post"), spec: { ports: [{ port: 80, name: "http" }] } });
      await apply("mesh-2", serviceExport("office", "post"));
      assert.match((await mesh.tryKubectl("mesh-1", ["get", "namespace", "post"])).stderr, /not found/);
      await eventually(async () => /^240\./.test(await resolve("office.post.global")));
      await mesh.kubectl("mesh-2", "delete", "namespace", "post");
      await eventually(async () => (await entry("mesh-1", "office.post.global")) === undefined);
    });

    test("GLOBAL-46 a port whose name tells nothing works all the same", async () => {
      await apply("mesh-2", {
        ...service("vague", "default"),
        spec: { ports: [{ port: 8080, targetPort: 3000, name: "odd" }], selector: { app: "messenger" } },
      });
      await apply("mesh-2", serviceExport("vague", "default"));
      await eventually(async () => {
        const [answer] = await mesh.curl("mesh-1", "http://vague.default.global:8080/");
        return answer === "All good from Google Cloude";
      }, 15_000);
      await mesh.kubectl("mesh-2", "delete", "serviceexport,service", "vague");
    });

    test("GLOBAL-12 another gateway address reaches the ServiceEntry by itself", async () => {
      const before = await gatewayAddress("mesh-2");
      const { metadata, spec } = await json(
        "mesh-2",
        "-n",
        "istio-system",
        "get",
        "svc",
        "istio-eastwestgateway",
      );
      await mesh.kubectl("mesh-2", "-n", "istio-system", "delete", "svc", "istio-eastwestgateway");
      // Somebody else takes the address meanwhile.
      await apply("mesh-2", {
        ...service("squatter", "default"),
        spec: { type: "LoadBalancer", ports: [{ port: 80 }], selector: { app: "messenger" } },
      });
      await apply("mesh-2", {
        ...service("istio-eastwestgateway", "istio-system"),
        metadata: { name: metadata.name, namespace: metadata.namespace, labels: metadata.labels },
        spec: {
          type: spec.type,
          selector: spec.selector,
          ports: spec.ports.map(({ nodePort: _, ...port }: { nodePort: number }) => port),
        },
      });
      const after = await eventually(async () => {
        const address = await gatewayAddress("mesh-2");
        return address !== "" && address !== before && address;
      });
      await eventually(async () => (await entry()).spec.endpoints[0]?.address === after);
      await pageShows(message);
      await mesh.kubectl("mesh-2", "delete", "svc", "squatter");
    });

    test("GLOBAL-13 two clusters export the name: both serve, one serves for the other, without both an apology", async () => {
      await messenger("mesh-3");
      await mesh.kubectl("mesh-3", "set", "env", "deployment/messenger", "MESSAGE=From the third");
      await mesh.kubectl("mesh-3", "label", "namespace", "default", "istio-injection=enabled", "--overwrite");
      await mesh.kubectl("mesh-3", "rollout", "restart", "deployment/messenger");
      await mesh.kubectl("mesh-3", "rollout", "status", "deployment/messenger", "--timeout=60s");
      await apply("mesh-3", serviceExport("messenger", "default"));
      await eventually(async () => (await entry()).spec.endpoints.length === 2);
      const shares = async () => {
        const lines = await mesh.curl("mesh-1", `http://${host}:3000/`, 60);
        // Answers of fresh connections, one after another without a line break between them.
        const text = lines.join("");
        const count = (what: string) => text.split(what).length - 1;
        return { second: count("All good from Google Cloude"), third: count("From the third") };
      };
      await eventually(async () => {
        const { second, third } = await shares();
        assert.equal(second + third, 60);
        return second >= 15 && third >= 15;
      }, 15_000);
      await scale("mesh-2", "messenger", 0);
      await eventually(async () => (await shares()).third === 60, 15_000);
      await scale("mesh-3", "messenger", 0);
      await pageShows(apology);
      await scale("mesh-2", "messenger", 1);
      await mesh.kubectl("mesh-3", "delete", "serviceexport", "messenger");
      await pageShows(message);
    });

    test("GLOBAL-44 a gateway that does not answer is named with its address", async () => {
      const address = await gatewayAddress("mesh-2");
      await mesh.kubectl(
        "mesh-2",
        "-n",
        "istio-system",
        "scale",
        "deployment/istio-eastwestgateway",
        "--replicas=0",
      );
      try {
        await pageShows(apology);
        await eventually(async () =>
          (await findings()).some(({ effect, cause }) => `${effect} ${cause}`.includes(`${address}:15443`)),
        );
      } finally {
        await mesh.kubectl(
          "mesh-2",
          "-n",
          "istio-system",
          "scale",
          "deployment/istio-eastwestgateway",
          "--replicas=1",
        );
      }
      await pageShows(message);
    });

    test("GLOBAL-45 without a sidecar the name is unknown, the page apologises, and the finding says why", async () => {
      const restart = async () => {
        // kubectl refuses a second restart within a second.
        await eventually(() => mesh.kubectl("mesh-1", "rollout", "restart", "deployment/greeter"));
        await mesh.kubectl("mesh-1", "rollout", "status", "deployment/greeter", "--timeout=60s");
      };
      await mesh.kubectl("mesh-1", "label", "namespace", "default", "istio-injection-");
      try {
        await restart();
        await pageShows(apology);
        await eventually(async () =>
          (await findings()).some(({ effect, cause }) => /greeter|default/.test(effect + cause)),
        );
      } finally {
        await mesh.kubectl("mesh-1", "label", "namespace", "default", "istio-injection=enabled");
        await restart();
      }
      await pageShows(message);
    });

    test("GLOBAL-15 the guide's own ServiceEntry works unchanged beside a rule that asks for mTLS, and not without it", async () => {
      const rule = await json(
        ...(["mesh-1", "-n", "istio-system", "get"] as const),
        ...["destinationrule", "messenger-default-global"],
      );
      await mesh.kubectl("mesh-2", "delete", "serviceexport", "messenger");
      try {
        await eventually(async () => (await entry()) === undefined);
        await pageShows(apology);
        // The gateway has to let the name through without an export too.
        await apply("mesh-2", {
          apiVersion: "networking.istio.io/v1",
          kind: "Gateway",
          metadata: { name: "by-hand", namespace: "istio-system" },
          spec: {
            selector: { istio: "eastwestgateway" },
            servers: [
              {
                port: { number: 15443, name: "tls", protocol: "TLS" },
                tls: { mode: "AUTO_PASSTHROUGH" },
                hosts: ["*.local"],
              },
            ],
          },
        });
        await apply("mesh-1", {
          apiVersion: "networking.istio.io/v1alpha3",
          kind: "ServiceEntry",
          metadata: { name: "messenger", namespace: "default" },
          spec: {
            hosts: [host],
            location: "MESH_INTERNAL",
            ports: [{ name: "http1", number: 3000, protocol: "http" }],
            resolution: "DNS",
            addresses: ["127.127.42.69"],
            endpoints: [{ address: await gatewayAddress("mesh-2"), ports: { http1: 15443 } }],
          },
        });
        await eventually(async () => (await resolve(host)) === "127.127.42.69");
        await pageShows(apology);
        await apply("mesh-1", {
          apiVersion: "networking.istio.io/v1",
          kind: "DestinationRule",
          metadata: { name: "messenger", namespace: "default" },
          spec: rule.spec,
        });
        await pageShows(message);
      } finally {
        const gone = ["delete", "--ignore-not-found"] as const;
        await mesh.kubectl("mesh-1", ...gone, "serviceentry,destinationrule", "messenger");
        const kind = "gateways.networking.istio.io";
        await mesh.kubectl("mesh-2", ...gone, "-n", "istio-system", kind, "by-hand");
        await apply("mesh-2", serviceExport("messenger", "default"));
      }
      await pageShows(message);
    });

    test("GLOBAL-43 two hand-written hosts with one address are warned of; given addresses never clash", async () => {
      const entries = (namespace: string) =>
        mesh.kubectl("mesh-1", "-n", namespace, "get", "serviceentries", "-o", "name");
      for (const name of ["first", "second"])
        await apply("mesh-1", {
          apiVersion: "networking.istio.io/v1",
          kind: "ServiceEntry",
          metadata: { name, namespace: "default" },
          spec: {
            hosts: [`${name}.default.global`],
            addresses: ["127.127.42.69"],
            location: "MESH_INTERNAL",
            resolution: "STATIC",
            ports: [{ number: 5432, name: "tcp", protocol: "TCP" }],
            endpoints: [{ address: await gatewayAddress("mesh-2"), ports: { tcp: 15443 } }],
          },
        });
      const clash = (found: Awaited<ReturnType<typeof findings>>) =>
        found.filter(({ code }) => code === "service-entry/address-clash");
      const found = await eventually(async () => {
        const now = clash(await findings());
        return now.length > 0 && now;
      });
      assert.equal(found.length, 1);
      await mesh.kubectl("mesh-1", "delete", "serviceentry", "first", "second");
      await eventually(async () => clash(await findings()).length === 0);
      assert.equal(await entries("default"), "");
    });

    test("GLOBAL-11 mesh-2 away: an apology, mesh-1 goes on; mesh-2 back: the message", async () => {
      assert.equal((await mesh.isthmus("cluster", "stop", "mesh-2")).code, 0);
      try {
        await pageShows(apology);
        assert.deepEqual(await mesh.curl("mesh-1", "http://greeter:3000/"), ["ready"]);
        assert.ok((await entry()) !== undefined, "what is known of a cluster that is away stays");
      } finally {
        assert.equal((await mesh.isthmus("cluster", "start", "mesh-2")).code, 0);
      }
      await pageShows(message, 20_000);
    });

    test("GLOBAL-20 what an export made is gone with it, before its cluster goes", async () => {
      await mesh.kubectl("mesh-2", "delete", "serviceexport", "messenger", "--ignore-not-found");
      for (const cluster of ["mesh-1", "mesh-3"])
        await eventually(
          async () =>
            (await mesh.kubectl(cluster, "get", "serviceentries,destinationrules", "-A", "-o", "name")) ===
            "",
        );
      await eventually(async () => {
        const kind = "gateways.networking.istio.io";
        return (await mesh.kubectl("mesh-2", "get", kind, "-A", "-o", "name")) === "";
      });
      const log = readFileSync(path.join(mesh.folder, ".isthmus/engine.log"), "utf8");
      assert.doesNotMatch(log, /no longer kept in step/);
      assert.ok(existsSync(mesh.kubeconfig));
    });
  },
);

suite.skipIf(!hasKubectl)("GLOBAL: without networks in the mesh file [needs kubectl]", () => {
  test("GLOBAL-47 each cluster is a network of its own, and an export crosses", async () => {
    const mesh = await startExample({
      example: "global",
      client: "deploy/greeter",
      container: "greeter",
      namespace: "default",
      prepare: (folder) => edit(path.join(folder, "mesh.yaml"), /^ +network: .*\n/gm, ""),
    });
    try {
      for (const cluster of ["mesh-1", "mesh-2"]) {
        const label = "jsonpath={.metadata.labels.topology\\.istio\\.io/network}";
        assert.equal(await mesh.kubectl(cluster, "get", "namespace", "istio-system", "-o", label), cluster);
      }
      const answer = async () => (await mesh.curl("mesh-1", `http://${host}:3000/`))[0];
      await eventually(async () => (await answer()) === "All good from Google Cloude", 15_000);
    } finally {
      await mesh.stop();
    }
  });
});

suite("GLOBAL: before anything runs", () => {
  const folders: string[] = [];
  afterAll(() => {
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  });
  const copy = (change: (file: string) => void = () => {}) => {
    const folder = mkdtempSync(path.join(tmpdir(), "isthmus-global-"));
    folders.push(folder);
    cpSync(path.join(import.meta.dirname, "../../examples/global"), folder, {
      recursive: true,
      filter: (source) => ![".isthmus", "certs"].includes(path.basename(source)),
    });
    change(path.join(folder, "mesh.yaml"));
    return folder;
  };
  const say = (folder: string, ...args: string[]) =>
    run(process.execPath, [isthmus, ...args], { cwd: folder });

  if (isBuiltIn)
    test("GLOBAL-40 two roots are refused before anything starts, and so is an expired intermediate, with its date", async () => {
      const folder = copy();
      for (const cluster of ["mesh-1", "mesh-2"])
        createTrust(path.join(folder, "certs", cluster), { mesh: cluster, clusters: [], now: Date.now() });
      const roots = await say(folder, "up", "--detach");
      assert.notEqual(roots.code, 0);
      assert.match(roots.stderr, /mesh-1 and mesh-2 have different root certificates/);
      const old = copy();
      const year = 365 * 24 * 3600 * 1000;
      createTrust(path.join(old, "certs"), {
        mesh: "old",
        clusters: ["mesh-1", "mesh-2"],
        now: Date.now() - 9 * year,
      });
      const expired = await say(old, "up", "--detach");
      assert.notEqual(expired.code, 0);
      assert.match(expired.stderr, /expired.*20\d\d-\d\d-\d\d/s);
    });

  for (const [written, says] of [
    ["default/messenger", /messenger\.default/],
    ["messenger.default.svc.cluster.local", /service\.namespace|messenger\.default/],
  ] as const)
    test(`GLOBAL-42 an export written ${written} is refused with the right form`, async () => {
      const folder = copy((file) => edit(file, "messenger.default]", `${written}]`));
      const { code, stderr } = await say(folder, "compile");
      assert.equal(code, 3, stderr);
      assert.match(stderr, /mesh\.yaml:\d+:\d+/);
      assert.match(stderr, says);
    });
});

function service(name: string, namespace: string) {
  return { apiVersion: "v1", kind: "Service", metadata: { name, namespace } };
}

function serviceExport(name: string, namespace: string) {
  return {
    apiVersion: "multicluster.x-k8s.io/v1alpha1",
    kind: "ServiceExport",
    metadata: { name, namespace },
  };
}
