// The kernels of dot products, one pair for each instruction set of the machine that this is compiled for.
#pragma once
#include "lockstep.h"

namespace lockstep {

#if LOCKSTEP_X64
void multiplyAvx512(const Block& block);
void multiplyNarrowAvx512(const Block& block);
void multiplyAvx2(const Block& block);
void multiplyNarrowAvx2(const Block& block);
#elif LOCKSTEP_ARM64
void multiplyNeon(const Block& block);
void multiplyNarrowNeon(const Block& block);
#endif

}  // namespace lockstep
