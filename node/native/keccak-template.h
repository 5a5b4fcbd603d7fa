// keccak256 of several messages at once, one in each lane of a vector. Included once for each width, with these macros:
//   SET(name)   name with the width's suffix         TARGET     the attribute that allows its instructions
//   V           a vector of LANES 64-bit words       LANES      messages at once
//   XOR5(a, b, c, d, e)   CHI(a, b, c): a ^ (~b & c)   XOR   ROTATE(vector, bits)   ALL(word)   ZERO()
//   LOAD(jobs, at, swaps)   the 8 bytes at `at` of every message, each half turned round where it swaps
//   STORE(jobs, words)      the four first words of every state to the results

// The permutation, in place; the compiler keeps what it can of the 25 words in registers.
TARGET static inline void SET(permute)(V* a) {
  for (int round = 0; round < 24; round++) {
    V c[5], d[5], b[25];
#pragma GCC unroll 5
    for (int x = 0; x < 5; x++) c[x] = XOR5(a[x], a[x + 5], a[x + 10], a[x + 15], a[x + 20]);
#pragma GCC unroll 5
    for (int x = 0; x < 5; x++) d[x] = XOR(c[(x + 4) % 5], ROTATE(c[(x + 1) % 5], 1));
#define MOVE(from, to, bits) b[to] = ROTATE(XOR(a[from], d[(from) % 5]), bits)
    b[0] = XOR(a[0], d[0]);
    MOVE(1, 10, 1); MOVE(2, 20, 62); MOVE(3, 5, 28); MOVE(4, 15, 27);
    MOVE(5, 16, 36); MOVE(6, 1, 44); MOVE(7, 11, 6); MOVE(8, 21, 55); MOVE(9, 6, 20);
    MOVE(10, 7, 3); MOVE(11, 17, 10); MOVE(12, 2, 43); MOVE(13, 12, 25); MOVE(14, 22, 39);
    MOVE(15, 23, 41); MOVE(16, 8, 45); MOVE(17, 18, 15); MOVE(18, 3, 21); MOVE(19, 13, 8);
    MOVE(20, 14, 18); MOVE(21, 24, 2); MOVE(22, 9, 61); MOVE(23, 19, 56); MOVE(24, 4, 14);
#undef MOVE
#pragma GCC unroll 25
    for (int i = 0; i < 25; i++) {
      const int row = i - i % 5;
      a[i] = CHI(b[i], b[row + (i + 1) % 5], b[row + (i + 2) % 5]);
    }
    a[0] = XOR(a[0], ALL(kRoundConstants[round]));
  }
}

template <bool SWAPS, int BYTES>
TARGET static void SET(hash)(const HashJob* given, uint32_t count) {
  // Lanes without a job repeat the last, whose result is then written again.
  HashJob jobs[LANES];
  for (uint32_t lane = 0; lane < LANES; lane++) jobs[lane] = given[lane < count ? lane : count - 1];
  V state[25];
#pragma GCC unroll 25
  for (int i = 0; i < 25; i++) state[i] = ZERO();
  for (int at = 0; at + kRateBytes <= BYTES; at += kRateBytes) {
#pragma GCC unroll 17
    for (int i = 0; i < kRateBytes / 8; i++) state[i] = XOR(state[i], LOAD(jobs, at + 8 * i, SWAPS));
    SET(permute)(state);
  }
  constexpr int kLast = BYTES / kRateBytes * kRateBytes;
  constexpr int kRest = (BYTES - kLast) / 8;
#pragma GCC unroll 17
  for (int i = 0; i < kRest; i++) state[i] = XOR(state[i], LOAD(jobs, kLast + 8 * i, SWAPS));
  state[kRest] = XOR(state[kRest], ALL(1));
  state[kRateBytes / 8 - 1] = XOR(state[kRateBytes / 8 - 1], ALL(uint64_t{1} << 63));
  SET(permute)(state);
  STORE(jobs, state);
}
