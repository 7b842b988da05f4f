// x / sqrt(mean(x^2) + epsilon) * weight of rows (RMSNorm, arXiv 1910.07467), and the same of what a row differs from
// its mean, plus a bias (LayerNorm, arXiv 1607.06450).
#pragma once

#include <immintrin.h>

#include <cmath>
#include <cstdint>

#include "rounding.h"

namespace headrace {

// What rows are normed with; without weights they stay as they are.
struct Norming {
    const float* weight = nullptr;  // [width]
    float epsilon = 0;
};

inline float norm_factor(const float* x, int64_t width, float epsilon) {
    __m512 squares = _mm512_setzero_ps();
    for (int64_t at = 0; at < width; at += 16) {
        const __m512 values = _mm512_maskz_loadu_ps(first(width - at), x + at);
        squares = _mm512_fmadd_ps(values, values, squares);
    }
    return 1.f / std::sqrt(_mm512_reduce_add_ps(squares) / static_cast<float>(width) + epsilon);
}

// A row that is normed as it is read.
class NormedRow {
  public:
    NormedRow(const float* x, int64_t width, const Norming& norming)
        : x_(x), weight_(norming.weight), width_(width), factor_(norm_factor(x, width, norming.epsilon)) {}

    __m512 operator()(int64_t at) const {
        const __mmask16 there = first(width_ - at);
        const __m512 values = _mm512_mul_ps(_mm512_maskz_loadu_ps(there, x_ + at), _mm512_set1_ps(factor_));
        return _mm512_mul_ps(values, _mm512_maskz_loadu_ps(there, weight_ + at));
    }

  private:
    const float *x_, *weight_;
    int64_t width_;
    float factor_;
};

inline void norm_row(const float* x, int64_t width, const Norming& norming, float* out) {
    const NormedRow normed(x, width, norming);
    for (int64_t at = 0; at < width; at += 16) _mm512_mask_storeu_ps(out + at, first(width - at), normed(at));
}

// LayerNorm of a row.
inline void layer_norm_row(const float* x, int64_t width, const Norming& norming, const float* bias, float* out) {
    const PlainRow row(x, width);
    const auto all = static_cast<float>(width);
    __m512 sums = _mm512_setzero_ps(), squares = _mm512_setzero_ps();
    for (int64_t at = 0; at < width; at += 16) sums = _mm512_add_ps(sums, row(at));
    const __m512 mean = _mm512_set1_ps(_mm512_reduce_add_ps(sums) / all);
    for (int64_t at = 0; at < width; at += 16) {
        const __m512 off = _mm512_maskz_sub_ps(first(width - at), row(at), mean);
        squares = _mm512_fmadd_ps(off, off, squares);
    }
    const float factor = 1.f / std::sqrt(_mm512_reduce_add_ps(squares) / all + norming.epsilon);
    for (int64_t at = 0; at < width; at += 16) {
        const __mmask16 there = first(width - at);
        const __m512 scaled = _mm512_mul_ps(_mm512_sub_ps(row(at), mean), _mm512_set1_ps(factor));
        const __m512 weight = _mm512_maskz_loadu_ps(there, norming.weight + at);
        _mm512_mask_storeu_ps(out + at, there,
                              _mm512_fmadd_ps(scaled, weight, _mm512_maskz_loadu_ps(there, bias + at)));
    }
}

}  // namespace headrace
