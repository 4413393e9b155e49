import assert from "node:assert/strict";
import { create } from "@bufbuild/protobuf";
import { suite, test } from "vitest";
import { recordTypes } from "../../dns/index.ts";
import { type NameTable, NameTableSchema } from "../../xds/gen/istio/networking/nds/v1/nds_pb.js";
import { createNameAnswers } from "./name-answers.ts";

const kubernetes = (shortname: string, namespace: string, ...ips: string[]) => ({
  ips,
  registry: "Kubernetes",
  shortname,
  namespace,
});
const external = (...ips: string[]) => ({ ips, registry: "External" });
const table = create(NameTableSchema, {
  table: {
    "web.sample.svc.cluster.local": kubernetes("web", "sample", "10.96.0.1"),
    "web.other.svc.cluster.local": kubernetes("web", "other", "10.96.0.2"),
    "mysql-0.mysql.sample.svc.cluster.local": kubernetes("mysql-0.mysql", "sample", "10.1.0.20"),
    "far.sample.svc.elsewhere.org": kubernetes("far", "sample", "10.96.0.3"),
    "reviews.bookinfo.global": external("240.240.0.1", "2001:2::1"),
    "*.wild.com": external("240.240.0.2"),
    "Exact.Wild.com": external("240.240.0.3"),
    "six.com": external("2001:db8::6"),
  },
});

suite("createNameAnswers()", () => {
  const answers = createNameAnswers(() => table, { namespace: "sample", domain: "cluster.local" });
  const ask = (name: string, type: keyof typeof recordTypes = "A") =>
    answers({ name, type: recordTypes[type] });
  const lines = (name: string, type?: keyof typeof recordTypes) =>
    ask(name, type)?.records.map((record) =>
      record.type === "A" || record.type === "AAAA"
        ? `${record.name} ${record.address}`
        : `${record.name} = ${"target" in record ? record.target : ""}`,
    );

  const cases: readonly (readonly [string, string, readonly string[] | undefined])[] = [
    ["a Service's full name", "web.sample.svc.cluster.local", ["web.sample.svc.cluster.local 10.96.0.1"]],
    ["a Service of the own namespace by its name alone", "web", ["web 10.96.0.1"]],
    ["one of another namespace with the namespace", "web.other", ["web.other 10.96.0.2"]],
    ["with the namespace and svc", "web.other.svc", ["web.other.svc 10.96.0.2"]],
    ["not a cut form beyond these", "web.other.svc.cluster", undefined],
    [
      "a pod of a headless Service by its own name",
      "mysql-0.mysql.sample.svc.cluster.local",
      ["mysql-0.mysql.sample.svc.cluster.local 10.1.0.20"],
    ],
    ["and by its short name", "mysql-0.mysql", ["mysql-0.mysql 10.1.0.20"]],
    ["and with the namespace", "mysql-0.mysql.sample", ["mysql-0.mysql.sample 10.1.0.20"]],
    ["no short form of a name of another domain", "far", undefined],
    ["a name of a ServiceEntry", "reviews.bookinfo.global", ["reviews.bookinfo.global 240.240.0.1"]],
    [
      "the same with the first suffix of the search path, as an alias",
      "reviews.bookinfo.global.sample.svc.cluster.local",
      [
        "reviews.bookinfo.global.sample.svc.cluster.local = reviews.bookinfo.global",
        "reviews.bookinfo.global 240.240.0.1",
      ],
    ],
    ["not with others", "reviews.bookinfo.global.svc.cluster.local", undefined],
    ["any name below a wildcard", "a.b.wild.com", ["a.b.wild.com 240.240.0.2"]],
    ["not the name above it", "wild.com", undefined],
    ["a name of its own before the wildcard", "exact.wild.com", ["exact.wild.com 240.240.0.3"]],
    [
      "a name below a wildcard along the search path",
      "a.wild.com.sample.svc.cluster.local",
      ["a.wild.com.sample.svc.cluster.local = a.wild.com", "a.wild.com 240.240.0.2"],
    ],
    ["nothing of names that the mesh doesn't have", "www.example.com", undefined],
  ];
  for (const [title, name, expected] of cases) {
    test(`it answers ${title}: ${name}`, () => {
      assert.deepEqual(lines(name), expected);
    });
  }

  test("IPv6 addresses answer questions for them; a name without one exists all the same", () => {
    assert.deepEqual(lines("reviews.bookinfo.global", "AAAA"), ["reviews.bookinfo.global 2001:2::1"]);
    assert.deepEqual(ask("web", "AAAA"), { exists: true, records: [] });
    assert.deepEqual(ask("six.com"), { exists: true, records: [] });
  });

  test("questions for anything but addresses are left to the cluster's DNS", () => {
    assert.equal(ask("web.sample.svc.cluster.local", "SRV"), undefined);
    assert.equal(ask("web.sample.svc.cluster.local", "PTR"), undefined);
  });

  test("nothing is answered before the first table, and a new table counts at once", () => {
    let current: NameTable | undefined;
    const late = createNameAnswers(() => current, { namespace: "sample", domain: "cluster.local" });
    assert.equal(late({ name: "six.com", type: recordTypes.AAAA }), undefined);
    current = table;
    assert.equal(late({ name: "six.com", type: recordTypes.AAAA })?.records.length, 1);
    current = create(NameTableSchema, { table: {} });
    assert.equal(late({ name: "six.com", type: recordTypes.AAAA }), undefined);
  });
});
