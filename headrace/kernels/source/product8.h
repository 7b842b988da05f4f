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

template <int TILES>
inline void multiply_panel(const Product8& product, int64_t tile, int64_t panel, Ahead& ahead, Sums* sums) {
    const int64_t tile_bytes = product.stretches * TILE_BYTES;
    const int8_t* x = product.tiles + tile * tile_bytes;
    const int8_t* codes = product.panels + panel * product.stretches * STRETCH_BYTES;
    clear_sums<TILES * 2>();
    for (int64_t stretch = 0; stretch < product.stretches; ++stretch) {
        ahead.next();
        add_stretch<TILES, 2>(x + stretch * TILE_BYTES, tile_bytes, codes + stretch * STRETCH_BYTES);
    }
    put_block<TILES, 2>(sums, tile, 2 * panel, product.to);
}

// The panels from `begin` to `end`, on one thread.
inline void multiply_panels(const Product8& product, int64_t begin, int64_t end) {
    const Tiles tiles;
    alignas(64) Sums sums[4];
    const int64_t num_tiles = parts(product.to.rows, ROWS_OF_TILE);
    const int64_t lines = STRETCH_BYTES / LINE_BYTES / parts(num_tiles, 2);
    for (int64_t panel = begin; panel < end; ++panel) {
        Ahead ahead(product.panels + (panel + 1) * product.stretches * STRETCH_BYTES, lines);
        for (int64_t tile = 0; tile < num_tiles; tile += 2)
            if (tile + 1 < num_tiles)
                multiply_panel<2>(product, tile, panel, ahead, sums);
            else
                multiply_panel<1>(product, tile, panel, ahead, sums);
    }
}

// Row `row` of the matrix, as numbers; `width` of them.
inline void unpack_row(const int8_t* panels, const float* scales, int64_t row, int64_t width, float* out) {
    const int64_t stretches = parts(width, TILE_WIDTH), within = row % PANEL_ROWS;
    const int8_t* panel = panels + row / PANEL_ROWS * stretches * STRETCH_BYTES + within / COLUMN_TILE * TILE_BYTES;
    for (int64_t column = 0; column < width; ++column) {
        const int8_t* stretch = panel + column / TILE_WIDTH * STRETCH_BYTES;
        const int8_t code = stretch[column % TILE_WIDTH / 4 * 64 + within % COLUMN_TILE * 4 + column % 4];
        out[column] = static_cast<float>(code) * scales[row];
    }
}

}  // namespace headrace
