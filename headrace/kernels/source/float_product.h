// x times a matrix of float32, on tiles of bfloat16: each number is the sum of two of these, its upper and lower half.
//
// x y = (x_up + x_low) (y_up + y_low), of which the product of both lower halves is left out: it is less than 2^-18 of
// the whole, and so is what two halves do not hold of a number. (Henry, Tang and Heinecke, "Leveraging the bfloat16
// artificial intelligence datatype for higher-precision computations", arXiv 1904.06376.) Sums are float32, added in
// one order, so that the bits of a row never depend on the rows beside it.
//
// The matrix lies in panels of 32 of its rows, a panel in stretches of 32 columns, a stretch as four tiles: the upper
// halves of 16 rows, those of the other 16, and the lower halves alike; a tile as [column / 2][row][column % 2]. Tiles
// of x are of 16 rows and a stretch: upper halves, then lower ones.
#pragma once

#include <immintrin.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "bends.h"
#include "product8.h"
#include "rounding.h"
#include "tiles.h"

namespace headrace {

constexpr int64_t FLOAT_STRETCH = 32;  // columns: a tile's row of bfloat16
constexpr int64_t X_STRETCH_BYTES = 2 * TILE_BYTES, FLOAT_STRETCH_BYTES = 4 * TILE_BYTES;

// Where float products go.
struct FloatOutputs {
    float* out;         // [rows, width]
    int64_t rows, width;
    const float* bias;  // [panels * 32], added before the bend
    const float* onto;  // [rows, width] that is added behind it, or null
    Bend bend;
};

struct FloatProduct {
    const char* panels;  // of the matrix
    int64_t stretches;
    FloatOutputs to;
};

inline void halve(__m512 values, __m256i* upper, __m256i* lower) {
    const auto up = reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(values));
    const __m512 back = _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(up), 16));
    *upper = up;
    *lower = reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(_mm512_sub_ps(values, back)));
}

// Sixteen numbers of a row, from `at` on, -> its line in tiles of x, which begins at `line`.
inline void put_halves(__m512 values, char* line, int64_t at) {
    char* to = line + at / FLOAT_STRETCH * X_STRETCH_BYTES + at % FLOAT_STRETCH * 2;
    halve(values, reinterpret_cast<__m256i*>(to), reinterpret_cast<__m256i*>(to + TILE_BYTES));
}

// Rows 16 * tile and on of x [rows, width] -> their tiles, with zeros behind the last row and the last column.
inline void halve_tile(const float* x, int64_t rows, int64_t width, int64_t stretches, int64_t tile, char* to) {
    const int64_t first_row = tile * TILE_ROWS, count = std::min(TILE_ROWS, rows - first_row);
    if (count < TILE_ROWS) std::memset(to, 0, static_cast<size_t>(stretches * X_STRETCH_BYTES));
    for (int64_t row = 0; row < count; ++row) {
        const PlainRow from(x + (first_row + row) * width, width);
        for (int64_t at = 0; at < stretches * FLOAT_STRETCH; at += 16) put_halves(from(at), to + row * TILE_WIDTH, at);
    }
}

// Adds one or two tiles of x, which are `apart`, times the two column tiles in registers 4 and 5.
template <int TILES>
inline void add_float_tiles(const char* x, int64_t apart) {
    _tile_loadd(6, x, TILE_WIDTH);
    _tile_dpbf16ps(0, 6, 4);
    _tile_dpbf16ps(1, 6, 5);
    if (TILES == 1) return;
    _tile_loadd(7, x + apart, TILE_WIDTH);
    _tile_dpbf16ps(2, 7, 4);
    _tile_dpbf16ps(3, 7, 5);
}

// Adds a stretch times two column tiles: both halves of x times upper ones, then the upper ones of x times lower ones.
template <int TILES>
inline void add_float_stretch(const char* x, int64_t apart, const char* matrix) {
    _tile_loadd(4, matrix, TILE_WIDTH);
    _tile_loadd(5, matrix + TILE_BYTES, TILE_WIDTH);
    add_float_tiles<TILES>(x, apart);
    add_float_tiles<TILES>(x + TILE_BYTES, apart);
    _tile_loadd(4, matrix + 2 * TILE_BYTES, TILE_WIDTH);
    _tile_loadd(5, matrix + 3 * TILE_BYTES, TILE_WIDTH);
    add_float_tiles<TILES>(x, apart);
}

constexpr int64_t BLOCK_TILES = 2;  // of x; a block is these by the two column tiles of a panel
constexpr int64_t SUMS_OF_TILE = 2 * TILE_ROWS * COLUMN_TILE;

// Two tiles of sums for each tile of x.
inline int64_t float_sums_bytes(int64_t num_tiles) { return num_tiles * 2 * TILE_BYTES; }

// Sums of a block that are yet to be put where they go, a row at a time: while tiles multiply.
class Putting {
  public:
    Putting() = default;

    // Of `rows` rows from `row` on.
    Putting(const float* sums, int64_t row, int64_t rows, int64_t panel, const FloatOutputs& to)
        : sums_(sums), row_(row), count_(rows), column_(panel * PANEL_ROWS), to_(&to) {}

    // As many rows more, where there are so many.
    void next(int64_t rows) {
        for (const int64_t end = std::min(at_ + rows, count_); at_ < end; ++at_) put(at_);
    }

    void rest() { next(count_); }

  private:
    void put(int64_t row) const {
        const float* sums = sums_ + row / TILE_ROWS * SUMS_OF_TILE + row % TILE_ROWS * COLUMN_TILE;
        for (int64_t column = column_; column < column_ + PANEL_ROWS; column += COLUMN_TILE) {
            const __mmask16 there = first(to_->width - column);
            const int64_t at = (row_ + row) * to_->width + column;
            __m512 found = bent(_mm512_add_ps(_mm512_load_ps(sums), _mm512_loadu_ps(to_->bias + column)), to_->bend);
            if (to_->onto) found = _mm512_add_ps(_mm512_maskz_loadu_ps(there, to_->onto + at), found);
            _mm512_mask_storeu_ps(to_->out + at, there, found);
            sums += TILE_ROWS * COLUMN_TILE;
        }
    }

    const float* sums_ = nullptr;  // [tile][column tile][row][column]
    int64_t at_ = 0, row_ = 0, count_ = 0, column_ = 0;
    const FloatOutputs* to_ = nullptr;
};

inline void store_float_sums(float* sums, int64_t num_tiles) {
    _tile_stored(0, sums, TILE_WIDTH);
    _tile_stored(1, sums + TILE_ROWS * COLUMN_TILE, TILE_WIDTH);
    if (num_tiles == 1) return;
    _tile_stored(2, sums + 2 * TILE_ROWS * COLUMN_TILE, TILE_WIDTH);
    _tile_stored(3, sums + 3 * TILE_ROWS * COLUMN_TILE, TILE_WIDTH);
}

// The sums of a block; puts meanwhile what was there before.
template <int TILES>
inline void multiply_float_block(const FloatProduct& product, const char* x, const char* matrix, Putting before,
                                 Ahead& ahead, float* sums) {
    const int64_t apart = product.stretches * X_STRETCH_BYTES;
    const int64_t rows = parts(BLOCK_TILES * TILE_ROWS, product.stretches);
    clear_sums<TILES * 2>();
    for (int64_t stretch = 0; stretch < product.stretches; ++stretch) {
        add_float_stretch<TILES>(x + stretch * X_STRETCH_BYTES, apart, matrix + stretch * FLOAT_STRETCH_BYTES);
        ahead.next();
        before.next(rows);
    }
    store_float_sums(sums, TILES);
}

// Tiles of x from the one of number `tile` on, `num_tiles` of them, which lie at `x`, times the panels from `begin` to
// `end`, on one thread; at `sums` there is room for `float_sums_bytes`.
inline void multiply_float_panels(const FloatProduct& product, const char* x, int64_t tile, int64_t num_tiles,
                                  int64_t begin, int64_t end, float* sums) {
    const Tiles tiles;
    const int64_t tile_bytes = product.stretches * X_STRETCH_BYTES;
    const int64_t panel_bytes = product.stretches * FLOAT_STRETCH_BYTES;
    const int64_t lines = FLOAT_STRETCH_BYTES / LINE_BYTES / parts(num_tiles, BLOCK_TILES);
    const auto filled = [&](int64_t at, int64_t panel) {
        const int64_t row = (tile + at) * TILE_ROWS, rows = std::min(num_tiles - at, BLOCK_TILES) * TILE_ROWS;
        return Putting(sums + at * SUMS_OF_TILE, row, std::min(rows, product.to.rows - row), panel, product.to);
    };
    for (int64_t panel = begin; panel < end; ++panel) {
        const char* matrix = product.panels + panel * panel_bytes;
        Ahead ahead(reinterpret_cast<const int8_t*>(matrix + panel_bytes), lines);
        for (int64_t at = 0; at < num_tiles; at += BLOCK_TILES) {
            const Putting before = panel > begin ? filled(at, panel - 1) : Putting();
            if (at + 1 < num_tiles)
                multiply_float_block<2>(product, x + at * tile_bytes, matrix, before, ahead, sums + at * SUMS_OF_TILE);
            else
                multiply_float_block<1>(product, x + at * tile_bytes, matrix, before, ahead, sums + at * SUMS_OF_TILE);
        }
    }
    settle();
    for (int64_t at = 0; at < num_tiles; at += BLOCK_TILES) filled(at, end - 1).rest();
}

}  // namespace headrace
