import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import path from "node:path";
import { afterEach, suite, test } from "vitest";
import { waitFor } from "../base/index.ts";
import { ApiError, kinds } from "../kube/index.ts";
import type { ExecStreams } from "./contracts.ts";
import { hasTerminals } from "./process/terminal.ts";
import {
  createTestStandIn,
  isReady,
  startTestNodes,
  type TestNodes,
} from "./test-support/start-test-nodes.ts";

const cleanUps: (() => Promise<unknown>)[] = [];
const start: typeof startTestNodes = async (options, api) => {
  const nodes = await startTestNodes(options, api);
  cleanUps.push(() => nodes.stop());
  return nodes;
};
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const name = { namespace: "sample", name: "tools" };

async function startTools(): Promise<TestNodes> {
  const nodes = await start();
  await nodes.create("tools", {
    serviceAccountName: "painter",
    containers: [{ name: "app", image: "curlimages/curl:8", env: [{ name: "COLOUR", value: "blue" }] }],
  });
  await nodes.see("tools", isReady);
  return nodes;
}

/** Streams that a test types into; `text` is what came back so far. */
function typing(tty: boolean, size = { width: 90, height: 33 }) {
  const queue: Uint8Array[] = [];
  let wake = () => {};
  let isOver = false;
  let text = "";
  async function* stdin() {
    while (!isOver || queue.length > 0) {
      const next = queue.shift();
      if (next !== undefined) yield next;
      else await new Promise<void>((resolve) => (wake = resolve));
    }
  }
  const add = (chunk: Uint8Array) => {
    text += Buffer.from(chunk).toString();
  };
  const streams: ExecStreams = {
    tty,
    stdin: stdin(),
    stdout: add,
    stderr: add,
    resizes: (async function* () {
      yield size;
    })(),
  };
  return {
    streams,
    type(line: string) {
      queue.push(Buffer.from(line));
      wake();
    },
    end() {
      isOver = true;
      wake();
    },
    sees: (wanted: RegExp) =>
      waitFor(() => wanted.exec(text) ?? undefined, { signal: AbortSignal.timeout(30_000) }),
  };
}

suite("exec", () => {
  test("runs host programs in the pod's environment and nothing of the engine's", async () => {
    process.env["ISTHMUS_TEST_SECRET"] = "hidden";
    cleanUps.push(async () => delete process.env["ISTHMUS_TEST_SECRET"]);
    const nodes = await startTools();
    const { stdout, exitCode } = await nodes.exec("tools", ["env"]);
    assert.equal(exitCode, 0);
    const lines = stdout.split("\n");
    for (const line of [
      "COLOUR=blue",
      "HOSTNAME=tools",
      "KUBERNETES_SERVICE_HOST=127.99.128.1",
      "KUBERNETES_SERVICE_PORT=443",
    ]) {
      assert.ok(lines.includes(line), line);
    }
    assert.ok(!stdout.includes("hidden"));
  });

  const programs = [
    {
      command: ["sh", "-c", "echo out; echo err >&2; exit 3"],
      exitCode: 3,
      stdout: "out\n",
      stderr: /^err\n$/,
    },
    { command: ["hostname"], exitCode: 0, stdout: "tools\n", stderr: /^$/ },
    {
      command: ["no-such-program"],
      exitCode: 127,
      stdout: "",
      stderr: /exec: "no-such-program": executable file not found in \$PATH/,
    },
    {
      command: ["/etc/passwd"],
      exitCode: 126,
      stdout: "",
      stderr: /exec: "\/etc\/passwd": permission denied/,
    },
    { command: ["sh", "-c", "kill -9 $$"], exitCode: 137, stdout: "", stderr: /^$/ },
  ];
  for (const { command, exitCode, stdout, stderr } of programs) {
    test(`${command.join(" ")} gives exit code ${exitCode}`, async () => {
      const nodes = await startTools();
      const result = await nodes.exec("tools", command);
      assert.equal(result.exitCode, exitCode);
      assert.equal(result.stdout, stdout);
      assert.match(result.stderr, stderr);
    });
  }

  test("what a command leaves in the background ends with it", async () => {
    const nodes = await startTools();
    const { stdout } = await nodes.exec("tools", ["sh", "-c", "sleep 60 & echo $!"]);
    const pid = Number(stdout);
    await waitFor(() => (existsSync(`/proc/${pid}/cwd`) ? undefined : true), {
      signal: AbortSignal.timeout(30_000),
    });
  });

  test("a command ends when the client goes away", async () => {
    const nodes = await startTools();
    const leave = new AbortController();
    const streams: ExecStreams = { tty: false, stdout: () => leave.abort(), stderr() {} };
    const { exitCode } = await nodes.runtime.exec(
      name,
      "app",
      ["sh", "-c", "echo up; sleep 60"],
      streams,
      leave.signal,
    );
    assert.equal(exitCode, 137);
  });

  test("standard input is passed on, its end included", async () => {
    const nodes = await startTools();
    const { streams, type, end, sees } = typing(false);
    const done = nodes.runtime.exec(
      name,
      "app",
      ["sh", "-c", "cat; echo done"],
      streams,
      AbortSignal.timeout(30_000),
    );
    type("hello\n");
    await sees(/hello/);
    end();
    assert.deepEqual(await done, { exitCode: 0 });
    await sees(/done/);
  });

  test.skipIf(!hasTerminals())(
    "-it gives a terminal of the client's size, and the shell's exit code",
    async () => {
      const nodes = await startTools();
      const { streams, type, sees } = typing(true);
      const done = nodes.runtime.exec(name, "app", ["sh"], streams, AbortSignal.timeout(30_000));
      type("test -t 0 && stty size\n");
      await sees(/33 90/);
      type("exit 7\n");
      assert.deepEqual(await done, { exitCode: 7 });
    },
  );

  test("a service account token can be read where it is mounted", async () => {
    const nodes = await start();
    const mountPath = "/var/run/secrets/kubernetes.io/serviceaccount";
    await nodes.create("tools", {
      volumes: [
        {
          name: "token",
          projected: { sources: [{ serviceAccountToken: { path: "token", audience: "here" } }] },
        },
      ],
      containers: [{ name: "app", image: "curl", volumeMounts: [{ name: "token", mountPath }] }],
    });
    await nodes.see("tools", isReady);
    const { stdout } = await nodes.exec("tools", ["cat", `${mountPath}/token`]);
    assert.equal(stdout, "token-for-here");
  });

  test("a container that does not run is refused as a kubelet does", async () => {
    const nodes = await start();
    await nodes.create("tools", { containers: [{ name: "app", image: "unknown" }] });
    await nodes.see(
      "tools",
      (pod) => pod.status?.containerStatuses?.[0]?.state?.waiting?.reason === "ErrImagePull",
    );
    const isRefusal = (reason: unknown) =>
      reason instanceof ApiError &&
      reason.code === 500 &&
      /container not found \("app"\)/.test(reason.message);
    await assert.rejects(nodes.exec("tools", ["true"]), isRefusal);
  });
});

suite("names in a pod", () => {
  const names = { "web.sample.svc.cluster.local": "127.99.128.7" };
  const questions = [
    {
      command: ["getent", "hosts", "web"],
      exitCode: 0,
      says: /^127\.99\.128\.7\s+web\.sample\.svc\.cluster\.local\n$/,
    },
    { command: ["getent", "hosts", "nothing"], exitCode: 2, says: /^$/ },
    {
      command: ["nslookup", "web.sample"],
      exitCode: 0,
      says: /Name:\tweb\.sample\.svc\.cluster\.local\nAddress: 127\.99\.128\.7/,
    },
    { command: ["nslookup", "nothing"], exitCode: 1, says: /server can't find nothing: NXDOMAIN/ },
    { command: ["dig", "+short", "web.sample.svc.cluster.local"], exitCode: 0, says: /^127\.99\.128\.7\n$/ },
    { command: ["dig", "web"], exitCode: 0, says: /status: NXDOMAIN/ },
  ];
  for (const { command, exitCode, says } of questions) {
    test(`${command.join(" ")} asks the pod's resolver`, async () => {
      const nodes = await start({ names });
      await nodes.create("tools", { containers: [{ name: "app", image: "curl" }] });
      await nodes.see("tools", isReady);
      const result = await nodes.exec("tools", command);
      assert.match(result.stdout, says, result.stderr);
      assert.equal(result.exitCode, exitCode);
    });
  }
});

suite("logs, attach and port-forward", () => {
  test("following ends with the container and shows what came after", async () => {
    const step = createTestStandIn("step");
    const nodes = await start({ standIns: [step] });
    await nodes.create("tools", { restartPolicy: "Never", containers: [{ name: "app", image: "step" }] });
    await nodes.see("tools", isReady);
    const text = nodes.logs("tools", "app", { follow: true });
    step.ends[0]?.(0);
    assert.equal(await text, "run 1 of app\n");
  });

  test("a program's output is the log, and its mapped command gets where to listen", async () => {
    const script = `console.log(process.argv.slice(1).join(" "), process.env.MODE); setInterval(() => {}, 1000)`;
    const command = [process.execPath, "-e", script, "{host}:{port}", "{pod}.{namespace}.{cluster}"];
    const nodes = await start({ images: new Map([["cart*", { command, env: { MODE: "{pod}" } }]]) });
    await nodes.create("tools", {
      terminationGracePeriodSeconds: 5,
      containers: [{ name: "app", image: "shop/cart-v2:1", ports: [{ containerPort: 3000 }] }],
    });
    const pod = await nodes.see("tools", (seen) => isReady(seen) && seen);
    const shadow = pod.status?.podIP?.replace(
      /^127\.99\.(\d+)/,
      (_, third) => `127.99.${Number(third) + 64}`,
    );
    const text = await waitFor(async () => (await nodes.logs("tools")) || undefined, {
      signal: AbortSignal.timeout(30_000),
    });
    assert.equal(text, `${shadow}:3000 tools.sample.test tools\n`);
    await nodes.api.client.delete(kinds.pods, "tools", { namespace: "sample" });
    await nodes.isGone("tools");
  });

  test("a tool image runs the container's command and gives its exit code", async () => {
    const nodes = await start();
    await nodes.create("tools", {
      restartPolicy: "Never",
      containers: [
        {
          name: "app",
          image: "busybox",
          command: ["sh", "-c", "echo $(COLOUR); exit 5"],
          env: [{ name: "COLOUR", value: "red" }],
        },
      ],
    });
    const pod = await nodes.see("tools", (seen) => seen.status?.phase === "Failed" && seen);
    assert.equal(pod.status?.containerStatuses?.[0]?.state?.terminated?.exitCode, 5);
    assert.equal(await nodes.logs("tools"), "red\n");
  });

  test("attach types into the container and shows its output", async () => {
    const nodes = await start();
    await nodes.create("tools", {
      restartPolicy: "Never",
      containers: [{ name: "app", image: "busybox", stdin: true, command: ["cat"] }],
    });
    await nodes.see("tools", isReady);
    const { streams, type, end, sees } = typing(false);
    const done = nodes.runtime.attach(name, "app", streams, AbortSignal.timeout(30_000));
    type("echo\n");
    await sees(/echo/);
    end();
    assert.deepEqual(await done, { exitCode: 0 });
  });

  test("port-forward reaches the app", async () => {
    const nodes = await start();
    await nodes.create("tools", { containers: [{ name: "app", image: "luksa/kubia" }] });
    await nodes.see("tools", isReady);
    const socket = await nodes.runtime.portForward(name, 8080);
    socket.end("GET / HTTP/1.0\r\n\r\n");
    let text = "";
    for await (const chunk of socket) text += String(chunk);
    assert.match(text, /You've hit tools\n$/);
    await assert.rejects(nodes.runtime.portForward(name, 8081), {
      message: /dial tcp4 127\.0\.0\.1:8081: connect: connection refused/,
    });
  });

  test("the scratch folder of a pod goes with it", async () => {
    const nodes = await startTools();
    await nodes.exec("tools", ["true"]);
    const folder = path.join(nodes.stateFolder, "pods");
    assert.ok(existsSync(path.join(folder, `sample_tools_${nodes.api.pod("tools")?.metadata.uid}`)));
    const uid = nodes.api.pod("tools")?.metadata.uid;
    await nodes.api.client.delete(kinds.pods, "tools", { namespace: "sample" });
    await nodes.isGone("tools");
    const left = path.join(folder, `sample_tools_${uid}`);
    await waitFor(() => (existsSync(left) ? undefined : true), { signal: AbortSignal.timeout(30_000) });
  });
});

suite("ephemeral containers", () => {
  test("are started once in a pod that runs, and can be attached to and looked at", async () => {
    const nodes = await startTools();
    const pod = nodes.api.pod("tools");
    assert.ok(pod);
    const debug = { name: "debug", image: "busybox", stdin: true };
    await nodes.api.client.replace(kinds.pods, {
      ...pod,
      spec: { ...pod.spec, ephemeralContainers: [debug] },
    });
    const runs = await nodes.see("tools", ({ status }) =>
      status?.ephemeralContainerStatuses?.[0]?.state?.running === undefined ? undefined : status,
    );
    assert.equal(runs.phase, "Running");
    const typed = typing(false);
    const { signal } = new AbortController();
    const attached = nodes.runtime.attach(name, "debug", typed.streams, signal);
    typed.type("hostname; exit 4\n");
    typed.end();
    assert.equal((await attached).exitCode, 4);
    await typed.sees(/tools/);
    const over = await nodes.see(
      "tools",
      ({ status }) => status?.ephemeralContainerStatuses?.[0]?.state?.terminated,
    );
    assert.equal(over.exitCode, 4);
  });
});
