// Attention within whole texts, every token of one seeing its first ones, most often all, on tiles of bfloat16 halves
// (see float_product.h).
//
// NARROW: with the upper halves alone, as numbers of bfloat16.
//
// Texts lie one behind another, so that none is filled up to the length of others. A head of a text is computed by one
// thread, 32 query rows at a time: their scores with all keys, the softmax of these, and what it weighs of the values.
#pragma once

#include <immintrin.h>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "attention_tiles.h"
#include "float_product.h"

namespace headrace {

constexpr int64_t QUERY_ROWS = BLOCK_TILES * TILE_ROWS;  // computed at a time

struct TextHeads {
    const float* rows;  // [tokens, 3 * heads * dim]: queries, keys and values side by side
    float* out;         // [tokens, heads * dim]
    int64_t heads, dim;
    float scale;        // of scores

    int64_t width() const { return heads * dim; }
    int64_t stretches() const { return parts(dim, FLOAT_STRETCH); }
};

// A text among others.
struct TextSpan {
    int64_t first_token, tokens, keys;  // `keys` of its tokens, the first ones, are seen
};

// Texts that begin at `begins` [count + 1], of which `seen` [count] says how much is seen, all where it is null -> the
// spans of those that are not empty; whether they are whole texts of so many tokens, and of each something is seen that
// it has.
inline bool spans_of(const int32_t* begins, const int32_t* seen, int64_t count, int64_t tokens,
                     std::vector<TextSpan>& spans) {
    if (count < 0 || begins[0] != 0 || begins[count] != tokens) return false;
    spans.reserve(static_cast<size_t>(count));
    for (int64_t text = 0; text < count; ++text) {
        const int64_t length = int64_t{begins[text + 1]} - begins[text], keys = seen ? seen[text] : length;
        if (length < 0 || begins[text + 1] > tokens || keys > length || (keys < 1 && length > 0)) return false;
        if (length > 0) spans.push_back({begins[text], length, keys});
    }
    return true;
}

// What a thread works in for a text of so many keys, and how large that is.
struct TextRoom {
    char *query, *keys, *values, *weights;
    float *scores, *sums;

    TextRoom(char* at, const TextHeads& heads, int64_t num_keys) {
        const int64_t panels = parts(num_keys, PANEL_ROWS);
        const auto next = [&at](int64_t num_bytes) { return std::exchange(at, at + num_bytes); };
        query = next(BLOCK_TILES * heads.stretches() * X_STRETCH_BYTES);
        keys = next(panels * heads.stretches() * FLOAT_STRETCH_BYTES);
        values = next(panels * heads.stretches() * FLOAT_STRETCH_BYTES);
        weights = next(BLOCK_TILES * panels * X_STRETCH_BYTES);
        scores = reinterpret_cast<float*>(next(QUERY_ROWS * panels * PANEL_ROWS * int64_t{sizeof(float)}));
        sums = reinterpret_cast<float*>(next(BLOCK_TILES * SUMS_OF_TILE * int64_t{sizeof(float)}));
        end = at;
    }

    static size_t num_bytes(const TextHeads& heads, int64_t num_keys) {
        return static_cast<size_t>(TextRoom(nullptr, heads, num_keys).end - static_cast<char*>(nullptr));
    }

  private:
    char* end;
};

// Rows [16, 16] of pairs of bfloat16 -> columns.
inline void turn_tile(const __m256i* rows, char* tile) {
    __m512i one[16], two[16];
    for (int row = 0; row < 16; row += 2) {
        const __m512i even = _mm512_load_si512(rows + 2 * row), odd = _mm512_load_si512(rows + 2 * row + 2);
        one[row] = _mm512_unpacklo_epi32(even, odd);
        one[row + 1] = _mm512_unpackhi_epi32(even, odd);
    }
    for (int row = 0; row < 16; row += 4)  // of four rows: columns k, k + 4, k + 8 and k + 12 in row k
        for (int part = 0; part < 2; ++part) {
            two[row + 2 * part] = _mm512_unpacklo_epi64(one[row + part], one[row + part + 2]);
            two[row + 2 * part + 1] = _mm512_unpackhi_epi64(one[row + part], one[row + part + 2]);
        }
    for (int k = 0; k < 4; ++k) {
        const __m512i even = _mm512_shuffle_i32x4(two[k], two[k + 4], 0x88);
        const __m512i odd = _mm512_shuffle_i32x4(two[k], two[k + 4], 0xdd);
        const __m512i even_below = _mm512_shuffle_i32x4(two[k + 8], two[k + 12], 0x88);
        const __m512i odd_below = _mm512_shuffle_i32x4(two[k + 8], two[k + 12], 0xdd);
        _mm512_store_si512(tile + k * TILE_WIDTH, _mm512_shuffle_i32x4(even, even_below, 0x88));
        _mm512_store_si512(tile + (k + 4) * TILE_WIDTH, _mm512_shuffle_i32x4(odd, odd_below, 0x88));
        _mm512_store_si512(tile + (k + 8) * TILE_WIDTH, _mm512_shuffle_i32x4(even, even_below, 0xdd));
        _mm512_store_si512(tile + (k + 12) * TILE_WIDTH, _mm512_shuffle_i32x4(odd, odd_below, 0xdd));
    }
}

// Keys [tokens, dim], `apart`, -> panels of 32 of them, as those of a matrix.
template <bool NARROW>
inline void halve_keys(const float* keys, int64_t apart, int64_t tokens, int64_t dim, char* to) {
    alignas(64) __m256i halves[2][2 * TILE_ROWS];
    for (int64_t panel = 0; panel < tokens; panel += PANEL_ROWS)
        for (int64_t column = 0; column < dim; column += FLOAT_STRETCH, to += FLOAT_STRETCH_BYTES)
            for (int64_t half = 0; half < 2; ++half) {
                for (int64_t row = 0; row < TILE_ROWS; ++row) {
                    const int64_t token = panel + half * TILE_ROWS + row;
                    const PlainRow from(keys + token * apart, token < tokens ? dim : 0);
                    for (int64_t part = 0; part < 2; ++part)
                        halve(from(column + part * 16), &halves[0][2 * row + part], &halves[1][2 * row + part]);
                }
                turn_tile(halves[0], to + half * TILE_BYTES);
                if (!NARROW) turn_tile(halves[1], to + (2 + half) * TILE_BYTES);
            }
}

// Values [tokens, dim], `apart`, -> panels of 32 numbers, as those of the matrix [dim, tokens].
template <bool NARROW>
inline void halve_values(const float* values, int64_t apart, int64_t tokens, int64_t dim, char* to) {
    const auto paired = [](__m256i even, __m256i odd) {
        return _mm512_or_si512(_mm512_cvtepu16_epi32(even), _mm512_slli_epi32(_mm512_cvtepu16_epi32(odd), 16));
    };
    for (int64_t panel = 0; panel < dim; panel += PANEL_ROWS)
        for (int64_t first_token = 0; first_token < tokens; first_token += FLOAT_STRETCH, to += FLOAT_STRETCH_BYTES)
            for (int64_t line = 0; line < FLOAT_STRETCH; ++line) {
                const int64_t token = first_token + line / 2 * 2, half = line % 2;
                __m256i upper[2], lower[2];
                for (int64_t next = 0; next < 2; ++next) {
                    const PlainRow from(values + (token + next) * apart, token + next < tokens ? dim : 0);
                    halve(from(panel + half * COLUMN_TILE), &upper[next], &lower[next]);
                }
                char* at = to + half * TILE_BYTES + line / 2 * TILE_WIDTH;
                _mm512_store_si512(at, paired(upper[0], upper[1]));
                if (!NARROW) _mm512_store_si512(at + 2 * TILE_BYTES, paired(lower[0], lower[1]));
            }
}

// Sixteen numbers of a row, from `at` on, -> its line in tiles.
template <bool NARROW>
inline void put_numbers(__m512 values, char* line, int64_t at) {
    if (!NARROW) return put_halves(values, line, at);
    char* to = line + at / FLOAT_STRETCH * X_STRETCH_BYTES + at % FLOAT_STRETCH * 2;
    *reinterpret_cast<__m256i*>(to) = reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(values));
}

// Scores, as powers of two, of a row with `tokens` keys -> their weights' halves, `stretches` of them, and what the
// weights add up to.
template <bool NARROW>
inline float weigh_scores(const float* scores, int64_t tokens, int64_t stretches, char* line) {
    __m512 most = _mm512_set1_ps(detail::NOTHING), sum = _mm512_setzero_ps();
    for (int64_t at = 0; at < tokens; at += 16)
        most = _mm512_mask_max_ps(most, first(tokens - at), most, _mm512_load_ps(scores + at));
    most = _mm512_set1_ps(_mm512_reduce_max_ps(most));
    for (int64_t at = 0; at < stretches * FLOAT_STRETCH; at += 16) {
        const __m512 weights = detail::exp2(_mm512_sub_ps(_mm512_load_ps(scores + at), most), first(tokens - at));
        sum = _mm512_add_ps(sum, weights);
        put_numbers<NARROW>(weights, line, at);
    }
    return _mm512_reduce_add_ps(sum);
}

// A block of sums of `stretches`, [tile][column tile] as `apart` says, each row of a tile `row_bytes` behind the last.
template <bool NARROW>
inline void multiply_halves(const char* x, const char* matrix, int64_t stretches, float* to, int64_t tile_floats,
                            int64_t column_floats, int64_t row_bytes) {
    clear_sums<2 * BLOCK_TILES>();
    for (int64_t stretch = 0; stretch < stretches; ++stretch) {
        const char *tiles = x + stretch * X_STRETCH_BYTES, *columns = matrix + stretch * FLOAT_STRETCH_BYTES;
        if (!NARROW) {
            add_float_stretch<2>(tiles, stretches * X_STRETCH_BYTES, columns);
            continue;
        }
        _tile_loadd(4, columns, TILE_WIDTH);
        _tile_loadd(5, columns + TILE_BYTES, TILE_WIDTH);
        add_float_tiles<2>(tiles, stretches * X_STRETCH_BYTES);
    }
    _tile_stored(0, to, row_bytes);
    _tile_stored(1, to + column_floats, row_bytes);
    _tile_stored(2, to + tile_floats, row_bytes);
    _tile_stored(3, to + tile_floats + column_floats, row_bytes);
    settle();
}

// Query rows of a head of a text from `begin` on.
template <bool NARROW>
inline void attend_rows(const TextHeads& heads, const TextRoom& room, const TextSpan& text, int64_t head,
                        int64_t begin) {
    const int64_t count = std::min(QUERY_ROWS, text.tokens - begin), panels = parts(text.keys, PANEL_ROWS);
    const int64_t stretches = heads.stretches(), row_floats = panels * PANEL_ROWS;
    const __m512 scale = _mm512_set1_ps(heads.scale * detail::LOG2E);
    const float* queries = heads.rows + (text.first_token + begin) * 3 * heads.width() + head * heads.dim;
    for (int64_t row = 0; row < QUERY_ROWS; ++row) {
        const PlainRow from(queries + row * 3 * heads.width(), row < count ? heads.dim : 0);
        char* line = room.query + row / TILE_ROWS * stretches * X_STRETCH_BYTES + row % TILE_ROWS * TILE_WIDTH;
        for (int64_t at = 0; at < stretches * FLOAT_STRETCH; at += 16)
            put_numbers<NARROW>(_mm512_mul_ps(from(at), scale), line, at);
    }
    settle();
    for (int64_t panel = 0; panel < panels; ++panel)
        multiply_halves<NARROW>(room.query, room.keys + panel * stretches * FLOAT_STRETCH_BYTES, stretches,
                        room.scores + panel * PANEL_ROWS, TILE_ROWS * row_floats, COLUMN_TILE, row_floats * 4);
    float totals[QUERY_ROWS];
    for (int64_t row = 0; row < count; ++row) {
        char* line = room.weights + row / TILE_ROWS * panels * X_STRETCH_BYTES + row % TILE_ROWS * TILE_WIDTH;
        totals[row] = weigh_scores<NARROW>(room.scores + row * row_floats, text.keys, panels, line);
    }
    settle();
    for (int64_t panel = 0; panel < parts(heads.dim, PANEL_ROWS); ++panel) {
        multiply_halves<NARROW>(room.weights, room.values + panel * panels * FLOAT_STRETCH_BYTES, panels, room.sums,
                        TILE_ROWS * PANEL_ROWS, COLUMN_TILE, PANEL_ROWS * 4);
        for (int64_t row = 0; row < count; ++row) {
            float* out = heads.out + (text.first_token + begin + row) * heads.width() + head * heads.dim;
            for (int64_t at = 0; at < PANEL_ROWS; at += COLUMN_TILE) {
                const int64_t column = panel * PANEL_ROWS + at;
                const __m512 sums = _mm512_load_ps(room.sums + row * PANEL_ROWS + at);
                _mm512_mask_storeu_ps(out + column, first(heads.dim - column),
                                      _mm512_div_ps(sums, _mm512_set1_ps(totals[row])));
            }
        }
    }
}

// A head of a text; tiles are whole.
template <bool NARROW>
inline void attend_text(const TextHeads& heads, const TextRoom& room, const TextSpan& text, int64_t head) {
    const int64_t apart = 3 * heads.width();
    const float* keys = heads.rows + text.first_token * apart + heads.width() + head * heads.dim;
    halve_keys<NARROW>(keys, apart, text.keys, heads.dim, room.keys);
    halve_values<NARROW>(keys + heads.width(), apart, text.keys, heads.dim, room.values);
    for (int64_t begin = 0; begin < text.tokens; begin += QUERY_ROWS)
        attend_rows<NARROW>(heads, room, text, head, begin);
}

}  // namespace headrace
