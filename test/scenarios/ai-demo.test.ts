import assert from "node:assert/strict";
import { cpSync, existsSync } from "node:fs";
import { request as requestPlain } from "node:http";
import { Agent } from "node:https";
import path from "node:path";
import { chromium } from "playwright-core";
import { afterAll, beforeAll, suite, test } from "vitest";
import { WebSocket } from "ws";
import { findChromium, findHelm, findKubectls } from "../support/tools.ts";
import { pagePatience } from "./support/browser.ts";
import { edit, startOke } from "./support/examples.ts";
import { getHttps, handshake } from "./support/https-client.ts";
import {
  background,
  dataplane,
  eventually,
  isBuiltIn,
  type MeshUnderTest,
  patientUp,
  run,
} from "./support/running-mesh.ts";

const kubectl = findKubectls().at(-1);
const [browserPath, helm] = [findChromium(), findHelm()];
const host = "demo.example.com";
const secretName = "demo-domain-staging-cert";
const llama = "meta-llama/Llama-3.1-8B-Instruct";
const system = ["-n", "istio-system"] as const;
const demo = ["-n", "demo"] as const;

/** Runs in the page, before it: every WebSocket closes without having opened. */
const noWebSockets = `window.WebSocket = class extends EventTarget {
  constructor() {
    super();
    setTimeout(() => this.dispatchEvent(new Event("close")));
  }
  close() {}
};`;

/** The model's server with OpenAI's API, asked from pods and through the page. */
function modelOf(mesh: () => MeshUnderTest) {
  const inPod = (cluster: string, ...words: string[]) =>
    mesh().tryKubectl(cluster, ["-n", "sample", "exec", "deploy/curl", "-c", "curl", "--", ...words]);
  return {
    curl: async (cluster: string, ...args: string[]) => {
      const { stdout, stderr } = await inPod(cluster, "curl", "-sS", "--max-time", "20", ...args);
      return stdout === "" ? stderr : stdout;
    },
    inPod,
  };
}

const question = (content: string, more: object = {}) =>
  JSON.stringify({ model: llama, messages: [{ role: "user", content }], ...more });

suite.skipIf(kubectl === undefined)("OKE: the AI demo, as the example has it [needs kubectl]", () => {
  let mesh: MeshUnderTest;
  let ingress = "";
  /** Answers of more than a minute, asked for at the start and looked at before anything is taken away. */
  let long: {
    readonly whole: ReturnType<typeof background>;
    readonly streamed: ReturnType<typeof background>;
  };
  const { curl, inPod } = modelOf(() => mesh);

  const json = async (cluster: string, ...args: string[]) =>
    JSON.parse(await mesh.kubectl(cluster, "get", ...args, "-o", "json"));
  const apply = async (cluster: string, object: object) => {
    const { code, stderr } = await mesh.tryKubectl(cluster, ["apply", "-f", "-"], JSON.stringify(object));
    assert.equal(code, 0, stderr);
  };
  const findings = async () =>
    JSON.parse((await mesh.isthmus("status", "-o", "json")).stdout).findings as {
      readonly code: string;
      readonly cause: string;
      readonly effect: string;
    }[];
  const finds = (code: string) =>
    eventually(async () => (await findings()).find((one) => one.code === code), 15_000);
  const isHealthy = () =>
    eventually(async () => {
      assert.deepEqual(await findings(), []);
      return true;
    }, 20_000);
  const authority = async () =>
    Buffer.from((await json("fra", ...system, "secret", secretName)).data["ca.crt"], "base64").toString();
  const browse = (ca: string, page = "/") => getHttps({ address: ingress, host, path: page, ca });
  /** The page's own answers on port 80. */
  const plain = (page: string) =>
    new Promise<{ readonly status: number; readonly body: string }>((resolve, reject) => {
      const place = { host: ingress, port: 80, path: page, headers: { host }, agent: false };
      const call = requestPlain(place, async (response) => {
        let body = "";
        for await (const chunk of response) body += String(chunk);
        resolve({ status: response.statusCode ?? 0, body });
      });
      call.setTimeout(30_000, () => call.destroy(new Error("no answer within 30 s")));
      call.on("error", reject);
      call.end();
    });
  const offered = async () => JSON.parse((await plain("/api/models")).body);
  const offersLlama = () => eventually(async () => (await offered()).data[0]?.id === llama, 20_000);

  beforeAll(async () => {
    mesh = await startOke();
    ingress = await mesh.kubectl(
      "fra",
      ...system,
      "get",
      "svc",
      "istio-ingressgateway",
      "-o",
      "jsonpath={.status.loadBalancer.ingress[0].ip}",
    );
    const ask = (more: object) => {
      const body = question("Count.", { ignore_eos: true, max_tokens: 6100, ...more });
      const args = [
        "--kubeconfig",
        mesh.kubeconfig,
        "--context",
        "fra",
        "-n",
        "sample",
        "exec",
        "deploy/curl",
      ];
      const url = "http://sglang.demo/v1/chat/completions";
      const words = ["curl", "-sSN", "-w", "\n%{http_code} %{time_total}", "--json", body, url];
      return background(kubectl?.path ?? "", [...args, "-c", "curl", "--", ...words], mesh.folder);
    };
    long = { whole: ask({}), streamed: ask({ stream: true }) };
  });
  afterAll(async () => {
    long?.whole.end();
    long?.streamed.end();
    await mesh?.stop();
  });

  test("OKE-17 all of it runs without GPU, cloud, token and helm: every pod is ready, every image has a stand-in", async () => {
    assert.doesNotMatch(mesh.said, /no stand-in|chart|waits for its CustomResourceDefinition/);
    const images = new Set<string>();
    for (const cluster of ["fra", "ash"])
      await eventually(async () => {
        for (const { metadata, spec, status } of (await json(cluster, "pods", "-A")).items) {
          for (const { image } of spec.containers) images.add(image.replace(/^.*\/|:[^:]*$/g, ""));
          for (const { name, ready } of status.containerStatuses)
            assert.equal(ready, true, `${metadata.name} ${name}`);
        }
        return true;
      });
    for (const image of [
      "sglang",
      "open-webui",
      "pipelines",
      "cert-manager-controller",
      "cert-manager-webhook",
    ])
      assert.ok(images.has(image), `${image} is not among ${[...images]}`);
    await mesh.kubectl("ash", ...demo, "run", "other", "--image=example.com/acme/llm:1", "--restart=Never");
    const said = await eventually(async () => {
      const events = await mesh.kubectl("ash", ...demo, "get", "events");
      return /no stand-in for image.*/.exec(events)?.[0];
    }, 10_000);
    assert.match(said, /example\.com\/acme\/llm:1.*images/);
    await mesh.kubectl("ash", ...demo, "delete", "pod", "other", "--wait=false");
  });

  test("OKE-13 fra has only the Service; models, chats and streams are answered in ash, word by word", async () => {
    assert.equal(await mesh.kubectl("fra", ...demo, "get", "pods", "-l", "app=sglang", "-o", "name"), "");
    const { data } = await eventually(async () =>
      JSON.parse(await curl("fra", "http://sglang.demo/v1/models")),
    );
    assert.deepEqual(
      data.map(({ id }: { id: string }) => id),
      [llama],
    );
    const url = "http://sglang.demo/v1/chat/completions";
    const answer = JSON.parse(await curl("fra", "--json", question("Where are you?"), url));
    const [pod] = (await json("ash", ...demo, "pods", "-l", "app=sglang")).items;
    assert.ok(
      answer.choices[0].message.content.includes(`from pod ${pod.metadata.name} in cluster ash`),
      answer.choices[0].message.content,
    );
    // At a hundred words a second: half a second from the first byte to the last, unless curl had to wait meanwhile.
    await eventually(async () => {
      const streamed = await curl(
        "fra",
        "-N",
        "-w",
        "\n%{time_starttransfer} %{time_total}",
        "--json",
        question("And again?", { stream: true, max_tokens: 50, ignore_eos: true }),
        url,
      );
      const [times = "", ...events] = streamed.trimEnd().split("\n").reverse();
      const [first = 0, last = 0] = times.split(" ").map(Number);
      assert.deepEqual(events.filter((line) => line !== "").slice(0, 1), ["data: [DONE]"]);
      assert.ok(last - first > 0.25, `the first byte after ${first} s, the last after ${last} s`);
      return true;
    });
    const refused = JSON.parse(await curl("fra", "--json", question("?").replace(llama, "gpt-4"), url));
    assert.equal(refused.error.code, "model_not_found");
  });

  test("OKE-14 the front is served on 443 with a certificate for its host, and on 80; the page's requests go to ash", async () => {
    const ca = await authority();
    const { status, body, certificate } = await eventually(() => browse(ca), 10_000);
    assert.equal(status, 200);
    assert.match(body, /<textarea id="message"/);
    assert.equal(certificate.subjectAltName, `DNS:${host}`);
    assert.deepEqual((await plain("/")).body, body);
    await offersLlama();
  });

  test.skipIf(browserPath === undefined)(
    "OKE-14 a chat in a browser gets an answer that was made in ash, by keyboard, in light and dark [needs chromium]",
    async () => {
      const browser = await chromium.launch({
        ...(browserPath === undefined ? {} : { executablePath: browserPath }),
        args: ["--no-sandbox", `--host-resolver-rules=MAP ${host} ${ingress}`],
        timeout: 2 * pagePatience,
      });
      try {
        for (const colorScheme of ["light", "dark"] as const) {
          // That the certificate is right is looked at above: the browser is not to be taught a new authority.
          const context = await browser.newContext({ colorScheme, ignoreHTTPSErrors: true });
          context.setDefaultTimeout(pagePatience);
          const page = await context.newPage();
          const complaints: string[] = [];
          page.on("console", (message) => {
            if (message.type() === "error") complaints.push(message.text());
          });
          page.on("pageerror", (reason) => complaints.push(String(reason)));
          const response = await page.goto(`https://${host}/`);
          assert.match((await response?.securityDetails())?.issuer ?? "", /^isthmus certificates of fra/);
          await page.locator("#model option", { hasText: llama }).waitFor({ state: "attached" });
          await page.keyboard.type("Where do you run?");
          await page.keyboard.press("Enter");
          const answer = page.locator("article[data-role=assistant]");
          await answer.and(page.locator("[data-state=done]")).waitFor();
          assert.match((await answer.textContent()) ?? "", /in cluster ash\. You said: “Where do you run\?”/);
          assert.equal(await answer.getAttribute("data-transport"), "websocket");
          const back = await page.evaluate("getComputedStyle(document.body).backgroundColor");
          const [red = 0] = String(back).match(/\d+/g)?.map(Number) ?? [];
          assert.equal(red > 128, colorScheme === "light", `background ${back}`);
          assert.deepEqual(complaints, []);
          await context.close();
        }
        // A browser, or a proxy between, that has no WebSockets.
        const page = await (await browser.newContext({ ignoreHTTPSErrors: true })).newPage();
        page.setDefaultTimeout(pagePatience);
        await page.addInitScript(noWebSockets);
        await page.goto(`https://${host}/`);
        await page.getByLabel("Message").fill("And without?");
        await page.getByRole("button", { name: "Send" }).click();
        const answer = page.locator("article[data-role=assistant][data-state=done]");
        await answer.waitFor();
        assert.equal(await answer.getAttribute("data-transport"), "http");
        assert.match((await answer.textContent()) ?? "", /in cluster ash\. You said: “And without\?”/);
      } finally {
        await browser.close();
      }
    },
  );

  test("OKE-16 the page's WebSocket opens through the ingress over TLS, and carries an answer from ash", async () => {
    const url = `wss://${ingress}/ws/chat`;
    const agent = new Agent({ servername: host, ca: await authority() });
    const socket = new WebSocket(url, { headers: { host }, agent });
    const said: { readonly type: string; readonly text?: string }[] = [];
    socket.on("message", (data) => said.push(JSON.parse(String(data))));
    await new Promise<void>((resolve, reject) => {
      socket.once("open", resolve);
      socket.once("error", reject);
    });
    const messages = [{ role: "user", content: "hello" }];
    socket.send(JSON.stringify({ type: "chat", id: 1, model: llama, messages }));
    await eventually(async () => said.at(-1)?.type === "done", 10_000);
    assert.match(said.map(({ text = "" }) => text).join(""), /in cluster ash\. You said: “hello”/);
    assert.ok(said.filter(({ type }) => type === "delta").length > 3, "word by word");
    socket.close();
  });

  test("OKE-15 a new certificate is served within the settle time, by the same proxy, and no request fails over it", async () => {
    const [ca, [pod]] = [
      await authority(),
      (await json("fra", ...system, "pods", "-l", "istio=ingressgateway")).items,
    ];
    const serial = async () => (await browse(ca)).certificate.serialNumber;
    const renewed = async (before: string) => eventually(async () => (await serial()) !== before, 10_000);
    const patch = (spec: object) =>
      mesh.kubectl(
        "fra",
        ...system,
        "patch",
        "certificate",
        secretName,
        "--type=merge",
        "-p",
        JSON.stringify({ spec }),
      );
    const wanted = (await json("fra", ...system, "certificate", secretName)).spec;

    const failures: string[] = [];
    let isWatching = true;
    const watching = (async () => {
      while (isWatching) await browse(ca).catch((reason: unknown) => failures.push(String(reason)));
    })();
    try {
      // A changed Certificate.
      const first = await serial();
      await patch({ dnsNames: [host, `www.${host}`] });
      await renewed(first);
      assert.equal((await browse(ca)).certificate.subjectAltName, `DNS:${host}, DNS:www.${host}`);
      // One whose time to be renewed comes: an hour of life, all but three seconds of it before its end.
      await patch({ dnsNames: [host], duration: "1h", renewBefore: "59m50s" });
      await eventually(async () => (await browse(ca)).certificate.subjectAltName === `DNS:${host}`, 10_000);
      await renewed(await serial());
      await patch({ duration: wanted.duration, renewBefore: wanted.renewBefore });
      await mesh.kubectl(
        "fra",
        ...system,
        "wait",
        "certificate",
        secretName,
        "--for=condition=Ready",
        "--timeout=60s",
      );
    } finally {
      isWatching = false;
      await watching;
    }
    assert.deepEqual(failures, []);

    const [after] = (await json("fra", ...system, "pods", "-l", "istio=ingressgateway")).items;
    assert.equal(after.metadata.uid, pod.metadata.uid);
    assert.equal(after.status.containerStatuses[0].restartCount, 0);
    await eventually(async () => {
      const of = ["--field-selector", `involvedObject.name=${secretName}`];
      const events = await mesh.kubectl("fra", ...system, "get", "events", ...of);
      assert.match(events, /Existing issued Secret is not up to date for spec: \[spec\.dnsNames\]/);
      assert.match(events, /Renewing certificate as renewal was scheduled at/);
      return true;
    });
  });

  test("OKE-48 OKE-15 without its Secret 443 refuses, 80 goes on, and status names the Secret; one that comes later is served", async () => {
    const certificate = await json("fra", ...system, "certificate", secretName);
    await mesh.kubectl("fra", ...system, "delete", "certificate", secretName);
    await mesh.kubectl("fra", ...system, "delete", "secret", secretName);
    // As with upstream's istiod a proxy keeps what it has: only a new one finds nothing.
    assert.equal(await handshake(ingress, 443, host), "done");
    await mesh.kubectl("fra", ...system, "delete", "pod", "-l", "istio=ingressgateway", "--grace-period=1");
    await eventually(async () => (await plain("/")).status === 200, 20_000);
    await eventually(async () => (await handshake(ingress, 443, host)) !== "done", 10_000);
    assert.doesNotMatch(await handshake(ingress, 443, host), /no answer/);
    assert.equal((await plain("/")).status, 200);
    const { cause, effect } = await finds("gateway/unknown-credential");
    assert.match(cause, new RegExp(`secret ${secretName} not found`));
    assert.match(effect, /handshakes on port 443/);

    const { name, namespace } = certificate.metadata;
    await apply("fra", { ...certificate, metadata: { name, namespace }, status: undefined });
    const ca = await eventually(authority, 10_000);
    await eventually(async () => (await browse(ca)).status === 200, 5000);
    await isHealthy();
  });

  test("OKE-48 a certificate for another host fails at whoever checks names, is named in status, and 80 goes on", async () => {
    const patch = (...dnsNames: string[]) =>
      mesh.kubectl(
        "fra",
        ...system,
        "patch",
        "certificate",
        secretName,
        "--type=merge",
        "-p",
        JSON.stringify({ spec: { dnsNames } }),
      );
    const ca = await authority();
    await patch("other.example.com");
    await eventually(() =>
      browse(ca).then(
        () => undefined,
        (reason: NodeJS.ErrnoException) => reason.code === "ERR_TLS_CERT_ALTNAME_INVALID",
      ),
    );
    assert.equal((await plain("/")).status, 200);
    const { cause } = await finds("gateway/certificate-for-other-host");
    assert.match(cause, /is for other\.example\.com, not for demo\.example\.com/);
    await patch(host);
    await eventually(async () => (await browse(ca)).status === 200, 10_000);
    await isHealthy();
  });

  if (isBuiltIn)
    test("what cert-manager's webhook refuses is refused, with the field and the reason", async () => {
      const certificate = (spec: object) => ({
        apiVersion: "cert-manager.io/v1",
        kind: "Certificate",
        metadata: { name: "wrong", namespace: "demo" },
        spec: { secretName: "wrong", issuerRef: { name: "own" }, dnsNames: ["a.example.com"], ...spec },
      });
      const cases: readonly (readonly [object, RegExp])[] = [
        [certificate({ dnsNames: [] }), /at least one of commonName, dnsNames, .* must be set/],
        [
          certificate({ duration: "30m" }),
          /spec\.duration: .*certificate duration must be greater than 1h0m0s/,
        ],
        [certificate({ duration: "2 hours" }), /spec\.duration/],
        [
          certificate({ duration: "2h", renewBefore: "3h" }),
          /certificate duration must be greater than renewBefore/,
        ],
        [certificate({ usages: ["everything"] }), /spec\.usages\[0\]: Unsupported value: "everything"/],
        [certificate({ privateKey: { algorithm: "DSA" } }), /spec\.privateKey\.algorithm: Unsupported value/],
        [certificate({ secretName: undefined }), /spec\.secretName: Required value/],
        [
          {
            apiVersion: "cert-manager.io/v1",
            kind: "Issuer",
            metadata: { name: "wrong", namespace: "demo" },
            spec: { selfSigned: {}, ca: { secretName: "x" } },
          },
          /exactly one issuer type must be specified/,
        ],
      ];
      for (const [object, says] of cases) {
        const { code, stderr } = await mesh.tryKubectl("fra", ["apply", "-f", "-"], JSON.stringify(object));
        assert.notEqual(code, 0, JSON.stringify(object));
        assert.match(stderr, says);
      }
    });

  if (isBuiltIn)
    test("upstream's own manifests of the webhook work: its CA is injected, objects pass it, and without it none do", async () => {
      const meta = { name: "webhook", namespace: "tls" };
      const labels = { app: "webhook" };
      const ca = "webhook-ca";
      const rbac = "rbac.authorization.k8s.io";
      const names = ["webhook", "webhook.tls", "webhook.tls.svc"];
      const items = [
        { apiVersion: "v1", kind: "Namespace", metadata: { name: "tls" } },
        { apiVersion: "v1", kind: "ServiceAccount", metadata: meta },
        {
          apiVersion: `${rbac}/v1`,
          kind: "Role",
          metadata: meta,
          rules: [{ apiGroups: [""], resources: ["secrets"], verbs: ["get", "create"] }],
        },
        {
          apiVersion: `${rbac}/v1`,
          kind: "RoleBinding",
          metadata: meta,
          roleRef: { apiGroup: rbac, kind: "Role", name: "webhook" },
          subjects: [{ kind: "ServiceAccount", ...meta }],
        },
        {
          apiVersion: "v1",
          kind: "Service",
          metadata: meta,
          spec: { selector: labels, ports: [{ name: "https", port: 443, targetPort: "https" }] },
        },
        {
          apiVersion: "apps/v1",
          kind: "Deployment",
          metadata: meta,
          spec: {
            selector: { matchLabels: labels },
            template: {
              metadata: { labels },
              spec: {
                serviceAccountName: "webhook",
                containers: [
                  {
                    name: "webhook",
                    image: "quay.io/jetstack/cert-manager-webhook:v1.18.2",
                    args: [
                      "--secure-port=10250",
                      "--dynamic-serving-ca-secret-namespace=tls",
                      `--dynamic-serving-ca-secret-name=${ca}`,
                      ...names.map((name) => `--dynamic-serving-dns-names=${name}`),
                    ],
                    ports: [
                      { name: "https", containerPort: 10250 },
                      { name: "healthcheck", containerPort: 6080 },
                    ],
                    readinessProbe: { httpGet: { path: "/healthz", port: "healthcheck" } },
                  },
                ],
              },
            },
          },
        },
        {
          apiVersion: "admissionregistration.k8s.io/v1",
          kind: "ValidatingWebhookConfiguration",
          metadata: {
            name: "webhook",
            annotations: { "cert-manager.io/inject-ca-from-secret": `tls/${ca}` },
          },
          webhooks: [
            {
              name: "webhook.cert-manager.io",
              clientConfig: { service: { ...meta, path: "/validate" } },
              rules: [
                {
                  apiGroups: ["cert-manager.io"],
                  apiVersions: ["v1"],
                  operations: ["CREATE"],
                  resources: ["issuers"],
                },
              ],
              failurePolicy: "Fail",
              sideEffects: "None",
              admissionReviewVersions: ["v1"],
            },
          ],
        },
      ];
      await apply("fra", { apiVersion: "v1", kind: "List", items });
      const issuer = (name: string) =>
        JSON.stringify({
          apiVersion: "cert-manager.io/v1",
          kind: "Issuer",
          metadata: { name, namespace: "tls" },
          spec: { selfSigned: {} },
        });
      const create = (name: string) => mesh.tryKubectl("fra", ["create", "-f", "-"], issuer(name));
      await eventually(async () => (await create(`first-${Date.now()}`)).code === 0);
      await mesh.kubectl("fra", "-n", "tls", "scale", "deployment/webhook", "--replicas=0");
      await eventually(
        async () =>
          /failed calling webhook "webhook.cert-manager.io"/.test((await create(`${Date.now()}`)).stderr),
        15_000,
      );
      await mesh.kubectl("fra", "delete", "validatingwebhookconfiguration", "webhook");
      await mesh.kubectl("fra", "delete", "namespace", "tls", "--wait=false");
    });

  if (isBuiltIn)
    test("OKE-19 a pod that asks for a GPU waits where there is none, or none is left, and says so; selectors and taints count", async () => {
      const pod = (name: string, spec: object, resources: object = {}) => ({
        apiVersion: "v1",
        kind: "Pod",
        metadata: { name, namespace: "default" },
        spec: {
          ...spec,
          containers: [{ name, image: "busybox", command: ["sleep", "infinity"], resources }],
        },
      });
      const gpu = (count: string) => ({ limits: { "nvidia.com/gpu": count } });
      const waits = async (cluster: string, name: string, says: RegExp) => {
        const message = await eventually(async () => {
          const { status } = await json(cluster, "pod", name);
          return status.conditions?.find(({ type }: { type: string }) => type === "PodScheduled")
            ?.message as string;
        }, 10_000);
        assert.match(message, says);
        assert.equal((await json(cluster, "pod", name)).status.phase, "Pending");
      };
      const runs = (cluster: string, name: string) =>
        mesh.kubectl(cluster, "wait", `pod/${name}`, "--for=condition=Ready", "--timeout=60s");

      await apply("fra", pod("gpu", {}, gpu("1")));
      await waits("fra", "gpu", /^0\/1 nodes are available: 1 Insufficient nvidia\.com\/gpu\./);
      // ash has one, which the model has.
      await apply("ash", pod("gpu", {}, gpu("1")));
      await waits("ash", "gpu", /1 Insufficient nvidia\.com\/gpu/);
      const [node] = (await json("ash", "nodes")).items;
      assert.equal(node.status.allocatable["nvidia.com/gpu"], "1");

      await apply("fra", pod("picky", { nodeSelector: { disk: "ssd" } }));
      await waits("fra", "picky", /1 node\(s\) didn't match Pod's node affinity\/selector/);
      await mesh.kubectl("fra", "label", "node", "--all", "disk=ssd");
      await runs("fra", "picky");
      await mesh.kubectl("fra", "taint", "node", "--all", "dedicated=llm:NoSchedule");
      await apply("fra", pod("kept-out", {}));
      await waits("fra", "kept-out", /1 node\(s\) had untolerated taint/);
      const tolerations = [{ key: "dedicated", operator: "Exists", effect: "NoSchedule" }];
      await apply("fra", pod("tolerant", { tolerations }));
      await runs("fra", "tolerant");
      await mesh.kubectl("fra", "taint", "node", "--all", "dedicated-");
      await mesh.kubectl("fra", "label", "node", "--all", "disk-");
      await runs("fra", "kept-out");
      for (const [cluster, ...names] of [
        ["fra", "gpu", "picky", "kept-out", "tolerant"],
        ["ash", "gpu"],
      ] as const)
        await mesh.kubectl(cluster, "delete", "pod", ...names, "--wait=false");
    });

  test.skipIf(helm === undefined)(
    "GUIDE-07 stock helm installs, upgrades, tests, rolls back, lists and uninstalls on a cluster [needs helm]",
    async () => {
      const chart = path.join(import.meta.dirname, "support/chart");
      const type = async (...args: string[]) => {
        const at = ["--kubeconfig", mesh.kubeconfig, "--kube-context", "fra"];
        const { code, stdout, stderr } = await run(helm ?? "", [...args, ...at], {
          env: Object.fromEntries(
            ["CACHE", "CONFIG", "DATA"].map((one) => [`HELM_${one}_HOME`, path.join(mesh.folder, ".helm")]),
          ),
        });
        assert.equal(code, 0, `helm ${args.join(" ")}: ${stderr}`);
        return stdout;
      };
      const release = ["shop", chart, "--namespace", "shop"] as const;
      const values = async () => (await json("fra", "-n", "shop", "configmap", "shop")).data;

      const installed = await type("install", ...release, "--create-namespace", "--wait", "--timeout", "60s");
      assert.match(installed, /STATUS: deployed[\s\S]*shop greets with hello\./);
      assert.deepEqual(await values(), {
        greeting: "hello",
        revision: "1",
        kubernetes: "v1.33.1",
        autoscaling: "true",
        // helm looked at the cluster while it rendered.
        root: "true",
      });
      assert.equal((await json("fra", "-n", "shop", "offers", "shop")).spec.price, 5);
      const listed = async (): Promise<readonly string[]> =>
        JSON.parse(await type("list", "--all-namespaces", "--output", "json")).map(
          ({ name, namespace, revision, status, chart: of }: Record<string, string>) =>
            [name, namespace, revision, status, of].join(" "),
        );
      // Beside it, the charts of the mesh file.
      const releases = await listed();
      assert.ok(releases.includes("shop shop 1 deployed shop-1.2.0"), releases.join("\n"));
      for (const name of ["cert-manager cert-manager", "open-webui demo"])
        assert.ok(
          releases.some((line) => line.startsWith(`${name} 1 deployed`)),
          releases.join("\n"),
        );

      await type(
        "upgrade",
        "--install",
        ...release,
        "--set",
        "replicas=2,greeting=moin",
        "--wait",
        "--timeout",
        "60s",
      );
      assert.equal((await json("fra", "-n", "shop", "deployment", "shop")).status.readyReplicas, 2);
      assert.deepEqual([(await values()).greeting, (await values()).revision], ["moin", "2"]);
      assert.match(await type("get", "values", "shop", "-n", "shop"), /greeting: moin/);
      assert.match(
        await type("test", "shop", "-n", "shop", "--logs"),
        /Phase: +Succeeded[\s\S]*You've hit shop-/,
      );
      await type("rollback", "shop", "1", "-n", "shop", "--wait");
      assert.equal((await values()).greeting, "hello");
      const history = JSON.parse(await type("history", "shop", "-n", "shop", "-o", "json"));
      assert.deepEqual(
        history.map(({ revision, status }: { revision: number; status: string }) => `${revision} ${status}`),
        ["1 superseded", "2 superseded", "3 deployed"],
      );
      // The hook's Job went with its success.
      assert.equal(await mesh.kubectl("fra", "-n", "shop", "get", "jobs", "-o", "name"), "");

      await type("uninstall", "shop", "-n", "shop", "--wait");
      assert.ok(!(await listed()).some((line) => line.startsWith("shop ")));
      const left = await mesh.kubectl(
        "fra",
        "-n",
        "shop",
        "get",
        "deploy,svc,cm,secret,offers",
        "-o",
        "name",
      );
      assert.deepEqual(
        left
          .trim()
          .split("\n")
          .filter((name) => !/root-ca|ca-root-cert/.test(name)),
        [],
      );
      await mesh.kubectl("fra", "delete", "namespace", "shop", "--wait=false");
    },
  );

  test("OKE-13 answers of more than a minute are not cut, whole or streamed", async () => {
    for (const [how, { result }] of Object.entries(long)) {
      const { code, stdout, stderr } = await result;
      assert.equal(code, 0, `${how}: ${stderr}`);
      const lines = stdout.trimEnd().split("\n");
      const [status, seconds] = (lines.at(-1) ?? "").split(" ").map(Number);
      assert.equal(status, 200, how);
      assert.ok((seconds ?? 0) >= 60, `${how}: after ${seconds} s`);
      if (how === "whole") assert.equal(JSON.parse(lines[0] ?? "").usage.completion_tokens, 6100);
      else assert.equal(lines.filter((line) => line.includes('"content":" ')).length, 6099);
    }
  });

  test("OKE-46 without the model requests are 503, the page loads and says why; with it all is well again", async () => {
    const scale = (replicas: number) =>
      mesh.kubectl("ash", ...demo, "scale", "deployment/sglang", `--replicas=${replicas}`);
    await scale(0);
    await eventually(async () => {
      const said = await curl("fra", "-w", " %{http_code}", "http://sglang.demo/");
      assert.equal(said, "no healthy upstream 503");
      return true;
    }, 15_000);
    assert.equal((await plain("/")).status, 200);
    // The page's own proxy hears of it by itself.
    await eventually(async () => {
      const { data, errors } = await offered();
      assert.deepEqual(data, []);
      assert.match(
        errors[0].message,
        /^http:\/\/sglang\.demo\.svc\.cluster\.local\/v1 answered 503: no healthy upstream$/,
      );
      return true;
    });
    await scale(1);
    await offersLlama();
  });

  test("OKE-45 without hf-secret the model's pod waits and names it; the page answers with the upstream's error", async () => {
    const secret = await json("ash", ...demo, "secret", "hf-secret");
    await mesh.kubectl("ash", ...demo, "delete", "secret", "hf-secret");
    await mesh.kubectl("ash", ...demo, "delete", "pod", "-l", "app=sglang", "--wait=false");
    await eventually(async () => {
      const [pod] = (await json("ash", ...demo, "pods", "-l", "app=sglang")).items.filter(
        ({ metadata }: { metadata: { deletionTimestamp?: string } }) =>
          metadata.deletionTimestamp === undefined,
      );
      const states = pod?.status.containerStatuses ?? [];
      return states.some(
        ({ state }: { state: { waiting?: { reason?: string } } }) =>
          state.waiting?.reason === "CreateContainerConfigError",
      );
    }, 20_000);
    await eventually(async () =>
      /secret "hf-secret" not found/.test(await mesh.kubectl("ash", ...demo, "get", "events")),
    );
    // An answer, where plain() would give up a page that hangs.
    await eventually(async () => /answered 503: /.test((await offered()).errors[0]?.message ?? ""));
    const { name, namespace } = secret.metadata;
    await apply("ash", { ...secret, metadata: { name, namespace } });
    await offersLlama();
  });

  test("OKE-47 without its Service in fra the model's name does not resolve there, and the page says so", async () => {
    const service = await json("fra", ...demo, "service", "sglang");
    await mesh.kubectl("fra", ...demo, "delete", "service", "sglang");
    await eventually(async () => (await inPod("fra", "getent", "hosts", "sglang.demo")).code === 2, 10_000);
    assert.equal((await inPod("ash", "getent", "hosts", "sglang.demo")).code, 0);
    const { cause } = await finds("service/missing-in-cluster");
    assert.equal(cause, "Service sglang exists in ash only");
    await eventually(async () => {
      const { errors } = await offered();
      return /^http:\/\/sglang\.demo\S+ can't be reached: .*ENOTFOUND/.test(errors[0]?.message ?? "");
    });
    const { name, namespace, labels } = service.metadata;
    const { selector, ports } = service.spec;
    await apply("fra", {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name, namespace, labels },
      spec: { selector, ports },
    });
    await offersLlama();
    await isHealthy();
  });
});

suite.skipIf(kubectl === undefined)("OKE: programs and charts of the user's own [needs kubectl]", () => {
  let mesh: MeshUnderTest;
  const { curl } = modelOf(() => mesh);

  beforeAll(async () => {
    const program = path.join(import.meta.dirname, "support/own-model.mjs");
    const command = JSON.stringify([process.execPath, program, "acme/own"]);
    mesh = await startOke({
      prepare(folder) {
        cpSync(path.join(import.meta.dirname, "support/chart"), path.join(folder, "shop"), {
          recursive: true,
        });
        const file = path.join(folder, "mesh.yaml");
        edit(
          file,
          /$/,
          `images:\n  lmsysorg/sglang: { command: ${command}, env: { WHERE: "{pod} in {cluster}" } }\n`,
        );
        if (helm !== undefined)
          edit(
            file,
            "      - demo/ ",
            "      - { chart: ./shop, name: shop, namespace: shop, set: { replicas: 2, greeting: moin } }\n$&",
          );
      },
    });
  });
  afterAll(() => mesh?.stop());

  test("OKE-17 images: puts a server of the user's in the model's place, and the page talks to it", async () => {
    await eventually(async () => /acme\/own/.test(await curl("fra", "http://sglang.demo/v1/models")));
    const question = JSON.stringify({ model: "acme/own", messages: [], stream: true });
    const answer = await eventually(async () => {
      const said = await curl("fra", "--json", question, "http://open-webui.demo/api/chat/completions");
      return said.includes("[DONE]") && said;
    }, 10_000);
    assert.match(answer, /"I am "[\s\S]*"acme\/own"[\s\S]*"sglang-\S+ in ash"/);
  });

  test.skipIf(helm === undefined)(
    "a chart of the user's is rendered by helm and applied, hooks and definitions included; one that left is deleted [needs helm]",
    async () => {
      const { data } = JSON.parse(await mesh.kubectl("fra", "-n", "shop", "get", "cm", "shop", "-o", "json"));
      assert.deepEqual([data.greeting, data.kubernetes], ["moin", "v1.33.1"]);
      await mesh.kubectl("fra", "-n", "shop", "get", "offers", "shop");
      await mesh.kubectl(
        "fra",
        "-n",
        "shop",
        "wait",
        "job/shop-prepare",
        "--for=condition=Complete",
        "--timeout=60s",
      );
      assert.match(
        await mesh.kubectl("fra", "-n", "shop", "rollout", "status", "deployment/shop", "--timeout=60s"),
        /successfully rolled out/,
      );
      assert.equal((await mesh.tryKubectl("fra", ["-n", "shop", "get", "pod", "shop-answers"])).code, 1);
      assert.match(await curl("fra", "http://shop.shop:8080/"), /^You've hit shop-/);
      await mesh.isthmus("down");
      await eventually(async () => !existsSync(path.join(mesh.folder, ".isthmus/lock")), 10_000);
      edit(path.join(mesh.folder, "mesh.yaml"), /^.*chart: \.\/shop.*\n/m, "");
      const { code, stderr } = await mesh.isthmus("up", "--detach", ...patientUp, ...dataplane);
      assert.equal(code, 0, stderr);
      assert.match(stderr, /deleted, no longer in the mesh file: .*Deployment shop\/shop/);
    },
  );

  if (isBuiltIn)
    test("MESH-02 a chart that only helm can render is a mistake of the file where there is no helm; nothing is started", async () => {
      const file = path.join(mesh.folder, "other.yaml");
      cpSync(path.join(mesh.folder, "mesh.yaml"), file);
      edit(file, "      - demo/ ", "      - { chart: shop/cart, repo: https://charts.example.com }\n$&");
      const { code, stderr } = await run(
        process.execPath,
        [
          path.join(import.meta.dirname, "../../bin/isthmus"),
          "up",
          file,
          "--detach",
          "--state",
          path.join(mesh.folder, "s"),
        ],
        { env: { PATH: path.dirname(process.execPath), HELM_PATH: "/nowhere/helm" } },
      );
      assert.equal(code, 3, stderr);
      assert.match(stderr, /other\.yaml:\d+:\d+ {2}mesh\/helm-missing/);
      assert.match(stderr, /chart shop\/cart is rendered by helm.*install helm/);
      assert.match(stderr, /Nothing was started/);
    });
});
