import type { GraphModel } from "./graph-model.ts";
import type { Layout } from "./layout.ts";

const margin = 24;

/** What the page's style sheet says of a drawing, as attributes that need none. */
const kept = [
  "fill",
  "fill-opacity",
  "stroke",
  "stroke-width",
  "stroke-dasharray",
  "stroke-linecap",
  "stroke-linejoin",
  "opacity",
  "display",
  "font-family",
  "font-size",
  "font-weight",
  "text-anchor",
  "dominant-baseline",
] as const;

/** The drawing as a file of its own: whole, in its present colours, without the page's style sheet. */
function standalone(drawing: SVGSVGElement, layout: Layout): string {
  const [width, height] = [layout.width + 2 * margin, layout.height + 2 * margin];
  const copy = drawing.cloneNode(true) as SVGSVGElement;
  const made = copy.querySelectorAll("*");
  for (const [i, element] of drawing.querySelectorAll("*").entries()) {
    const style = getComputedStyle(element);
    // The page's policy forbids styles in elements, and forbids it to the copy too.
    for (const name of kept) made[i]?.setAttribute(name, style.getPropertyValue(name));
  }
  for (const unseen of copy.querySelectorAll(".hit, .flowing")) unseen.remove();
  copy.firstElementChild?.setAttribute("transform", `translate(${margin} ${margin})`);
  copy.setAttribute("width", String(width));
  copy.setAttribute("height", String(height));
  const ground = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  ground.setAttribute("width", "100%");
  ground.setAttribute("height", "100%");
  ground.setAttribute("fill", groundColour());
  copy.prepend(ground);
  return new XMLSerializer().serializeToString(copy);
}

function groundColour(): string {
  return getComputedStyle(document.body).backgroundColor;
}

/** Saves the graph as it is drawn. */
export function exportSvg(drawing: SVGSVGElement, layout: Layout): void {
  save("traffic.svg", new Blob([standalone(drawing, layout)], { type: "image/svg+xml" }));
}

/** Saves the graph as a picture, at twice its size. */
export async function exportPng(drawing: SVGSVGElement, layout: Layout): Promise<void> {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(standalone(drawing, layout))}`;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = 2 * image.width;
  canvas.height = 2 * image.height;
  const context = canvas.getContext("2d");
  if (context === null) return;
  context.fillStyle = groundColour();
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
