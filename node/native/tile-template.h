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

// Totals wait in memory between blocks: sums have the registers. Each result is written once.
template <int R, int P, int S, bool NARROW>
TARGET static inline void SET(tile)(const Product& product, const uint8_t* rows, const uint8_t* panel, uint8_t* output) {
  constexpr size_t kRowBytes = NARROW ? 2 * kPanelColumns : 4 * kPanelColumns;
  alignas(64) uint8_t totals[R][P * S][4 * LANES];
  for (uint32_t first = 0; first < product.count; first += product.blockLength) {
    const uint32_t left = product.count - first;
    const uint32_t size = left < product.blockLength ? left : product.blockLength;
    const bool isLast = size == left;
    V sums[R][P * S];
#pragma GCC unroll 32
    for (int r = 0; r < R; r++) {
#pragma GCC unroll 32
      for (int s = 0; s < P * S; s++) sums[r][s] = ZERO();
    }
    for (uint32_t k = 0; k < size; k++) {
      V columns[P * S];
#pragma GCC unroll 32
      for (int p = 0; p < P; p++) {
        const uint8_t* from = panel + p * product.panelStride;
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
        V word = BROADCAST(rows + r * product.rowStride + 4 * static_cast<size_t>(k));
#pragma GCC unroll 32
        for (int s = 0; s < P * S; s++) sums[r][s] = FMA(word, columns[s], sums[r][s]);
      }
    }
    rows += 4 * static_cast<size_t>(size);
#pragma GCC unroll 32
    for (int r = 0; r < R; r++) {
      uint8_t* to = output + r * product.outputStride;
      if (NARROW) {
#pragma GCC unroll 32
        for (int s = 0; s < P * S; s += 2) ORDER(sums[r][s], sums[r][s + 1]);
      }
#pragma GCC unroll 32
      for (int s = 0; s < P * S; s++) {
        const int at = (s / S) * 4 * kPanelColumns + (s % S) * 4 * LANES;
        V total = sums[r][s];
        if (first > 0) {
          total = ADD(LOAD(totals[r][s]), total);
        } else if (product.isContinued) {
          total = ADD(LOAD(to + at), total);
        }
        if (isLast) {
          STORE(to + at, CANONICAL(total));
        } else {
          STORE(totals[r][s], total);
        }
      }
    }
  }
}

// R rows by whole panels, P at a time.
template <int R, int P, bool NARROW>
TARGET static void SET(few)(const Product& product) {
  constexpr int kVectors = kPanelColumns / LANES;
  const uint8_t* panel = product.panels;
  uint8_t* output = product.output;
  uint32_t left = product.panelCount;
  for (; left >= P; left -= P, panel += P * product.panelStride, output += P * 4 * kPanelColumns) {
    SET(tile)<R, P, kVectors, NARROW>(product, product.rows, panel, output);
  }
  for (; left > 0; left--, panel += product.panelStride, output += 4 * kPanelColumns) {
    SET(tile)<R, 1, kVectors, NARROW>(product, product.rows, panel, output);
  }
}

// One tile of a panel, in as many passes over its columns as registers ask for.
template <int R, bool NARROW>
TARGET static void SET(rest)(const Product& product, const uint8_t* rows, const uint8_t* panel, uint8_t* output) {
  constexpr int kVectors = kPanelColumns / LANES;
  constexpr int kPass = R * kVectors <= ROWS * TILE_VECTORS ? kVectors : TILE_VECTORS;
  for (int s = 0; s < kVectors; s += kPass) {
    SET(tile)<R, 1, kPass, NARROW>(product, rows, panel + s * (NARROW ? 2 : 4) * LANES, output + s * 4 * LANES);
  }
}

template <bool NARROW>
TARGET static void SET(multiply)(const Product& product) {
  switch (product.rowCount) {
    case 1:
      return SET(few)<1, FEW_PANELS, NARROW>(product);
    case 2:
      return SET(few)<2, (FEW_PANELS + 1) / 2, NARROW>(product);
    case 3:
      return SET(few)<3, (FEW_PANELS + 1) / 2, NARROW>(product);
  }
  for (uint32_t index = 0; index < product.panelCount; index++) {
    const uint8_t* panel = product.panels + index * product.panelStride;
    for (uint32_t row = 0; row < product.rowCount;) {
      const uint8_t* rows = product.rows + static_cast<ptrdiff_t>(row) * product.rowStride;
      uint8_t* output = product.output + static_cast<ptrdiff_t>(row) * product.outputStride + index * 4 * kPanelColumns;
      const uint32_t left = product.rowCount - row;
      const uint32_t size = left < ROWS ? left : ROWS;
      switch (size) {
        case 1: SET(rest)<1, NARROW>(product, rows, panel, output); break;
        case 2: SET(rest)<2, NARROW>(product, rows, panel, output); break;
        case 3: SET(rest)<3, NARROW>(product, rows, panel, output); break;
        case 4: SET(rest)<4, NARROW>(product, rows, panel, output); break;
        case 5: SET(rest)<5, NARROW>(product, rows, panel, output); break;
#if ROWS > 6
        case 6: SET(rest)<6, NARROW>(product, rows, panel, output); break;
        case 7: SET(rest)<7, NARROW>(product, rows, panel, output); break;
        case 8: SET(rest)<8, NARROW>(product, rows, panel, output); break;
        case 9: SET(rest)<9, NARROW>(product, rows, panel, output); break;
        case 10: SET(rest)<10, NARROW>(product, rows, panel, output); break;
        case 11: SET(rest)<11, NARROW>(product, rows, panel, output); break;
#endif
        default: SET(rest)<ROWS, NARROW>(product, rows, panel, output);
      }
      row += size;
    }
  }
}
