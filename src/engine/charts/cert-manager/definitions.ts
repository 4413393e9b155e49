import { usageNames } from "../../../controllers/index.ts";
import type { KubeObject } from "../../../kube/index.ts";

type Schema = Readonly<Record<string, unknown>>;

const text: Schema = { type: "string" };
const texts: Schema = { type: "array", items: text };
const textMap: Schema = { type: "object", additionalProperties: text };
const yesNo: Schema = { type: "boolean" };
const integer: Schema = { type: "integer", format: "int32" };
const time: Schema = { type: "string", format: "date-time" };
/** Fields that issuers not run here have, and the solvers of ACME: kept as they are written. */
const anything: Schema = { type: "object", "x-kubernetes-preserve-unknown-fields": true };

const oneOf = (...values: readonly string[]): Schema => ({ type: "string", enum: values });
const object = (properties: Readonly<Record<string, Schema>>, required: readonly string[] = []): Schema => ({
  type: "object",
  properties,
  ...(required.length === 0 ? {} : { required }),
});
const secretKey = object({ name: text, key: text }, ["name"]);

/** A duration as Go writes it. */
const duration = (least: string, message: string): Schema => ({
  type: "string",
  pattern: "^([0-9]+(\\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$",
  "x-kubernetes-validations": [{ rule: `duration(self) >= duration('${least}')`, message }],
});

const conditions: Schema = {
  type: "array",
  items: object(
    {
      type: text,
      status: oneOf("True", "False", "Unknown"),
      reason: text,
      message: text,
      lastTransitionTime: time,
      observedGeneration: { type: "integer", format: "int64" },
    },
    ["type", "status"],
  ),
  "x-kubernetes-list-map-keys": ["type"],
  "x-kubernetes-list-type": "map",
};

const certificateSpec: Schema = {
  ...object(
    {
      secretName: { ...text, minLength: 1 },
      issuerRef: object({ name: text, kind: text, group: text }, ["name"]),
      commonName: { ...text, maxLength: 64 },
      literalSubject: text,
      subject: object({
        organizations: texts,
        organizationalUnits: texts,
        countries: texts,
        provinces: texts,
        localities: texts,
        streetAddresses: texts,
        postalCodes: texts,
        serialNumber: text,
      }),
      dnsNames: texts,
      ipAddresses: texts,
      uris: texts,
      emailAddresses: texts,
      otherNames: { type: "array", items: object({ oid: text, utf8Value: text }) },
      duration: duration("1h", "certificate duration must be greater than 1h0m0s"),
      renewBefore: duration("5m", "certificate renewBefore must be greater than 5m0s"),
      renewBeforePercentage: { ...integer, minimum: 1, maximum: 99 },
      isCA: yesNo,
      usages: { type: "array", items: oneOf(...usageNames) },
      encodeUsagesInRequest: yesNo,
      privateKey: object({
        algorithm: oneOf("RSA", "ECDSA", "Ed25519"),
        encoding: oneOf("PKCS1", "PKCS8"),
        rotationPolicy: oneOf("Never", "Always"),
        size: {
          ...integer,
          "x-kubernetes-validations": [
            {
              rule: "self in [256, 384, 521] || self >= 2048 && self <= 8192",
              message:
                "must be between 2048 and 8192 for rsa keySize, or one of 256, 384 and 521 for ecdsa keySize",
            },
          ],
        },
      }),
      secretTemplate: object({ labels: textMap, annotations: textMap }),
      additionalOutputFormats: {
        type: "array",
        items: object({ type: oneOf("CombinedPEM", "DER") }, ["type"]),
      },
      keystores: anything,
      nameConstraints: anything,
      signatureAlgorithm: text,
      revisionHistoryLimit: integer,
    },
    ["secretName", "issuerRef"],
  ),
  "x-kubernetes-validations": [
    {
      rule: "(has(self.commonName) && self.commonName != '') || (has(self.dnsNames) && self.dnsNames.size() > 0) || (has(self.ipAddresses) && self.ipAddresses.size() > 0) || (has(self.uris) && self.uris.size() > 0) || (has(self.emailAddresses) && self.emailAddresses.size() > 0)",
      message: "at least one of commonName, dnsNames, uriSANs, ipAddresses or emailSANs must be set",
    },
    {
      rule: "!has(self.renewBefore) || !has(self.duration) || duration(self.renewBefore) < duration(self.duration)",
      message: "certificate duration must be greater than renewBefore",
    },
    {
      rule: "!has(self.renewBefore) || !has(self.renewBeforePercentage)",
      message: "renewBefore and renewBeforePercentage are mutually exclusive and cannot both be set",
    },
  ],
};

const issuerKinds = ["acme", "ca", "selfSigned", "vault", "venafi"] as const;

const issuerSpec: Schema = {
  ...object({
    acme: {
      ...object(
        {
          server: text,
          email: text,
          privateKeySecretRef: secretKey,
          preferredChain: text,
          caBundle: { ...text, format: "byte" },
          skipTLSVerify: yesNo,
          disableAccountKeyGeneration: yesNo,
          enableDurationFeature: yesNo,
          externalAccountBinding: anything,
          solvers: { type: "array", items: anything },
          profile: text,
        },
        ["server", "privateKeySecretRef"],
      ),
    },
    ca: object(
      { secretName: text, crlDistributionPoints: texts, ocspServers: texts, issuingCertificateURLs: texts },
      ["secretName"],
    ),
    selfSigned: object({ crlDistributionPoints: texts }),
    vault: anything,
    venafi: anything,
  }),
  "x-kubernetes-validations": [
    {
      rule: `[${issuerKinds.map((kind) => `has(self.${kind})`).join(", ")}].filter(one, one).size() == 1`,
      message: `exactly one issuer type must be specified: ${issuerKinds.join(", ")}`,
    },
  ],
};

const readyColumn = {
  name: "Ready",
  type: "string",
  jsonPath: '.status.conditions[?(@.type == "Ready")].status',
};
const statusColumn = {
  name: "Status",
  type: "string",
  jsonPath: '.status.conditions[?(@.type == "Ready")].message',
  priority: 1,
};
const ageColumn = { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" };

/** The definitions of cert-manager.io/v1 that the stand-in works with: Certificate, Issuer, ClusterIssuer. */
export function certManagerDefinitions(
  labels: Readonly<Record<string, string>>,
  keep: boolean,
): KubeObject[] {
  const define = (
    kind: string,
    names: { readonly plural: string; readonly shortNames?: readonly string[] },
    scope: "Namespaced" | "Cluster",
    schema: { readonly spec: Schema; readonly status: Schema },
    columns: readonly object[],
  ): KubeObject => ({
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: {
      name: `${names.plural}.cert-manager.io`,
      labels,
      ...(keep ? { annotations: { "helm.sh/resource-policy": "keep" } } : {}),
    },
    spec: {
      group: "cert-manager.io",
      names: {
        kind,
        listKind: `${kind}List`,
        singular: kind.toLowerCase(),
        categories: ["cert-manager"],
        ...names,
      },
      scope,
      versions: [
        {
          name: "v1",
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: columns,
          schema: {
            openAPIV3Schema: object(
              { apiVersion: text, kind: text, metadata: { type: "object" }, ...schema },
              ["spec"],
            ),
          },
        },
      ],
    },
  });
  const issuer = { spec: issuerSpec, status: object({ acme: anything, conditions }) };
  return [
    define(
      "Certificate",
      { plural: "certificates", shortNames: ["cert", "certs"] },
      "Namespaced",
      {
        spec: certificateSpec,
        status: object({
          conditions,
          notBefore: time,
          notAfter: time,
          renewalTime: time,
          revision: integer,
          lastFailureTime: time,
          failedIssuanceAttempts: integer,
          nextPrivateKeySecretName: text,
        }),
      },
      [
        readyColumn,
        { name: "Secret", type: "string", jsonPath: ".spec.secretName" },
        { name: "Issuer", type: "string", jsonPath: ".spec.issuerRef.name", priority: 1 },
        statusColumn,
        ageColumn,
      ],
    ),
    define("Issuer", { plural: "issuers" }, "Namespaced", issuer, [readyColumn, statusColumn, ageColumn]),
    define("ClusterIssuer", { plural: "clusterissuers" }, "Cluster", issuer, [
      readyColumn,
      statusColumn,
      ageColumn,
    ]),
  ];
}
