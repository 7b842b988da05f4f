// x times a matrix of 8-bit codes with a scale a row.
//
// The matrix lies in panels of 32 of its rows, a panel in stretches of 64 columns, a stretch as two tiles in the order
// in which they are multiplied: [panel][stretch][2][column / 4][row][column % 4]. A step reads it once, from the first
// byte to the last.
#pragma once

#include <immintrin.h>

#include <cstdint>

#include "product.h"

namespace headrace {

constexpr int64_t PANEL_ROWS = 2 * COLUMN_TILE;
constexpr int64_t STRETCH_BYTES = 2 * TILE_BYTES;

struct Product8 {
    const int8_t* tiles;   // of x, as round_tile leaves them
    const int8_t* panels;  // of the matrix
    int64_t stretches;
    Outputs to;
};

// Asks for what the panels behind hold, a few lines at a time, so that memory is read while tiles are multiplied.
class Ahead {
  public:
    Ahead(const int8_t* from, int64_t lines) : at_(reinterpret_cast<const char*>(from)), lines_(lines) {}
    void next() {
        for (int64_t line = 0; line < lines_; ++line) _mm_prefetch(at_ + line * LINE_BYTES, _MM_HINT_T1);
        at_ += lines_ * LINE_BYTES;
    }

  private:
    const char* at_;
    int64_t lines_;
};

// The sums of a block; puts meanwhile what was there before.
template <int TILES>
inline Block multiply_block(const Product8& product, int64_t tile, int64_t panel, Ahead& ahead, Block before,
                            Sums* sums) {
    const int64_t tile_bytes = product.stretches * TILE_BYTES;
    const int64_t rows = parts(2 * product.to.rows_of_tile(), product.stretches);
    const int8_t* x = product.tiles + tile * tile_bytes;
    const int8_t* codes = product.panels + panel * product.stretches * STRETCH_BYTES;
    clear_sums<TILES * 2>();
    for (int64_t stretch = 0; stretch < product.stretches; ++stretch) {
        ahead.next();
        add_stretch<TILES, 2>(x + stretch * TILE_BYTES, tile_bytes, codes + stretch * STRETCH_BYTES);
        before.put(rows);
    }
    store_sums<TILES * 2>(sums);
    return Block(sums, TILES, 2, tile, 2 * panel, product.to);
}

// The panels from `begin` to `end`, on one thread.
inline void multiply_panels(const Product8& product, int64_t begin, int64_t end) {
    const Tiles tiles;
    alignas(64) Sums sums[2][4];
    Block before;
    int64_t turn = 0;
    const int64_t num_tiles = parts(product.to.rows, product.to.rows_of_tile());
    const int64_t lines = STRETCH_BYTES / LINE_BYTES / parts(num_tiles, 2);
    for (int64_t panel = begin; panel < end; ++panel) {
        Ahead ahead(product.panels + (panel + 1) * product.stretches * STRETCH_BYTES, lines);
        for (int64_t tile = 0; tile < num_tiles; tile += 2, turn ^= 1)
            before = tile + 1 < num_tiles ? multiply_block<2>(product, tile, panel, ahead, before, sums[turn])
                                          : multiply_block<1>(product, tile, panel, ahead, before, sums[turn]);
    }
    before.put_rest();
}

// Row `row` of the matrix, as numbers; `width` of them.
inline void unpack_row(const int8_t* panels, const float* scales, int64_t row, int64_t width, float* out) {
    const int64_t stretches = parts(width, TILE_WIDTH), within = row % PANEL_ROWS;
    const int8_t* panel = panels + row / PANEL_ROWS * stretches * STRETCH_BYTES + within / COLUMN_TILE * TILE_BYTES;
    const __m512i fours = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    const __m512 scale = _mm512_set1_ps(scales[row]);
    alignas(64) int8_t codes[TILE_WIDTH];
    for (int64_t stretch = 0; stretch < stretches; ++stretch) {
        const int8_t* from = panel + stretch * STRETCH_BYTES + within % COLUMN_TILE * 4;
        _mm512_store_si512(codes, _mm512_i32gather_epi32(_mm512_slli_epi32(fours, 6), from, 1));
        for (int64_t part = 0; part < TILE_WIDTH; part += 16) {
            const int64_t column = stretch * TILE_WIDTH + part;
            const __m128i sixteen = _mm_load_si128(reinterpret_cast<const __m128i*>(codes + part));
            const __m512 numbers = _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(sixteen)), scale);
            _mm512_mask_storeu_ps(out + column, first(width - column), numbers);
        }
    }
}

}  // namespace headrace
