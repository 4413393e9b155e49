import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { formatDiagnostics } from "../../base/index.ts";
import { parseMesh } from "../../mesh/index.ts";
import { compile } from "../compile.ts";
import { noManifests } from "../manifests/manifest-content.ts";

/** Annotations of the gateways' Services of a cluster that is written like this, without the one of compile itself. */
function annotationsOf(cluster: string, gateways = "{ eastwest: true }"): Readonly<Record<string, string>> {
  const text = `{ apiVersion: isthmus.dev/v1alpha1, kind: Mesh, name: m, gateways: ${gateways}, clusters: { c: ${cluster} } }`;
  const parsed = parseMesh([{ file: "mesh.yaml", text }], [], {
    folder: "/m",
    files: { kindOf: () => "file" },
  });
  assert.ok(parsed.ok, parsed.ok ? "" : formatDiagnostics(parsed.problems));
  const services = [...compile(parsed.mesh, noManifests).clusters.values()]
    .flat()
    .flatMap((item) => (item.kind === "object" && item.object.kind === "Service" ? [item.object] : []));
  assert.equal(services.length, 1);
  const { "isthmus.dev/from": _from, ...annotations } = services[0]?.metadata.annotations ?? {};
  return annotations;
}

const aws = "service.beta.kubernetes.io/aws-load-balancer";
const azure = "service.beta.kubernetes.io/port";
const oci = "service.beta.kubernetes.io/oci-load-balancer";

suite("load balancers of providers", () => {
  test("EKS: a network load balancer that is reached from outside", () => {
    assert.deepEqual(annotationsOf("{ provider: eks }"), {
      [`${aws}-type`]: "nlb",
      [`${aws}-scheme`]: "internet-facing",
      [`${aws}-cross-zone-load-balancing-enabled`]: "true",
    });
  });

  test("AKS: every port is probed by the gateway's readiness", () => {
    const annotations = annotationsOf("{ provider: aks }");
    for (const port of ["15021", "15443"]) {
      assert.equal(annotations[`${azure}_${port}_health-probe_port`], "15021");
      assert.equal(annotations[`${azure}_${port}_health-probe_protocol`], "http");
      assert.equal(annotations[`${azure}_${port}_health-probe_request-path`], "/healthz/ready");
    }
    assert.equal(Object.keys(annotations).length, 6);
  });

  test("AKS: nodes are probed where only those with a pod may get connections, and ports of one's own as Azure does", () => {
    const local = "{ eastwest: { service: { externalTrafficPolicy: Local } } }";
    assert.deepEqual(annotationsOf("{ provider: aks }", local), {});
    const ports = "{ eastwest: { service: { ports: [{ name: tls, port: 15443 }] } } }";
    assert.deepEqual(annotationsOf("{ provider: aks }", ports), {});
  });

  test("GKE: backend services", () => {
    assert.deepEqual(annotationsOf("{ provider: { name: gke, project: p } }"), {
      "cloud.google.com/l4-rbs": "enabled",
    });
  });

  test("OKE: a flexible shape; with security groups of one's own the subnet's lists are left alone", () => {
    const shape = {
      [`${oci}-shape`]: "flexible",
      [`${oci}-shape-flex-min`]: "10",
      [`${oci}-shape-flex-max`]: "100",
    };
    assert.deepEqual(annotationsOf("{ provider: oke }"), shape);
    const groups = { "oci.oraclecloud.com/oci-network-security-groups": "ocid1.nsg" };
    const written = `{ provider: oke, loadBalancer: { annotations: ${JSON.stringify(groups)} } }`;
    assert.deepEqual(annotationsOf(written), {
      ...shape,
      ...groups,
      [`${oci}-security-list-management-mode`]: "None",
    });
  });

  test("what the mesh file says goes before the provider's", () => {
    const own = `{ provider: eks, loadBalancer: { annotations: { ${aws}-scheme: internal } } }`;
    assert.equal(annotationsOf(own)[`${aws}-scheme`], "internal");
    const gateway = `{ eastwest: { service: { annotations: { ${aws}-type: external } } } }`;
    assert.equal(annotationsOf("{ provider: eks }", gateway)[`${aws}-type`], "external");
  });

  for (const [why, cluster, gateways] of [
    [
      "a load balancer class has its own",
      "{ provider: eks, loadBalancer: { class: eks.amazonaws.com/nlb } }",
    ],
    ["a NodePort has no load balancer", "{ provider: eks }", "{ eastwest: { service: { type: NodePort } } }"],
    ["kind has none", "{ provider: kind }"],
    ["nobody is named", "{}"],
  ] as const) {
    test(`nothing where ${why}`, () => {
      assert.deepEqual(annotationsOf(cluster, gateways), {});
    });
  }
});
