// Reads what the indexer needs of a program's summary (section 3 of the specification): its counts and the work of a
// step. The registry contract has checked the bytes; anything else here is a deployment of another version.

/** Offsets in bytes. */
const HEAD = 64;
const SEGMENT = 96;

export interface ProgramSummary {
  inputCount: number;
  slotCount: number;
  outputCount: number;
  /** `steps` is 0 in the last segment, which takes the rest. */
  segments: { steps: bigint; primitives: number }[];
}

/** A summary is not one of numerics version 1. */
export class SummaryError extends Error {
  readonly values: { summary: string };

  constructor(summary: string) {
    super(`Program summary ${summary} is not one of numerics version 1`);
    this.name = "SummaryError";
    this.values = { summary };
  }
}

/** Decodes a summary given as 0x and hexadecimal digits. */
export function readSummary(summary: `0x${string}`): ProgramSummary {
  const bytes = Buffer.from(summary.slice(2), "hex");
  const segmentCount = bytes.length < HEAD ? 0 : bytes.readUInt32BE(12);
  if (bytes.subarray(0, 8).toString("latin1") !== "LOCKSTEP" || bytes.length !== HEAD + segmentCount * SEGMENT) {
    throw new SummaryError(summary);
  }
  return {
    inputCount: bytes.readUInt32BE(16),
    slotCount: bytes.readUInt32BE(20),
    outputCount: bytes.readUInt32BE(24),
    segments: Array.from({ length: segmentCount }, (_, i) => {
      const at = HEAD + i * SEGMENT + 64;
      return { steps: BigInt(bytes.readUInt32BE(at)), primitives: bytes.readUInt32BE(at + 4) };
    }),
  };
}

/** Primitives run in `steps` steps of a program. */
export function workOf({ segments }: ProgramSummary, steps: number): bigint {
  let left = BigInt(steps);
  let work = 0n;
  for (const [i, segment] of segments.entries()) {
    const taken = i === segments.length - 1 || segment.steps > left ? left : segment.steps;
    work += taken * BigInt(segment.primitives);
    left -= taken;
  }
  return work;
}
