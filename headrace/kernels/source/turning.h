// Rows of queries, keys and values side by side -> each for itself, with queries and keys normed and turned.
#pragma once

#include <immintrin.h>

#include <cstdint>
#include <cstring>

#include "norms.h"

namespace headrace {

enum class Norm { none, heads, joint };  // of queries and keys: each head by itself, or all heads of a token as one

// What is done to a token's queries and keys before they meet.
struct Turning {
    const float *cos, *sin;             // [tokens, turned / 2], of each token's angles
    int turned;                         // so many of a head's first numbers are; the rest stay
    Norm norm;
    const float *query_norm, *key_norm; // what normed numbers are multiplied by: [dim], or joint [heads * dim]
    float epsilon;
};

inline void norm_heads(const float* x, int heads, int dim, const float* weight, const Turning& turning, float* out) {
    if (turning.norm == Norm::joint) return norm_row(x, heads * dim, {weight, turning.epsilon}, out);
    for (int head = 0; head < heads; ++head)
        norm_row(x + head * dim, dim, {weight, turning.epsilon}, out + head * dim);
}

// Number i of the first half with number i of the second (RoFormer, arXiv 2104.09864), in place.
inline void turn_heads(float* x, int heads, int dim, const float* cos, const float* sin, int turned) {
    const int half = turned / 2;
    for (int head = 0; head < heads; ++head, x += dim)
        for (int at = 0; at < half; at += 16) {
            const __mmask16 there = first(half - at);
            const __m512 c = _mm512_maskz_loadu_ps(there, cos + at), s = _mm512_maskz_loadu_ps(there, sin + at);
            const __m512 one = _mm512_maskz_loadu_ps(there, x + at);
            const __m512 other = _mm512_maskz_loadu_ps(there, x + half + at);
            _mm512_mask_storeu_ps(x + at, there, _mm512_fmsub_ps(one, c, _mm512_mul_ps(other, s)));
            _mm512_mask_storeu_ps(x + half + at, there, _mm512_fmadd_ps(other, c, _mm512_mul_ps(one, s)));
        }
}

// Token t's queries or keys, from its row to their place.
inline void turn_token(const float* row, int64_t t, int heads, int dim, const float* weight, const Turning& turning,
                       float* out) {
    if (turning.norm == Norm::none)
        std::memcpy(out, row, sizeof(float) * static_cast<size_t>(heads * dim));
    else
        norm_heads(row, heads, dim, weight, turning, out);
    const int64_t angles = t * (turning.turned / 2);
    if (turning.turned) turn_heads(out, heads, dim, turning.cos + angles, turning.sin + angles, turning.turned);
}

}  // namespace headrace
