// A row of logits -> what a token is drawn by: each one's weight, and where each column of weights ends on one line.
#pragma once

#include <immintrin.h>

#include <cstdint>
#include <vector>

#include "rounding.h"

namespace headrace {

// 2^y: a power of two times a polynomial within 2e-7 of it. Of NaN it is NaN.
inline __m512 power_of_two(__m512 y) {
    const __m512 f = _mm512_reduce_ps(y, 0x09);  // y - floor(y)
    __m512 p = _mm512_set1_ps(0.0018671300495043397f);
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.009017030708491802f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.05579991266131401f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.24016444385051727f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.6931512951850891f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(1.f));
    return _mm512_scalef_ps(p, y);  // p * 2^floor(y)
}

// Weights are e^(logit * factor), 0 where that is less than the least number of full precision; of NaN they are NaN.
// row and weights: [depth, columns], in one place or two; ends: [columns], sums of columns up to each.
inline void weigh(const float* row, int64_t depth, int64_t columns, float factor, float* weights, double* ends) {
    static thread_local std::vector<float> sums;
    sums.assign(static_cast<size_t>(columns + 16), 0.f);
    const __m512 times = _mm512_set1_ps(factor * 1.44269504f), least = _mm512_set1_ps(-126.f);
    const auto put = [&](const float* from, float* to, float* sum, __mmask16 there) {
        const __m512 power = _mm512_mul_ps(_mm512_maskz_loadu_ps(there, from), times);
        const __mmask16 some = _mm512_mask_cmp_ps_mask(there, power, least, _CMP_NLT_UQ);
        const __m512 weight = _mm512_maskz_mov_ps(some, power_of_two(power));
        _mm512_mask_storeu_ps(to, there, weight);
        _mm512_storeu_ps(sum, _mm512_add_ps(_mm512_loadu_ps(sum), weight));
    };
    const int64_t whole = columns / 16 * 16;
    for (int64_t line = 0; line < depth; ++line, row += columns, weights += columns) {
#pragma GCC unroll 4
        for (int64_t at = 0; at < whole; at += 16) put(row + at, weights + at, sums.data() + at, 0xffff);
        if (whole < columns) put(row + whole, weights + whole, sums.data() + whole, first(columns - whole));
    }
    double end = 0;
    for (int64_t column = 0; column < columns; ++column) ends[column] = end += sums[static_cast<size_t>(column)];
}

}  // namespace headrace
