// What a generator of committed files is. Generators run in two stages: those that read only TypeScript run before the
// contracts are built, since contracts import what they write; those that read artifacts run after.

export interface GeneratedFile {
  /** Path from the repository's root, with forward slashes. */
  path: string;
  content: string;
}

export interface Generator {
  name: string;
  stage: "before-build" | "after-build";
  /** Globs, from the repository's root, of every file this generator writes: a match it no longer writes is stale. */
  owns: string[];
  /** All its files. Deterministic: the same sources give the same bytes. */
  outputs: () => GeneratedFile[] | Promise<GeneratedFile[]>;
}
