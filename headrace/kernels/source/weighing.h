// A row of logits -> what a token is drawn by: each one's weight, and where each column of weights ends on one line.
#pragma once

#include <immintrin.h>

#include <cstdint>
#include <vector>

#include "powers.h"
#include "rounding.h"

namespace headrace {

// Weights are e^(logit * factor), 0 where that is less than the least number of full precision; of NaN they are NaN.
// row and weights: [depth, columns], in one place or two; ends: [columns], sums of columns up to each.
inline void weigh(const float* row, int64_t depth, int64_t columns, float factor, float* weights, double* ends) {
    static thread_local std::vector<float> sums;
    sums.assign(static_cast<size_t>(columns + 16), 0.f);
    const __m512 times = _mm512_set1_ps(factor * 1.44269504f), least = _mm512_set1_ps(-126.f);
    const auto put = [&](const float* from, float* to, float* sum, __mmask16 there) {
        const __m512 power = _mm512_mul_ps(_mm512_maskz_loadu_ps(there, from), times);
        const __mmask16 some = _mm512_mask_cmp_ps_mask(there, power, least, _CMP_NLT_UQ);
        const __m512 weight = power_of_two(power, some);
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
