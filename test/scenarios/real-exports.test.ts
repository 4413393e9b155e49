import assert from "node:assert/strict";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { suite, test } from "vitest";
import { findHelm, findKubectls } from "../support/tools.ts";
import { startBareClusters, writeIstioCharts } from "./support/bare-clusters.ts";
import { edit } from "./support/examples.ts";
import { eventually, isthmus, run } from "./support/running-mesh.ts";

const helm = findHelm();

/** What crosses clusters only by exports, on clusters that are known by a kubeconfig and have no manager. */
suite.skipIf(findKubectls().length === 0 || helm === undefined)(
  "exported services on real clusters [needs kubectl] [needs helm]",
  () => {
    test("GLOBAL-17 an apply of the example gives the page with the message; rules of v1alpha3 are taken too; what is exported no more is known no more", async () => {
      const folder = mkdtempSync(path.join(tmpdir(), "isthmus-exports-"));
      cpSync(path.join(import.meta.dirname, "../../examples/global"), folder, {
        recursive: true,
        filter: (source) => ![".isthmus", "certs"].includes(path.basename(source)),
      });
      const meshFile = path.join(folder, "mesh.yaml");
      edit(meshFile, /^trust:.*$/m, "istio: { charts: charts }");
      edit(
        path.join(folder, "greeter/gateway.yaml"),
        "networking.istio.io/v1\nkind: VirtualService",
        "networking.istio.io/v1alpha3\nkind: VirtualService",
      );
      writeIstioCharts(path.join(folder, "charts"));
      const bare = await startBareClusters({
        clusters: { "mesh-1": { network: "aws" }, "mesh-2": { network: "gcp" } },
      });
      try {
        const program = async (...args: string[]) => {
          const home = path.join(folder, ".helm");
          const { code, stdout, stderr } = await run(process.execPath, [isthmus, ...args], {
            cwd: folder,
            env: {
              KUBECONFIG: bare.kubeconfig,
              HELM_PATH: helm ?? "",
              HELM_CACHE_HOME: home,
              HELM_CONFIG_HOME: home,
              HELM_DATA_HOME: home,
            },
          });
          assert.equal(code, 0, stdout + stderr);
          return stdout;
        };
        await program("apply", "--timeout", "60");
        const hosts = () =>
          bare.kubectl("mesh-1", "get", "serviceentries", "-A", "-o", "jsonpath={.items[*].spec.hosts[*]}");
        assert.equal(await hosts(), "messenger.default.global");
        const address = await bare.kubectl(
          ...(["mesh-1", "-n", "istio-system", "get", "service", "istio-ingressgateway", "-o"] as const),
          "jsonpath={.status.loadBalancer.ingress[0].ip}",
        );
        const page = await eventually(async () => {
          const answer = await fetch(`http://${address}/greeter`);
          const text = await answer.text();
          return text.includes("We have a message for you:") && text;
        });
        assert.match(page, /All good from Google/);
        assert.match(await program("plan"), /Nothing to do\./);

        edit(meshFile, /^ +exports: .*\n/m, "");
        await program("apply", "--yes", "--timeout", "60");
        assert.equal(await hosts(), "");

        await program("down", "--real", "--yes");
      } finally {
        await bare.stop();
        rmSync(folder, { recursive: true, force: true });
      }
    });
  },
);
