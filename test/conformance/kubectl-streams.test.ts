import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect, createServer as createTcpServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, suite, test } from "vitest";
import { handleExec, handlePortForward } from "../../src/apiserver/streams/index.ts";
import { findKubectls } from "../support/tools.ts";

// exec and port-forward of real kubectls, old (SPDY) and new (WebSocket), against a server that knows one pod
// and nothing else.

const versions = ["1.27", "1.29", "1.30", "1.33"];
const kubectls = findKubectls();
const host = "127.0.0.1";
const pod = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "p", namespace: "default" },
  spec: { containers: [{ name: "c", image: "i" }] },
  status: { phase: "Running" },
};

const answers: Readonly<Record<string, object>> = {
  "/api": { kind: "APIVersions", versions: ["v1"] },
  "/apis": { kind: "APIGroupList", apiVersion: "v1", groups: [] },
  "/api/v1": {
    kind: "APIResourceList",
    groupVersion: "v1",
    resources: [
      {
        name: "pods",
        singularName: "pod",
        namespaced: true,
        kind: "Pod",
        verbs: ["get"],
        shortNames: ["po"],
      },
    ],
  },
  "/api/v1/namespaces/default/pods/p": pod,
};

let server: Server;
let echo: ReturnType<typeof createTcpServer>;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "kubectl-streams-"));
  echo = createTcpServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => {});
    socket.pipe(socket);
  });
  server = createServer((request, response) => {
    const known = answers[request.url?.split("?")[0] ?? ""];
    const answer = known ?? { kind: "Status", apiVersion: "v1", status: "Failure", code: 404 };
    response.writeHead(known === undefined ? 404 : 200, { "content-type": "application/json" });
    response.end(JSON.stringify(answer));
  });
  server.on("upgrade", (request, socket, head) => {
    const command = new URL(request.url ?? "", "http://x").searchParams.getAll("command");
    const session = request.url?.includes("/portforward")
      ? handlePortForward(request, socket, head, {
          async connect(port) {
            const made = connect({ port, host, allowHalfOpen: true });
            await once(made, "connect");
            return made;
          },
        })
      : handleExec(request, socket, head, {
          async run({ stdin, stdout, stderr }, signal) {
            const [program = "", ...args] = command;
            const child = spawn(program, args, { signal, stdio: "pipe" });
            child.stdin.on("error", () => {});
            const feed = async () => {
              for await (const chunk of stdin ?? []) child.stdin.write(chunk);
              child.stdin.end();
            };
            const pump = async (
              from: AsyncIterable<Buffer>,
              to: (chunk: Buffer) => Promise<void> | undefined,
            ) => {
              for await (const chunk of from) await to(chunk);
            };
            const exited = once(child, "exit") as Promise<[number | null]>;
            void feed();
            await Promise.all([pump(child.stdout, stdout), pump(child.stderr, stderr)]);
            const [code] = await exited;
            return { exitCode: code ?? 137 };
          },
        });
    void session;
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  await new Promise<void>((resolve) => echo.listen(0, host, resolve));
});

afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await new Promise((resolve) => echo.close(resolve));
  rmSync(folder, { recursive: true, force: true });
});

const globalArguments = () => [
  "--server",
  `http://${host}:${(server.address() as AddressInfo).port}`,
  "--kubeconfig",
  "/dev/null",
  "--cache-dir",
  folder,
];

async function run(kubectl: string, args: readonly string[], input = "") {
  const child = spawn(kubectl, [...globalArguments(), ...args], { stdio: "pipe" });
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (chunk) => {
    stdout += chunk;
  });
  child.stderr.on("data", (chunk) => {
    stderr += chunk;
  });
  const [code] = (await once(child, "close")) as [number];
  return { code, stdout, stderr };
}

for (const version of versions) {
  const program = kubectls.find((kubectl) => kubectl.version === version)?.path ?? "";
  suite.skipIf(program === "")(`kubectl ${version} [needs kubectl]`, () => {
    test("exec gives stdout and stderr apart", async () => {
      const { code, stdout, stderr } = await run(program, [
        "exec",
        "p",
        "--",
        "sh",
        "-c",
        "echo out; echo err >&2",
      ]);
      assert.deepEqual([code, stdout, stderr], [0, "out\n", "err\n"]);
    });
    test("exec ends with the command's exit code", async () => {
      const { code, stderr } = await run(program, ["exec", "p", "--", "sh", "-c", "exit 3"]);
      assert.equal(code, 3);
      assert.match(stderr, /command terminated with exit code 3/);
    });
    test("exec -i hands stdin through to its end", async () => {
      const input = "line\n".repeat(50_000);
      const { code, stdout } = await run(program, ["exec", "-i", "p", "--", "wc", "-l"], input);
      assert.deepEqual([code, stdout.trim()], [0, "50000"]);
    });
    test("exec loses nothing of much output", async () => {
      const { code, stdout } = await run(program, ["exec", "p", "--", "sh", "-c", "seq 1 300000"]);
      assert.equal(code, 0);
      assert.equal(
        stdout.length,
        Array.from({ length: 300_000 }, (_, i) => String(i + 1).length + 1).reduce((a, b) => a + b),
      );
    });
    test("port-forward carries connections, one after another and at once", async () => {
      const target = (echo.address() as AddressInfo).port;
      const child = spawn(program, [...globalArguments(), "port-forward", "pod/p", `:${target}`], {
        stdio: "pipe",
      });
      try {
        let said = "";
        const local = await new Promise<number>((resolve, reject) => {
          child.once("exit", () => reject(new Error(said)));
          const hear = (chunk: Buffer) => {
            said += chunk;
            const match = /Forwarding from 127\.0\.0\.1:(\d+)/.exec(said);
            if (match !== null) resolve(Number(match[1]));
          };
          child.stdout.on("data", hear);
          child.stderr.on("data", hear);
        });
        const talk = async (text: string) => {
          const socket = connect(local, host);
          socket.end(text);
          let answer = "";
          for await (const chunk of socket) answer += chunk;
          return answer;
        };
        assert.equal(await talk("one"), "one");
        const texts = ["two", "three", "x".repeat(500_000)];
        assert.deepEqual(await Promise.all(texts.map(talk)), texts);
      } finally {
        const gone = once(child, "exit");
        child.kill();
        await gone;
      }
    });
  });
}
