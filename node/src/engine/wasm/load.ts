/** Makes modules of bytes, over the one memory of a runner or a machine, which threads may share. */

/** The exports of a new instance. */
export function loadModule(bytes: Uint8Array, memory: WebAssembly.Memory): WebAssembly.Exports {
  const module = new WebAssembly.Module(bytes as BufferSource);
  return new WebAssembly.Instance(module, { host: { memory } }).exports;
}

const IMPORT_SECTION = 2;
const MEMORY_KIND = 2;
const SHARED = 3;
/** 65,536 pages in LEB128, which sharing asks to be named. */
const MOST_PAGES = [0x80, 0x80, 0x04];

/** The module with its one import, a memory of any size, as one that threads share. A module that has it so is left alone. */
export function withSharedMemory(bytes: Uint8Array): Uint8Array {
  let at = 8;
  while (at < bytes.length) {
    const id = bytes[at];
    const [size, start] = readLeb(bytes, at + 1);
    if (id === IMPORT_SECTION) return rewriteImports(bytes, at, start, start + size);
    at = start + size;
  }
  return bytes;
}

function rewriteImports(bytes: Uint8Array, section: number, start: number, end: number): Uint8Array {
  const [count, first] = readLeb(bytes, start);
  let at = first;
  for (let name = 0; name < 2; name++) {
    const [length, text] = readLeb(bytes, at);
    at = text + length;
  }
  if (count !== 1 || bytes[at] !== MEMORY_KIND) throw new RangeError("the module imports more than a memory");
  if (bytes[at + 1] === SHARED) return bytes;
  const [, minimumEnd] = readLeb(bytes, at + 2);
  const imports = [
    ...bytes.subarray(start, at),
    MEMORY_KIND,
    SHARED,
    ...bytes.subarray(at + 2, minimumEnd),
    ...MOST_PAGES,
  ];
  if (imports.length > 127) throw new RangeError("the module's import has a long name");
  return Uint8Array.from([
    ...bytes.subarray(0, section),
    IMPORT_SECTION,
    imports.length,
    ...imports,
    ...bytes.subarray(end),
  ]);
}

function readLeb(bytes: Uint8Array, from: number): [value: number, end: number] {
  let value = 0;
  for (let [at, shift] = [from, 0]; ; at++, shift += 7) {
    value += (bytes[at] & 127) * 2 ** shift;
    if (bytes[at] < 128) return [value, at + 1];
  }
}
