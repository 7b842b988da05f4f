// What products of 16-bit codes with whole numbers share: exact sums in tiles, one rounding at the end, so that the
// bits of a row never depend on the rows beside it.
//
// Sums are those of a block: 1 to 4 tiles of eight or sixteen rows of x by 1 or 2 tiles of sixteen rows of the matrix,
// four at most. Those of tile t and column tile c are in tile register t * COLUMNS + c; 4 and 5 are for the matrix, 6
// and 7 for x.
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

using Sums = int32_t[TILE_ROWS * COLUMN_TILE];  // of eight rows: of their high bytes above, of their low bytes below;
                                                // of sixteen with codes of 8 bits

// Where products go, and what makes numbers of their sums.
struct Outputs {
    float* out;            // [rows, width]
    int64_t rows, width;
    const float* worths;   // what a code of each row of x is worth
    const float* scales;   // of the matrix's rows, in the order of its column tiles
    const float* bias;     // of the same, or null
    const float* onto;     // [rows, width] that is added to, behind the bend, or null
    bool gated;            // column tiles are, in turns, of a gate and of what it is for: out = bend(gate) * other
    Bend bend;             // of the gate, or of what there is without one
    bool narrow;           // codes of x have 8 bits

    int64_t log_rows() const { return narrow ? 4 : 3; }
    int64_t rows_of_tile() const { return int64_t{1} << log_rows(); }

    int64_t column_tiles() const { return parts(width, COLUMN_TILE) * (gated ? 2 : 1); }

    // Of rows from `begin` to `end` alone, whose codes are worth as much.
    Outputs cut(int64_t begin, int64_t end, const float* worth) const {
        const float* added = onto ? onto + begin * width : nullptr;
        return {out + begin * width, end - begin, width, worth, scales, bias, added, gated, bend, narrow};
    }
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
inline __m512 value(const Sums& sums, int64_t row, __m512 scales, float worth, bool narrow) {
    const int32_t* at = sums + row * COLUMN_TILE;
    const __m512 sum = narrow ? _mm512_cvtepi32_ps(_mm512_load_si512(at)) : joined(at, at + ROWS_OF_TILE * COLUMN_TILE);
    return _mm512_mul_ps(sum, _mm512_mul_ps(scales, _mm512_set1_ps(worth)));
}

// Sums of a block that are yet to be put where they go, a row at a time: while tiles multiply, perhaps.
class Block {
  public:
    Block() = default;

    // Of `tiles` tiles of x from `tile` on by `columns` column tiles from `column_tile` on.
    Block(const Sums* sums, int64_t tiles, int64_t columns, int64_t tile, int64_t column_tile, const Outputs& to)
        : sums_(sums),
          columns_(columns),
          row_(tile * to.rows_of_tile()),
          count_(std::min(tiles * to.rows_of_tile(), to.rows - row_)),
          column_tile_(column_tile),
          to_(&to) {}

    // As many rows more, where there are so many.
    void put(int64_t rows) {
        const int64_t end = std::min(at_ + rows, count_);
        if (at_ >= end) return;
        if (to_->narrow && !to_->gated && columns_ == 2 && (column_tile_ + 2) * COLUMN_TILE <= to_->width)
            to_->bend == Bend::gelu_near ? put_whole<true>(end) : put_whole<false>(end);
        for (; at_ < end; ++at_) put_row(at_);
    }

    void put_rest() { put(count_); }

  private:
    // Rows up to `end`, of codes of 8 bits and two whole column tiles: the same numbers as by `put_row`, in less time.
    template <bool NEAR>
    void put_whole(int64_t end) {
        const int64_t column = column_tile_ * COLUMN_TILE;
        const float *scale = to_->scales + column, *bias = to_->bias ? to_->bias + column : nullptr;
        __m512 scales[2], biases[2] = {};
        for (int64_t part = 0; part < 2; ++part) {
            scales[part] = _mm512_loadu_ps(scale + part * COLUMN_TILE);
            if (bias) biases[part] = _mm512_loadu_ps(bias + part * COLUMN_TILE);
        }
        for (; at_ < end; ++at_) {
            const int64_t tile = at_ >> 4, row = at_ & 15, at = (row_ + at_) * to_->width + column;
            const __m512 worth = _mm512_set1_ps(to_->worths[row_ + at_]);
            for (int64_t part = 0; part < 2; ++part) {
                const int32_t* from = sums_[2 * tile + part] + row * COLUMN_TILE;
                const __m512 sums = _mm512_cvtepi32_ps(_mm512_load_si512(from));
                __m512 found = _mm512_mul_ps(sums, _mm512_mul_ps(scales[part], worth));
                if (bias) found = _mm512_add_ps(found, biases[part]);
                if (NEAR)
                    found = gelu_near(found);
                else if (to_->bend != Bend::none)
                    found = bent(found, to_->bend);
                const int64_t place = at + part * COLUMN_TILE;
                if (to_->onto) found = _mm512_add_ps(_mm512_loadu_ps(to_->onto + place), found);
                _mm512_storeu_ps(to_->out + place, found);
            }
        }
    }

    void put_row(int64_t at) const {
        const int64_t tile = at >> to_->log_rows(), row = at & (to_->rows_of_tile() - 1);
        const Sums* sums = sums_ + tile * columns_;
        if (to_->gated && columns_ == 2) return put_gated(sums, row, row_ + at);
        for (int64_t column = 0; column < columns_; ++column)
            if (column_tile_ + column < to_->column_tiles()) put(sums[column], row, row_ + at, column_tile_ + column);
    }

    void put(const Sums& sums, int64_t row, int64_t of_x, int64_t column_tile) const {
        const int64_t column = column_tile * COLUMN_TILE, at = of_x * to_->width + column;
        const __mmask16 there = first(to_->width - column);
        __m512 found = value(sums, row, _mm512_loadu_ps(to_->scales + column), to_->worths[of_x], to_->narrow);
        if (to_->bias) found = _mm512_add_ps(found, _mm512_loadu_ps(to_->bias + column));
        if (to_->bend != Bend::none) found = bent(found, to_->bend);
        if (to_->onto) found = _mm512_add_ps(_mm512_maskz_loadu_ps(there, to_->onto + at), found);
        _mm512_mask_storeu_ps(to_->out + at, there, found);
    }

    // Of a gate's column tile and the one that it is for.
    void put_gated(const Sums* sums, int64_t row, int64_t of_x) const {
        const int64_t column = column_tile_ / 2 * COLUMN_TILE;
        const float* scales = to_->scales + column_tile_ * COLUMN_TILE;
        const float worth = to_->worths[of_x];
        const __m512 gate = value(sums[0], row, _mm512_loadu_ps(scales), worth, to_->narrow);
        const __m512 other = value(sums[1], row, _mm512_loadu_ps(scales + COLUMN_TILE), worth, to_->narrow);
        _mm512_mask_storeu_ps(to_->out + of_x * to_->width + column, first(to_->width - column),
                              _mm512_mul_ps(bent(gate, to_->bend), other));
    }

    const Sums* sums_ = nullptr;  // [tile][column tile]
    int64_t columns_ = 0, at_ = 0, row_ = 0, count_ = 0, column_tile_ = 0;
    const Outputs* to_ = nullptr;
};

}  // namespace headrace
