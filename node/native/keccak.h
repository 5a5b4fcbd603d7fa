// keccak256 of jobs, one implementation for each width. All read whole sources: 1,024 bytes of a chunk, 64 of a pair.
#pragma once
#include "lockstep.h"

namespace lockstep {

constexpr uint32_t kMostLanes = 8;

void chunksPlain(const HashJob* jobs, uint32_t count);
void pairsPlain(const HashJob* jobs, uint32_t count);
#if LOCKSTEP_X64
void chunksAvx2(const HashJob* jobs, uint32_t count);
void pairsAvx2(const HashJob* jobs, uint32_t count);
void chunksAvx512(const HashJob* jobs, uint32_t count);
void pairsAvx512(const HashJob* jobs, uint32_t count);
#elif LOCKSTEP_ARM64
void chunksNeon(const HashJob* jobs, uint32_t count);
void pairsNeon(const HashJob* jobs, uint32_t count);
#endif

}  // namespace lockstep
