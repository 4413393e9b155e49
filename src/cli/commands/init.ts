import { cpSync, existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { IsthmusError, nearestName } from "../../base/index.ts";
import { type Command, textOption } from "../command.ts";

const app = `apiVersion: v1
kind: Service
metadata:
  name: hello
  labels: { app: hello }
spec:
  selector: { app: hello }
  ports:
    - { name: http, port: 5000 }
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: hello
  labels: { app: hello, version: v1 }
spec:
  selector:
    matchLabels: { app: hello, version: v1 }
  template:
    metadata:
      labels: { app: hello, version: v1 }
    spec:
      containers:
        - name: hello
          image: docker.io/istio/examples-helloworld-v1:1.0
          ports: [{ containerPort: 5000 }]
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: curl
  labels: { app: curl }
spec:
  selector:
    matchLabels: { app: curl }
  template:
    metadata:
      labels: { app: curl }
    spec:
      containers:
        - name: curl
          image: docker.io/curlimages/curl:8.16.0
          command: ["sleep", "infinity"]
`;

export const init: Command = {
  summary: "Write a mesh file to start from: two clusters on one network, and a small application.",
  usage: "init [NAME] [--example NAME]",
  options: { example: { type: "string" } },
  optionTexts: { example: "copy one of the examples instead: mesh file and manifests" },
  async run(input) {
    const { terminal, positionals } = input;
    const example = textOption(input, "example");
    const name = positionals[0] ?? example ?? "demo";
    if (!/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(name)) {
      throw new IsthmusError("arguments/wrong", `"${name}" can't name a mesh`, {
        nextStep: "Use lower-case letters, digits and dashes.",
      });
    }
    const folder = path.resolve(name);
    if (existsSync(folder) && readdirSync(folder).length > 0) {
      throw new IsthmusError("arguments/wrong", `${folder} is there already and not empty`, {
        nextStep: "Name another one: isthmus init NAME.",
      });
    }
    if (example === undefined) writeSmallest(folder, name);
    else copyExample(folder, example);
    terminal.print(`wrote ${name}/mesh.yaml\n\n  cd ${name} && isthmus up`);
    return 0;
  },
};

function writeSmallest(folder: string, name: string): void {
  mkdirSync(path.join(folder, "app"), { recursive: true });
  const lines = ["apiVersion: isthmus.dev/v1alpha1", "kind: Mesh", `name: ${name}`, `namespaces: [${name}]`];
  const manifests = [
    "manifests:",
    `  - { file: app/, namespace: ${name} }`,
    "clusters:",
    "  east: {}",
    "  west: {}",
  ];
  writeFileSync(path.join(folder, "mesh.yaml"), `${[...lines, ...manifests].join("\n")}\n`);
  writeFileSync(path.join(folder, "app/hello.yaml"), app);
}

function copyExample(folder: string, example: string): void {
  const examples = examplesFolder();
  const known = readdirSync(examples, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);
  if (!known.includes(example)) {
    const near = nearestName(example, known);
    throw new IsthmusError("arguments/wrong", `there is no example "${example}"`, {
      nextStep: near === undefined ? `There are: ${known.join(", ")}.` : `Did you mean ${near}?`,
    });
  }
  const notCopied = new Set([".isthmus", "certs"]);
  cpSync(path.join(examples, example), folder, {
    recursive: true,
    filter: (source) => !notCopied.has(path.basename(source)),
  });
}

/** examples/ stands beside dist/ in the package, and two folders above this file in a checkout. */
function examplesFolder(): string {
  const here = path.dirname(fileURLToPath(import.meta.url));
  const places = [path.join(here, "../examples"), path.join(here, "../../../examples")];
  const found = places.find((place) => existsSync(place));
  if (found === undefined) throw new IsthmusError("tool/missing", "this installation has no examples folder");
  return found;
}
