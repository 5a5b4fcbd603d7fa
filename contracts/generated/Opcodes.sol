// SPDX-License-Identifier: Apache-2.0
// Generated from node/src/ir/opcodes.ts by scripts/generate.ts. Do not edit.
pragma solidity 0.8.37;

/// @title Opcodes
/// @notice The opcode table of the scalar program: codes, types, prices and limits.
library Opcodes {
    uint8 internal constant LOAD = 1;
    uint8 internal constant GATHER = 2;
    uint8 internal constant ADD = 3;
    uint8 internal constant SUB = 4;
    uint8 internal constant MUL = 5;
    uint8 internal constant FMA = 6;
    uint8 internal constant DIV = 7;
    uint8 internal constant SQRT = 8;
    uint8 internal constant NEG = 9;
    uint8 internal constant ABS = 10;
    uint8 internal constant MAX = 11;
    uint8 internal constant MIN = 12;
    uint8 internal constant LT = 13;
    uint8 internal constant LE = 14;
    uint8 internal constant EQ = 15;
    uint8 internal constant FLOOR = 16;
    uint8 internal constant NEAREST = 17;
    uint8 internal constant TO_I32 = 18;
    uint8 internal constant FROM_I32 = 19;
    uint8 internal constant BITS_OF = 20;
    uint8 internal constant FROM_BITS = 21;
    uint8 internal constant SELECT = 22;
    uint8 internal constant ADD_I = 23;
    uint8 internal constant SUB_I = 24;
    uint8 internal constant MUL_I = 25;
    uint8 internal constant MULHI_U = 26;
    uint8 internal constant AND = 27;
    uint8 internal constant OR = 28;
    uint8 internal constant XOR = 29;
    uint8 internal constant SHL = 30;
    uint8 internal constant SHR_S = 31;
    uint8 internal constant SHR_U = 32;
    uint8 internal constant DIV_U = 33;
    uint8 internal constant REM_U = 34;
    uint8 internal constant LT_I = 35;
    uint8 internal constant LE_I = 36;
    uint8 internal constant EQ_I = 37;
    uint8 internal constant BOOL_TO_I32 = 38;

    uint8 internal constant LAST_OPCODE = 38;

    // Classes of fields and results in ROWS.
    // the field must be zero
    uint8 internal constant CLASS_UNUSED = 0;
    // a register of this type
    uint8 internal constant CLASS_F32 = 1;
    // a register of this type
    uint8 internal constant CLASS_I32 = 2;
    // a register of this type
    uint8 internal constant CLASS_BOOL = 3;
    // a register of one type, the same in all such fields and in the result
    uint8 internal constant CLASS_ANY = 4;
    // the same, but i32 or bool only
    uint8 internal constant CLASS_BITS = 5;
    // an i32 register visible from the prologue
    uint8 internal constant CLASS_BASE = 6;
    // a load pattern's index plus one, or 0; not 0 only in the body
    uint8 internal constant CLASS_PATTERN = 7;
    // an i32 constant register whose word is not zero
    uint8 internal constant CLASS_DIVISOR = 8;
    // the type of the operand that the immediate names (results only)
    uint8 internal constant CLASS_OPERAND = 9;

    // What the immediate byte holds: zero, an operand's index, or a shift of 0..31.
    uint8 internal constant IMMEDIATE_NONE = 0;
    uint8 internal constant IMMEDIATE_OPERAND = 1;
    uint8 internal constant IMMEDIATE_SHIFT = 2;

    // Eight bytes per opcode, the row of opcode n at byte 8 * n, row 0 zero: class of the result, classes of the fields
    // a, b and c, kind of the immediate, zero, and the gas of one execution (uint16).
    bytes internal constant ROWS =
        hex"000000000000000009060700010003e809020000010003e801010100000004380101010000000460010101000000035c"
        hex"0101010100000514010101000000035201010000000003340101000000000190010100000000019001010100000001f4"
        hex"01010100000001f403010100000001d603010100000001e003010100000001a401010000000002260101000000000226"
        hex"02010000000002260102000000000226020100000000017c010200000000018604030404000001720202020000000186"
        hex"020202000000018602020200000001860202020000000186050505000000017c050505000000017c050505000000017c"
        hex"0202000002000186020200000200019002020000020001720202080000000186020208000000018603020200000001cc"
        hex"03020200000001e003020200000001a4020300000000017c";

    // Prices of the static gas bound beside the rows.
    uint256 internal constant GAS_ELEMENT = 20000;
    uint256 internal constant GAS_INSTRUCTION = 580;
    uint256 internal constant GAS_ITERATION = 300;
    uint256 internal constant GAS_CARRIED = 110;
    uint256 internal constant GAS_RESET = 60;
    uint256 internal constant GAS_DOT_STEP = 960;
    uint256 internal constant GAS_DOT_BLOCK = 4000;

    // The dot product prices hold where the fastest digit of both load patterns has at least this extent.
    uint256 internal constant DOT_RUN = 16;

    // Limits, inclusive.
    uint256 internal constant MAX_OPERANDS = 8;
    uint256 internal constant MAX_DIGITS = 8;
    uint256 internal constant MAX_CONSTANTS = 256;
    uint256 internal constant MAX_PATTERNS = 16;
    uint256 internal constant MAX_CARRIED = 8;
    uint256 internal constant MAX_SECTION_INSTRUCTIONS = 256;
    uint256 internal constant MAX_ITERATIONS = 4096;
    uint256 internal constant MAX_COUNTER_END = 16777216;
    uint256 internal constant MAX_OUTPUT_LENGTH = 2147483647;
    uint256 internal constant MAX_CHUNKS = 48;
    uint256 internal constant MAX_GAS = 4194304;
    uint256 internal constant MAX_ENCODED_BYTES = 16384;
    uint256 internal constant MAX_PROGRAM_SEGMENTS = 4;
    uint256 internal constant MAX_PROGRAM_RECORDS = 65536;
    uint256 internal constant MAX_PROGRAM_INPUTS = 256;
    uint256 internal constant MAX_PROGRAM_STATE_TENSORS = 512;
    uint256 internal constant MAX_PROGRAM_TENSOR_LENGTH = 2147483647;
    uint256 internal constant MAX_PROGRAM_STEPS_FIELD = 4294967295;

    uint8 internal constant SCALAR_FORMAT = 1;
    uint32 internal constant NUMERICS_VERSION = 1;
    uint256 internal constant BLOCK_SIZE = 256;
    uint32 internal constant UNCHANGED = 4294967295;
}
