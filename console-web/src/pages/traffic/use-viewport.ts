import { type PointerEvent, type RefObject, useCallback, useEffect, useRef, useState } from "react";

export interface Viewport {
  readonly x: number;
  readonly y: number;
  /** Pixels on the screen for one of the drawing. */
  readonly scale: number;
}

const limits = { least: 0.08, most: 2.5 };
const margin = 16;

/** Pan by dragging, zoom by wheel and keys, fit to what is drawn. */
export function useViewport(
  place: RefObject<HTMLElement | null>,
  drawing: { readonly width: number; readonly height: number } | undefined,
) {
  const [view, setView] = useState<Viewport>({ x: 0, y: 0, scale: 1 });
  const isOwn = useRef(false);
  const [size, setSize] = useState({ width: 1016, height: 600 });

  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const observer = new ResizeObserver(() =>
      setSize({ width: element.clientWidth, height: element.clientHeight }),
    );
    observer.observe(element);
    return () => observer.disconnect();
  }, [place]);

  const width = drawing?.width;
  const height = drawing?.height;
  const fitAll = useCallback(() => {
    if (width === undefined || height === undefined || width === 0) return;
    isOwn.current = false;
    const scale = Math.min(1, (size.width - 2 * margin) / width, (size.height - 2 * margin) / height);
    setView({
      scale,
      x: (size.width - width * scale) / 2,
      y: Math.max(margin, (size.height - height * scale) / 2),
    });
  }, [width, height, size]);
  // What the user has moved stays where it is, whatever is drawn anew.
  useEffect(() => {
    if (!isOwn.current) fitAll();
  }, [fitAll]);

  const zoom = useCallback(
    (factor: number, at?: { readonly x: number; readonly y: number }) => {
      isOwn.current = true;
      setView((old) => {
        const scale = Math.max(limits.least, Math.min(limits.most, old.scale * factor));
        const { x, y } = at ?? { x: size.width / 2, y: size.height / 2 };
        return { scale, x: x - ((x - old.x) / old.scale) * scale, y: y - ((y - old.y) / old.scale) * scale };
      });
    },
    [size],
  );

  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    // Not as React's handler: that one can't keep the page from scrolling.
    const wheel = (event: WheelEvent) => {
      event.preventDefault();
      const box = element.getBoundingClientRect();
      zoom(Math.exp(-event.deltaY / 500), { x: event.clientX - box.left, y: event.clientY - box.top });
    };
    element.addEventListener("wheel", wheel, { passive: false });
    return () => element.removeEventListener("wheel", wheel);
  }, [place, zoom]);

  const drag = useRef<{ readonly x: number; readonly y: number; readonly view: Viewport } | undefined>(
    undefined,
  );
  const pointer = {
    onPointerDown(event: PointerEvent) {
      if ((event.target as Element).closest("[data-choosable]") !== null) return;
      drag.current = { x: event.clientX, y: event.clientY, view };
      event.currentTarget.setPointerCapture(event.pointerId);
    },
    onPointerMove(event: PointerEvent) {
      const from = drag.current;
      if (from === undefined) return;
      isOwn.current = true;
      setView({
        ...from.view,
        x: from.view.x + event.clientX - from.x,
        y: from.view.y + event.clientY - from.y,
      });
    },
    onPointerUp() {
      drag.current = undefined;
    },
  };
  return { view, size, fitAll, zoom, pointer };
}
