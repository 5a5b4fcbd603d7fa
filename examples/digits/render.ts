// Draws random digits: a stroke font of a few hand-made variants of each digit, bent, scaled, rotated, sheared, shifted, drawn
// with a pen of random width, with a faint stray line and noise on top. Only + - * / and square roots, so every machine draws
// the same picture for a seed.

import type { Random } from "./random.ts";

/** Width and height of a picture, in pixels. */
export const SIZE = 20;

/** Points x0, y0, x1, y1 ... in the unit square, y down. A curve is the quadratic B-spline of its points. */
interface Stroke {
  form: "line" | "curve" | "loop";
  points: number[];
}

const line = (...points: number[]): Stroke => ({ form: "line", points });
const curve = (...points: number[]): Stroke => ({ form: "curve", points });
const loop = (...points: number[]): Stroke => ({ form: "loop", points });

// FONT[digit] holds the variants of a digit, each a list of strokes.
const FONT: Stroke[][][] = [
  [
    [loop(0.2, 0.05, 0.8, 0.05, 0.8, 0.95, 0.2, 0.95)],
    [loop(0.28, 0, 0.72, 0, 0.78, 1, 0.22, 1)],
    [loop(0.15, 0.03, 0.85, 0.03, 0.85, 0.97, 0.15, 0.97), line(0.36, 0.72, 0.64, 0.28)],
    [line(0.2, 0.05, 0.8, 0.05, 0.8, 0.95, 0.2, 0.95, 0.2, 0.05)],
  ],
  [
    [line(0.5, 0.05, 0.5, 0.95)],
    [line(0.3, 0.28, 0.52, 0.05, 0.52, 0.95)],
    [line(0.32, 0.2, 0.52, 0.05, 0.52, 0.95), line(0.3, 0.95, 0.74, 0.95)],
  ],
  [
    [curve(0.2, 0.32, 0.22, 0, 0.84, 0, 0.86, 0.42, 0.2, 0.95), line(0.2, 0.95, 0.85, 0.95)],
    [line(0.2, 0.05, 0.8, 0.05, 0.8, 0.5, 0.2, 0.5, 0.2, 0.95, 0.8, 0.95)],
    [curve(0.2, 0.25, 0.4, -0.08, 0.95, 0.1, 0.7, 0.5, 0.1, 0.95, 0.3, 0.82, 0.6, 1, 0.88, 0.88)],
  ],
  [
    [
      curve(0.2, 0.14, 0.42, -0.05, 0.9, 0.05, 0.84, 0.46, 0.45, 0.48),
      curve(0.45, 0.48, 0.92, 0.48, 0.9, 0.98, 0.4, 1.04, 0.15, 0.82),
    ],
    [line(0.2, 0.05, 0.8, 0.05, 0.45, 0.42), curve(0.45, 0.42, 0.92, 0.42, 0.92, 0.98, 0.4, 1.04, 0.15, 0.82)],
    [line(0.2, 0.05, 0.8, 0.05, 0.8, 0.95, 0.2, 0.95), line(0.35, 0.5, 0.8, 0.5)],
  ],
  [
    [line(0.32, 0.05, 0.18, 0.58, 0.84, 0.58), line(0.66, 0.28, 0.64, 0.95)],
    [line(0.66, 0.95, 0.66, 0.05, 0.14, 0.66, 0.88, 0.66)],
    [line(0.2, 0.05, 0.2, 0.5, 0.8, 0.5), line(0.8, 0.05, 0.8, 0.95)],
  ],
  [
    [
      line(0.8, 0.05, 0.26, 0.05, 0.22, 0.44),
      curve(0.22, 0.44, 0.5, 0.3, 0.92, 0.36, 0.9, 0.98, 0.4, 1.04, 0.15, 0.85),
    ],
    [line(0.8, 0.05, 0.2, 0.05, 0.2, 0.5, 0.8, 0.5, 0.8, 0.95, 0.2, 0.95)],
    [line(0.78, 0.05, 0.3, 0.05), curve(0.3, 0.05, 0.2, 0.5, 0.75, 0.35, 0.9, 0.75, 0.6, 1, 0.18, 0.92)],
  ],
  [
    [curve(0.7, 0.05, 0.2, 0.15, 0.2, 0.7), loop(0.18, 0.46, 0.82, 0.46, 0.82, 0.96, 0.18, 0.96)],
    [line(0.8, 0.05, 0.2, 0.05, 0.2, 0.95, 0.8, 0.95, 0.8, 0.5, 0.2, 0.5)],
    [line(0.6, 0.05, 0.24, 0.6), loop(0.18, 0.5, 0.82, 0.44, 0.82, 0.96, 0.18, 0.98)],
  ],
  [
    [line(0.18, 0.05, 0.82, 0.05, 0.42, 0.95)],
    [line(0.18, 0.05, 0.82, 0.05, 0.42, 0.95), line(0.36, 0.5, 0.76, 0.5)],
    [line(0.2, 0.2, 0.2, 0.05, 0.8, 0.05, 0.8, 0.95)],
    [curve(0.15, 0.12, 0.4, 0.02, 0.85, 0.08, 0.5, 0.5, 0.45, 0.95)],
  ],
  [
    [loop(0.24, 0.02, 0.76, 0.02, 0.76, 0.48, 0.24, 0.48), loop(0.16, 0.46, 0.84, 0.46, 0.84, 0.98, 0.16, 0.98)],
    [loop(0.5, 0.5, 0.95, 0.22, 0.5, -0.1, 0.05, 0.22, 0.5, 0.5, 0.98, 0.75, 0.5, 1.1, 0.02, 0.75)],
    [line(0.2, 0.5, 0.2, 0.05, 0.8, 0.05, 0.8, 0.95, 0.2, 0.95, 0.2, 0.5, 0.8, 0.5)],
  ],
  [
    [loop(0.18, 0.02, 0.8, 0.02, 0.8, 0.54, 0.18, 0.54), line(0.76, 0.28, 0.7, 0.95)],
    [loop(0.18, 0.02, 0.8, 0.02, 0.8, 0.54, 0.18, 0.54), curve(0.76, 0.25, 0.85, 0.95, 0.28, 0.95)],
    [line(0.8, 0.5, 0.2, 0.5, 0.2, 0.05, 0.8, 0.05, 0.8, 0.95, 0.25, 0.95)],
  ],
];

/** A picture of `digit` (0..9): SIZE * SIZE float32 brightnesses, row-major, ink near 1 on paper near 0, noise beyond both. */
export function renderDigit(digit: number, draw: Random): Float32Array {
  const variants = FONT[digit];
  if (variants === undefined) throw new RangeError(`${digit} is no digit`);
  const place = placement(draw);
  const ink = new Float64Array(SIZE * SIZE);
  const width = draw.between(1, 2.2);
  for (const stroke of variants[draw.below(variants.length)]!) {
    drawPolyline(ink, place(flatten(bend(stroke, draw))), width);
  }
  const contrast = draw.between(0.7, 1);
  for (let i = 0; i < ink.length; i++) ink[i]! *= contrast;
  if (draw.uniform() < 0.5) drawStrayLine(ink, draw);
  const noise = draw.between(0.05, 0.2);
  return Float32Array.from(ink, (value) => value + noise * draw.bell());
}

// A random map of the unit square into the picture, without sine and cosine: (1-tt, 2t) / (1+tt) lies on the unit circle.
function placement(draw: Random): (points: number[]) => number[] {
  const height = draw.between(11, 16);
  const width = height * draw.between(0.6, 0.95);
  const t = draw.between(-0.11, 0.11);
  const cos = (1 - t * t) / (1 + t * t);
  const sin = (2 * t) / (1 + t * t);
  const shear = draw.between(-0.2, 0.2);
  const centreX = SIZE / 2 - 0.5 + draw.between(-2.5, 2.5);
  const centreY = SIZE / 2 - 0.5 + draw.between(-2, 2);
  return (points) =>
    pairs(points).flatMap(([u, v]) => {
      const y = (v - 0.5) * height;
      const x = (u - 0.5) * width - shear * y;
      return [centreX + cos * x - sin * y, centreY + sin * x + cos * y];
    });
}

function bend(stroke: Stroke, draw: Random): Stroke {
  return { form: stroke.form, points: stroke.points.map((value) => value + 0.025 * draw.bell()) };
}

// The stroke's outline as a polyline.
function flatten({ form, points }: Stroke): number[] {
  const corners = pairs(points);
  if (form === "line") return points;
  const middle = (i: number): [number, number] => {
    const [ax, ay] = corners[i % corners.length]!;
    const [bx, by] = corners[(i + 1) % corners.length]!;
    return [(ax + bx) / 2, (ay + by) / 2];
  };
  const out: number[] = [];
  const first = form === "loop" ? 0 : 1;
  const last = form === "loop" ? corners.length - 1 : corners.length - 2;
  for (let i = first; i <= last; i++) {
    const from = form === "curve" && i === first ? corners[0]! : middle(i + corners.length - 1);
    const to = form === "curve" && i === last ? corners[corners.length - 1]! : middle(i);
    const [cx, cy] = corners[i]!;
    for (let step = 0; step <= 6; step++) {
      const t = step / 6;
      const [a, b, c] = [(1 - t) * (1 - t), 2 * t * (1 - t), t * t];
      out.push(a * from[0] + b * cx + c * to[0], a * from[1] + b * cy + c * to[1]);
    }
  }
  return out;
}

// Ink falls off linearly over one pixel at the pen's edge; overlapping strokes keep the darker.
function drawPolyline(ink: Float64Array, points: number[], width: number): void {
  const corners = pairs(points);
  for (let i = 1; i < corners.length; i++) {
    const [ax, ay] = corners[i - 1]!;
    const [bx, by] = corners[i]!;
    const reach = width / 2 + 1;
    const [left, right] = [
      Math.max(0, Math.ceil(Math.min(ax, bx) - reach)),
      Math.min(SIZE - 1, Math.max(ax, bx) + reach),
    ];
    const [top, bottom] = [
      Math.max(0, Math.ceil(Math.min(ay, by) - reach)),
      Math.min(SIZE - 1, Math.max(ay, by) + reach),
    ];
    const [dx, dy] = [bx - ax, by - ay];
    const squared = dx * dx + dy * dy;
    for (let y = top; y <= bottom; y++) {
      for (let x = left; x <= right; x++) {
        const along = squared === 0 ? 0 : ((x - ax) * dx + (y - ay) * dy) / squared;
        const t = Math.min(1, Math.max(0, along));
        const [ex, ey] = [x - ax - t * dx, y - ay - t * dy];
        const value = Math.min(1, Math.max(0, width / 2 + 0.5 - Math.sqrt(ex * ex + ey * ey)));
        if (value > ink[y * SIZE + x]!) ink[y * SIZE + x] = value;
      }
    }
  }
}

function drawStrayLine(ink: Float64Array, draw: Random): void {
  const layer = new Float64Array(SIZE * SIZE);
  const [x, y] = [draw.between(0, SIZE), draw.between(0, SIZE)];
  drawPolyline(layer, [x, y, x + draw.between(-8, 8), y + draw.between(-8, 8)], 1);
  const strength = draw.between(0.2, 0.5);
  for (let i = 0; i < ink.length; i++) ink[i] = Math.max(ink[i]!, strength * layer[i]!);
}

function pairs(points: number[]): [number, number][] {
  return Array.from({ length: points.length / 2 }, (_, i) => [points[2 * i]!, points[2 * i + 1]!]);
}
