// keccak256 in 8, 4, 2 and 1 lanes: chunks of 1,024 bytes whose words are turned to big-endian, and pairs of nodes.
#include "keccak.h"

#include <cstring>

#if LOCKSTEP_X64
#include <immintrin.h>
#elif LOCKSTEP_ARM64
#include <arm_neon.h>
#endif

namespace lockstep {

static constexpr int kRateBytes = 136;
static constexpr int kChunkBytes = 1024;
static constexpr int kPairBytes = 64;

static const uint64_t kRoundConstants[24] = {
    0x0000000000000001u, 0x0000000000008082u, 0x800000000000808au, 0x8000000080008000u, 0x000000000000808bu,
    0x0000000080000001u, 0x8000000080008081u, 0x8000000000008009u, 0x000000000000008au, 0x0000000000000088u,
    0x0000000080008009u, 0x000000008000000au, 0x000000008000808bu, 0x800000000000008bu, 0x8000000000008089u,
    0x8000000000008003u, 0x8000000000008002u, 0x8000000000000080u, 0x000000000000800au, 0x800000008000000au,
    0x8000000080008081u, 0x8000000000008080u, 0x0000000080000001u, 0x8000000080008008u,
};

static inline uint64_t wordAt(const uint8_t* address) {
  uint64_t word;
  std::memcpy(&word, address, 8);
  return word;
}

// Each half with its bytes turned round.
static inline uint64_t turned(uint64_t word) {
  const uint64_t all = __builtin_bswap64(word);
  return all << 32 | all >> 32;
}

// --- One lane, in integers ---

#define SET(name) name##_plain
#define TARGET
#define V uint64_t
#define LANES 1
#define ZERO() 0
#define XOR(a, b) ((a) ^ (b))
#define XOR5(a, b, c, d, e) ((a) ^ (b) ^ (c) ^ (d) ^ (e))
#define CHI(a, b, c) ((a) ^ (~(b) & (c)))
#define ROTATE(word, bits) ((word) << (bits) | (word) >> (64 - (bits)))
#define ALL(word) (word)
#define LOAD(jobs, at, swaps) \
  ((swaps) ? turned(wordAt((jobs)[0].source + (at))) : wordAt((jobs)[0].source + (at)))
#define STORE(jobs, words) std::memcpy((jobs)[0].result, words, 32)

#include "keccak-template.h"

void chunksPlain(const HashJob* jobs, uint32_t count) { hash_plain<true, kChunkBytes>(jobs, count); }
void pairsPlain(const HashJob* jobs, uint32_t count) { hash_plain<false, kPairBytes>(jobs, count); }

#undef SET
#undef TARGET
#undef V
#undef LANES
#undef ZERO
#undef XOR
#undef XOR5
#undef CHI
#undef ROTATE
#undef ALL
#undef LOAD
#undef STORE

#if LOCKSTEP_X64

// --- Four lanes of AVX2 ---

#define SET(name) name##_avx2
#define TARGET __attribute__((target("avx2")))
#define V __m256i
#define LANES 4
#define ZERO() _mm256_setzero_si256()
#define XOR(a, b) _mm256_xor_si256(a, b)
#define XOR5(a, b, c, d, e) XOR(XOR(XOR(a, b), XOR(c, d)), e)
#define CHI(a, b, c) XOR(a, _mm256_andnot_si256(b, c))
#define ROTATE(vector, bits) _mm256_or_si256(_mm256_slli_epi64(vector, bits), _mm256_srli_epi64(vector, 64 - (bits)))
#define ALL(word) _mm256_set1_epi64x(static_cast<long long>(word))
#define LOAD(jobs, at, swaps) load_avx2<swaps>(jobs, at)
#define STORE(jobs, words) store_avx2(jobs, words)

template <bool SWAPS>
TARGET static inline __m256i load_avx2(const HashJob* jobs, int at) {
  const __m256i words = _mm256_setr_epi64x(
      static_cast<long long>(wordAt(jobs[0].source + at)), static_cast<long long>(wordAt(jobs[1].source + at)),
      static_cast<long long>(wordAt(jobs[2].source + at)), static_cast<long long>(wordAt(jobs[3].source + at)));
  if (!SWAPS) return words;
  const __m256i turn = _mm256_setr_epi8(3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12, 3, 2, 1, 0, 7, 6, 5, 4, 11,
                                        10, 9, 8, 15, 14, 13, 12);
  return _mm256_shuffle_epi8(words, turn);
}

TARGET static inline void store_avx2(const HashJob* jobs, const __m256i* words) {
  alignas(32) uint64_t lanes[4][LANES];
  for (int i = 0; i < 4; i++) _mm256_store_si256(reinterpret_cast<__m256i*>(lanes[i]), words[i]);
  for (int lane = 0; lane < LANES; lane++) {
    for (int i = 0; i < 4; i++) std::memcpy(jobs[lane].result + 8 * i, &lanes[i][lane], 8);
  }
}

#include "keccak-template.h"

void chunksAvx2(const HashJob* jobs, uint32_t count) { hash_avx2<true, kChunkBytes>(jobs, count); }
void pairsAvx2(const HashJob* jobs, uint32_t count) { hash_avx2<false, kPairBytes>(jobs, count); }

#undef SET
#undef TARGET
#undef V
#undef LANES
#undef ZERO
#undef XOR
#undef XOR5
#undef CHI
#undef ROTATE
#undef ALL
#undef LOAD
#undef STORE

// --- Eight lanes of AVX-512, with its rotations and its functions of three ---

#define SET(name) name##_avx512
#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl")))
#define V __m512i
#define LANES 8
#define ZERO() _mm512_setzero_si512()
#define XOR(a, b) _mm512_xor_si512(a, b)
#define XOR5(a, b, c, d, e) _mm512_ternarylogic_epi64(_mm512_ternarylogic_epi64(a, b, c, 0x96), d, e, 0x96)
#define CHI(a, b, c) _mm512_ternarylogic_epi64(a, b, c, 0xd2)
#define ROTATE(vector, bits) _mm512_rol_epi64(vector, bits)
#define ALL(word) _mm512_set1_epi64(static_cast<long long>(word))
#define LOAD(jobs, at, swaps) load_avx512<swaps>(jobs, at)
#define STORE(jobs, words) store_avx512(jobs, words)

template <bool SWAPS>
TARGET static inline __m512i load_avx512(const HashJob* jobs, int at) {
  const __m512i words = _mm512_setr_epi64(
      static_cast<long long>(wordAt(jobs[0].source + at)), static_cast<long long>(wordAt(jobs[1].source + at)),
      static_cast<long long>(wordAt(jobs[2].source + at)), static_cast<long long>(wordAt(jobs[3].source + at)),
      static_cast<long long>(wordAt(jobs[4].source + at)), static_cast<long long>(wordAt(jobs[5].source + at)),
      static_cast<long long>(wordAt(jobs[6].source + at)), static_cast<long long>(wordAt(jobs[7].source + at)));
  if (!SWAPS) return words;
  const __m512i turn = _mm512_broadcast_i32x4(_mm_setr_epi8(3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12));
  return _mm512_shuffle_epi8(words, turn);
}

TARGET static inline void store_avx512(const HashJob* jobs, const __m512i* words) {
  alignas(64) uint64_t lanes[4][LANES];
  for (int i = 0; i < 4; i++) _mm512_store_si512(lanes[i], words[i]);
  for (int lane = 0; lane < LANES; lane++) {
    for (int i = 0; i < 4; i++) std::memcpy(jobs[lane].result + 8 * i, &lanes[i][lane], 8);
  }
}

#include "keccak-template.h"

void chunksAvx512(const HashJob* jobs, uint32_t count) { hash_avx512<true, kChunkBytes>(jobs, count); }
void pairsAvx512(const HashJob* jobs, uint32_t count) { hash_avx512<false, kPairBytes>(jobs, count); }

#elif LOCKSTEP_ARM64

// --- Two lanes of NEON, which have run under an emulator alone ---

#define SET(name) name##_neon
#define TARGET
#define V uint64x2_t
#define LANES 2
#define ZERO() vdupq_n_u64(0)
#define XOR(a, b) veorq_u64(a, b)
#define XOR5(a, b, c, d, e) XOR(XOR(XOR(a, b), XOR(c, d)), e)
#define CHI(a, b, c) XOR(a, vbicq_u64(c, b))
#define ROTATE(vector, bits) vsriq_n_u64(vshlq_n_u64(vector, bits), vector, 64 - (bits))
#define ALL(word) vdupq_n_u64(word)
#define LOAD(jobs, at, swaps) load_neon<swaps>(jobs, at)
#define STORE(jobs, words) store_neon(jobs, words)

template <bool SWAPS>
static inline uint64x2_t load_neon(const HashJob* jobs, int at) {
  const uint64x2_t words = vcombine_u64(vcreate_u64(wordAt(jobs[0].source + at)), vcreate_u64(wordAt(jobs[1].source + at)));
  return SWAPS ? vreinterpretq_u64_u8(vrev32q_u8(vreinterpretq_u8_u64(words))) : words;
}

static inline void store_neon(const HashJob* jobs, const uint64x2_t* words) {
  for (int i = 0; i < 4; i++) {
    const uint64_t lanes[LANES] = {vgetq_lane_u64(words[i], 0), vgetq_lane_u64(words[i], 1)};
    for (int lane = 0; lane < LANES; lane++) std::memcpy(jobs[lane].result + 8 * i, &lanes[lane], 8);
  }
}

#include "keccak-template.h"

void chunksNeon(const HashJob* jobs, uint32_t count) { hash_neon<true, kChunkBytes>(jobs, count); }
void pairsNeon(const HashJob* jobs, uint32_t count) { hash_neon<false, kPairBytes>(jobs, count); }

#endif

}  // namespace lockstep
