// Powers of two, sixteen numbers at a time.
#pragma once

#include <immintrin.h>

namespace headrace {

// 2^y in these lanes, else 0: 2^floor(y) times a polynomial, within 2e-7 of it. Of NaN it is NaN.
inline __m512 power_of_two(__m512 y, __mmask16 lanes) {
    const __m512 f = _mm512_reduce_ps(y, 0x09);  // y - floor(y)
    __m512 p = _mm512_set1_ps(0.0018671300495043397f);
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.009017030708491802f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.05579991266131401f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.24016444385051727f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.6931512951850891f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(1.f));
    return _mm512_maskz_scalef_ps(lanes, p, y);
}

}  // namespace headrace
