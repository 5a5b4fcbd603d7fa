/** Makes modules of bytes, over the one memory of a runner. */

/** The exports of a new instance. */
export function loadModule(bytes: Uint8Array, memory: WebAssembly.Memory): WebAssembly.Exports {
  const module = new WebAssembly.Module(bytes as BufferSource);
  return new WebAssembly.Instance(module, { host: { memory } }).exports;
}
