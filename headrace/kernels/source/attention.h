// Paged attention over a cache of 8-bit keys and values, with AMX int8 tiles.
//
// The bits of a query row's result depend on that row, on the keys and values up to it, and on nothing else: not on
// the rows beside it, the other sequences or the threads. Hence the rules of this file:
//   * keys and values are read from the cache only, those that the same call has written too;
//   * a context is walked in stretches of 128 tokens, aligned to its first token. A stretch gives a part (a maximum, a
//     sum and a vector) that knows nothing of the other stretches, and parts are merged in the order of the context;
//   * a token that a row does not see adds exactly 0, and a stretch it does not see is left out for it;
//   * products are integers in the tiles; in the floats a product that is added to is always an explicit fma.
//
// Cache of one (block, kv head), 32 * (dim + 4) bytes; a token's codes are int8, with one float scale (max|x| / 127):
//   keys    int8 [2 halves of 16 tokens][dim / 4][16 tokens][4 dims]    float scale[32]
//   values  int8 [dim / 16][8 rows of 4 tokens][16 dims][4 tokens]      float scale[32]
#pragma once
#include <immintrin.h>
#include <tbb/blocked_range.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "attention_tiles.h"

namespace headrace {

struct Heads {
    int query_heads, kv_heads, dim;  // dim: a multiple of 16, up to 256
    float scale, cap;                // cap 0: none
    int window;                      // tokens that are seen, the own among them; 0: all
};

struct Step {
    const float *query, *key, *value;       // [tokens, heads * dim]
    uint8_t *key_cache, *value_cache;       // [blocks, kv_heads, 32, dim + 4]
    const int32_t *past;                    // [sequences] tokens that the cache has already
    const int32_t *begins;                  // [sequences + 1] the rows of a sequence
    const int32_t *blocks, *block_begins;   // [..], [sequences + 1] the blocks of a sequence
    int sequences;
    float* out;                             // [tokens, query_heads * dim]
};

namespace detail {

// ---- the cache ----

constexpr int AHEAD = 2;  // tokens whose slots are asked for before they are written

struct Slot {  // the place of one token
    int8_t *key, *value;
    int token;  // in the block
};

inline int64_t block_bytes(int dim) { return int64_t(BLOCK) * (dim + 4); }

inline float* scales(const void* block, int dim) { return (float*)((char*)block + BLOCK * dim); }

inline float write_scale(float* at, float top) {
    *at = top / 127.f;
    return top > TINY ? 127.f / top : 0.f;
}

inline void write_key(const float* x, int dim, Slot slot) {
    const __m512 scale = _mm512_set1_ps(write_scale(scales(slot.key, dim) + slot.token, greatest(x, dim)));
    int8_t* at = slot.key + slot.token / 16 * 16 * dim + slot.token % 16 * 4;
    for (int d = 0; d < dim; d += 16, at += 4 * 64) {
        alignas(16) int8_t codes[16];
        const __m512i q = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_loadu_ps(x + d), scale));
        _mm_store_si128((__m128i*)codes, _mm512_cvtepi32_epi8(q));
        for (int i = 0; i < 4; ++i) memcpy(at + i * 64, codes + i * 4, 4);
    }
}

inline void write_value(const float* x, int dim, Slot slot) {
    const __m512 scale = _mm512_set1_ps(write_scale(scales(slot.value, dim) + slot.token, greatest(x, dim)));
    int8_t* at = slot.value + slot.token / 4 * 64;
    const __mmask64 bytes = 0x1111111111111111ull << slot.token % 4;
    const __m128i shift = _mm_cvtsi32_si128(slot.token % 4 * 8);
    for (int d = 0; d < dim; d += 16, at += BLOCK * 16) {
        const __m512i q = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_loadu_ps(x + d), scale));
        _mm512_mask_storeu_epi8(at, bytes, _mm512_sll_epi32(q, shift));  // other tokens' bytes are not touched
    }
}

// Where the tokens of a step go, from one on.
class Slots {
public:
    Slots(const Heads& heads, const Step& step, int row) : m_heads(heads), m_step(step) {
        m_sequence = int(std::upper_bound(step.begins, step.begins + step.sequences + 1, row) - step.begins) - 1;
    }

    // Rows are asked for one after another.
    Slot of(int row, int head) {
        while (row >= m_step.begins[m_sequence + 1]) ++m_sequence;
        const int position = m_step.past[m_sequence] + row - m_step.begins[m_sequence];
        const int64_t block = m_step.blocks[m_step.block_begins[m_sequence] + position / BLOCK];
        const int64_t at = (block * m_heads.kv_heads + head) * block_bytes(m_heads.dim);
        return {(int8_t*)m_step.key_cache + at, (int8_t*)m_step.value_cache + at, position % BLOCK};
    }

private:
    const Heads& m_heads;
    const Step& m_step;
    int m_sequence;
};

// Asks for what writing to a slot changes: tokens of several texts lie far apart.
inline void ask_for(Slot slot, int dim) {
    const int8_t* key = slot.key + slot.token / 16 * 16 * dim;
    for (int d = 0; d < dim; d += 4) _mm_prefetch((const char*)key + d * 16, _MM_HINT_T0);
    const int8_t* value = slot.value + slot.token / 4 * 64;
    for (int d = 0; d < dim; d += 16) _mm_prefetch((const char*)value + d * BLOCK, _MM_HINT_T0);
}

// Writes the keys and values of rows [from, to). All are written before any is read: sequences of a step share blocks.
inline void write(const Heads& heads, const Step& step, int from, int to) {
    Slots slots(heads, step, from), ahead(heads, step, from);
    const auto ask = [&](int t) {
        for (int h = 0; h < heads.kv_heads && t < to; ++h) ask_for(ahead.of(t, h), heads.dim);
    };
    for (int t = from; t < from + AHEAD; ++t) ask(t);
    for (int t = from; t < to; ++t) {
        ask(t + AHEAD);
        for (int h = 0; h < heads.kv_heads; ++h) {
            const int64_t row = (int64_t(t) * heads.kv_heads + h) * heads.dim;
            const Slot slot = slots.of(t, h);
            write_key(step.key + row, heads.dim, slot);
            write_value(step.value + row, heads.dim, slot);
        }
    }
}

// ---- pieces of work ----

struct Piece {  // the rows of one tile, and some of the stretches of their context
    int sequence, head, row, rows;  // row: among the (token, head of the group) pairs of the sequence
    int first, last, begin;         // stretches: its own from first to last; the context's are from begin on
    float* parts;                   // the parts of the context's stretches if others do some of them, or null
};

// The positions that a row of a piece sees.
inline Span sight(const Heads& heads, const Step& step, const Piece& piece, int r) {
    const int token = (piece.row + r) / (heads.query_heads / heads.kv_heads);
    const int end = step.past[piece.sequence] + token + 1;
    return {heads.window > 0 ? std::max(0, end - heads.window) : 0, end};
}

inline int64_t query_at(const Heads& heads, const Step& step, const Piece& piece, int r) {
    const int group = heads.query_heads / heads.kv_heads, row = piece.row + r;
    const int64_t token = step.begins[piece.sequence] + row / group;
    return (token * heads.query_heads + piece.head * group + row % group) * heads.dim;
}

inline void open(Stretch& stretch, const Heads& heads, const Step& step, const Piece& piece, int index, int end) {
    const int32_t* table = step.blocks + step.block_begins[piece.sequence] + index * BLOCKS;
    stretch.blocks = std::min(BLOCKS, (end + BLOCK - 1) / BLOCK - index * BLOCKS);
    for (int b = 0; b < stretch.blocks; ++b) {
        const int64_t at = (int64_t(table[b]) * heads.kv_heads + piece.head) * block_bytes(heads.dim);
        stretch.key[b] = (const int8_t*)step.key_cache + at;
        stretch.value[b] = (const int8_t*)step.value_cache + at;
        memcpy(stretch.key_scale + b * BLOCK, scales(stretch.key[b], heads.dim), BLOCK * sizeof(float));
        memcpy(stretch.value_scale + b * BLOCK, scales(stretch.value[b], heads.dim), BLOCK * sizeof(float));
    }
}

// A stretch of a piece; null: there is none.
struct Place {
    const Piece* piece;
    int index;
};

inline void ask_for_codes(const int8_t* block, int dim) {
    for (int at = 0; at < BLOCK * (dim + 4); at += 64) _mm_prefetch((const char*)block + at, _MM_HINT_T0);
}

// Asks for what a stretch begins with: its keys.
inline void ask_for_keys(const Heads& heads, const Step& step, Place place) {
    if (!place.piece) return;
    const Piece& piece = *place.piece;
    const int end = sight(heads, step, piece, piece.rows - 1).to, first = place.index * BLOCKS;
    const int32_t* table = step.blocks + step.block_begins[piece.sequence];
    for (int b = first; b < std::min(first + BLOCKS, (end + BLOCK - 1) / BLOCK); ++b) {
        const int64_t at = (int64_t(table[b]) * heads.kv_heads + piece.head) * block_bytes(heads.dim);
        ask_for_codes((const int8_t*)step.key_cache + at, heads.dim);
    }
}

// A cache is larger than what is near a core: values are asked for while scores are made, and the next keys, of
// `ahead`, while scores become weights.
inline void attend_stretch(Room& room, Part part, const Heads& heads, const Step& step, const Piece& piece, int index,
                           Place ahead) {
    open(room.stretch, heads, step, piece, index, room.sight[piece.rows - 1].to);
    for (int b = 0; b < room.stretch.blocks; ++b) ask_for_codes(room.stretch.value[b], heads.dim);
    score(room, heads.dim);
    ask_for_keys(heads, step, ahead);
    const bool capped = heads.cap > 0;
    Seen seen[ROWS];
    float peak[ROWS];
    for (int r = 0; r < piece.rows; ++r) {
        seen[r] = Seen(room.sight[r], index);
        const float unit = room.unit[r];
        if (!seen[r].any) part.max[r] = NOTHING;
        else if (capped) part.max[r] = join_scores<true>(room, r, piece.rows, seen[r], unit, heads.cap * LOG2E);
        else part.max[r] = join_scores<false>(room, r, piece.rows, seen[r], unit, 0) * unit;
    }
    for (int r = 0; r < piece.rows; ++r)
        if (seen[r].any) peak[r] = weigh(room, part, r, heads.dim, seen[r], capped ? 1.f : room.unit[r]);
    for (int r = 0; r < piece.rows; ++r)
        if (seen[r].any) put_weights(room, r, piece.rows, peak[r]);
    sum_values(room, heads.dim);
    for (int r = 0; r < piece.rows; ++r)
        if (seen[r].any) put_sums(room, part, r, piece.rows, heads.dim, peak[r]);
}

inline void clear(Part total, int rows, int dim) {
    std::fill(total.max, total.max + 16, NOTHING);
    std::fill(total.sums, total.sums + rows * (dim + 16), 0.f);
}

inline void merge(Part total, Part part, int rows, int dim) {
    const __mmask16 used = __mmask16((1 << rows) - 1);
    const __m512 before = _mm512_load_ps(total.max), here = _mm512_maskz_loadu_ps(used, part.max);
    const __m512 max = _mm512_max_ps(before, here);
    alignas(64) float keep[16], take[16];
    _mm512_store_ps(keep, exp2(_mm512_sub_ps(before, max), used));
    _mm512_store_ps(take, exp2(_mm512_sub_ps(here, max), used));
    for (int r = 0; r < rows; ++r) {
        if (part.max[r] == NOTHING) continue;
        total.max[r] = std::max(total.max[r], part.max[r]);
        const __m512 k = _mm512_set1_ps(keep[r]), t = _mm512_set1_ps(take[r]);
        for (int i = r * (dim + 16); i < (r + 1) * (dim + 16); i += 16) {
            const __m512 old = _mm512_mul_ps(_mm512_load_ps(total.sums + i), k);
            _mm512_store_ps(total.sums + i, _mm512_fmadd_ps(_mm512_loadu_ps(part.sums + i), t, old));
        }
    }
}

inline void put(Part total, const Heads& heads, const Step& step, const Piece& piece) {
    for (int r = 0; r < piece.rows; ++r) {
        const float* sums = total.sums + r * (heads.dim + 16);
        const __m512 share = _mm512_set1_ps(1.f / _mm512_reduce_add_ps(_mm512_load_ps(sums + heads.dim)));
        float* out = step.out + query_at(heads, step, piece, r);
        for (int d = 0; d < heads.dim; d += 16)
            _mm512_storeu_ps(out + d, _mm512_mul_ps(_mm512_load_ps(sums + d), share));
    }
}

// `next` is the piece behind, or null.
inline void attend_piece(Room& room, QueryTiles& tiles, const Heads& heads, const Step& step, const Piece& piece,
                         const Piece* next) {
    const auto ahead = [&](int s) {
        return s + 1 < piece.last ? Place{&piece, s + 1} : Place{next, next ? next->first : 0};
    };
    tiles.set(piece.rows, heads.dim);
    for (int r = 0; r < piece.rows; ++r) {
        room.sight[r] = sight(heads, step, piece, r);
        const float unit = quantise_query(step.query + query_at(heads, step, piece, r), heads.dim,
                                          room.query + r * MAX_DIM, room.query + (piece.rows + r) * MAX_DIM);
        room.unit[r] = unit * heads.scale * (heads.cap > 0 ? 2.f * LOG2E / heads.cap : LOG2E);
    }
    if (piece.parts) {
        const int floats = Part::floats(piece.rows, heads.dim);
        for (int s = piece.first; s < piece.last; ++s)
            attend_stretch(room, Part(piece.parts + int64_t(s - piece.begin) * floats), heads, step, piece, s,
                           ahead(s));
        return;
    }
    const Part total(room.total), part(room.part);
    clear(total, piece.rows, heads.dim);
    for (int s = piece.first; s < piece.last; ++s) {
        attend_stretch(room, part, heads, step, piece, s, ahead(s));
        merge(total, part, piece.rows, heads.dim);
    }
    put(total, heads, step, piece);
}

// What the pieces of a context have left: merged as if one piece had done all of it.
inline void finish(const Heads& heads, const Step& step, const Piece& whole) {
    alignas(64) float room[Part::floats(ROWS, MAX_DIM)];
    const Part total(room);
    const int floats = Part::floats(whole.rows, heads.dim);
    clear(total, whole.rows, heads.dim);
    for (int s = whole.first; s < whole.last; ++s)
        merge(total, Part(whole.parts + int64_t(s - whole.first) * floats), whole.rows, heads.dim);
    put(total, heads, step, whole);
}

// The tiles of rows, each with all of its context.
inline std::vector<Piece> whole_contexts(const Heads& heads, const Step& step) {
    std::vector<Piece> wholes;
    for (int s = 0; s < step.sequences; ++s) {
        const int rows = (step.begins[s + 1] - step.begins[s]) * (heads.query_heads / heads.kv_heads);
        for (int h = 0; h < heads.kv_heads; ++h)
            for (int row = 0; row < rows; row += ROWS) {
                Piece piece{s, h, row, std::min(ROWS, rows - row), 0, 0, 0, nullptr};
                piece.begin = piece.first = sight(heads, step, piece, 0).from / STRETCH;
                piece.last = (sight(heads, step, piece, piece.rows - 1).to - 1) / STRETCH + 1;
                wholes.push_back(piece);
            }
    }
    return wholes;
}

struct Plan {
    int64_t stretches = 0;
    std::vector<Piece> pieces, cut;  // cut: the contexts that several pieces share
    std::vector<std::unique_ptr<float[]>> parts;
};

// Contexts are cut where few are long, so that each thread has some pieces; but not into less than 4 stretches.
inline Plan plan(const Heads& heads, const Step& step) {
    const std::vector<Piece> wholes = whole_contexts(heads, step);
    Plan plan;
    for (const Piece& each : wholes) plan.stretches += each.last - each.first;
    const int threads = tbb::this_task_arena::max_concurrency();
    const int64_t most = threads == 1 ? plan.stretches : std::max<int64_t>(4, plan.stretches / (4 * threads));
    for (Piece each : wholes) {
        const int first = each.first, stretches = each.last - first;
        const int count = int((stretches + most - 1) / most);
        if (count > 1) {
            plan.parts.emplace_back(new float[int64_t(stretches) * Part::floats(each.rows, heads.dim)]);
            each.parts = plan.parts.back().get();
            plan.cut.push_back(each);
        }
        for (int i = 0; i < count; ++i) {
            each.first = first + stretches * i / count;
            each.last = first + stretches * (i + 1) / count;
            plan.pieces.push_back(each);
        }
    }
    return plan;
}

// Calls f(from, to) for ranges that make up [0, count): in this thread alone if there is little to do.
template <class F>
inline void share_out(int count, bool little, const F& f) {
    if (little || count < 2) return f(0, count);
    tbb::parallel_for(tbb::blocked_range<int>(0, count), [&](const auto& r) { f(r.begin(), r.end()); });
}

}  // namespace detail

// Writes the step's keys and values behind those that its sequences have in the cache, then attends for its rows.
// Uses the threads of the TBB arena that it is called in. The process must have been permitted to use tiles.
inline void attend(const Heads& heads, const Step& step) {
    using namespace detail;
    const int begin = step.begins[0], tokens = step.begins[step.sequences] - begin;
    share_out(tokens, tokens * heads.kv_heads * heads.dim < 4096,
              [&](int from, int to) { write(heads, step, begin + from, begin + to); });

    const Plan plan = detail::plan(heads, step);
    share_out(int(plan.pieces.size()), plan.stretches < 12, [&](int from, int to) {
        Room room;
        QueryTiles tiles;
        for (int i = from; i < to; ++i)
            attend_piece(room, tiles, heads, step, plan.pieces[i], i + 1 < to ? &plan.pieces[i + 1] : nullptr);
    });
    share_out(int(plan.cut.size()), plan.stretches < 400, [&](int from, int to) {
        for (int i = from; i < to; ++i) finish(heads, step, plan.cut[i]);
    });
}

}  // namespace headrace
