/**
 * Copies of strided views of arrays: what transposes and slices of weights are made with at import. Axes that are walked as one
 * are joined, runs are copied whole, and transposes go block by block, which is many times faster than element by element
 * once the arrays are larger than the caches.
 */

/** Rows and columns of a block that stays in the cache while it is turned. */
const BLOCK = 32;

type Elements = Uint32Array | BigInt64Array;

interface Axis {
  extent: number;
  /** Elements between neighbours in the source. */
  stride: number;
}

/** Fills `to` with the elements of `from` at digits times strides from `offset`, in row-major order of `shape`. All must be inside. */
export function viewOf<E extends Elements>(
  from: E,
  to: E,
  shape: readonly number[],
  strides: readonly number[],
  offset: number,
): E {
  if (to.length === 0) return to;
  const axes = joinedAxes(shape, strides);
  const last = axes.pop() ?? { extent: 1, stride: 1 };
  const nearest = last.stride === 1 || axes.length === 0 ? -1 : nearestAxis(axes);
  // The axis that shares blocks with the last one; its elements are close in the source.
  const across = nearest < 0 ? { extent: 1, stride: 0 } : axes[nearest];
  // What one step along `across` is in the target.
  const step = axes.slice(nearest + 1).reduce((product, { extent }) => product * extent, last.extent);
  const outer = axes.map((axis, index) => (index === nearest ? { extent: 1, stride: 0 } : axis));
  const targets = targetStrides(axes, last.extent);
  walk(outer, targets, offset, (source, target) => {
    if (last.stride === 1 && nearest < 0) {
      to.set(from.subarray(source, source + last.extent) as Uint32Array & BigInt64Array, target);
    } else {
      turn(from, to, source, target, across, step, last);
    }
  });
  return to;
}

/** Copies a block of two axes: `across`, whose steps in the target are `step` long, and the last one. */
function turn<E extends Elements>(
  from: E,
  to: E,
  source: number,
  target: number,
  across: Axis,
  step: number,
  last: Axis,
): void {
  for (let top = 0; top < across.extent; top += BLOCK) {
    const bottom = Math.min(top + BLOCK, across.extent);
    for (let left = 0; left < last.extent; left += BLOCK) {
      const right = Math.min(left + BLOCK, last.extent);
      for (let row = top; row < bottom; row++) {
        const place = target + row * step;
        const start = source + row * across.stride;
        for (let column = left; column < right; column++) to[place + column] = from[start + column * last.stride];
      }
    }
  }
}

/** Axes of extent 1 dropped, neighbours that the source walks as one joined. */
function joinedAxes(shape: readonly number[], strides: readonly number[]): Axis[] {
  const axes: Axis[] = [];
  shape.forEach((extent, index) => {
    if (extent === 1) return;
    const stride = strides[index];
    const before = axes.at(-1);
    if (before?.stride === stride * extent) {
      before.extent *= extent;
      before.stride = stride;
    } else axes.push({ extent, stride });
  });
  return axes;
}

function nearestAxis(axes: readonly Axis[]): number {
  let best = -1;
  axes.forEach(({ stride }, index) => {
    if (stride !== 0 && (best < 0 || Math.abs(stride) < Math.abs(axes[best].stride))) best = index;
  });
  return best;
}

function targetStrides(axes: readonly Axis[], last: number): number[] {
  const strides = new Array<number>(axes.length);
  let stride = last;
  for (let axis = axes.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= axes[axis].extent;
  }
  return strides;
}

/** Calls `visit` with the source and target places of every digit of `axes`. */
function walk(
  axes: readonly Axis[],
  targets: readonly number[],
  offset: number,
  visit: (source: number, target: number) => void,
): void {
  const digits = new Array<number>(axes.length).fill(0);
  let [source, target] = [offset, 0];
  for (;;) {
    visit(source, target);
    let axis = axes.length - 1;
    for (; axis >= 0; axis--) {
      digits[axis] += 1;
      source += axes[axis].stride;
      target += targets[axis];
      if (digits[axis] < axes[axis].extent) break;
      source -= axes[axis].extent * axes[axis].stride;
      target -= axes[axis].extent * targets[axis];
      digits[axis] = 0;
    }
    if (axis < 0) return;
  }
}
