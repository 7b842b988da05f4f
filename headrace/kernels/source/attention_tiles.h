// One stretch of a context, for the query rows of one tile: scores, weights and sums. See attention.h.
#pragma once
#include <immintrin.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>

#include "powers.h"
#include "rounding.h"

namespace headrace::detail {

constexpr int BLOCK = 32;        // tokens
constexpr int STRETCH = 128;     // tokens
constexpr int BLOCKS = STRETCH / BLOCK;
constexpr int VECTORS = STRETCH / 16;
constexpr int ROWS = 8;          // query rows of a tile: it holds the high bytes of each, then the low ones
constexpr int MAX_DIM = 256;
constexpr int TILE = 16 * 16;    // int32 of a tile of sums
constexpr float LOG2E = 1.44269504f;
constexpr float NOTHING = -std::numeric_limits<float>::infinity();
constexpr float TINY = 1e-30f;   // a vector whose greatest number is less has codes of 0

// ---- numbers ----

// 2^y for y < 127 in the lanes `seen`, else 0. Below 2^-64 it is 0: nowhere does that differ from nothing, and no
// denormal comes up, whose treatment is each thread's own. Of NaN it is NaN.
inline __m512 exp2(__m512 y, __mmask16 seen) {
    seen = _mm512_mask_cmp_ps_mask(seen, y, _mm512_set1_ps(-64.f), _CMP_NLE_UQ);
    return power_of_two(y, seen);
}

// bound * tanh(z / 2 * ln 2)
inline __m512 soften(__m512 z, float bound) {
    const __m512 e = exp2(_mm512_min_ps(_mm512_set1_ps(64.f), z), 0xffff);
    const __m512 part = _mm512_div_ps(_mm512_set1_ps(-2.f * bound), _mm512_add_ps(e, _mm512_set1_ps(1.f)));
    return _mm512_add_ps(part, _mm512_set1_ps(bound));
}

// ---- tiles ----

// Tiles 0 to 3 are sums, 4 query rows, 5 keys, 6 weights (of the values) and 7 values.

// A thread's tiles, set for so many query rows; given back at the end.
class QueryTiles {
public:
    // Dims of one key tile: all in equal shares, so that each tile of a row has one shape.
    static int share(int dim) { return dim / (dim / 4 % ((dim + 63) / 64) ? 4 : (dim + 63) / 64); }

    void set(int rows, int dim) {
        if (rows == m_rows) return;
        TileLayout layout;
        for (int i : {0, 1, 2, 3, 4, 6}) layout.rows[i] = uint8_t(2 * rows);
        for (int i : {0, 1, 2, 3, 5, 7}) layout.row_bytes[i] = 64;
        layout.row_bytes[4] = uint16_t(share(dim));
        layout.rows[5] = uint8_t(share(dim) / 4);
        layout.row_bytes[6] = BLOCK;
        layout.rows[7] = BLOCK / 4;
        settle();
        _tile_loadconfig(&layout);
        m_rows = rows;
    }
    ~QueryTiles() {
        if (m_rows) _tile_release();
    }

private:
    int m_rows = 0;
};

// ---- one stretch of a context, for the rows of one tile ----

struct Part {  // of the rows of a tile; a row that sees nothing has the maximum NOTHING, and no sums
    float *max, *sums;  // [16] of the scores, as powers of 2; [rows, dim of the values + 16 lanes of the probabilities]

    explicit Part(float* at) : max(at), sums(at + 16) {}
    static constexpr int floats(int rows, int dim) { return 16 + rows * (dim + 16); }
};

struct Span { int from, to; };

struct Stretch {
    int blocks = 0;  // that there are tokens in: nothing is computed for the others

    int vectors() const { return blocks * BLOCK / 16; }
    const int8_t *key[BLOCKS], *value[BLOCKS];
    alignas(64) float key_scale[STRETCH], value_scale[STRETCH];
};

struct Room {  // what a thread works in
    alignas(64) int8_t query[2 * ROWS * MAX_DIM];     // [high and low][dim]
    alignas(64) int32_t score[VECTORS * TILE];        // [16 tokens][high and low][tokens]
    alignas(64) uint8_t weight[2][2 * ROWS][64];      // [two blocks][high and low][tokens]
    alignas(64) int32_t sums[MAX_DIM / 16 * TILE];    // [16 dims][high and low][dims]
    alignas(64) float total[Part::floats(ROWS, MAX_DIM)], part[Part::floats(ROWS, MAX_DIM)];
    Stretch stretch;
    float unit[ROWS];                                 // of a query row's codes
    Span sight[ROWS];                                 // the positions that a row sees
};

inline float quantise_query(const float* x, int dim, int8_t* high, int8_t* low) {
    const float top = greatest(x, dim);
    const __m512 scale = _mm512_set1_ps(top > TINY ? GREATEST_CODE / top : 0.f);
    for (int d = 0; d < dim; d += 16) split(_mm512_loadu_ps(x + d), scale, high + d, low + d);
    return top / GREATEST_CODE;
}

// Sums of the rows' codes with the keys', for two blocks at a time.
inline void score(Room& room, int dim) {
    const int share = QueryTiles::share(dim), half = dim * 16;
    settle();
    for (int b = 0; b < room.stretch.blocks; b += 2) {
        const bool two = b + 1 < room.stretch.blocks;
        const int8_t *key = room.stretch.key[b], *next = two ? room.stretch.key[b + 1] : key;
        _tile_zero(0);
        _tile_zero(1);
        if (two) { _tile_zero(2); _tile_zero(3); }
        for (int d = 0; d < dim; d += share) {
            _tile_loadd(4, room.query + d, MAX_DIM);
            _tile_loadd(5, key + d * 16, 64);
            _tile_dpbssd(0, 4, 5);
            _tile_loadd(5, key + half + d * 16, 64);
            _tile_dpbssd(1, 4, 5);
            if (!two) continue;
            _tile_loadd(5, next + d * 16, 64);
            _tile_dpbssd(2, 4, 5);
            _tile_loadd(5, next + half + d * 16, 64);
            _tile_dpbssd(3, 4, 5);
        }
        int32_t* out = room.score + b * 2 * TILE;
        _tile_stored(0, out, 64);
        _tile_stored(1, out + TILE, 64);
        if (two) { _tile_stored(2, out + 2 * TILE, 64); _tile_stored(3, out + 3 * TILE, 64); }
    }
}

// Sums of the weights' codes with the values', for up to 4 tiles of 16 dims at a time.
inline void sum_values(Room& room, int dim) {
    const int bytes = BLOCK * 16;
    settle();
    for (int first = 0; first < dim / 16; first += 4) {
        const int tiles = dim / 16 - first;
        _tile_zero(0);
        if (tiles > 1) _tile_zero(1);
        if (tiles > 2) _tile_zero(2);
        if (tiles > 3) _tile_zero(3);
        for (int b = 0; b < room.stretch.blocks; ++b) {
            const int8_t* value = room.stretch.value[b] + first * bytes;
            _tile_loadd(6, room.weight[b / 2][0] + b % 2 * BLOCK, 64);
            _tile_loadd(7, value, 64);
            _tile_dpbusd(0, 6, 7);
            if (tiles > 1) { _tile_loadd(7, value + bytes, 64); _tile_dpbusd(1, 6, 7); }
            if (tiles > 2) { _tile_loadd(7, value + 2 * bytes, 64); _tile_dpbusd(2, 6, 7); }
            if (tiles > 3) { _tile_loadd(7, value + 3 * bytes, 64); _tile_dpbusd(3, 6, 7); }
        }
        int32_t* out = room.sums + first * TILE;
        _tile_stored(0, out, 64);
        if (tiles > 1) _tile_stored(1, out + TILE, 64);
        if (tiles > 2) _tile_stored(2, out + 2 * TILE, 64);
        if (tiles > 3) _tile_stored(3, out + 3 * TILE, 64);
    }
}

// Tokens of a stretch that a row sees, as lanes of its vectors.
struct Seen {
    bool any;
    alignas(16) __mmask16 lanes[VECTORS];

    Seen() = default;
    Seen(Span sight, int stretch) {
        const int from = sight.from - stretch * STRETCH, to = sight.to - stretch * STRETCH;
        any = to > 0 && from < STRETCH;
        for (int v = 0; v < VECTORS; v += 4) {
            const auto below = [v](int n) { return _bzhi_u64(~uint64_t(0), unsigned(std::clamp(n - v * 16, 0, 64))); };
            const uint64_t bits = below(to) & ~below(from);
            memcpy(lanes + v, &bits, sizeof bits);
        }
    }
};

// A row's scores, in place of the sums with its high bytes; gives the greatest that it sees.
template <bool capped>
inline float join_scores(Room& room, int r, int rows, const Seen& seen, float unit, float bound) {
    int32_t* sums = room.score + r * 16;
    __m512 best = _mm512_set1_ps(NOTHING);
    const int vectors = room.stretch.vectors();
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v, sums += TILE) {
        __m512 x = _mm512_mul_ps(joined(sums, sums + rows * 16), _mm512_load_ps(room.stretch.key_scale + v * 16));
        if (capped) x = soften(_mm512_mul_ps(x, _mm512_set1_ps(unit)), bound);
        _mm512_store_ps(sums, x);
        best = _mm512_mask_max_ps(best, seen.lanes[v], best, x);
    }
    return _mm512_reduce_max_ps(best);
}

// Scores become weights: probability times the value's scale. Gives the greatest, or NaN where one is: none is
// negative, so that they are ordered as their bits are, and NaN's are the greatest.
inline float weigh(Room& room, Part part, int r, int dim, const Seen& seen, float unit) {
    float* score = (float*)room.score + r * 16;
    const __m512 max = _mm512_set1_ps(part.max[r]);
    __m512 sum = _mm512_setzero_ps();
    __m512i top = _mm512_setzero_si512();
    const int vectors = room.stretch.vectors();
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) {
        const __m512 y = _mm512_fmsub_ps(_mm512_load_ps(score + v * TILE), _mm512_set1_ps(unit), max);
        const __m512 p = exp2(y, seen.lanes[v]);
        const __m512 w = _mm512_maskz_mul_ps(seen.lanes[v], p, _mm512_load_ps(room.stretch.value_scale + v * 16));
        sum = _mm512_add_ps(sum, p);
        top = _mm512_max_epu32(top, _mm512_castps_si512(w));
        _mm512_store_ps(score + v * TILE, w);
    }
    _mm512_storeu_ps(part.sums + r * (dim + 16) + dim, sum);
    return as_float(_mm512_reduce_max_epu32(top));
}

// A row's weights as codes (0 to 65535), in high and low bytes.
inline void put_weights(Room& room, int r, int rows, float peak) {
    const __m512 scale = _mm512_set1_ps(peak > TINY ? 65535.f / peak : 0.f);
    const float* weight = (const float*)room.score + r * 16;
    const auto codes = [=](int v) {
        return _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_load_ps(weight + v * TILE), scale));
    };
    // Packing goes within quarters of a register: this brings groups of four tokens back in their order.
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    const __m512i byte = _mm512_set1_epi16(255);
    for (int i = 0; i < (room.stretch.blocks + 1) / 2; ++i) {
        const __m512i a = _mm512_packus_epi32(codes(4 * i), codes(4 * i + 1));
        const __m512i b = _mm512_packus_epi32(codes(4 * i + 2), codes(4 * i + 3));
        const __m512i high = _mm512_packus_epi16(_mm512_srli_epi16(a, 8), _mm512_srli_epi16(b, 8));
        const __m512i low = _mm512_packus_epi16(_mm512_and_si512(a, byte), _mm512_and_si512(b, byte));
        _mm512_store_si512(room.weight[i][r], _mm512_permutexvar_epi32(order, high));
        _mm512_store_si512(room.weight[i][rows + r], _mm512_permutexvar_epi32(order, low));
    }
}

inline void put_sums(const Room& room, Part part, int r, int rows, int dim, float peak) {
    const __m512 unit = _mm512_set1_ps(peak / 65535.f);
    const int32_t* sums = room.sums + r * 16;
    for (int d = 0; d < dim; d += 16, sums += TILE)
        _mm512_storeu_ps(part.sums + r * (dim + 16) + d, _mm512_mul_ps(joined(sums, sums + rows * 16), unit));
}

}  // namespace headrace::detail
