// The kernels of dot products, one pair for each instruction set of the machine that this is compiled for.
#pragma once
#include "lockstep.h"

namespace lockstep {

#if LOCKSTEP_X64
void multiplyAvx512(const Product& product);
void multiplyNarrowAvx512(const Product& product);
void multiplyAvx2(const Product& product);
void multiplyNarrowAvx2(const Product& product);
#elif LOCKSTEP_ARM64
void multiplyNeon(const Product& product);
void multiplyNarrowNeon(const Product& product);
#endif

}  // namespace lockstep
