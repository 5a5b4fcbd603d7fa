// Generates node/src/onnx/proto/onnx_pb.ts from the vendored onnx.proto beside it with buf and protoc-gen-es, offline.
// With --check it writes nothing and exits 1 when the committed file differs from what would be generated.

import { execFileSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const protoFolder = join(root, "node/src/onnx/proto");
const target = join(protoFolder, "onnx_pb.ts");

const generated = generate(join(protoFolder, "onnx.proto"));
if (!process.argv.includes("--check")) {
  writeFileSync(target, generated);
} else if (readFileSync(target, "utf8") !== generated) {
  console.error("node/src/onnx/proto/onnx_pb.ts is out of date: run node scripts/generate-onnx-proto.ts");
  process.exitCode = 1;
}

function generate(protoFile: string): string {
  const folder = mkdtempSync(join(tmpdir(), "onnx-proto-"));
  try {
    copyFileSync(protoFile, join(folder, "onnx.proto"));
    // erasable_syntax: Node runs the file as it is, so enums must be plain objects.
    const plugin = { local: "protoc-gen-es", out: ".", opt: ["target=ts", "erasable_syntax=true"] };
    const bin = join(root, "node_modules/.bin");
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
