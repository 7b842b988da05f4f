// What products of 16-bit codes with whole numbers share: exact sums in tiles, one rounding at the end, so that the
// bits of a row never depend on the rows beside it.
//
// Sums are those of a block: 1 to 4 tiles of eight rows of x by 1 or 2 tiles of sixteen rows of the matrix, four at
// most. Those of tile t and column tile c are in tile register t * COLUMNS + c; 4 and 5 are for the matrix, 6 and 7
// for x.
#pragma once

#include <immintrin.h>

#include <algorithm>
#include <cstdint>

#include "bends.h"
#include "rounding.h"
#include "tiles.h"

namespace headrace {

constexpr int64_t COLUMN_TILE = 16;  // rows of the matrix, which are columns of what comes out
constexpr int64_t LINE_BYTES = 64;   // of the cache

inline int64_t parts(int64_t whole, int64_t part) { return (whole + part - 1) / part; }

using Sums = int32_t[TILE_ROWS * COLUMN_TILE];  // of eight rows: of their high bytes above, of their low bytes below

// Where products go, and what makes numbers of their sums.
struct Outputs {
    float* out;            // [rows, width]
    int64_t rows, width;
    const float* worths;   // what a code of each row of x is worth
    const float* scales;   // of the matrix's rows, in the order of its column tiles
    const float* onto;     // [rows, width] that is added to, or null
    bool gated;            // column tiles are, in turns, of a gate and of what it is for: out = bend(gate) * other
    Bend bend;             // of the gate

    int64_t column_tiles() const { return parts(width, COLUMN_TILE) * (gated ? 2 : 1); }
};

template <int COUNT>
inline void clear_sums() {
    static_assert(COUNT <= 4);
    _tile_zero(0);
    if (COUNT > 1) _tile_zero(1);
    if (COUNT > 2) _tile_zero(2);
    if (COUNT > 3) _tile_zero(3);
}

template <int COUNT>
inline void store_sums(Sums* sums) {
    _tile_stored(0, sums[0], TILE_WIDTH);
    if (COUNT > 1) _tile_stored(1, sums[1], TILE_WIDTH);
    if (COUNT > 2) _tile_stored(2, sums[2], TILE_WIDTH);
    if (COUNT > 3) _tile_stored(3, sums[3], TILE_WIDTH);
}

// Adds a stretch of 64 columns of the matrix, whose tiles lie one behind the other; those of x are `apart`.
template <int TILES, int COLUMNS>
inline void add_stretch(const int8_t* x, int64_t apart, const int8_t* matrix) {
    _tile_loadd(4, matrix, TILE_WIDTH);
    if (COLUMNS == 2) _tile_loadd(5, matrix + TILE_BYTES, TILE_WIDTH);
    _tile_loadd(6, x, TILE_WIDTH);
    _tile_dpbssd(0, 6, 4);
    if (COLUMNS == 2) _tile_dpbssd(1, 6, 5);
    if (TILES == 1) return;
    _tile_loadd(7, x + apart, TILE_WIDTH);
    if (COLUMNS == 2) {
        _tile_dpbssd(2, 7, 4);
        _tile_dpbssd(3, 7, 5);
        return;
    }
    _tile_dpbssd(1, 7, 4);
    if (TILES == 2) return;
    _tile_loadd(6, x + 2 * apart, TILE_WIDTH);
    _tile_dpbssd(2, 6, 4);
    if (TILES == 3) return;
    _tile_loadd(7, x + 3 * apart, TILE_WIDTH);
    _tile_dpbssd(3, 7, 4);
}

// Sixteen numbers of a row of a tile.
inline __m512 value(const Sums& sums, int64_t row, __m512 scales, float worth) {
    const __m512 sum = joined(sums + row * COLUMN_TILE, sums + (row + ROWS_OF_TILE) * COLUMN_TILE);
    return _mm512_mul_ps(sum, _mm512_mul_ps(scales, _mm512_set1_ps(worth)));
}

// Of one column tile: rows from `row` on.
inline void put(const Sums& sums, int64_t row, int64_t column_tile, const Outputs& to) {
    const int64_t column = column_tile * COLUMN_TILE, count = std::min(ROWS_OF_TILE, to.rows - row);
    const __mmask16 there = first(to.width - column);
    const __m512 scales = _mm512_loadu_ps(to.scales + column);
    for (int64_t r = 0; r < count; ++r) {
        const int64_t at = (row + r) * to.width + column;
        __m512 found = value(sums, r, scales, to.worths[row + r]);
        if (to.onto) found = _mm512_add_ps(_mm512_maskz_loadu_ps(there, to.onto + at), found);
        _mm512_mask_storeu_ps(to.out + at, there, found);
    }
}

// Of a gate's column tile and the one that it is for.
inline void put_gated(const Sums& gate, const Sums& other, int64_t row, int64_t column_tile, const Outputs& to) {
    const int64_t column = column_tile / 2 * COLUMN_TILE, count = std::min(ROWS_OF_TILE, to.rows - row);
    const __mmask16 there = first(to.width - column);
    const float* scales = to.scales + column_tile * COLUMN_TILE;
    const __m512 of_gate = _mm512_loadu_ps(scales), of_other = _mm512_loadu_ps(scales + COLUMN_TILE);
    for (int64_t r = 0; r < count; ++r) {
        const float worth = to.worths[row + r];
        const __m512 open = bent(value(gate, r, of_gate, worth), to.bend);
        _mm512_mask_storeu_ps(to.out + (row + r) * to.width + column, there,
                              _mm512_mul_ps(open, value(other, r, of_other, worth)));
    }
}

// All sums of a block: TILES tiles of x from `tile` on, COLUMNS column tiles from `column_tile` on.
template <int TILES, int COLUMNS>
inline void put_block(Sums* sums, int64_t tile, int64_t column_tile, const Outputs& to) {
    store_sums<TILES * COLUMNS>(sums);
    for (int64_t t = 0; t < TILES; ++t) {
        const int64_t row = (tile + t) * ROWS_OF_TILE;
        if (COLUMNS == 2 && to.gated) {
            put_gated(sums[t * COLUMNS], sums[t * COLUMNS + 1], row, column_tile, to);
            continue;
        }
        for (int64_t c = 0; c < COLUMNS; ++c)
            if (column_tile + c < to.column_tiles()) put(sums[t * COLUMNS + c], row, column_tile + c, to);
    }
}

}  // namespace headrace
