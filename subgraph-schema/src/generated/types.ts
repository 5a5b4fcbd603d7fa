// Generated from subgraph-schema/schema.graphql by scripts/generators/schema.ts; do not edit.
import type { GraphQLResolveInfo, GraphQLScalarType, GraphQLScalarTypeConfig } from 'graphql';
export type Maybe<T> = T | null;
export type InputMaybe<T> = Maybe<T>;
export type RequireFields<T, K extends keyof T> = Omit<T, K> & { [P in K]-?: NonNullable<T[P]> };
/** All built-in and custom scalars, mapped to their actual values */
export type Scalars = {
  ID: { input: string; output: string; }
  String: { input: string; output: string; }
  Boolean: { input: boolean; output: boolean; }
  Int: { input: number; output: number; }
  Float: { input: number; output: number; }
  /**
   * Non-negative integer without a bound, as a decimal string: amounts in wei or token units, block numbers, seconds since
   * the epoch.
   */
  BigInt: { input: string; output: string; }
  /** 20-byte account address: 0x and 40 hexadecimal digits, answered in lower case. */
  Address: { input: string; output: string; }
  /** 32-byte hash: 0x and 64 hexadecimal digits, answered in lower case. */
  Hash: { input: string; output: string; }
  /** Bytes: 0x and an even number of hexadecimal digits, answered in lower case. */
  Bytes: { input: string; output: string; }
  /** One 32-bit word: 0x and 8 hexadecimal digits, most significant first. A float32 is its bit pattern. */
  Word: { input: string; output: string; }
};

/** What the contracts of one deployment have recorded, as far as it is indexed. Lists are newest first. */
export type Query = {
  __typename?: 'Query';
  /** The deployment that is indexed, and how far. */
  deployment: Deployment;
  /** Counts over all of the deployment. */
  totals: Totals;
  /** Whatever has this id: a program, task, claim, dispute or account. Null if nothing has. */
  node?: Maybe<Node>;
  /** A registered program. */
  program?: Maybe<Program>;
  /** Registered programs, newest first. */
  programs: ProgramConnection;
  /** A task of the market. */
  task?: Maybe<Task>;
  /** Tasks, newest first. */
  tasks: TaskConnection;
  /** A claim. */
  claim?: Maybe<Claim>;
  /** Claims, newest first. */
  claims: ClaimConnection;
  /** A dispute. */
  dispute?: Maybe<Dispute>;
  /** Disputes, newest first. */
  disputes: DisputeConnection;
  /** An account that published, requested, claimed, challenged, proved or was paid. Null for any other. */
  account?: Maybe<Account>;
  /** Accounts, the latest to appear first. */
  accounts: AccountConnection;
  /**
   * Accounts with a claim that ended final or slashed. Most final claims first; then fewest slashed; then the earlier first
   * final claim; then the lower address. A claim counts from the block that finalises it: nothing pending, nothing reported.
   */
  leaderboard: LeaderboardConnection;
};


/** What the contracts of one deployment have recorded, as far as it is indexed. Lists are newest first. */
export type QueryNodeArgs = {
  id: Scalars['ID']['input'];
};


/** What the contracts of one deployment have recorded, as far as it is indexed. Lists are newest first. */
export type QueryProgramArgs = {
  id: Scalars['Hash']['input'];
};


/** What the contracts of one deployment have recorded, as far as it is indexed. Lists are newest first. */
export type QueryProgramsArgs = {
  first?: InputMaybe<Scalars['Int']['input']>;
  after?: InputMaybe<Scalars['String']['input']>;
  publisher?: InputMaybe<Scalars['Address']['input']>;
};


/** What the contracts of one deployment have recorded, as far as it is indexed. Lists are newest first. */
export type QueryTaskArgs = {
  id: Scalars['Hash']['input'];
};


/** What the contracts of one deployment have recorded, as far as it is indexed. Lists are newest first. */
export type QueryTasksArgs = {
  first?: InputMaybe<Scalars['Int']['input']>;
  after?: InputMaybe<Scalars['String']['input']>;
  where?: InputMaybe<TaskFilter>;
};


/** What the contracts of one deployment have recorded, as far as it is indexed. Lists are newest first. */
export type QueryClaimArgs = {
  id: Scalars['Hash']['input'];
};


/** What the contracts of one deployment have recorded, as far as it is indexed. Lists are newest first. */
export type QueryClaimsArgs = {
  first?: InputMaybe<Scalars['Int']['input']>;
  after?: InputMaybe<Scalars['String']['input']>;
  where?: InputMaybe<ClaimFilter>;
};


/** What the contracts of one deployment have recorded, as far as it is indexed. Lists are newest first. */
export type QueryDisputeArgs = {
  id: Scalars['Hash']['input'];
};


/** What the contracts of one deployment have recorded, as far as it is indexed. Lists are newest first. */
export type QueryDisputesArgs = {
  first?: InputMaybe<Scalars['Int']['input']>;
  after?: InputMaybe<Scalars['String']['input']>;
  where?: InputMaybe<DisputeFilter>;
};


/** What the contracts of one deployment have recorded, as far as it is indexed. Lists are newest first. */
export type QueryAccountArgs = {
  id: Scalars['Address']['input'];
};


/** What the contracts of one deployment have recorded, as far as it is indexed. Lists are newest first. */
export type QueryAccountsArgs = {
  first?: InputMaybe<Scalars['Int']['input']>;
  after?: InputMaybe<Scalars['String']['input']>;
};


/** What the contracts of one deployment have recorded, as far as it is indexed. Lists are newest first. */
export type QueryLeaderboardArgs = {
  first?: InputMaybe<Scalars['Int']['input']>;
  after?: InputMaybe<Scalars['String']['input']>;
};

/** Anything with an id of its own. */
export type Node = {
  /** Hash or address, unique among all nodes. */
  id: Scalars['ID']['output'];
};

/** Where in a connection a page lies. */
export type PageInfo = {
  __typename?: 'PageInfo';
  /** Whether there is more after the page. */
  hasNextPage: Scalars['Boolean']['output'];
  /** Whether the page started after a cursor. */
  hasPreviousPage: Scalars['Boolean']['output'];
  /** Cursor of the first entry, null on an empty page. */
  startCursor?: Maybe<Scalars['String']['output']>;
  /** Cursor of the last entry, null on an empty page. */
  endCursor?: Maybe<Scalars['String']['output']>;
};

/** When something was recorded. */
export type Moment = {
  __typename?: 'Moment';
  /** Number of the block. */
  blockNumber: Scalars['BigInt']['output'];
  /** Seconds since the epoch of the block. */
  timestamp: Scalars['BigInt']['output'];
  /** Hash of the transaction. */
  transactionHash: Scalars['Hash']['output'];
  /** Gas used by the whole transaction. */
  gasUsed: Scalars['BigInt']['output'];
};

/** The contracts that are indexed. */
export type Deployment = {
  __typename?: 'Deployment';
  /** Id of the chain. */
  chainId: Scalars['Int']['output'];
  /** First block that is read. */
  startBlock: Scalars['Int']['output'];
  /** Last block whose events are all indexed, null before the first. */
  indexedBlock?: Maybe<Scalars['BigInt']['output']>;
  /** Seconds since the epoch of that block. */
  indexedTimestamp?: Maybe<Scalars['BigInt']['output']>;
  /** ERC-20 token of all prices. */
  token: Scalars['Address']['output'];
  /** Where programs are published. */
  programRegistry: Scalars['Address']['output'];
  /** Where claims are made. */
  claimRegistry: Scalars['Address']['output'];
  /** Where claims are disputed. */
  disputeGame: Scalars['Address']['output'];
  /** Judge of elements. */
  referee: Scalars['Address']['output'];
  /** Judge of slots, padding and records. */
  structureReferee: Scalars['Address']['output'];
  /** Where execution is bought. */
  taskMarket: Scalars['Address']['output'];
};

/** Counts over all of the deployment. */
export type Totals = {
  __typename?: 'Totals';
  /** Programs registered. */
  programs: Scalars['Int']['output'];
  /** Tasks requested. */
  tasks: Scalars['Int']['output'];
  /** Claims committed, whatever became of them. */
  claims: Scalars['Int']['output'];
  /** Claims that are final. */
  finalClaims: Scalars['Int']['output'];
  /** Claims that were slashed. */
  slashedClaims: Scalars['Int']['output'];
  /** Claims that were never revealed and lost their bond. */
  forfeitedClaims: Scalars['Int']['output'];
  /** Claims that the auditor ended before their reveal. */
  voidedClaims: Scalars['Int']['output'];
  /** Disputes opened. */
  disputes: Scalars['Int']['output'];
  /** Disputes that have not ended. */
  openDisputes: Scalars['Int']['output'];
  /** Moves made in disputes. */
  moves: Scalars['Int']['output'];
  /** Bonds burnt by slashing and forfeiting, in wei. */
  burntWei: Scalars['BigInt']['output'];
};

/** A program whose bytes were published. */
export type Program = Node & {
  __typename?: 'Program';
  /** Program root. */
  id: Scalars['ID']['output'];
  /** Program root: hash of the summary, which commits to everything else. */
  programRoot: Scalars['Hash']['output'];
  /** Who registered it. */
  publisher: Account;
  /** Preimage of the program root. */
  summary: Scalars['Bytes']['output'];
  /** Preimage of the summary's interface hash: lengths and types of inputs, slots and outputs. */
  interfaceTable: Scalars['Bytes']['output'];
  /** Per segment, what each slot and output is bound to. */
  bindings: Array<Scalars['Bytes']['output']>;
  /** keccak256 of the ABI encoding of records and scalar programs, which were published with the registration. */
  contentHash: Scalars['Hash']['output'];
  /** Names of manifests (model file and import options) that lower to it, `lockstep:root:bytes`, or URLs, oldest first; never fetched by the indexer. */
  mirrors: Array<Scalars['String']['output']>;
  /** Number of input tensors. */
  inputCount: Scalars['Int']['output'];
  /** Number of tensors carried from step to step. */
  slotCount: Scalars['Int']['output'];
  /** Number of output tensors. */
  outputCount: Scalars['Int']['output'];
  /** Primitives run in a step of each segment, and how many steps the segment takes: 0 for the rest, in the last. */
  segments: Array<Segment>;
  /** When it was registered. Records and scalar programs are in this transaction's calldata. */
  registered: Moment;
  /** Claims of this program, newest first. */
  claims: ClaimConnection;
};


/** A program whose bytes were published. */
export type ProgramClaimsArgs = {
  first?: InputMaybe<Scalars['Int']['input']>;
  after?: InputMaybe<Scalars['String']['input']>;
};

/** Consecutive steps of a program that run the same primitives. */
export type Segment = {
  __typename?: 'Segment';
  /** Steps it takes; 0 in the last segment, which takes the rest. No claim can have more than 1048576. */
  steps: Scalars['BigInt']['output'];
  /** Primitives of one step. */
  primitives: Scalars['Int']['output'];
};

/** Where a task stands. PAID, CANCELLED and REFUNDED never change again. */
export type TaskStatus =
  /** Waiting for a solver. */
  | 'OPEN'
  /** Reserved by a solver until `deliverBy`; open again after it. */
  | 'ACCEPTED'
  /** Answered by a claim that is not settled yet. */
  | 'DELIVERED'
  /** Its claim became final and the solver was paid. */
  | 'PAID'
  /** Taken back by the requester. */
  | 'CANCELLED'
  /** Not delivered by its deadline; the price went back. */
  | 'REFUNDED';

/** An execution asked for, with the price held by the market. */
export type Task = Node & {
  __typename?: 'Task';
  /** Task id. */
  id: Scalars['ID']['output'];
  /** Where it stands. */
  status: TaskStatus;
  /** Who asked and paid. */
  requester: Account;
  /** Root of the program to run. */
  programRoot: Scalars['Hash']['output'];
  /** The program to run, null while it is not registered. */
  program?: Maybe<Program>;
  /** Root of the input tensors. */
  inputsRoot: Scalars['Hash']['output'];
  /** Steps to run. The market accepts up to 4294967295; no claim can have more than 1048576. */
  steps: Scalars['BigInt']['output'];
  /** Price in units of the token. */
  price: Scalars['BigInt']['output'];
  /** Last second to accept and deliver, since the epoch. */
  deadline: Scalars['BigInt']['output'];
  /** Who alone may accept, null for anyone. */
  onlySolver?: Maybe<Scalars['Address']['output']>;
  /** Who accepted last, null while nobody has since it was requested or opened again. */
  solver?: Maybe<Account>;
  /** Last second to deliver, since the epoch, null while nobody has accepted. */
  deliverBy?: Maybe<Scalars['BigInt']['output']>;
  /** The claim delivered, null unless delivered. */
  claim?: Maybe<Claim>;
  /** Times a delivered claim was slashed and the task opened again. */
  reopenings: Scalars['Int']['output'];
  /** The input tensors' words, big-endian, unpadded, in order; empty when served elsewhere. Not checked on chain. */
  inputData: Scalars['Bytes']['output'];
  /** When it was requested. */
  requested: Moment;
  /** When it was accepted last, null while `solver` is. */
  accepted?: Maybe<Moment>;
  /** When `claim` was delivered. */
  delivered?: Maybe<Moment>;
  /** When it was paid, cancelled or refunded. */
  ended?: Maybe<Moment>;
};

/** Where a claim stands. FINAL, SLASHED, FORFEITED and VOIDED never change again. */
export type ClaimStatus =
  /** Bonded; trace root and outputs are hidden. */
  | 'COMMITTED'
  /** Open to challenges until `challengeUntil`. */
  | 'REVEALED'
  /** Stood: the bond went back. */
  | 'FINAL'
  /** Wrong, or not defended in time: the bond was taken. */
  | 'SLASHED'
  /** Not revealed in time: the bond was burnt. */
  | 'FORFEITED'
  /** Ended by the auditor before its reveal: the bond went back, less a fee. */
  | 'VOIDED';

/** A bonded statement of trace root and outputs for a program and inputs. */
export type Claim = Node & {
  __typename?: 'Claim';
  /** Claim id. */
  id: Scalars['ID']['output'];
  /** Where it stands. */
  status: ClaimStatus;
  /** Who made it and put up the bond. */
  claimant: Account;
  /** Root of the program that was run. */
  programRoot: Scalars['Hash']['output'];
  /** The program that was run, null while it is not registered. */
  program?: Maybe<Program>;
  /** The task the claim names, zero bytes if none. Anyone can name any task. */
  taskId: Scalars['Hash']['output'];
  /** The task the claim names, null if the market has none of this id. */
  task?: Maybe<Task>;
  /** Root of the input tensors. */
  inputsRoot: Scalars['Hash']['output'];
  /** Steps run, 1 to 1048576. */
  steps: Scalars['Int']['output'];
  /** 0: full trace; 1: deferred, where the scratch root of a step is posted when a dispute first reaches the step. */
  traceMode: Scalars['Int']['output'];
  /** Who may post scratch roots beside the claimant, null for none. */
  operator?: Maybe<Scalars['Address']['output']>;
  /** Bond in wei. */
  bondWei: Scalars['BigInt']['output'];
  /** Fee of one forced move, in wei. */
  moveFeeWei: Scalars['BigInt']['output'];
  /** Hash of claimant, trace root, hash of the output roots and salt. */
  seal: Scalars['Hash']['output'];
  /** Last second to reveal, since the epoch. */
  revealBy: Scalars['BigInt']['output'];
  /** Merkle root over every primitive's output in every step, null before the reveal. */
  traceRoot?: Maybe<Scalars['Hash']['output']>;
  /** Tensor roots of the outputs after the last step, in order, null before the reveal. */
  outputRoots?: Maybe<Array<Scalars['Hash']['output']>>;
  /** What hid the seal, null before the reveal: with it anyone can name the claim to the contracts. */
  salt?: Maybe<Scalars['Hash']['output']>;
  /** Last second to challenge, since the epoch, null before the reveal. */
  challengeUntil?: Maybe<Scalars['BigInt']['output']>;
  /** Primitives run: over all steps, null while the program is not registered. */
  work?: Maybe<Scalars['BigInt']['output']>;
  /** The fraud that was proven, null if none was; a claim can be slashed by a clock alone. */
  fraud?: Maybe<Fraud>;
  /** Who slashed it, null unless slashed. */
  slashedBy?: Maybe<Account>;
  /** Bounty in wei, null unless slashed. */
  bountyWei?: Maybe<Scalars['BigInt']['output']>;
  /** Whom the bounty was paid to, null while it is held for earlier commitments. */
  bountyTo?: Maybe<Account>;
  /** Burnt of the bond, in wei, null unless slashed or forfeited. */
  burntWei?: Maybe<Scalars['BigInt']['output']>;
  /** Kept of the bond by the auditor, in wei, null unless voided. */
  voidFeeWei?: Maybe<Scalars['BigInt']['output']>;
  /** Disputes that have not ended. */
  openDisputes: Scalars['Int']['output'];
  /** Disputes, newest first. */
  disputes: DisputeConnection;
  /** Commitments to direct proofs, newest first. */
  proofs: ProofConnection;
  /** When it was committed. */
  committed: Moment;
  /** When it was revealed. */
  revealed?: Maybe<Moment>;
  /** When it became final, slashed, forfeited or voided. */
  ended?: Maybe<Moment>;
};


/** A bonded statement of trace root and outputs for a program and inputs. */
export type ClaimDisputesArgs = {
  first?: InputMaybe<Scalars['Int']['input']>;
  after?: InputMaybe<Scalars['String']['input']>;
};


/** A bonded statement of trace root and outputs for a program and inputs. */
export type ClaimProofsArgs = {
  first?: InputMaybe<Scalars['Int']['input']>;
  after?: InputMaybe<Scalars['String']['input']>;
};

/** What a fraud proof shows. */
export type FraudKind =
  /** A word of a primitive's output is not what its scalar program computes. */
  | 'ELEMENT'
  /** A slot or an output is not the tensor it is bound to. */
  | 'SLOT'
  /** A tensor has a non-zero word past its length. */
  | 'PADDING'
  /** The program is invalid. */
  | 'RECORD';

/** A fraud that the chain has recomputed. */
export type Fraud = {
  __typename?: 'Fraud';
  /** What was shown. */
  kind: FraudKind;
  /** Step of the lie. */
  step: Scalars['Int']['output'];
  /** Primitive, or item of the state tree for SLOT and PADDING. */
  primitive: Scalars['Int']['output'];
  /** Index of the word in the tensor. */
  element: Scalars['Int']['output'];
  /** The word in the claimed trace. */
  claimed: Scalars['Word']['output'];
  /** The word the referee computed. */
  computed: Scalars['Word']['output'];
  /** Who proved it. */
  prover: Account;
  /** The dispute it ended, null for a direct proof. */
  dispute?: Maybe<Dispute>;
  /** When it was proven. */
  proven: Moment;
};

/** Where a dispute stands. WON, LOST and REFUNDED never change again. */
export type DisputeStatus =
  /** The challenger is to demand a node or to prove. */
  | 'CHALLENGER_TURN'
  /** The claimant is to open a node. */
  | 'CLAIMANT_TURN'
  /** The claim was slashed by this dispute. */
  | 'WON'
  /** The challenger's clock ran out. */
  | 'LOST'
  /** The claim was slashed by another proof or dispute; the deposit went back. */
  | 'REFUNDED';

/** A challenge of a claim and the walk from its trace root down to a chunk. */
export type Dispute = Node & {
  __typename?: 'Dispute';
  /** Challenge id. */
  id: Scalars['ID']['output'];
  /** Where it stands, from the challenger's view. */
  status: DisputeStatus;
  /** The claim disputed. */
  claim: Claim;
  /** Who disputes it. */
  challenger: Account;
  /** Chosen by the challenger, to tell its challenges of the claim apart. */
  nonce: Scalars['BigInt']['output'];
  /** Deposit in wei. */
  depositWei: Scalars['BigInt']['output'];
  /** Paid to the challenger when it was won or refunded, to the claimant when it was lost, in wei; null before. */
  payoutWei?: Maybe<Scalars['BigInt']['output']>;
  /** Last second of the side to move, since the epoch, null if it has ended. */
  deadline?: Maybe<Scalars['BigInt']['output']>;
  /** Demands made, 0 to 16. */
  demands: Scalars['Int']['output'];
  /** Every move in order: at most 16 demands and their openings, and the end. */
  moves: Array<Move>;
  /** Gas used by the transactions of the opening and of all moves. */
  gasUsed: Scalars['BigInt']['output'];
  /** The fraud that ended it, null if none did. */
  fraud?: Maybe<Fraud>;
  /** When it was opened. */
  opened: Moment;
  /** When it was won, lost or refunded. */
  ended?: Maybe<Moment>;
};

/** What was done in a move. */
export type MoveKind =
  /** The challenger asks for what lies below a node. */
  | 'DEMAND'
  /** Descendants of a node are shown. */
  | 'OPEN'
  /** The state root of a step is shown, and the descendants of its scratch root. */
  | 'OPEN_STEP'
  /** The 1,024 bytes of a leaf are shown. */
  | 'OPEN_CHUNK'
  /** The challenger proves fraud. */
  | 'PROVE'
  /** The side to move ran out of time. */
  | 'TIMEOUT';

/** Tree that a position is in: of the trace, or of a tensor that the run reads. */
export type Section =
  /** Over the steps. */
  | 'STEPS'
  /** Over the primitives of one step. */
  | 'SCRATCH'
  /** Over the slots and outputs after one step. */
  | 'STATE'
  /** Over the chunks of one primitive's output. */
  | 'SCRATCH_TENSOR'
  /** Over the chunks of one slot or output. */
  | 'STATE_TENSOR'
  /** Over the chunks of an input, or of the constant that a slot starts from. */
  | 'INPUT_TENSOR'
  /** Over the chunks of a constant operand. */
  | 'CONSTANT_TENSOR'
  /** Over the inputs. */
  | 'INPUTS';

/** A node of a claim's trace, or of a tensor that its run reads. */
export type Position = {
  __typename?: 'Position';
  /** Tree. */
  section: Section;
  /** Levels above the leaves of the tree. */
  height: Scalars['Int']['output'];
  /** Step; 0 in STEPS, INPUT_TENSOR and INPUTS; the operand's index in CONSTANT_TENSOR. */
  step: Scalars['Int']['output'];
  /** Primitive, slot, slot count + output, input, or input count + slot; segment * 65536 + primitive in CONSTANT_TENSOR; 0 in trees of trees. */
  item: Scalars['Int']['output'];
  /** Index among the nodes of this height. */
  index: Scalars['Int']['output'];
};

/** One move of a dispute. */
export type Move = {
  __typename?: 'Move';
  /** Place among the moves of the dispute, from 0. */
  order: Scalars['Int']['output'];
  /** Place of the demand it belongs to, from 0 at the top of the walk; an opening has its demand's. The end has its own. */
  level: Scalars['Int']['output'];
  /** What was done. */
  kind: MoveKind;
  /** Who did it: who sent the opening, the challenger for a demand or a proof, the sender of a timeout. */
  actor: Account;
  /** The node demanded or opened, null for the others. */
  position?: Maybe<Position>;
  /** Its hash; null for OPEN_STEP, whose demand has it. */
  node?: Maybe<Scalars['Hash']['output']>;
  /** The descendants shown by OPEN or, of the scratch root, by OPEN_STEP: left to right, min(height, 5) levels below; zero where nothing is. */
  nodes?: Maybe<Array<Scalars['Hash']['output']>>;
  /** The state root shown by OPEN_STEP. */
  stateRoot?: Maybe<Scalars['Hash']['output']>;
  /** The scratch root shown by OPEN_STEP. */
  scratchRoot?: Maybe<Scalars['Hash']['output']>;
  /** The 1,024 bytes shown by OPEN_CHUNK: 256 words. */
  chunk?: Maybe<Scalars['Bytes']['output']>;
  /** Who ran out of time, null unless TIMEOUT. */
  loser?: Maybe<Scalars['Address']['output']>;
  /** Last second of the other side to answer, since the epoch, null at the end. */
  deadline?: Maybe<Scalars['BigInt']['output']>;
  /** Number of the block. */
  blockNumber: Scalars['BigInt']['output'];
  /** Seconds since the epoch of the block. */
  timestamp: Scalars['BigInt']['output'];
  /** Hash of the transaction. */
  transactionHash: Scalars['Hash']['output'];
  /** Gas used by the whole transaction. */
  gasUsed: Scalars['BigInt']['output'];
};

/** Where a commitment to a direct proof stands. */
export type ProofStatus =
  /** Bonded, not revealed. */
  | 'COMMITTED'
  /** Revealed and found valid; the bond went back. */
  | 'REVEALED'
  /** Never validly revealed; the bond was burnt. */
  | 'FORFEITED';

/** A bonded commitment to a direct proof, without a walk. */
export type Proof = {
  __typename?: 'Proof';
  /** Where it stands. */
  status: ProofStatus;
  /** The claim it is about. */
  claim: Claim;
  /** Who committed. */
  committer: Account;
  /** Hash of proof and salt. */
  commitment: Scalars['Hash']['output'];
  /** Place among the commitments for the claim, from 1; the earliest valid one takes the bounty. */
  sequence: Scalars['Int']['output'];
  /** When it was committed. */
  committed: Moment;
  /** When it was revealed or forfeited. */
  ended?: Maybe<Moment>;
};

/** What an account has done and earned. */
export type Account = Node & {
  __typename?: 'Account';
  /** Address. */
  id: Scalars['ID']['output'];
  /** Address. */
  address: Scalars['Address']['output'];
  /** Rank in the leaderboard, from 1; null if it is not in it. */
  rank?: Maybe<Scalars['Int']['output']>;
  /** Claims committed. */
  claimsMade: Scalars['Int']['output'];
  /** Claims that became final. */
  finalClaims: Scalars['Int']['output'];
  /** Claims that were slashed. */
  slashed: Scalars['Int']['output'];
  /** Commitments that were not revealed in time. */
  forfeited: Scalars['Int']['output'];
  /** Primitives run in final claims of registered programs: what others could check and nobody refuted. */
  workVerified: Scalars['BigInt']['output'];
  /** Disputes decided for this account: won as challenger, or lost by the challenger of its claim. */
  disputesWon: Scalars['Int']['output'];
  /** Disputes decided against this account. */
  disputesLost: Scalars['Int']['output'];
  /** Direct proofs that were valid. */
  proofsRevealed: Scalars['Int']['output'];
  /** Bonds lost by slashing and forfeiting, in wei. */
  slashedWei: Scalars['BigInt']['output'];
  /** Bounties received, in wei. */
  bountiesWei: Scalars['BigInt']['output'];
  /** Credited by the contracts so far, in wei: bonds returned, deposits, bounties. */
  creditedWei: Scalars['BigInt']['output'];
  /** Withdrawn so far, in wei. */
  withdrawnWei: Scalars['BigInt']['output'];
  /** Tasks paid to this account as solver. */
  tasksPaid: Scalars['Int']['output'];
  /** Earned by them, in units of the token. */
  earned: Scalars['BigInt']['output'];
  /** Seconds since the epoch of the first event that names it. */
  firstSeen: Scalars['BigInt']['output'];
  /** Claims it made, newest first. */
  claims: ClaimConnection;
  /** Disputes it opened, newest first. */
  disputes: DisputeConnection;
  /** Tasks it requested, newest first. */
  tasks: TaskConnection;
};


/** What an account has done and earned. */
export type AccountClaimsArgs = {
  first?: InputMaybe<Scalars['Int']['input']>;
  after?: InputMaybe<Scalars['String']['input']>;
};


/** What an account has done and earned. */
export type AccountDisputesArgs = {
  first?: InputMaybe<Scalars['Int']['input']>;
  after?: InputMaybe<Scalars['String']['input']>;
};


/** What an account has done and earned. */
export type AccountTasksArgs = {
  first?: InputMaybe<Scalars['Int']['input']>;
  after?: InputMaybe<Scalars['String']['input']>;
};

/** A place in the leaderboard. */
export type LeaderboardEntry = {
  __typename?: 'LeaderboardEntry';
  /** Place, from 1. */
  rank: Scalars['Int']['output'];
  /** Who holds it. */
  account: Account;
  /** Claims that became final. */
  finalClaims: Scalars['Int']['output'];
  /** Claims that were slashed. */
  slashed: Scalars['Int']['output'];
  /** Primitives run in final claims of registered programs. */
  workVerified: Scalars['BigInt']['output'];
  /** Disputes decided for the account. */
  disputesWon: Scalars['Int']['output'];
  /** Disputes decided against the account. */
  disputesLost: Scalars['Int']['output'];
  /** Bonds lost, in wei. */
  slashedWei: Scalars['BigInt']['output'];
  /** Block of its first final claim, null without one. */
  firstFinalBlock?: Maybe<Scalars['BigInt']['output']>;
};

/** Conditions on tasks. */
export type TaskFilter = {
  /** Stands there. */
  status?: InputMaybe<TaskStatus>;
  /** Requested by. */
  requester?: InputMaybe<Scalars['Address']['input']>;
  /** Accepted by. */
  solver?: InputMaybe<Scalars['Address']['input']>;
  /** Root of the program to run. */
  program?: InputMaybe<Scalars['Hash']['input']>;
};

/** Conditions on claims. */
export type ClaimFilter = {
  /** Stands there. */
  status?: InputMaybe<ClaimStatus>;
  /** Made by. */
  claimant?: InputMaybe<Scalars['Address']['input']>;
  /** Root of the program that was run. */
  program?: InputMaybe<Scalars['Hash']['input']>;
  /** Names this task. */
  task?: InputMaybe<Scalars['Hash']['input']>;
};

/** Conditions on disputes. */
export type DisputeFilter = {
  /** Stands there. */
  status?: InputMaybe<DisputeStatus>;
  /** Of this claim. */
  claim?: InputMaybe<Scalars['Hash']['input']>;
  /** Of a claim by. */
  claimant?: InputMaybe<Scalars['Address']['input']>;
  /** Opened by. */
  challenger?: InputMaybe<Scalars['Address']['input']>;
};

/** A page of programs. */
export type ProgramConnection = {
  __typename?: 'ProgramConnection';
  /** Programs with their cursors. */
  edges: Array<ProgramEdge>;
  /** The same without. */
  nodes: Array<Program>;
  /** Where the page lies. */
  pageInfo: PageInfo;
};

/** A program in a page. */
export type ProgramEdge = {
  __typename?: 'ProgramEdge';
  /** Place after which another page can start. */
  cursor: Scalars['String']['output'];
  /** The program. */
  node: Program;
};

/** A page of tasks. */
export type TaskConnection = {
  __typename?: 'TaskConnection';
  /** Tasks with their cursors. */
  edges: Array<TaskEdge>;
  /** The same without. */
  nodes: Array<Task>;
  /** Where the page lies. */
  pageInfo: PageInfo;
};

/** A task in a page. */
export type TaskEdge = {
  __typename?: 'TaskEdge';
  /** Place after which another page can start. */
  cursor: Scalars['String']['output'];
  /** The task. */
  node: Task;
};

/** A page of claims. */
export type ClaimConnection = {
  __typename?: 'ClaimConnection';
  /** Claims with their cursors. */
  edges: Array<ClaimEdge>;
  /** The same without. */
  nodes: Array<Claim>;
  /** Where the page lies. */
  pageInfo: PageInfo;
};

/** A claim in a page. */
export type ClaimEdge = {
  __typename?: 'ClaimEdge';
  /** Place after which another page can start. */
  cursor: Scalars['String']['output'];
  /** The claim. */
  node: Claim;
};

/** A page of disputes. */
export type DisputeConnection = {
  __typename?: 'DisputeConnection';
  /** Disputes with their cursors. */
  edges: Array<DisputeEdge>;
  /** The same without. */
  nodes: Array<Dispute>;
  /** Where the page lies. */
  pageInfo: PageInfo;
};

/** A dispute in a page. */
export type DisputeEdge = {
  __typename?: 'DisputeEdge';
  /** Place after which another page can start. */
  cursor: Scalars['String']['output'];
  /** The dispute. */
  node: Dispute;
};

/** A page of commitments to direct proofs. */
export type ProofConnection = {
  __typename?: 'ProofConnection';
  /** Commitments with their cursors. */
  edges: Array<ProofEdge>;
  /** The same without. */
  nodes: Array<Proof>;
  /** Where the page lies. */
  pageInfo: PageInfo;
};

/** A commitment to a direct proof in a page. */
export type ProofEdge = {
  __typename?: 'ProofEdge';
  /** Place after which another page can start. */
  cursor: Scalars['String']['output'];
  /** The commitment. */
  node: Proof;
};

/** A page of accounts. */
export type AccountConnection = {
  __typename?: 'AccountConnection';
  /** Accounts with their cursors. */
  edges: Array<AccountEdge>;
  /** The same without. */
  nodes: Array<Account>;
  /** Where the page lies. */
  pageInfo: PageInfo;
};

/** An account in a page. */
export type AccountEdge = {
  __typename?: 'AccountEdge';
  /** Place after which another page can start. */
  cursor: Scalars['String']['output'];
  /** The account. */
  node: Account;
};

/** A page of the leaderboard. */
export type LeaderboardConnection = {
  __typename?: 'LeaderboardConnection';
  /** Entries with their cursors. */
  edges: Array<LeaderboardEdge>;
  /** The same without. */
  nodes: Array<LeaderboardEntry>;
  /** Where the page lies. */
  pageInfo: PageInfo;
};

/** An entry in a page of the leaderboard. */
export type LeaderboardEdge = {
  __typename?: 'LeaderboardEdge';
  /** Place after which another page can start. */
  cursor: Scalars['String']['output'];
  /** The entry. */
  node: LeaderboardEntry;
};



export type ResolverTypeWrapper<T> = Promise<T> | T;


export type ResolverWithResolve<TResult, TParent, TContext, TArgs> = {
  resolve: ResolverFn<TResult, TParent, TContext, TArgs>;
};
export type Resolver<TResult, TParent = Record<PropertyKey, never>, TContext = Record<PropertyKey, never>, TArgs = Record<PropertyKey, never>> = ResolverFn<TResult, TParent, TContext, TArgs> | ResolverWithResolve<TResult, TParent, TContext, TArgs>;

export type ResolverFn<TResult, TParent, TContext, TArgs> = (
  parent: TParent,
  args: TArgs,
  context: TContext,
  info: GraphQLResolveInfo
) => Promise<TResult> | TResult;

export type SubscriptionSubscribeFn<TResult, TParent, TContext, TArgs> = (
  parent: TParent,
  args: TArgs,
  context: TContext,
  info: GraphQLResolveInfo
) => AsyncIterable<TResult> | Promise<AsyncIterable<TResult>>;

export type SubscriptionResolveFn<TResult, TParent, TContext, TArgs> = (
  parent: TParent,
  args: TArgs,
  context: TContext,
  info: GraphQLResolveInfo
) => TResult | Promise<TResult>;

export interface SubscriptionSubscriberObject<TResult, TKey extends string, TParent, TContext, TArgs> {
  subscribe: SubscriptionSubscribeFn<{ [key in TKey]: TResult }, TParent, TContext, TArgs>;
  resolve?: SubscriptionResolveFn<TResult, { [key in TKey]: TResult }, TContext, TArgs>;
}

export interface SubscriptionResolverObject<TResult, TParent, TContext, TArgs> {
  subscribe: SubscriptionSubscribeFn<any, TParent, TContext, TArgs>;
  resolve: SubscriptionResolveFn<TResult, any, TContext, TArgs>;
}

export type SubscriptionObject<TResult, TKey extends string, TParent, TContext, TArgs> =
  | SubscriptionSubscriberObject<TResult, TKey, TParent, TContext, TArgs>
  | SubscriptionResolverObject<TResult, TParent, TContext, TArgs>;

export type SubscriptionResolver<TResult, TKey extends string, TParent = Record<PropertyKey, never>, TContext = Record<PropertyKey, never>, TArgs = Record<PropertyKey, never>> =
  | ((...args: any[]) => SubscriptionObject<TResult, TKey, TParent, TContext, TArgs>)
  | SubscriptionObject<TResult, TKey, TParent, TContext, TArgs>;

export type TypeResolveFn<TTypes, TParent = Record<PropertyKey, never>, TContext = Record<PropertyKey, never>> = (
  parent: TParent,
  context: TContext,
  info: GraphQLResolveInfo
) => Maybe<TTypes> | Promise<Maybe<TTypes>>;

export type IsTypeOfResolverFn<T = Record<PropertyKey, never>, TContext = Record<PropertyKey, never>> = (obj: T, context: TContext, info: GraphQLResolveInfo) => boolean | Promise<boolean>;

export type NextResolverFn<T> = () => Promise<T>;

export type DirectiveResolverFn<TResult = Record<PropertyKey, never>, TParent = Record<PropertyKey, never>, TContext = Record<PropertyKey, never>, TArgs = Record<PropertyKey, never>> = (
  next: NextResolverFn<TResult>,
  parent: TParent,
  args: TArgs,
  context: TContext,
  info: GraphQLResolveInfo
) => TResult | Promise<TResult>;




/** Mapping of interface types */
export type ResolversInterfaceTypes<_RefType extends Record<string, unknown>> = {
  Node:
    | ( Program )
    | ( Task )
    | ( Claim )
    | ( Dispute )
    | ( Account )
  ;
};

/** Mapping between all available schema types and the resolvers types */
export type ResolversTypes = {
  BigInt: ResolverTypeWrapper<Scalars['BigInt']['output']>;
  Address: ResolverTypeWrapper<Scalars['Address']['output']>;
  Hash: ResolverTypeWrapper<Scalars['Hash']['output']>;
  Bytes: ResolverTypeWrapper<Scalars['Bytes']['output']>;
  Word: ResolverTypeWrapper<Scalars['Word']['output']>;
  Query: ResolverTypeWrapper<Record<PropertyKey, never>>;
  ID: ResolverTypeWrapper<Scalars['ID']['output']>;
  Int: ResolverTypeWrapper<Scalars['Int']['output']>;
  String: ResolverTypeWrapper<Scalars['String']['output']>;
  Node: ResolverTypeWrapper<ResolversInterfaceTypes<ResolversTypes>['Node']>;
  PageInfo: ResolverTypeWrapper<PageInfo>;
  Boolean: ResolverTypeWrapper<Scalars['Boolean']['output']>;
  Moment: ResolverTypeWrapper<Moment>;
  Deployment: ResolverTypeWrapper<Deployment>;
  Totals: ResolverTypeWrapper<Totals>;
  Program: ResolverTypeWrapper<Program>;
  Segment: ResolverTypeWrapper<Segment>;
  TaskStatus: TaskStatus;
  Task: ResolverTypeWrapper<Task>;
  ClaimStatus: ClaimStatus;
  Claim: ResolverTypeWrapper<Claim>;
  FraudKind: FraudKind;
  Fraud: ResolverTypeWrapper<Fraud>;
  DisputeStatus: DisputeStatus;
  Dispute: ResolverTypeWrapper<Dispute>;
  MoveKind: MoveKind;
  Section: Section;
  Position: ResolverTypeWrapper<Position>;
  Move: ResolverTypeWrapper<Move>;
  ProofStatus: ProofStatus;
  Proof: ResolverTypeWrapper<Proof>;
  Account: ResolverTypeWrapper<Account>;
  LeaderboardEntry: ResolverTypeWrapper<LeaderboardEntry>;
  TaskFilter: TaskFilter;
  ClaimFilter: ClaimFilter;
  DisputeFilter: DisputeFilter;
  ProgramConnection: ResolverTypeWrapper<ProgramConnection>;
  ProgramEdge: ResolverTypeWrapper<ProgramEdge>;
  TaskConnection: ResolverTypeWrapper<TaskConnection>;
  TaskEdge: ResolverTypeWrapper<TaskEdge>;
  ClaimConnection: ResolverTypeWrapper<ClaimConnection>;
  ClaimEdge: ResolverTypeWrapper<ClaimEdge>;
  DisputeConnection: ResolverTypeWrapper<DisputeConnection>;
  DisputeEdge: ResolverTypeWrapper<DisputeEdge>;
  ProofConnection: ResolverTypeWrapper<ProofConnection>;
  ProofEdge: ResolverTypeWrapper<ProofEdge>;
  AccountConnection: ResolverTypeWrapper<AccountConnection>;
  AccountEdge: ResolverTypeWrapper<AccountEdge>;
  LeaderboardConnection: ResolverTypeWrapper<LeaderboardConnection>;
  LeaderboardEdge: ResolverTypeWrapper<LeaderboardEdge>;
};

/** Mapping between all available schema types and the resolvers parents */
export type ResolversParentTypes = {
  BigInt: Scalars['BigInt']['output'];
  Address: Scalars['Address']['output'];
  Hash: Scalars['Hash']['output'];
  Bytes: Scalars['Bytes']['output'];
  Word: Scalars['Word']['output'];
  Query: Record<PropertyKey, never>;
  ID: Scalars['ID']['output'];
  Int: Scalars['Int']['output'];
  String: Scalars['String']['output'];
  Node: ResolversInterfaceTypes<ResolversParentTypes>['Node'];
  PageInfo: PageInfo;
  Boolean: Scalars['Boolean']['output'];
  Moment: Moment;
  Deployment: Deployment;
  Totals: Totals;
  Program: Program;
  Segment: Segment;
  Task: Task;
  Claim: Claim;
  Fraud: Fraud;
  Dispute: Dispute;
  Position: Position;
  Move: Move;
  Proof: Proof;
  Account: Account;
  LeaderboardEntry: LeaderboardEntry;
  TaskFilter: TaskFilter;
  ClaimFilter: ClaimFilter;
  DisputeFilter: DisputeFilter;
  ProgramConnection: ProgramConnection;
  ProgramEdge: ProgramEdge;
  TaskConnection: TaskConnection;
  TaskEdge: TaskEdge;
  ClaimConnection: ClaimConnection;
  ClaimEdge: ClaimEdge;
  DisputeConnection: DisputeConnection;
  DisputeEdge: DisputeEdge;
  ProofConnection: ProofConnection;
  ProofEdge: ProofEdge;
  AccountConnection: AccountConnection;
  AccountEdge: AccountEdge;
  LeaderboardConnection: LeaderboardConnection;
  LeaderboardEdge: LeaderboardEdge;
};

export interface BigIntScalarConfig extends GraphQLScalarTypeConfig<ResolversTypes['BigInt'], any> {
  name: 'BigInt';
}

export interface AddressScalarConfig extends GraphQLScalarTypeConfig<ResolversTypes['Address'], any> {
  name: 'Address';
}

export interface HashScalarConfig extends GraphQLScalarTypeConfig<ResolversTypes['Hash'], any> {
  name: 'Hash';
}

export interface BytesScalarConfig extends GraphQLScalarTypeConfig<ResolversTypes['Bytes'], any> {
  name: 'Bytes';
}

export interface WordScalarConfig extends GraphQLScalarTypeConfig<ResolversTypes['Word'], any> {
  name: 'Word';
}

export type QueryResolvers<ContextType = unknown, ParentType extends ResolversParentTypes['Query'] = ResolversParentTypes['Query']> = {
  deployment?: Resolver<ResolversTypes['Deployment'], ParentType, ContextType>;
  totals?: Resolver<ResolversTypes['Totals'], ParentType, ContextType>;
  node?: Resolver<Maybe<ResolversTypes['Node']>, ParentType, ContextType, RequireFields<QueryNodeArgs, 'id'>>;
  program?: Resolver<Maybe<ResolversTypes['Program']>, ParentType, ContextType, RequireFields<QueryProgramArgs, 'id'>>;
  programs?: Resolver<ResolversTypes['ProgramConnection'], ParentType, ContextType, RequireFields<QueryProgramsArgs, 'first'>>;
  task?: Resolver<Maybe<ResolversTypes['Task']>, ParentType, ContextType, RequireFields<QueryTaskArgs, 'id'>>;
  tasks?: Resolver<ResolversTypes['TaskConnection'], ParentType, ContextType, RequireFields<QueryTasksArgs, 'first'>>;
  claim?: Resolver<Maybe<ResolversTypes['Claim']>, ParentType, ContextType, RequireFields<QueryClaimArgs, 'id'>>;
  claims?: Resolver<ResolversTypes['ClaimConnection'], ParentType, ContextType, RequireFields<QueryClaimsArgs, 'first'>>;
  dispute?: Resolver<Maybe<ResolversTypes['Dispute']>, ParentType, ContextType, RequireFields<QueryDisputeArgs, 'id'>>;
  disputes?: Resolver<ResolversTypes['DisputeConnection'], ParentType, ContextType, RequireFields<QueryDisputesArgs, 'first'>>;
  account?: Resolver<Maybe<ResolversTypes['Account']>, ParentType, ContextType, RequireFields<QueryAccountArgs, 'id'>>;
  accounts?: Resolver<ResolversTypes['AccountConnection'], ParentType, ContextType, RequireFields<QueryAccountsArgs, 'first'>>;
  leaderboard?: Resolver<ResolversTypes['LeaderboardConnection'], ParentType, ContextType, RequireFields<QueryLeaderboardArgs, 'first'>>;
};

export type NodeResolvers<ContextType = unknown, ParentType extends ResolversParentTypes['Node'] = ResolversParentTypes['Node']> = {
  __resolveType: TypeResolveFn<'Program' | 'Task' | 'Claim' | 'Dispute' | 'Account', ParentType, ContextType>;
};

export type PageInfoResolvers<ContextType = unknown, ParentType extends ResolversParentTypes['PageInfo'] = ResolversParentTypes['PageInfo']> = {
  hasNextPage?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
  hasPreviousPage?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
  startCursor?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  endCursor?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
};

export type MomentResolvers<ContextType = unknown, ParentType extends ResolversParentTypes['Moment'] = ResolversParentTypes['Moment']> = {
  blockNumber?: Resolver<ResolversTypes['BigInt'], ParentType, ContextType>;
  timestamp?: Resolver<ResolversTypes['BigInt'], ParentType, ContextType>;
  transactionHash?: Resolver<ResolversTypes['Hash'], ParentType, ContextType>;
  gasUsed?: Resolver<ResolversTypes['BigInt'], ParentType, ContextType>;
};

export type DeploymentResolvers<ContextType = unknown, ParentType extends ResolversParentTypes['Deployment'] = ResolversParentTypes['Deployment']> = {
  chainId?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  startBlock?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  indexedBlock?: Resolver<Maybe<ResolversTypes['BigInt']>, ParentType, ContextType>;
  indexedTimestamp?: Resolver<Maybe<ResolversTypes['BigInt']>, ParentType, ContextType>;
  token?: Resolver<ResolversTypes['Address'], ParentType, ContextType>;
  programRegistry?: Resolver<ResolversTypes['Address'], ParentType, ContextType>;
  claimRegistry?: Resolver<ResolversTypes['Address'], ParentType, ContextType>;
  disputeGame?: Resolver<ResolversTypes['Address'], ParentType, ContextType>;
  referee?: Resolver<ResolversTypes['Address'], ParentType, ContextType>;
  structureReferee?: Resolver<ResolversTypes['Address'], ParentType, ContextType>;
  taskMarket?: Resolver<ResolversTypes['Address'], ParentType, ContextType>;
};

export type TotalsResolvers<ContextType = unknown, ParentType extends ResolversParentTypes['Totals'] = ResolversParentTypes['Totals']> = {
  programs?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  tasks?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  claims?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  finalClaims?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  slashedClaims?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  forfeitedClaims?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  voidedClaims?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  disputes?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  openDisputes?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  moves?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  burntWei?: Resolver<ResolversTypes['BigInt'], ParentType, ContextType>;
};

export type ProgramResolvers<ContextType = unknown, ParentType extends ResolversParentTypes['Program'] = ResolversParentTypes['Program']> = {
  id?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  programRoot?: Resolver<ResolversTypes['Hash'], ParentType, ContextType>;
  publisher?: Resolver<ResolversTypes['Account'], ParentType, ContextType>;
  summary?: Resolver<ResolversTypes['Bytes'], ParentType, ContextType>;
  interfaceTable?: Resolver<ResolversTypes['Bytes'], ParentType, ContextType>;
  bindings?: Resolver<Array<ResolversTypes['Bytes']>, ParentType, ContextType>;
  contentHash?: Resolver<ResolversTypes['Hash'], ParentType, ContextType>;
  mirrors?: Resolver<Array<ResolversTypes['String']>, ParentType, ContextType>;
  inputCount?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  slotCount?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  outputCount?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  segments?: Resolver<Array<ResolversTypes['Segment']>, ParentType, ContextType>;
  registered?: Resolver<ResolversTypes['Moment'], ParentType, ContextType>;
  claims?: Resolver<ResolversTypes['ClaimConnection'], ParentType, ContextType, RequireFields<ProgramClaimsArgs, 'first'>>;
  __isTypeOf?: IsTypeOfResolverFn<ParentType, ContextType>;
};

export type SegmentResolvers<ContextType = unknown, ParentType extends ResolversParentTypes['Segment'] = ResolversParentTypes['Segment']> = {
  steps?: Resolver<ResolversTypes['BigInt'], ParentType, ContextType>;
  primitives?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
};

export type TaskResolvers<ContextType = unknown, ParentType extends ResolversParentTypes['Task'] = ResolversParentTypes['Task']> = {
  id?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  status?: Resolver<ResolversTypes['TaskStatus'], ParentType, ContextType>;
  requester?: Resolver<ResolversTypes['Account'], ParentType, ContextType>;
  programRoot?: Resolver<ResolversTypes['Hash'], ParentType, ContextType>;
  program?: Resolver<Maybe<ResolversTypes['Program']>, ParentType, ContextType>;
  inputsRoot?: Resolver<ResolversTypes['Hash'], ParentType, ContextType>;
  steps?: Resolver<ResolversTypes['BigInt'], ParentType, ContextType>;
  price?: Resolver<ResolversTypes['BigInt'], ParentType, ContextType>;
  deadline?: Resolver<ResolversTypes['BigInt'], ParentType, ContextType>;
  onlySolver?: Resolver<Maybe<ResolversTypes['Address']>, ParentType, ContextType>;
  solver?: Resolver<Maybe<ResolversTypes['Account']>, ParentType, ContextType>;
  deliverBy?: Resolver<Maybe<ResolversTypes['BigInt']>, ParentType, ContextType>;
  claim?: Resolver<Maybe<ResolversTypes['Claim']>, ParentType, ContextType>;
  reopenings?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  inputData?: Resolver<ResolversTypes['Bytes'], ParentType, ContextType>;
  requested?: Resolver<ResolversTypes['Moment'], ParentType, ContextType>;
  accepted?: Resolver<Maybe<ResolversTypes['Moment']>, ParentType, ContextType>;
  delivered?: Resolver<Maybe<ResolversTypes['Moment']>, ParentType, ContextType>;
  ended?: Resolver<Maybe<ResolversTypes['Moment']>, ParentType, ContextType>;
  __isTypeOf?: IsTypeOfResolverFn<ParentType, ContextType>;
};

export type ClaimResolvers<ContextType = unknown, ParentType extends ResolversParentTypes['Claim'] = ResolversParentTypes['Claim']> = {
  id?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  status?: Resolver<ResolversTypes['ClaimStatus'], ParentType, ContextType>;
  claimant?: Resolver<ResolversTypes['Account'], ParentType, ContextType>;
  programRoot?: Resolver<ResolversTypes['Hash'], ParentType, ContextType>;
  program?: Resolver<Maybe<ResolversTypes['Program']>, ParentType, ContextType>;
  taskId?: Resolver<ResolversTypes['Hash'], ParentType, ContextType>;
  task?: Resolver<Maybe<ResolversTypes['Task']>, ParentType, ContextType>;
  inputsRoot?: Resolver<ResolversTypes['Hash'], ParentType, ContextType>;
  steps?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  traceMode?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  operator?: Resolver<Maybe<ResolversTypes['Address']>, ParentType, ContextType>;
  bondWei?: Resolver<ResolversTypes['BigInt'], ParentType, ContextType>;
  moveFeeWei?: Resolver<ResolversTypes['BigInt'], ParentType, ContextType>;
  seal?: Resolver<ResolversTypes['Hash'], ParentType, ContextType>;
  revealBy?: Resolver<ResolversTypes['BigInt'], ParentType, ContextType>;
  traceRoot?: Resolver<Maybe<ResolversTypes['Hash']>, ParentType, ContextType>;
  outputRoots?: Resolver<Maybe<Array<ResolversTypes['Hash']>>, ParentType, ContextType>;
  salt?: Resolver<Maybe<ResolversTypes['Hash']>, ParentType, ContextType>;
  challengeUntil?: Resolver<Maybe<ResolversTypes['BigInt']>, ParentType, ContextType>;
  work?: Resolver<Maybe<ResolversTypes['BigInt']>, ParentType, ContextType>;
  fraud?: Resolver<Maybe<ResolversTypes['Fraud']>, ParentType, ContextType>;
  slashedBy?: Resolver<Maybe<ResolversTypes['Account']>, ParentType, ContextType>;
  bountyWei?: Resolver<Maybe<ResolversTypes['BigInt']>, ParentType, ContextType>;
  bountyTo?: Resolver<Maybe<ResolversTypes['Account']>, ParentType, ContextType>;
  burntWei?: Resolver<Maybe<ResolversTypes['BigInt']>, ParentType, ContextType>;
  voidFeeWei?: Resolver<Maybe<ResolversTypes['BigInt']>, ParentType, ContextType>;
  openDisputes?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  disputes?: Resolver<ResolversTypes['DisputeConnection'], ParentType, ContextType, RequireFields<ClaimDisputesArgs, 'first'>>;
  proofs?: Resolver<ResolversTypes['ProofConnection'], ParentType, ContextType, RequireFields<ClaimProofsArgs, 'first'>>;
  committed?: Resolver<ResolversTypes['Moment'], ParentType, ContextType>;
  revealed?: Resolver<Maybe<ResolversTypes['Moment']>, ParentType, ContextType>;
  ended?: Resolver<Maybe<ResolversTypes['Moment']>, ParentType, ContextType>;
  __isTypeOf?: IsTypeOfResolverFn<ParentType, ContextType>;
};

export type FraudResolvers<ContextType = unknown, ParentType extends ResolversParentTypes['Fraud'] = ResolversParentTypes['Fraud']> = {
  kind?: Resolver<ResolversTypes['FraudKind'], ParentType, ContextType>;
  step?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  primitive?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  element?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  claimed?: Resolver<ResolversTypes['Word'], ParentType, ContextType>;
  computed?: Resolver<ResolversTypes['Word'], ParentType, ContextType>;
  prover?: Resolver<ResolversTypes['Account'], ParentType, ContextType>;
  dispute?: Resolver<Maybe<ResolversTypes['Dispute']>, ParentType, ContextType>;
  proven?: Resolver<ResolversTypes['Moment'], ParentType, ContextType>;
};

export type DisputeResolvers<ContextType = unknown, ParentType extends ResolversParentTypes['Dispute'] = ResolversParentTypes['Dispute']> = {
  id?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  status?: Resolver<ResolversTypes['DisputeStatus'], ParentType, ContextType>;
  claim?: Resolver<ResolversTypes['Claim'], ParentType, ContextType>;
  challenger?: Resolver<ResolversTypes['Account'], ParentType, ContextType>;
  nonce?: Resolver<ResolversTypes['BigInt'], ParentType, ContextType>;
  depositWei?: Resolver<ResolversTypes['BigInt'], ParentType, ContextType>;
  payoutWei?: Resolver<Maybe<ResolversTypes['BigInt']>, ParentType, ContextType>;
  deadline?: Resolver<Maybe<ResolversTypes['BigInt']>, ParentType, ContextType>;
  demands?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  moves?: Resolver<Array<ResolversTypes['Move']>, ParentType, ContextType>;
  gasUsed?: Resolver<ResolversTypes['BigInt'], ParentType, ContextType>;
  fraud?: Resolver<Maybe<ResolversTypes['Fraud']>, ParentType, ContextType>;
  opened?: Resolver<ResolversTypes['Moment'], ParentType, ContextType>;
  ended?: Resolver<Maybe<ResolversTypes['Moment']>, ParentType, ContextType>;
  __isTypeOf?: IsTypeOfResolverFn<ParentType, ContextType>;
};

export type PositionResolvers<ContextType = unknown, ParentType extends ResolversParentTypes['Position'] = ResolversParentTypes['Position']> = {
  section?: Resolver<ResolversTypes['Section'], ParentType, ContextType>;
  height?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  step?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  item?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  index?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
};

export type MoveResolvers<ContextType = unknown, ParentType extends ResolversParentTypes['Move'] = ResolversParentTypes['Move']> = {
  order?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  level?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  kind?: Resolver<ResolversTypes['MoveKind'], ParentType, ContextType>;
  actor?: Resolver<ResolversTypes['Account'], ParentType, ContextType>;
  position?: Resolver<Maybe<ResolversTypes['Position']>, ParentType, ContextType>;
  node?: Resolver<Maybe<ResolversTypes['Hash']>, ParentType, ContextType>;
  nodes?: Resolver<Maybe<Array<ResolversTypes['Hash']>>, ParentType, ContextType>;
  stateRoot?: Resolver<Maybe<ResolversTypes['Hash']>, ParentType, ContextType>;
  scratchRoot?: Resolver<Maybe<ResolversTypes['Hash']>, ParentType, ContextType>;
  chunk?: Resolver<Maybe<ResolversTypes['Bytes']>, ParentType, ContextType>;
  loser?: Resolver<Maybe<ResolversTypes['Address']>, ParentType, ContextType>;
  deadline?: Resolver<Maybe<ResolversTypes['BigInt']>, ParentType, ContextType>;
  blockNumber?: Resolver<ResolversTypes['BigInt'], ParentType, ContextType>;
  timestamp?: Resolver<ResolversTypes['BigInt'], ParentType, ContextType>;
  transactionHash?: Resolver<ResolversTypes['Hash'], ParentType, ContextType>;
  gasUsed?: Resolver<ResolversTypes['BigInt'], ParentType, ContextType>;
};

export type ProofResolvers<ContextType = unknown, ParentType extends ResolversParentTypes['Proof'] = ResolversParentTypes['Proof']> = {
  status?: Resolver<ResolversTypes['ProofStatus'], ParentType, ContextType>;
  claim?: Resolver<ResolversTypes['Claim'], ParentType, ContextType>;
  committer?: Resolver<ResolversTypes['Account'], ParentType, ContextType>;
  commitment?: Resolver<ResolversTypes['Hash'], ParentType, ContextType>;
  sequence?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  committed?: Resolver<ResolversTypes['Moment'], ParentType, ContextType>;
  ended?: Resolver<Maybe<ResolversTypes['Moment']>, ParentType, ContextType>;
};

export type AccountResolvers<ContextType = unknown, ParentType extends ResolversParentTypes['Account'] = ResolversParentTypes['Account']> = {
  id?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  address?: Resolver<ResolversTypes['Address'], ParentType, ContextType>;
  rank?: Resolver<Maybe<ResolversTypes['Int']>, ParentType, ContextType>;
  claimsMade?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  finalClaims?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  slashed?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  forfeited?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  workVerified?: Resolver<ResolversTypes['BigInt'], ParentType, ContextType>;
  disputesWon?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  disputesLost?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  proofsRevealed?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  slashedWei?: Resolver<ResolversTypes['BigInt'], ParentType, ContextType>;
  bountiesWei?: Resolver<ResolversTypes['BigInt'], ParentType, ContextType>;
  creditedWei?: Resolver<ResolversTypes['BigInt'], ParentType, ContextType>;
  withdrawnWei?: Resolver<ResolversTypes['BigInt'], ParentType, ContextType>;
  tasksPaid?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  earned?: Resolver<ResolversTypes['BigInt'], ParentType, ContextType>;
  firstSeen?: Resolver<ResolversTypes['BigInt'], ParentType, ContextType>;
  claims?: Resolver<ResolversTypes['ClaimConnection'], ParentType, ContextType, RequireFields<AccountClaimsArgs, 'first'>>;
  disputes?: Resolver<ResolversTypes['DisputeConnection'], ParentType, ContextType, RequireFields<AccountDisputesArgs, 'first'>>;
  tasks?: Resolver<ResolversTypes['TaskConnection'], ParentType, ContextType, RequireFields<AccountTasksArgs, 'first'>>;
  __isTypeOf?: IsTypeOfResolverFn<ParentType, ContextType>;
};

export type LeaderboardEntryResolvers<ContextType = unknown, ParentType extends ResolversParentTypes['LeaderboardEntry'] = ResolversParentTypes['LeaderboardEntry']> = {
  rank?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  account?: Resolver<ResolversTypes['Account'], ParentType, ContextType>;
  finalClaims?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  slashed?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  workVerified?: Resolver<ResolversTypes['BigInt'], ParentType, ContextType>;
  disputesWon?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  disputesLost?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  slashedWei?: Resolver<ResolversTypes['BigInt'], ParentType, ContextType>;
  firstFinalBlock?: Resolver<Maybe<ResolversTypes['BigInt']>, ParentType, ContextType>;
};

export type ProgramConnectionResolvers<ContextType = unknown, ParentType extends ResolversParentTypes['ProgramConnection'] = ResolversParentTypes['ProgramConnection']> = {
  edges?: Resolver<Array<ResolversTypes['ProgramEdge']>, ParentType, ContextType>;
  nodes?: Resolver<Array<ResolversTypes['Program']>, ParentType, ContextType>;
  pageInfo?: Resolver<ResolversTypes['PageInfo'], ParentType, ContextType>;
};

export type ProgramEdgeResolvers<ContextType = unknown, ParentType extends ResolversParentTypes['ProgramEdge'] = ResolversParentTypes['ProgramEdge']> = {
  cursor?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  node?: Resolver<ResolversTypes['Program'], ParentType, ContextType>;
};

export type TaskConnectionResolvers<ContextType = unknown, ParentType extends ResolversParentTypes['TaskConnection'] = ResolversParentTypes['TaskConnection']> = {
  edges?: Resolver<Array<ResolversTypes['TaskEdge']>, ParentType, ContextType>;
  nodes?: Resolver<Array<ResolversTypes['Task']>, ParentType, ContextType>;
  pageInfo?: Resolver<ResolversTypes['PageInfo'], ParentType, ContextType>;
};

export type TaskEdgeResolvers<ContextType = unknown, ParentType extends ResolversParentTypes['TaskEdge'] = ResolversParentTypes['TaskEdge']> = {
  cursor?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  node?: Resolver<ResolversTypes['Task'], ParentType, ContextType>;
};

export type ClaimConnectionResolvers<ContextType = unknown, ParentType extends ResolversParentTypes['ClaimConnection'] = ResolversParentTypes['ClaimConnection']> = {
  edges?: Resolver<Array<ResolversTypes['ClaimEdge']>, ParentType, ContextType>;
  nodes?: Resolver<Array<ResolversTypes['Claim']>, ParentType, ContextType>;
  pageInfo?: Resolver<ResolversTypes['PageInfo'], ParentType, ContextType>;
};

export type ClaimEdgeResolvers<ContextType = unknown, ParentType extends ResolversParentTypes['ClaimEdge'] = ResolversParentTypes['ClaimEdge']> = {
  cursor?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  node?: Resolver<ResolversTypes['Claim'], ParentType, ContextType>;
};

export type DisputeConnectionResolvers<ContextType = unknown, ParentType extends ResolversParentTypes['DisputeConnection'] = ResolversParentTypes['DisputeConnection']> = {
  edges?: Resolver<Array<ResolversTypes['DisputeEdge']>, ParentType, ContextType>;
  nodes?: Resolver<Array<ResolversTypes['Dispute']>, ParentType, ContextType>;
  pageInfo?: Resolver<ResolversTypes['PageInfo'], ParentType, ContextType>;
};

export type DisputeEdgeResolvers<ContextType = unknown, ParentType extends ResolversParentTypes['DisputeEdge'] = ResolversParentTypes['DisputeEdge']> = {
  cursor?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  node?: Resolver<ResolversTypes['Dispute'], ParentType, ContextType>;
};

export type ProofConnectionResolvers<ContextType = unknown, ParentType extends ResolversParentTypes['ProofConnection'] = ResolversParentTypes['ProofConnection']> = {
  edges?: Resolver<Array<ResolversTypes['ProofEdge']>, ParentType, ContextType>;
  nodes?: Resolver<Array<ResolversTypes['Proof']>, ParentType, ContextType>;
  pageInfo?: Resolver<ResolversTypes['PageInfo'], ParentType, ContextType>;
};

export type ProofEdgeResolvers<ContextType = unknown, ParentType extends ResolversParentTypes['ProofEdge'] = ResolversParentTypes['ProofEdge']> = {
  cursor?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  node?: Resolver<ResolversTypes['Proof'], ParentType, ContextType>;
};

export type AccountConnectionResolvers<ContextType = unknown, ParentType extends ResolversParentTypes['AccountConnection'] = ResolversParentTypes['AccountConnection']> = {
  edges?: Resolver<Array<ResolversTypes['AccountEdge']>, ParentType, ContextType>;
  nodes?: Resolver<Array<ResolversTypes['Account']>, ParentType, ContextType>;
  pageInfo?: Resolver<ResolversTypes['PageInfo'], ParentType, ContextType>;
};

export type AccountEdgeResolvers<ContextType = unknown, ParentType extends ResolversParentTypes['AccountEdge'] = ResolversParentTypes['AccountEdge']> = {
  cursor?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  node?: Resolver<ResolversTypes['Account'], ParentType, ContextType>;
};

export type LeaderboardConnectionResolvers<ContextType = unknown, ParentType extends ResolversParentTypes['LeaderboardConnection'] = ResolversParentTypes['LeaderboardConnection']> = {
  edges?: Resolver<Array<ResolversTypes['LeaderboardEdge']>, ParentType, ContextType>;
  nodes?: Resolver<Array<ResolversTypes['LeaderboardEntry']>, ParentType, ContextType>;
  pageInfo?: Resolver<ResolversTypes['PageInfo'], ParentType, ContextType>;
};

export type LeaderboardEdgeResolvers<ContextType = unknown, ParentType extends ResolversParentTypes['LeaderboardEdge'] = ResolversParentTypes['LeaderboardEdge']> = {
  cursor?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  node?: Resolver<ResolversTypes['LeaderboardEntry'], ParentType, ContextType>;
};

export type Resolvers<ContextType = unknown> = {
  BigInt?: GraphQLScalarType;
  Address?: GraphQLScalarType;
  Hash?: GraphQLScalarType;
  Bytes?: GraphQLScalarType;
  Word?: GraphQLScalarType;
  Query?: QueryResolvers<ContextType>;
  Node?: NodeResolvers<ContextType>;
  PageInfo?: PageInfoResolvers<ContextType>;
  Moment?: MomentResolvers<ContextType>;
  Deployment?: DeploymentResolvers<ContextType>;
  Totals?: TotalsResolvers<ContextType>;
  Program?: ProgramResolvers<ContextType>;
  Segment?: SegmentResolvers<ContextType>;
  Task?: TaskResolvers<ContextType>;
  Claim?: ClaimResolvers<ContextType>;
  Fraud?: FraudResolvers<ContextType>;
  Dispute?: DisputeResolvers<ContextType>;
  Position?: PositionResolvers<ContextType>;
  Move?: MoveResolvers<ContextType>;
  Proof?: ProofResolvers<ContextType>;
  Account?: AccountResolvers<ContextType>;
  LeaderboardEntry?: LeaderboardEntryResolvers<ContextType>;
  ProgramConnection?: ProgramConnectionResolvers<ContextType>;
  ProgramEdge?: ProgramEdgeResolvers<ContextType>;
  TaskConnection?: TaskConnectionResolvers<ContextType>;
  TaskEdge?: TaskEdgeResolvers<ContextType>;
  ClaimConnection?: ClaimConnectionResolvers<ContextType>;
  ClaimEdge?: ClaimEdgeResolvers<ContextType>;
  DisputeConnection?: DisputeConnectionResolvers<ContextType>;
  DisputeEdge?: DisputeEdgeResolvers<ContextType>;
  ProofConnection?: ProofConnectionResolvers<ContextType>;
  ProofEdge?: ProofEdgeResolvers<ContextType>;
  AccountConnection?: AccountConnectionResolvers<ContextType>;
  AccountEdge?: AccountEdgeResolvers<ContextType>;
  LeaderboardConnection?: LeaderboardConnectionResolvers<ContextType>;
  LeaderboardEdge?: LeaderboardEdgeResolvers<ContextType>;
};


