import assert from "node:assert/strict";
import { afterAll, beforeAll, suite, test } from "vitest";
import { kinds } from "../../../kube/index.ts";
import { isReady, startTestNodes, type TestNodes } from "../../test-support/start-test-nodes.ts";

let nodes: TestNodes;
const ips = new Map<string, string>();

async function start(name: string, image: string, env: Readonly<Record<string, string>> = {}): Promise<void> {
  const variables = Object.entries(env).map(([variable, value]) => ({ name: variable, value }));
  await nodes.create(name, {
    containers: [{ name: "app", image: `docker.io/istio/examples-bookinfo-${image}:1.20.3`, env: variables }],
  });
  const pod = await nodes.see(name, (seen) => isReady(seen) && seen);
  ips.set(name, pod.status?.podIP ?? "");
}

const at = (pod: string, path: string) => `http://${ips.get(pod)}:9080${path}`;
// biome-ignore lint/suspicious/noExplicitAny: what apps answer is looked at field by field
const json = async (pod: string, path: string): Promise<any> => (await fetch(at(pod, path))).json();

beforeAll(async () => {
  nodes = await startTestNodes({});
  await start("details", "details-v1");
  await start("ratings", "ratings-v1");
  for (const version of ["v1", "v2", "v3"])
    await start(`reviews-${version}`, `reviews-${version}`, { RATINGS_HOSTNAME: ips.get("ratings") ?? "" });
  await start("productpage", "productpage-v1", {
    DETAILS_HOSTNAME: ips.get("details") ?? "",
    REVIEWS_HOSTNAME: ips.get("reviews-v3") ?? "",
    RATINGS_HOSTNAME: ips.get("ratings") ?? "",
  });
});
afterAll(() => nodes?.stop());

suite("Bookinfo's stand-ins", () => {
  for (const { pod, path, status, says } of [
    {
      pod: "details",
      path: "/details/0",
      status: 200,
      says: /"author":"William Shakespeare".*"ISBN-13":"123-1234567890"/,
    },
    { pod: "details", path: "/details/x", status: 400, says: /numeric product id/ },
    { pod: "details", path: "/health", status: 200, says: /Details is healthy/ },
    {
      pod: "ratings",
      path: "/ratings/7",
      status: 200,
      says: /^\{"id":7,"ratings":\{"Reviewer1":5,"Reviewer2":4\}\}$/,
    },
    { pod: "ratings", path: "/health", status: 200, says: /Ratings is healthy/ },
    { pod: "reviews-v1", path: "/health", status: 200, says: /Reviews is healthy/ },
    { pod: "productpage", path: "/health", status: 200, says: /Product page is healthy/ },
    { pod: "productpage", path: "/api/v1/products", status: 200, says: /The Comedy of Errors/ },
    { pod: "productpage", path: "/api/v1/products/0", status: 200, says: /William Shakespeare/ },
    { pod: "productpage", path: "/api/v1/products/0/ratings", status: 200, says: /Reviewer1/ },
    { pod: "productpage", path: "/nothing", status: 404, says: /Not Found/ },
  ])
    test(`${pod} answers GET ${path} with ${status}`, async () => {
      const response = await fetch(at(pod, path));
      assert.equal(response.status, status);
      assert.match(await response.text(), says);
    });

  for (const [version, rating] of [
    ["v1", undefined],
    ["v2", { stars: 5, color: "black" }],
    ["v3", { stars: 5, color: "red" }],
  ] as const)
    test(`reviews ${version} shows ${rating === undefined ? "no stars" : `${rating.color} stars`} and its pod`, async () => {
      const { id, podname, reviews } = await json(`reviews-${version}`, "/reviews/0");
      assert.deepEqual([id, podname], ["0", `reviews-${version}`]);
      assert.match(reviews[0].text, /slapstick humour is refreshing/);
      assert.deepEqual(reviews[0].rating, rating);
    });

  test("the page shows details and reviews, and hands on who signed in", async () => {
    const login = await fetch(at("productpage", "/login"), {
      method: "POST",
      body: new URLSearchParams({ username: "jason<b>", passwd: "" }),
      redirect: "manual",
      headers: { referer: at("productpage", "/productpage?u=test") },
    });
    assert.deepEqual([login.status, login.headers.get("location")], [302, "/productpage?u=test"]);
    const cookie = login.headers.get("set-cookie")?.split(";")[0] ?? "";
    const page = await (await fetch(at("productpage", "/productpage"), { headers: { cookie } })).text();
    assert.match(page, /<title>Simple Bookstore App<\/title>/);
    assert.match(page, /PublisherA[\s\S]*slapstick[\s\S]*reviews-v3/);
    assert.match(page, /jason&#60;b&#62;/);
    assert.equal(page.match(/glyphicon-star"/g)?.length, 9);
  });

  test("a rating that somebody posts is kept", async () => {
    const post = await fetch(at("ratings", "/ratings/9"), {
      method: "POST",
      body: '{"Reviewer1":1,"Reviewer2":2}',
    });
    assert.equal(post.status, 200);
    assert.deepEqual(await json("ratings", "/ratings/9"), { id: 9, ratings: { Reviewer1: 1, Reviewer2: 2 } });
    assert.equal((await fetch(at("ratings", "/ratings/9"), { method: "POST", body: "?" })).status, 400);
  });

  test("what is away is said on the page, and the rest is shown", async () => {
    await nodes.api.client.delete(kinds.pods, "ratings", { namespace: "sample" });
    await nodes.isGone("ratings");
    const { reviews } = await json("reviews-v2", "/reviews/0");
    assert.deepEqual(reviews[0].rating, { error: "Ratings service is currently unavailable" });
    await nodes.api.client.delete(kinds.pods, "reviews-v3", { namespace: "sample" });
    await nodes.isGone("reviews-v3");
    const response = await fetch(at("productpage", "/productpage"));
    assert.equal(response.status, 200);
    const page = await response.text();
    assert.match(
      page,
      /Error fetching product reviews![\s\S]*Sorry, product reviews are currently unavailable for this book\./,
    );
    assert.match(page, /PublisherA/);
    assert.equal((await fetch(at("productpage", "/api/v1/products/0/reviews"))).status, 500);
  });
});
