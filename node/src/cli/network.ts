/**
 * Where the network is that a command talks to: its flags first, then the settings RPC_URL and LOCKSTEP_DEPLOYMENT, then
 * the network file that `lockstep up` keeps in its folder.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { BaseError, createPublicClient, http, type PublicClient } from "viem";
import { z } from "zod";
import { readDeployment, type Deployment } from "../chain/deployment.ts";
import { checkDeployment, protocolOf, type Protocol } from "../chain/protocol.ts";
import { LockstepError } from "../float/errors.ts";
import { text, type Flag, type Input } from "./command.ts";

/** What `lockstep up` writes for the other commands: `<dir>/network.json`. */
export const networkFile = z.object({
  chainId: z.int(),
  rpc: z.url(),
  graphql: z.url(),
  deployment: z.string(),
  peers: z.array(z.string()),
});

export type NetworkFile = z.infer<typeof networkFile>;

/** The flags of every command that talks to a network. */
export const NETWORK_FLAGS: readonly Flag[] = [
  { flag: "--rpc <url>", summary: "endpoint of the chain (setting RPC_URL)" },
  { flag: "--deployment <file>", summary: "addresses of the contracts (setting LOCKSTEP_DEPLOYMENT)" },
  { flag: "--dir <folder>", summary: "folder of a network started with `lockstep up`", default: ".lockstep" },
];

export interface Network {
  rpc: string;
  client: PublicClient;
  deployment: Deployment;
  protocol: Protocol;
  /** Addresses of known peers. */
  peers: readonly string[];
}

/** Connects to the chain and checks that the contracts are there. */
export async function openNetwork(input: Input): Promise<Network> {
  const known = readNetworkFile(input);
  const rpc = text(input, "rpc") ?? process.env["RPC_URL"] ?? known?.rpc;
  const path = text(input, "deployment") ?? process.env["LOCKSTEP_DEPLOYMENT"] ?? known?.deployment;
  if (rpc === undefined || path === undefined) throw new NetworkUnknownError(rpc === undefined ? "rpc" : "deployment");
  const deployment = readDeployment(path);
  const client = createPublicClient({ transport: http(rpc), pollingInterval: 250 });
  await checkDeployment(client, deployment);
  return { rpc, client, deployment, protocol: protocolOf(deployment), peers: known?.peers ?? [] };
}

/** The address of the GraphQL service: `--graphql`, the setting LOCKSTEP_GRAPHQL, or that of the network file. */
export function graphqlUrl(input: Input): string {
  const url = text(input, "graphql") ?? process.env["LOCKSTEP_GRAPHQL"] ?? readNetworkFile(input)?.graphql;
  if (url === undefined) throw new NetworkUnknownError("graphql");
  return url;
}

/** The network file of `--dir`, if there is one. */
export function readNetworkFile(input: Input): NetworkFile | undefined {
  const path = join(text(input, "dir") ?? ".lockstep", "network.json");
  if (!existsSync(path)) return undefined;
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    throw new NetworkFileError(path, "it is not JSON", cause);
  }
  const parsed = networkFile.safeParse(json);
  if (!parsed.success) throw new NetworkFileError(path, z.prettifyError(parsed.error), parsed.error);
  return parsed.data;
}

/** What viem throws when an endpoint is away, answers with an error of its own or with nonsense, as one typed error. */
export function asEndpointError(error: unknown): unknown {
  return error instanceof BaseError ? new EndpointError(error) : error;
}

/** The chain's endpoint can't be reached or answers with an error. */
export class EndpointError extends LockstepError {
  constructor(cause: BaseError) {
    const rule = cause.shortMessage;
    const detail = cause.details;
    super(
      "EndpointError",
      `The chain's endpoint: ${rule} (${detail}); check --rpc or RPC_URL`,
      { rule, detail },
      { cause },
    );
  }
}

/** No flag, setting or running local network says where to connect. */
export class NetworkUnknownError extends LockstepError {
  constructor(option: string) {
    super("NetworkUnknownError", `Give --${option}, set its setting, or start a local network with \`lockstep up\``, {
      option,
    });
  }
}

/** The network file was changed by hand and breaks its schema. */
export class NetworkFileError extends LockstepError {
  constructor(path: string, rule: string, cause: unknown) {
    super("NetworkFileError", `${path}: ${rule}`, { path, rule }, { cause });
  }
}
