import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { test } from "vitest";
import type { OpenConsole } from "./browser.ts";
import { hello } from "./examples.ts";
import { eventually, type MeshUnderTest } from "./running-mesh.ts";

/** Every page that the aks example has, one of each kind. */
export const addresses = [
  "/mesh",
  "/traffic",
  "/checks",
  "/services",
  "/config",
  "/trust",
  "/live",
  "/traces",
  "/workloads",
  "/clusters",
  "/clusters/main0",
  "/workspaces",
  "/clusters/main0/namespaces/sample/workloads/sleep",
];

const workload = (cluster: string, name: string) =>
  `/clusters/${cluster}/namespaces/sample/workloads/${name}`;

/** Tests of what is done from the pages of the aks example, each with its effect on real requests, and taken back. */
export function testActions(read: () => { readonly mesh: MeshUnderTest; readonly console: OpenConsole }) {
  /** Answers of some requests from sleep in main0. */
  const ask = (...curlArgs: string[]) =>
    read().mesh.curl("main0", `http://${hello}`, 8, "--max-time", "3", ...curlArgs);
  const areAll = async (status: string) => {
    const found = await ask("-o", "/dev/null", "-w", "%{http_code}\n");
    return found.length > 0 && found.every((one) => one === status);
  };
  const button = (page: Page, name: string) => page.getByRole("button", { name, exact: true });
  const confirm = async (page: Page, verb: string) => {
    const dialog = page.getByRole("dialog");
    await button(page, verb).and(dialog.getByRole("button")).click();
    await dialog.waitFor({ state: "detached" });
  };

  test("verify is run from the page: it sends requests both ways, and its verdict is shown", async () => {
    const { page, view, origin, token } = read().console;
    await view("/mesh");
    const shown = page.getByText(/^passed, [\d,]+ requests$/);
    await eventually(async () => {
      await button(page, "Verify").click();
      await page.getByText("sending requests both ways").waitFor({ state: "detached" });
      return shown.isVisible();
    });
    await eventually(async () => {
      const answer = await fetch(`${origin}/api/mesh`, { headers: { authorization: `Bearer ${token}` } });
      const { proof } = (await answer.json()) as { readonly proof: { ok: boolean; requests: number } };
      const words = `passed, ${proof.requests.toLocaleString("en")} requests`;
      return proof.ok && proof.requests > 0 && (await shown.textContent()) === words;
    });
  });

  test("load is started from a workload's page, meets the fault that is injected from a service's, and both are ended", async () => {
    const { page, view } = read().console;
    await view(workload("main0", "sleep"));
    await button(page, "Send requests").click();
    await page.getByLabel("URL, as the workload would write it").fill(`http://${hello}?by=console`);
    await page.getByLabel("Requests a second").fill("20");
    await page.getByLabel("Seconds").fill("600");
    await page
      .getByText(/^isthmus load .*by=console.* --from deployment\/sleep\.sample --cluster main0 --rate 20/)
      .waitFor();
    await button(page, "Send").click();
    await page.getByText(/\d+ × HTTP 200/).waitFor();
    // It goes on though its window is closed.
    await page.keyboard.press("Escape");
    await view("/services?ns=sample&q=helloworld");
    await button(page, "helloworld in sample").click();
    await button(page, "Inject fault").click();
    await page.getByLabel("Percent of requests that are answered with").fill("100");
    await page.locator(".code .added", { hasText: "httpStatus: 503" }).waitFor();
    assert.ok(await areAll("200"), "nothing is written before Apply");
    await button(page, "Apply").click();
    await page.getByText("Written. Set both to 0 % to take it away again.").waitFor();
    await eventually(() => areAll("503"));

    await page.getByLabel("Percent of requests that are answered with").fill("0");
    await page.locator(".code .taken", { hasText: "httpStatus: 503" }).waitFor();
    await button(page, "Take faults away").click();
    await eventually(() => areAll("200"));
    await page.keyboard.press("Escape");

    await page.getByRole("list", { name: "Requests sent" }).getByRole("button").click();
    await page.getByText(/\d+ × HTTP 503/).waitFor();
    await button(page, "End").click();
    await page.getByText(/^over after \d+ s$/).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("list", { name: "Requests sent" }).waitFor({ state: "detached" });
  });

  test("a workload is scaled from its page: its new pod answers requests, and is gone again afterwards", async () => {
    const { page, view } = read().console;
    // Of their own cluster: connections through a gateway stay with the pod that they were made to.
    const known = new Set<string>();
    const instances = async () => {
      for (const line of await ask()) {
        const found = /instance: (helloworld-v1\S+)/.exec(line)?.[1];
        if (found !== undefined) known.add(found);
      }
      return known.size;
    };
    await view(workload("main0", "helloworld-v1"));
    await button(page, "Scale").click();
    await button(page, "One more").click();
    await page.locator(".code .added", { hasText: "replicas: 2" }).waitFor();
    await confirm(page, "Apply");
    await page.getByText("2 of 2 ready").waitFor();
    await eventually(async () => (await instances()) === 2);

    await button(page, "Scale").click();
    await button(page, "One less").click();
    await confirm(page, "Apply");
    await page.getByText("1 of 1 ready").waitFor();
    await eventually(async () => {
      const pods = await read().mesh.kubectl(
        "main0",
        ...["-n", "sample", "get", "pods", "-l", "app=helloworld", "-o", "name"],
      );
      return pods.trim().split("\n").length === 1;
    });
  });

  test("a link is cut and healed from the mesh's page: it is drawn so, and requests stop and resume crossing", async () => {
    const { page, view } = read().console;
    const crossed = async () => (await ask()).filter((line) => line.includes("version: v2")).length;
    await view("/mesh");
    const row = page.locator("tr", { hasText: "main0" }).filter({ hasText: "remote0" }).first();
    await button(page, "Cut the link between main0 and remote0").click();
    await page.getByText(/^Nothing passes between main0 and remote0 any more/).waitFor();
    await confirm(page, "Cut");
    await row.getByText("cut", { exact: true }).waitFor();
    await page.locator(".lane-label.is-failing").first().waitFor();
    await eventually(async () => (await crossed()) === 0);

    await button(page, "Heal the link between main0 and remote0").click();
    await confirm(page, "Heal");
    await row.getByText("cut", { exact: true }).waitFor({ state: "detached" });
    await eventually(async () => (await crossed()) > 0);
  });

  test("a fix is applied from the checks' page: shown as YAML first, then the label is as it should be", async () => {
    const { console, mesh } = read();
    const { page, view } = console;
    const network = "topology.istio.io/network";
    const label = () =>
      mesh.kubectl(
        "remote0",
        ...["get", "ns", "istio-system", "-o", "jsonpath={.metadata.labels.topology\\.istio\\.io/network}"],
      );
    await mesh.kubectl("remote0", "label", "ns", "istio-system", `${network}=elsewhere`, "--overwrite");
    await view("/checks");
    const finding = page.locator(".finding", { hasText: "namespace istio-system of remote0 says elsewhere" });
    await finding.getByRole("button", { name: /^Apply the fix of: / }).click();
    await page.locator(".code .taken", { hasText: `${network}: elsewhere` }).waitFor();
    await page.locator(".code .added", { hasText: `${network}: network2` }).waitFor();
    assert.equal(await label(), "elsewhere", "nothing is written before Apply");
    await confirm(page, "Apply");
    assert.equal(await label(), "network2");
    await finding.waitFor({ state: "detached" });
  });

  test("a cluster is stopped from its card: it is drawn stale with its age, no page breaks, and a check's fix starts it", async () => {
    const { page, view } = read().console;
    const crossed = async () => (await ask()).filter((line) => line.includes("version: v2")).length;
    await view("/mesh");
    await button(page, "Stop remote0").click();
    await page.getByText("isthmus cluster stop remote0").waitFor();
    await confirm(page, "Stop");
    const stopped = page.getByRole("article", { name: "cluster remote0, stopped" });
    await stopped.getByText(/ ago/).waitFor();
    await page.getByRole("article", { name: "cluster main0, ready" }).waitFor();
    await eventually(async () => {
      const answers = await ask();
      return answers.length > 0 && answers.every((line) => line.includes("version: v1"));
    });
    for (const address of [...addresses, "/clusters/remote0", workload("remote0", "helloworld-v2")]) {
      await view(address);
      await page.locator(".page > *").first().waitFor();
      await page.locator(".skeleton").first().waitFor({ state: "detached" });
      assert.equal(await page.getByText("This page broke").count(), 0, address);
      assert.equal(await page.getByRole("alert").count(), 0, address);
    }
    await view("/workloads");
    await page.getByText(/remote0 does not answer: what is shown of it was so/).waitFor();
    await page.getByRole("link", { name: "helloworld-v2" }).waitFor();

    await view("/checks");
    const finding = page.locator(".finding", { hasText: "the API of remote0 can't be read" });
    await finding.getByRole("button", { name: /^Apply the fix of: / }).click();
    await page.getByRole("dialog").getByText("isthmus cluster start remote0").waitFor();
    await confirm(page, "Apply");
    await view("/mesh");
    await page.getByRole("article", { name: "cluster remote0, ready" }).waitFor();
    await eventually(async () => (await crossed()) > 0);
  });
}
