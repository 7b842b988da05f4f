// Rows of numbers -> 16-bit codes, each cut in two signed bytes that tiles multiply: code = 256 * high + low; or, in
// half of the time and a 256th as fine, codes of 8 bits.
//
// Eight rows make one tile a stretch of 64 numbers: their high bytes above, their low bytes below. Of codes of 8 bits
// sixteen do. A row's codes depend on that row alone.
#pragma once

#include <immintrin.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "tiles.h"

namespace headrace {

constexpr int64_t ROWS_OF_TILE = 8, NARROW_ROWS_OF_TILE = 16;
constexpr float GREATEST_CODE = 32512.f;  // 127 * 256: its high byte is still one
constexpr float GREATEST_NARROW_CODE = 127.f;

inline __mmask16 first(int64_t count) {
    return count >= 16 ? 0xffff : count <= 0 ? 0 : static_cast<__mmask16>((1u << count) - 1);
}

inline float as_float(uint32_t bits) {
    float number;
    std::memcpy(&number, &bits, sizeof number);
    return number;
}

// A row as it lies in memory, sixteen numbers from `at` on; those behind its end are zero.
class PlainRow {
  public:
    PlainRow(const float* x, int64_t width) : x_(x), width_(width) {}
    __m512 operator()(int64_t at) const { return _mm512_maskz_loadu_ps(first(width_ - at), x_ + at); }

  private:
    const float* x_;
    int64_t width_;
};

// Of the sizes of a row's numbers; NaN where one of them is: its bits, without the sign, are greater than any other's.
template <typename Row>
inline float greatest(const Row& row, int64_t width) {
    __m512i found = _mm512_setzero_si512();
    for (int64_t at = 0; at < width; at += 16)
        found = _mm512_max_epu32(found, _mm512_castps_si512(_mm512_abs_ps(row(at))));
    return as_float(_mm512_reduce_max_epu32(found));
}

inline float greatest(const float* x, int64_t width) { return greatest(PlainRow(x, width), width); }

// Sixteen numbers -> the high and the low bytes of their codes.
inline void split(__m512 values, __m512 scale, int8_t* high, int8_t* low) {
    const __m512i codes = _mm512_cvtps_epi32(_mm512_mul_ps(values, scale));
    const __m512i above = _mm512_srai_epi32(_mm512_add_epi32(codes, _mm512_set1_epi32(128)), 8);
    const __m512i below = _mm512_sub_epi32(codes, _mm512_slli_epi32(above, 8));
    _mm_store_si128(reinterpret_cast<__m128i*>(high), _mm512_cvtepi32_epi8(above));
    _mm_store_si128(reinterpret_cast<__m128i*>(low), _mm512_cvtepi32_epi8(below));
}

// Sums with codes, from those with their high and with their low bytes.
inline __m512 joined(const int32_t* high, const int32_t* low) {
    return _mm512_fmadd_ps(_mm512_cvtepi32_ps(_mm512_load_si512(high)), _mm512_set1_ps(256.f),
                           _mm512_cvtepi32_ps(_mm512_load_si512(low)));
}

// One row -> its line in the tiles of `stretches` stretches, numbers behind `width` being zero; what a code is worth.
template <typename Row>
inline float round_row(const Row& row, int64_t width, int64_t stretches, int8_t* line) {
    const float top = greatest(row, width);
    const __m512 scale = _mm512_set1_ps(top > 0 ? GREATEST_CODE / top : 0.f);
    for (int64_t at = 0; at < stretches * TILE_WIDTH; at += 16) {
        int8_t* to = line + at / TILE_WIDTH * TILE_BYTES + at % TILE_WIDTH;
        split(row(at), scale, to, to + ROWS_OF_TILE * TILE_WIDTH);
    }
    return top / GREATEST_CODE;
}

// The same of codes of 8 bits.
template <typename Row>
inline float round_narrow_row(const Row& row, int64_t width, int64_t stretches, int8_t* line) {
    const float top = greatest(row, width);
    const __m512 scale = _mm512_set1_ps(top > 0 ? GREATEST_NARROW_CODE / top : 0.f);
    for (int64_t at = 0; at < stretches * TILE_WIDTH; at += 16) {
        const __m512i codes = _mm512_cvtps_epi32(_mm512_mul_ps(row(at), scale));
        _mm_store_si128(reinterpret_cast<__m128i*>(line + at / TILE_WIDTH * TILE_BYTES + at % TILE_WIDTH),
                        _mm512_cvtepi32_epi8(codes));
    }
    return top / GREATEST_NARROW_CODE;
}

}  // namespace headrace
