// Records the request bodies that a real kubectl sends in protobuf, as the fixtures that the decoder is tested
// with: node scripts/record-kubectl-bodies.mjs KUBECTL > src/kube/protobuf.fixtures.json
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Worker } from "node:worker_threads";

const kubectl = process.argv[2] ?? "kubectl";
const folder = mkdtempSync(path.join(tmpdir(), "kubectl-bodies-"));

// The server runs in a thread of its own, since spawnSync keeps this one waiting.
const server = `
  const { createServer } = require("node:http");
  const { parentPort } = require("node:worker_threads");
  createServer((request, response) => {
    const chunks = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks);
      if (body.subarray(0, 4).toString() === "k8s\\0")
        parentPort.postMessage({ method: request.method, path: request.url, body: body.toString("base64") });
      response.writeHead(request.method === "GET" ? 404 : 418, { "content-type": "application/json" });
      response.end(JSON.stringify({ kind: "Status", apiVersion: "v1", status: "Failure", code: 418 }));
    });
  }).listen(0, "127.0.0.1", function () { parentPort.postMessage({ port: this.address().port }); });
`;

const worker = new Worker(server, { eval: true });
const inbox = [];
const port = await new Promise((resolve) => {
  worker.on("message", (message) =>
    message.port === undefined ? inbox.push(message) : resolve(message.port),
  );
});

const secretFile = path.join(folder, "key");
writeFileSync(secretFile, Buffer.from([0, 1, 2, 255]));
const commands = [
  "create configmap c --from-literal=a=1 --from-literal=empty=",
  `create secret generic s --from-file=key=${secretFile}`,
  "create namespace n",
  "create serviceaccount sa",
  "create rolebinding b --role=r --user=u --serviceaccount=n:sa",
  "create clusterrole cr --verb=get --non-resource-url=/healthz",
  "create deployment d --image=web:1 --replicas=0 --port=80",
  "create job j --image=web:1 -- sh -c true",
  "create cronjob cj --image=web:1 --schedule=@hourly",
  "create ingress i --class=nginx --rule=example.com/path*=svc:80,tls=cert",
  "create quota q --hard=cpu=1,memory=1Gi,pods=2",
  "create poddisruptionbudget p --selector=app=web --min-available=50%",
  "create priorityclass pc --value=0 --global-default=false --description=x",
  "create service clusterip sv --tcp=80:8080",
  "create service nodeport np --tcp=80 --node-port=30080",
  "create token sa --duration=10m",
  "auth can-i get pods",
  "auth whoami",
].map((command) => command.split(" "));

const records = [];
for (const command of commands) {
  inbox.length = 0;
  spawnSync(
    kubectl,
    ["--server", `http://127.0.0.1:${port}`, "--kubeconfig", "/dev/null", "--cache-dir", folder, ...command],
    {
      encoding: "utf8",
      timeout: 20_000,
    },
  );
  await new Promise((resolve) => setImmediate(() => setTimeout(resolve, 20)));
  for (const { method, path: target, body } of inbox)
    records.push({ command: command.join(" ").replaceAll(folder, "."), method, path: target, body });
}
await worker.terminate();
rmSync(folder, { recursive: true });
process.stdout.write(`${JSON.stringify(records, undefined, 1)}\n`);
