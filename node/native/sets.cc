// The table of instruction sets, and which of them this processor and its operating system have.
#include "keccak.h"
#include "multiply.h"

namespace lockstep {

static bool always() { return true; }

static const InstructionSet kPlain = {"plain", always, nullptr, nullptr, {1, chunksPlain, pairsPlain}};

#if LOCKSTEP_X64

static bool hasAvx512() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma");
}

static bool hasAvx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

static const InstructionSet kAvx512 = {"avx512", hasAvx512, multiplyAvx512, multiplyNarrowAvx512, {8, chunksAvx512, pairsAvx512}};
static const InstructionSet kAvx2 = {"avx2", hasAvx2, multiplyAvx2, multiplyNarrowAvx2, {4, chunksAvx2, pairsAvx2}};
const InstructionSet* const kInstructionSets[] = {&kAvx512, &kAvx2, &kPlain};
const int kInstructionSetCount = 3;

#elif LOCKSTEP_ARM64

static const InstructionSet kNeon = {"neon", always, multiplyNeon, multiplyNarrowNeon, {2, chunksNeon, pairsNeon}};
const InstructionSet* const kInstructionSets[] = {&kNeon, &kPlain};
const int kInstructionSetCount = 2;

#else

const InstructionSet* const kInstructionSets[] = {&kPlain};
const int kInstructionSetCount = 1;

#endif

}  // namespace lockstep
