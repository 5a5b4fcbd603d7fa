// Generates the protobuf messages of ONNX from the vendored onnx.proto with buf and protoc-gen-es, offline.
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import type { Generator } from "./generator.ts";

const FOLDER = "node/src/onnx/proto";
const TARGET = `${FOLDER}/onnx_pb.ts`;

export const onnxGenerator: Generator = {
  name: "onnx",
  stage: "before-build",
  owns: [TARGET],
  outputs: () => [{ path: TARGET, content: messages(`${FOLDER}/onnx.proto`) }],
};

function messages(protoFile: string): string {
  const folder = mkdtempSync(join(tmpdir(), "onnx-proto-"));
  try {
    copyFileSync(protoFile, join(folder, "onnx.proto"));
    // erasable_syntax: Node runs the file as it is, so enums must be plain objects.
    const plugin = { local: "protoc-gen-es", out: ".", opt: ["target=ts", "erasable_syntax=true"] };
    const bin = resolve("node_modules/.bin");
    execFileSync(join(bin, "buf"), ["generate", "--template", JSON.stringify({ version: "v2", plugins: [plugin] })], {
      cwd: folder,
      env: { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH ?? ""}` },
      stdio: ["ignore", "inherit", "inherit"],
    });
    return readFileSync(join(folder, "onnx_pb.ts"), "utf8");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
