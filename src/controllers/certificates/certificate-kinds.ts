import type { Condition, Kind, KubeObject } from "../../kube/index.ts";

/** cert-manager.io/v1 Certificate, as far as it is read here. Durations are Go's: "2160h". */
export interface Certificate extends KubeObject {
  readonly spec: CertificateSpec;
  readonly status?: CertificateStatus;
}

export interface CertificateSpec {
  readonly secretName: string;
  readonly issuerRef: { readonly name: string; readonly kind?: string; readonly group?: string };
  readonly commonName?: string;
  readonly dnsNames?: readonly string[];
  readonly ipAddresses?: readonly string[];
  readonly uris?: readonly string[];
  readonly emailAddresses?: readonly string[];
  readonly subject?: {
    readonly organizations?: readonly string[];
    readonly organizationalUnits?: readonly string[];
    readonly countries?: readonly string[];
    readonly provinces?: readonly string[];
    readonly localities?: readonly string[];
    readonly streetAddresses?: readonly string[];
    readonly postalCodes?: readonly string[];
    readonly serialNumber?: string;
  };
  /** Default 2160h. */
  readonly duration?: string;
  /** Default a third of the certificate's life. */
  readonly renewBefore?: string;
  readonly renewBeforePercentage?: number;
  readonly isCA?: boolean;
  readonly usages?: readonly string[];
  readonly privateKey?: {
    readonly algorithm?: "RSA" | "ECDSA" | "Ed25519";
    readonly size?: number;
    readonly encoding?: "PKCS1" | "PKCS8";
    readonly rotationPolicy?: "Never" | "Always";
  };
  readonly secretTemplate?: {
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly additionalOutputFormats?: readonly { readonly type: "CombinedPEM" | "DER" }[];
}

export interface CertificateStatus {
  readonly conditions?: readonly Condition[];
  readonly notBefore?: string;
  readonly notAfter?: string;
  readonly renewalTime?: string;
  /** Counts the times that it was issued. */
  readonly revision?: number;
  readonly lastFailureTime?: string;
}

/** cert-manager.io/v1 Issuer and ClusterIssuer. */
export interface Issuer extends KubeObject {
  readonly spec: {
    readonly selfSigned?: object;
    readonly ca?: { readonly secretName: string };
    readonly acme?: { readonly server?: string };
    readonly vault?: object;
    readonly venafi?: object;
  };
  readonly status?: { readonly conditions?: readonly Condition[] };
}

const group = { group: "cert-manager.io", version: "v1" };

export const certificates: Kind<Certificate> = {
  ...group,
  kind: "Certificate",
  plural: "certificates",
  namespaced: true,
};
export const issuers: Kind<Issuer> = { ...group, kind: "Issuer", plural: "issuers", namespaced: true };
export const clusterIssuers: Kind<Issuer> = {
  ...group,
  kind: "ClusterIssuer",
  plural: "clusterissuers",
  namespaced: false,
};
