import type { GraphModel } from "./graph-model.ts";
import type { Layout } from "./layout.ts";

const margin = 24;

/** The drawing as a file of its own: whole, in its present colours, without the page's style sheet. */
async function standalone(drawing: SVGSVGElement, { width, height }: Layout): Promise<string> {
  const copy = drawing.cloneNode(true) as SVGSVGElement;
  const [given, made] = [drawing.querySelectorAll("*"), copy.querySelectorAll("*")];
  for (const [i, element] of given.entries()) {
    const style = getComputedStyle(element);
    const kept = [
      "fill",
      "stroke",
      "stroke-width",
      "stroke-dasharray",
      "stroke-linecap",
      "opacity",
      "font",
      "display",
    ];
    (made[i] as SVGElement).setAttribute(
      "style",
      kept.map((name) => `${name}:${style.getPropertyValue(name)}`).join(";"),
    );
  }
  for (const unseen of copy.querySelectorAll(".hit, .flowing")) unseen.remove();
  copy.firstElementChild?.setAttribute("transform", `translate(${margin} ${margin})`);
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  copy.setAttribute("width", String(width + 2 * margin));
  copy.setAttribute("height", String(height + 2 * margin));
  const ground = getComputedStyle(document.body).backgroundColor;
  copy.setAttribute("style", `background:${ground};font:13px sans-serif`);
  return new XMLSerializer().serializeToString(copy);
}

/** Saves the graph as it is drawn. */
export async function exportSvg(drawing: SVGSVGElement, layout: Layout): Promise<void> {
  save("traffic.svg", new Blob([await standalone(drawing, layout)], { type: "image/svg+xml" }));
}

/** Saves the graph as a picture, at twice its size. */
export async function exportPng(drawing: SVGSVGElement, layout: Layout): Promise<void> {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(await standalone(drawing, layout))}`;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = 2 * image.width;
  canvas.height = 2 * image.height;
  const context = canvas.getContext("2d");
  if (context === null) return;
  context.fillStyle = getComputedStyle(document.body).backgroundColor;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  canvas.toBlob((blob) => blob !== null && save("traffic.png", blob));
}

/** Saves the numbers. */
export function exportJson({ byId, edges }: GraphModel): void {
  const graph = { nodes: [...byId.values()].map(({ node }) => node), edges };
  save("traffic.json", new Blob([JSON.stringify(graph, undefined, 2)], { type: "application/json" }));
}

function save(name: string, blob: Blob): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
