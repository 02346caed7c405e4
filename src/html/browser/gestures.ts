/** Fingers, mouse and wheel on the lanes: drag to move, pinch or wheel to zoom, click to choose. */
import type { Axis } from './axis.ts';

/** Pixels that a finger may move and still click. */
const STILL = 5;

interface Finger {
  x: number;
  y: number;
  moved: number;
}

/** `moved` is called when something else is in view, `clicked` with a place of the drawing. */
export function gestures(
  lanes: HTMLElement,
  axis: Axis,
  moved: () => void,
  clicked: (x: number, y: number) => void,
): void {
  const fingers = new Map<number, Finger>();

  lanes.addEventListener('pointerdown', (event) => {
    fingers.set(event.pointerId, { ...placeOf(event), moved: 0 });
    lanes.setPointerCapture(event.pointerId);
  });
  lanes.addEventListener('pointermove', (event) => {
    const finger = fingers.get(event.pointerId);
    if (finger === undefined) return;
    const before = spread(fingers);
    const { x, y } = placeOf(event);
    const pixels = x - finger.x;
    Object.assign(finger, { x, y, moved: finger.moved + Math.abs(pixels) });
    if (fingers.size === 2) axis.zoom(spread(fingers).apart / before.apart, before.middle);
    else if (finger.moved > STILL) axis.pan(pixels);
    moved();
  });
  lanes.addEventListener('pointerup', (event) => {
    const finger = fingers.get(event.pointerId);
    fingers.delete(event.pointerId);
    if (finger !== undefined && finger.moved <= STILL && fingers.size === 0) clicked(finger.x, finger.y);
  });
  lanes.addEventListener('pointercancel', (event) => fingers.delete(event.pointerId));

  lanes.addEventListener(
    'wheel',
    (event) => {
      const zooms = event.ctrlKey || (lanes.contains(document.activeElement) && event.deltaX === 0 && !event.shiftKey);
      const pans = event.shiftKey || event.deltaX !== 0;
      if (!zooms && !pans) return; // the page scrolls
      event.preventDefault();
      if (zooms) axis.zoom(Math.exp(-event.deltaY / 300), placeOf(event).x);
      else axis.pan(-(event.deltaX === 0 ? event.deltaY : event.deltaX));
      moved();
    },
    { passive: false },
  );

  function placeOf({ clientX, clientY }: MouseEvent): { x: number; y: number } {
    const { left, top } = lanes.getBoundingClientRect();
    return { x: clientX - left, y: clientY - top };
  }
}

/** How far two fingers are apart, and where the middle between them is. */
function spread(fingers: ReadonlyMap<number, Finger>): { apart: number; middle: number } {
  const xs = [...fingers.values()].map(({ x }) => x);
  const [least, most] = [Math.min(...xs), Math.max(...xs)];
  return { apart: Math.max(1, most - least), middle: (least + most) / 2 };
}
