// Dot products in bulk for each instruction set, with the bits of the WebAssembly tiles: fused multiply-adds in the order of
// k, one rounding each, subnormals kept, one NaN.
#include "multiply.h"

#include <cstring>

#if LOCKSTEP_X64
#include <immintrin.h>
#elif LOCKSTEP_ARM64
#include <arm_neon.h>
#endif

namespace lockstep {

#if LOCKSTEP_X64

#define BROADCAST_WORD(address) (*reinterpret_cast<const float*>(address))

// --- AVX-512: tiles of 12 rows by the whole panel, 24 of 32 registers ---

#define SET(name) name##_avx512
#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,fma")))
#define V __m512
#define LANES 16
#define ROWS 12
#define TILE_VECTORS 2
#define FEW_PANELS 4
#define ZERO() _mm512_setzero_ps()
#define LOAD(address) _mm512_loadu_ps(address)
#define STORE(address, vector) _mm512_storeu_ps(address, vector)
#define BROADCAST(address) _mm512_set1_ps(BROADCAST_WORD(address))
#define FMA(a, b, c) _mm512_fmadd_ps(a, b, c)
#define ADD(a, b) _mm512_add_ps(a, b)
#define CANONICAL(vector) canonical_avx512(vector)
#define WIDEN(address, low, high)                                       \
  do {                                                                  \
    const __m512i words = _mm512_loadu_si512(address);                  \
    low = _mm512_castsi512_ps(_mm512_slli_epi32(words, 16));            \
    high = _mm512_castsi512_ps(_mm512_and_si512(words, upper_avx512())); \
  } while (0)
#define ORDER(low, high) order_avx512(low, high)

TARGET static inline __m512i upper_avx512() { return _mm512_set1_epi32(static_cast<int>(0xffff0000u)); }

TARGET static inline __m512 canonical_avx512(__m512 vector) {
  const __mmask16 isNaN = _mm512_cmp_ps_mask(vector, vector, _CMP_UNORD_Q);
  return _mm512_mask_blend_ps(isNaN, vector, _mm512_castsi512_ps(_mm512_set1_epi32(0x7fc00000)));
}

TARGET static inline void order_avx512(__m512& low, __m512& high) {
  const __m512i first = _mm512_setr_epi32(0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23);
  const __m512i second = _mm512_setr_epi32(8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31);
  const __m512 one = _mm512_permutex2var_ps(low, first, high);
  high = _mm512_permutex2var_ps(low, second, high);
  low = one;
}

#include "tile-template.h"

#undef SET
#undef TARGET
#undef V
#undef LANES
#undef ROWS
#undef TILE_VECTORS
#undef FEW_PANELS
#undef ZERO
#undef LOAD
#undef STORE
#undef BROADCAST
#undef FMA
#undef ADD
#undef CANONICAL
#undef WIDEN
#undef ORDER

// --- AVX2 with FMA: tiles of 6 rows by half a panel, 12 of 16 registers ---

#define SET(name) name##_avx2
#define TARGET __attribute__((target("avx2,fma")))
#define V __m256
#define LANES 8
#define ROWS 6
#define TILE_VECTORS 2
#define FEW_PANELS 2
#define ZERO() _mm256_setzero_ps()
#define LOAD(address) _mm256_loadu_ps(reinterpret_cast<const float*>(address))
#define STORE(address, vector) _mm256_storeu_ps(reinterpret_cast<float*>(address), vector)
#define BROADCAST(address) _mm256_set1_ps(BROADCAST_WORD(address))
#define FMA(a, b, c) _mm256_fmadd_ps(a, b, c)
#define ADD(a, b) _mm256_add_ps(a, b)
#define CANONICAL(vector) canonical_avx2(vector)
#define WIDEN(address, low, high)                                                       \
  do {                                                                                  \
    const __m256i words = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(address)); \
    low = _mm256_castsi256_ps(_mm256_slli_epi32(words, 16));                            \
    high = _mm256_castsi256_ps(_mm256_and_si256(words, upper_avx2()));                  \
  } while (0)
#define ORDER(low, high) order_avx2(low, high)

TARGET static inline __m256i upper_avx2() { return _mm256_set1_epi32(static_cast<int>(0xffff0000u)); }

TARGET static inline __m256 canonical_avx2(__m256 vector) {
  const __m256 isNaN = _mm256_cmp_ps(vector, vector, _CMP_UNORD_Q);
  return _mm256_blendv_ps(vector, _mm256_castsi256_ps(_mm256_set1_epi32(0x7fc00000)), isNaN);
}

TARGET static inline void order_avx2(__m256& low, __m256& high) {
  const __m256 one = _mm256_permute2f128_ps(low, high, 0x20);
  high = _mm256_permute2f128_ps(low, high, 0x31);
  low = one;
}

#include "tile-template.h"

void multiplyAvx512(const Product& product) { multiply_avx512<false>(product); }
void multiplyNarrowAvx512(const Product& product) { multiply_avx512<true>(product); }
void multiplyAvx2(const Product& product) { multiply_avx2<false>(product); }
void multiplyNarrowAvx2(const Product& product) { multiply_avx2<true>(product); }

#elif LOCKSTEP_ARM64

// --- NEON: tiles of 6 rows by half a panel, 24 of 32 registers. It has run under an emulator alone, on no such machine; the
// test at load decides whether it is used. ---

#define SET(name) name##_neon
#define TARGET
#define V float32x4_t
#define LANES 4
#define ROWS 6
#define TILE_VECTORS 4
#define FEW_PANELS 2
#define ZERO() vdupq_n_f32(0)
#define LOAD(address) vld1q_f32(reinterpret_cast<const float*>(address))
#define STORE(address, vector) vst1q_f32(reinterpret_cast<float*>(address), vector)
#define BROADCAST(address) vld1q_dup_f32(reinterpret_cast<const float*>(address))
#define FMA(a, b, c) vfmaq_f32(c, a, b)
#define ADD(a, b) vaddq_f32(a, b)
#define CANONICAL(vector) canonical_neon(vector)
#define WIDEN(address, low, high)                                                      \
  do {                                                                                 \
    const uint32x4_t words = vld1q_u32(reinterpret_cast<const uint32_t*>(address));    \
    low = vreinterpretq_f32_u32(vshlq_n_u32(words, 16));                               \
    high = vreinterpretq_f32_u32(vandq_u32(words, vdupq_n_u32(0xffff0000u)));          \
  } while (0)
// A vector holds four words of one part, whose halves are in order already.
#define ORDER(low, high) ((void)0)

static inline float32x4_t canonical_neon(float32x4_t vector) {
  const uint32x4_t isNumber = vceqq_f32(vector, vector);
  return vbslq_f32(isNumber, vector, vreinterpretq_f32_u32(vdupq_n_u32(0x7fc00000u)));
}

#include "tile-template.h"

void multiplyNeon(const Product& product) { multiply_neon<false>(product); }
void multiplyNarrowNeon(const Product& product) { multiply_neon<true>(product); }

#endif

}  // namespace lockstep
