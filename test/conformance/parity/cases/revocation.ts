import type { Case, HttpStep, RawStep } from "../case.ts";
import { revokedClient } from "../keys.ts";

const gateway = (tls: string) => `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: shop, namespace: shop}
spec:
  selector: {istio: ingressgateway}
  servers: [{port: {number: 443, name: https, protocol: HTTPS}, hosts: [shop.example.com], tls: {${tls}}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop, namespace: shop}
spec:
  hosts: [shop.example.com]
  gateways: [shop]
  http: [{route: [{destination: {host: solo}}]}]
`;
const from = (as: string | undefined, stranger = false) => ({
  to: ":8443",
  tls: { sni: "shop.example.com", ...(as === undefined ? {} : { as }), stranger },
});
const answers = (as: string | undefined, stranger?: boolean): HttpStep => ({
  ask: "GET shop.example.com/",
  ...from(as, stranger),
  answer: { status: 200, app: "s" },
});
const refuses = (as: string | undefined): RawStep => ({
  send: "GET / HTTP/1.1\r\nHost: shop.example.com\r\n\r\n",
  ...from(as),
  answers: [],
  closes: true,
  logs: 0,
});
const client = "spiffe://cluster.local/ns/shop/sa/client";

/** Which clients a gateway lets in that has a list of revoked certificates. */
export const revocationCases: readonly Case[] = [
  {
    name: "a gateway refuses the client that its Secret's ca.crl revokes, and no other",
    proxy: "gateway",
    objects: gateway("mode: MUTUAL, credentialName: shop-revoking"),
    steps: [answers(client), refuses(revokedClient), refuses(undefined)],
  },
  {
    name: "a gateway with insecureSkipVerify lets in whoever shows a certificate, revoked ones and strangers too",
    proxy: "gateway",
    objects: gateway("mode: MUTUAL, credentialName: shop-revoking, insecureSkipVerify: true"),
    steps: [answers(revokedClient), answers(client, true), refuses(undefined)],
  },
];
