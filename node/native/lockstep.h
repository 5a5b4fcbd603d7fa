// What the parts of the addon share: the signatures of kernels, which know nothing of JavaScript and trust their arguments,
// and the instruction sets that they are written for. Every set gives the same bits.
#pragma once
#include <cstddef>
#include <cstdint>

#if defined(__x86_64__)
#define LOCKSTEP_X64 1
#elif defined(__aarch64__)
#define LOCKSTEP_ARM64 1
#endif

namespace lockstep {

constexpr int kPanelColumns = 32;
constexpr int kPartColumns = 8;

// Rows by panels; strides in bytes. The dot product over each `blockLength` of `count` is added to the total, which starts as
// what the output holds where isContinued, else as the first of them. NaN is canonical.
struct Product {
  const uint8_t* rows;
  ptrdiff_t rowStride;
  uint32_t rowCount;
  const uint8_t* panels;
  size_t panelStride;
  uint32_t panelCount;
  uint32_t count;
  uint32_t blockLength;
  uint8_t* output;
  ptrdiff_t outputStride;
  bool isContinued;
};

using MultiplyKernel = void (*)(const Product&);

// A chunk of 256 little-endian words, hashed big-endian, or two nodes of 32 bytes; and where the 32 bytes of the hash go.
struct HashJob {
  const uint8_t* source;
  uint8_t* result;
};

// Hashes `count` jobs, at most `lanes`.
struct Hasher {
  uint32_t lanes;
  void (*chunks)(const HashJob* jobs, uint32_t count);
  void (*pairs)(const HashJob* jobs, uint32_t count);
};

struct InstructionSet {
  const char* name;
  bool (*isAvailable)();
  MultiplyKernel multiply;
  MultiplyKernel multiplyNarrow;
  Hasher hasher;
};

// From the widest to the plainest. The plain one hashes and has no kernels for dot products.
extern const InstructionSet* const kInstructionSets[];
extern const int kInstructionSetCount;

}  // namespace lockstep
