// The kernels of one instruction set. Included once for each, with these macros defined:
//   SET(name)      name with the set's suffix          TARGET        the attribute that allows its instructions
//   V              a vector of LANES floats            LANES         4, 8 or 16
//   ROWS           rows of a tile of TILE_VECTORS      TILE_VECTORS  vectors of a tile of many rows
//   LOAD STORE BROADCAST ZERO FMA ADD CANONICAL        the obvious, on addresses of bytes
//   WIDEN(address, low, high)   the two halves of words as floats
//   ORDER(low, high)            puts the columns of two such vectors side by side, after all sums
//   FEW_PANELS     panels that one row meets at once: chains enough, and streams enough for memory
// Each lane is one column: its sum is one chain of fma in ascending order, whatever the width. Fetching ahead of the
// processor's own prefetching was measured and is slower.

template <int R, int P, int S, bool NARROW>
TARGET static inline void SET(tile)(const uint8_t* rows, ptrdiff_t rowStride, const uint8_t* panel, size_t panelStride,
                                    uint32_t count, uint8_t* output, ptrdiff_t outputStride, bool isFirst) {
  V sums[R][P * S];
#pragma GCC unroll 32
  for (int r = 0; r < R; r++) {
#pragma GCC unroll 32
    for (int s = 0; s < P * S; s++) sums[r][s] = ZERO();
  }
  constexpr size_t kRowBytes = NARROW ? 2 * kPanelColumns : 4 * kPanelColumns;
  for (uint32_t k = 0; k < count; k++) {
    V columns[P * S];
#pragma GCC unroll 32
    for (int p = 0; p < P; p++) {
      const uint8_t* from = panel + p * panelStride;
#pragma GCC unroll 32
      for (int s = 0; s < S; s += NARROW ? 2 : 1) {
        if (NARROW) {
          WIDEN(from + s * 2 * LANES, columns[p * S + s], columns[p * S + s + 1]);
        } else {
          columns[p * S + s] = LOAD(from + s * 4 * LANES);
        }
      }
    }
    panel += kRowBytes;
#pragma GCC unroll 32
    for (int r = 0; r < R; r++) {
      V word = BROADCAST(rows + r * rowStride + 4 * static_cast<size_t>(k));
#pragma GCC unroll 32
      for (int s = 0; s < P * S; s++) sums[r][s] = FMA(word, columns[s], sums[r][s]);
    }
  }
#pragma GCC unroll 32
  for (int r = 0; r < R; r++) {
    uint8_t* to = output + r * outputStride;
    if (NARROW) {
#pragma GCC unroll 32
      for (int s = 0; s < P * S; s += 2) ORDER(sums[r][s], sums[r][s + 1]);
    }
#pragma GCC unroll 32
    for (int s = 0; s < P * S; s++) {
      const int at = (s / S) * 4 * kPanelColumns + (s % S) * 4 * LANES;
      V total = isFirst ? sums[r][s] : ADD(LOAD(to + at), sums[r][s]);
      STORE(to + at, CANONICAL(total));
    }
  }
}

// R rows by whole panels, P at a time.
template <int R, int P, bool NARROW>
TARGET static void SET(few)(const Block& block, const uint8_t* rows, uint8_t* output) {
  constexpr int kVectors = kPanelColumns / LANES;
  uint32_t panel = 0;
  for (; panel + P <= block.panelCount; panel += P) {
    SET(tile)<R, P, kVectors, NARROW>(rows, block.rowStride, block.panels + panel * block.panelStride, block.panelStride,
                                      block.count, output + panel * 4 * kPanelColumns, block.outputStride, block.isFirst);
  }
  for (; panel < block.panelCount; panel++) {
    SET(tile)<R, 1, kVectors, NARROW>(rows, block.rowStride, block.panels + panel * block.panelStride, block.panelStride,
                                      block.count, output + panel * 4 * kPanelColumns, block.outputStride, block.isFirst);
  }
}

// One tile of a panel, in as many passes over its columns as registers ask for.
template <int R, bool NARROW>
TARGET static void SET(rest)(const Block& block, const uint8_t* rows, const uint8_t* panel, uint8_t* output) {
  constexpr int kVectors = kPanelColumns / LANES;
  constexpr int kPass = R * kVectors <= ROWS * TILE_VECTORS ? kVectors : TILE_VECTORS;
  for (int s = 0; s < kVectors; s += kPass) {
    SET(tile)<R, 1, kPass, NARROW>(rows, block.rowStride, panel + s * (NARROW ? 2 : 4) * LANES, 0, block.count,
                                   output + s * 4 * LANES, block.outputStride, block.isFirst);
  }
}

template <bool NARROW>
TARGET static void SET(multiply)(const Block& block) {
  switch (block.rowCount) {
    case 1:
      return SET(few)<1, FEW_PANELS, NARROW>(block, block.rows, block.output);
    case 2:
      return SET(few)<2, (FEW_PANELS + 1) / 2, NARROW>(block, block.rows, block.output);
    case 3:
      return SET(few)<3, (FEW_PANELS + 1) / 2, NARROW>(block, block.rows, block.output);
  }
  for (uint32_t index = 0; index < block.panelCount; index++) {
    const uint8_t* panel = block.panels + index * block.panelStride;
    for (uint32_t row = 0; row < block.rowCount;) {
      const uint8_t* rows = block.rows + static_cast<ptrdiff_t>(row) * block.rowStride;
      uint8_t* output = block.output + static_cast<ptrdiff_t>(row) * block.outputStride + index * 4 * kPanelColumns;
      const uint32_t left = block.rowCount - row;
      const uint32_t size = left < ROWS ? left : ROWS;
      switch (size) {
        case 1: SET(rest)<1, NARROW>(block, rows, panel, output); break;
        case 2: SET(rest)<2, NARROW>(block, rows, panel, output); break;
        case 3: SET(rest)<3, NARROW>(block, rows, panel, output); break;
        case 4: SET(rest)<4, NARROW>(block, rows, panel, output); break;
        case 5: SET(rest)<5, NARROW>(block, rows, panel, output); break;
#if ROWS > 6
        case 6: SET(rest)<6, NARROW>(block, rows, panel, output); break;
        case 7: SET(rest)<7, NARROW>(block, rows, panel, output); break;
        case 8: SET(rest)<8, NARROW>(block, rows, panel, output); break;
        case 9: SET(rest)<9, NARROW>(block, rows, panel, output); break;
        case 10: SET(rest)<10, NARROW>(block, rows, panel, output); break;
        case 11: SET(rest)<11, NARROW>(block, rows, panel, output); break;
#endif
        default: SET(rest)<ROWS, NARROW>(block, rows, panel, output);
      }
      row += size;
    }
  }
}
