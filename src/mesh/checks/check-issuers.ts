import type { WrittenMesh } from "../sections/mesh-section.ts";
import { error, type Finding } from "./finding.ts";

/** Issuers of CAs beside files that say the same, with exchanged roots, and where nobody signs. */
export function checkIssuers(mesh: WrittenMesh): Finding[] {
  const { trust } = mesh;
  const wide = trust?.issuer === undefined ? [] : beside(trust, ["trust"]);
  return [
    ...wide,
    ...[...(mesh.clusters ?? [])].flatMap(([name, { trust: own, primary = name, role }]) => {
      if (own?.issuer === undefined) return [];
      const path = ["clusters", name, "trust"];
      if (primary === name && role !== "management")
        return beside({ ...own, exchangeRoots: trust?.exchangeRoots }, path);
      return [
        error(
          "mesh/field-not-here",
          [...path, "issuer"],
          `${name} runs no control plane that would sign with a CA of its own`,
          role === "management" ? "leave it out" : `put it under clusters.${primary}, which serves it`,
          "key",
        ),
      ];
    }),
  ];
}

function beside(
  {
    cacerts,
    exchangeRoots,
  }: { readonly cacerts?: string | undefined; readonly exchangeRoots?: boolean | undefined },
  path: readonly string[],
): Finding[] {
  const message = "a CA comes from an issuer or from files";
  return [
    ...(cacerts === undefined
      ? []
      : [error("mesh/field-not-here", [...path, "cacerts"], message, "leave one of the two out", "key")]),
    ...(exchangeRoots === true
      ? [
          error(
            "mesh/field-not-here",
            [...path, "issuer"],
            "with exchangeRoots isthmus writes the roots of all clusters into their CAs, and cert-manager would take them out again",
            "let the issuers of all clusters lead to one root, and leave exchangeRoots out",
            "key",
          ),
        ]
      : []),
  ];
}
