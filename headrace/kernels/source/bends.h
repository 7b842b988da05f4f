// The bends of feed-forward halves, sixteen numbers at a time.
#pragma once

#include <immintrin.h>

#include <string>

namespace headrace {

enum class Bend { none, silu, gelu_tanh, gelu, gelu_near };

inline Bend bend_of(const std::string& name) {
    if (name == "silu") return Bend::silu;
    if (name == "gelu_tanh") return Bend::gelu_tanh;
    return name == "gelu" ? Bend::gelu : Bend::none;
}

// What is as good where numbers become codes of 8 bits next.
inline Bend near(Bend bend) { return bend == Bend::gelu ? Bend::gelu_near : bend; }

// e^x within two units of the last place: a power of two times a polynomial (Cephes, expf.c). Of NaN it is NaN: of two
// numbers the second is taken where one is none.
inline __m512 exponential(__m512 x) {
    x = _mm512_min_ps(_mm512_set1_ps(88.3f), _mm512_max_ps(_mm512_set1_ps(-87.3f), x));
    const __m512 twos = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(1.44269504f)), 0);
    x = _mm512_fnmadd_ps(twos, _mm512_set1_ps(0.693359375f), x);
    x = _mm512_fnmadd_ps(twos, _mm512_set1_ps(-2.12194440e-4f), x);
    __m512 sum = _mm512_set1_ps(1.9875691500e-4f);
    for (const float next : {1.3981999507e-3f, 8.3334519073e-3f, 4.1665795894e-2f, 1.6666665459e-1f, 5.0000001201e-1f})
        sum = _mm512_fmadd_ps(sum, x, _mm512_set1_ps(next));
    sum = _mm512_fmadd_ps(sum, _mm512_mul_ps(x, x), _mm512_add_ps(x, _mm512_set1_ps(1.f)));
    return _mm512_scalef_ps(sum, twos);
}

// 0 where e^-x is more than a number can be: x may be as large, and their product must come to nothing.
inline __m512 sigmoid(__m512 x) {
    const __m512 one = _mm512_set1_ps(1.f);
    const __mmask16 some = _mm512_cmp_ps_mask(x, _mm512_set1_ps(-88.f), _CMP_NLT_UQ);
    return _mm512_maskz_div_ps(some, one, _mm512_add_ps(one, exponential(_mm512_sub_ps(_mm512_setzero_ps(), x))));
}

// 1 / x within two units of the last place, of x that is neither tiny nor huge: a division takes three times as long.
inline __m512 inverse(__m512 x) {
    const __m512 near = _mm512_rcp14_ps(x);
    return _mm512_fmadd_ps(near, _mm512_fnmadd_ps(x, near, _mm512_set1_ps(1.f)), near);
}

// The error function within 1.5e-7 (Abramowitz and Stegun, 7.1.26).
inline __m512 error_function(__m512 x) {
    const __m512 size = _mm512_abs_ps(x), one = _mm512_set1_ps(1.f);
    const __m512 t = inverse(_mm512_fmadd_ps(size, _mm512_set1_ps(0.3275911f), one));
    __m512 sum = _mm512_set1_ps(1.061405429f);
    for (const float next : {-1.453152027f, 1.421413741f, -0.284496736f, 0.254829592f})
        sum = _mm512_fmadd_ps(sum, t, _mm512_set1_ps(next));
    const __m512 tail = exponential(_mm512_sub_ps(_mm512_setzero_ps(), _mm512_mul_ps(size, size)));
    const __m512 found = _mm512_fnmadd_ps(_mm512_mul_ps(sum, t), tail, one);
    const __mmask16 negative = _mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_LT_OQ);
    return _mm512_mask_sub_ps(found, negative, _mm512_setzero_ps(), found);
}

// gelu within 4e-6 up to 4.25 and 5e-5 beyond, in a third of the time: x times 1/2 plus a polynomial of x squared, that
// was fitted so that the greatest difference is least (Lawson's weights), in 2 x^2 / 4.25^2 - 1; beyond 4.25 it is x,
// or nothing.
inline __m512 gelu_near(__m512 x) {
    const __m512 most = _mm512_set1_ps(4.25f), least = _mm512_set1_ps(-4.25f), one = _mm512_set1_ps(1.f);
    const __m512 within = _mm512_min_ps(most, _mm512_max_ps(least, x));
    const __m512 at = _mm512_fmsub_ps(_mm512_mul_ps(within, within), _mm512_set1_ps(2.f / (4.25f * 4.25f)), one);
    __m512 sum = _mm512_set1_ps(-8.493129148e-4f);
    for (const float next : {2.727435876e-3f, -4.600789413e-3f, 8.095210425e-3f, -1.537310714e-2f, 2.586687948e-2f,
                             -3.902817667e-2f, 5.565300913e-2f, -8.078340623e-2f, 1.659366306e-1f})
        sum = _mm512_fmadd_ps(sum, at, _mm512_set1_ps(next));
    __m512 share = _mm512_fmadd_ps(sum, within, _mm512_set1_ps(0.5f));
    share = _mm512_mask_mov_ps(share, _mm512_cmp_ps_mask(x, most, _CMP_GE_OQ), one);
    share = _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(x, least, _CMP_NLE_UQ), share);
    return _mm512_mul_ps(x, share);
}

inline __m512 bent(__m512 x, Bend bend) {
    const __m512 half = _mm512_set1_ps(0.5f), one = _mm512_set1_ps(1.f);
    switch (bend) {
        case Bend::silu:
            return _mm512_mul_ps(x, sigmoid(x));
        case Bend::gelu_tanh: {  // tanh(z) = 2 * sigmoid(2 z) - 1
            const __m512 cube = _mm512_mul_ps(_mm512_mul_ps(x, x), _mm512_mul_ps(x, _mm512_set1_ps(0.044715f)));
            return _mm512_mul_ps(x, sigmoid(_mm512_mul_ps(_mm512_add_ps(x, cube), _mm512_set1_ps(1.5957691216f))));
        }
        case Bend::gelu:
            return _mm512_mul_ps(_mm512_mul_ps(x, half),
                                 _mm512_add_ps(one, error_function(_mm512_mul_ps(x, _mm512_set1_ps(0.70710678f)))));
        case Bend::gelu_near:
            return gelu_near(x);
        default:
            return x;
    }
}

}  // namespace headrace
