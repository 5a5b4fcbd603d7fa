/** The contracts of a deployment as viem takes them: address and ABI together, and the same list for the mirror. */
import type { Abi, PublicClient } from "viem";
import {
  claimRegistryAbi,
  disputeGameAbi,
  programRegistryAbi,
  refereeAbi,
  structureRefereeAbi,
  taskMarketAbi,
  testTokenAbi,
} from "../abi/index.ts";
import { LockstepError } from "../float/errors.ts";
import type { Deployment } from "./deployment.ts";
import type { WatchedContract } from "./reader.ts";

/** Every contract of a deployment. */
export function protocolOf(deployment: Deployment) {
  const { contracts } = deployment;
  return {
    token: { address: contracts.Token, abi: testTokenAbi },
    programs: { address: contracts.ProgramRegistry, abi: programRegistryAbi },
    claims: { address: contracts.ClaimRegistry, abi: claimRegistryAbi },
    game: { address: contracts.DisputeGame, abi: disputeGameAbi },
    referee: { address: contracts.Referee, abi: refereeAbi },
    structureReferee: { address: contracts.StructureReferee, abi: structureRefereeAbi },
    market: { address: contracts.TaskMarket, abi: taskMarketAbi },
  } as const;
}

export type Protocol = ReturnType<typeof protocolOf>;

/** The contracts whose events the node mirrors. */
export function watchedContracts({ programs, claims, game, market }: Protocol): WatchedContract[] {
  return [
    { name: "ProgramRegistry", ...programs },
    { name: "ClaimRegistry", ...claims },
    { name: "DisputeGame", ...game },
    { name: "TaskMarket", ...market },
  ];
}

/** Every error of the contracts: one that a contract calls (a token, a referee) refuses in its caller's name. */
export const PROTOCOL_ERRORS: Abi = [
  claimRegistryAbi,
  disputeGameAbi,
  programRegistryAbi,
  refereeAbi,
  structureRefereeAbi,
  taskMarketAbi,
  testTokenAbi,
].flatMap((abi: Abi) => abi.filter(({ type }) => type === "error"));

/** Refuses an endpoint of another chain or one where the contracts are not deployed. */
export async function checkDeployment(client: PublicClient, deployment: Deployment): Promise<void> {
  const chainId = await client.getChainId();
  if (chainId !== deployment.chainId) throw new WrongChainError(deployment.chainId, chainId);
  for (const [name, address] of Object.entries(deployment.contracts)) {
    const code = await client.getCode({ address });
    if (code === undefined || code === "0x") throw new ContractMissingError(name, address, chainId);
  }
}

/** The endpoint serves another chain than the deployment file is for. */
export class WrongChainError extends LockstepError {
  constructor(expected: number, found: number) {
    super("WrongChainError", `The deployment is for chain ${expected}, the endpoint serves chain ${found}`, {
      expected,
      found,
    });
  }
}

/** A contract of the deployment file has no code on the chain. */
export class ContractMissingError extends LockstepError {
  constructor(contract: string, address: string, chainId: number) {
    super("ContractMissingError", `${contract} has no code at ${address} on chain ${chainId}`, {
      contract,
      address,
      chainId,
    });
  }
}
