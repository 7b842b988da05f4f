// A row of logits and a text's rules -> its next token: the greatest, or one drawn by temperature, min_p, top_k, top_p.
//
// What `llm/drawing.py` does, in the same order and with the same random numbers. What is seldom is left to it: a row
// that gives UNDECIDED is chosen from there.
#pragma once

#include <immintrin.h>
#include <tbb/blocked_range.h>
#include <tbb/parallel_for.h>
#include <tbb/partitioner.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <vector>

#include "weighing.h"

namespace headrace {

constexpr int64_t UNDECIDED = -1;

// One row to choose from, as Python packs it.
struct Asked {
    int64_t row;
    double temperature;  // 0: the greatest is chosen
    double min_p, top_p;
    int64_t top_k;  // 0: any number
    uint64_t key;   // of the text's random numbers
    int64_t position;
    const uint16_t* mask;  // bit by bit, the tokens that may come; null: all may
    int64_t mask_bits;     // of those behind its end none may
};

namespace drawing {

constexpr int TRIES = 6;                                // draws from all tokens before the nucleus is made for certain
constexpr double SMALLEST = 1e-12, LARGEST = 1e30;      // sums of weights none of which is out of a float's range
constexpr int64_t BLOCK = 1024, LANES = 16;             // each lane of a block is a column, whose greatest is noted
constexpr size_t MOST = 4096;                           // tokens that rules leave, at most

// SplitMix64's finaliser over a counter, as in `llm/randomness.py`.
constexpr uint64_t GOLDEN = 0x9E3779B97F4A7C15;

inline uint64_t mixed(uint64_t number) {
    number = (number ^ (number >> 30)) * 0xBF58476D1CE4E5B9;
    number = (number ^ (number >> 27)) * 0x94D049BB133111EB;
    return number ^ (number >> 31);
}

inline double uniform(const Asked& asked, int lane) {
    const uint64_t place = mixed(asked.key + static_cast<uint64_t>(asked.position + 1) * GOLDEN);
    return static_cast<double>(mixed(place + static_cast<uint64_t>(lane + 1) * GOLDEN) >> 11) * 0x1p-53;
}

// What a thread needs, kept from one row to the next.
struct Room {
    std::vector<float> allowed, maxima, weights, values;
    std::vector<double> ends, kept;
    std::vector<int32_t> ids, order;
};

// The row in which what a mask forbids is -inf.
inline const float* allowed_of(const float* row, int64_t vocabulary, const Asked& asked, std::vector<float>& allowed) {
    allowed.resize(static_cast<size_t>(vocabulary));
    const __m512 least = _mm512_set1_ps(-std::numeric_limits<float>::infinity());
    for (int64_t at = 0; at < vocabulary; at += LANES) {
        const __mmask16 there = first(vocabulary - at);
        const __mmask16 may = at < asked.mask_bits ? there & asked.mask[at / LANES] : 0;
        _mm512_mask_storeu_ps(allowed.data() + at, there, _mm512_mask_loadu_ps(least, may, row + at));
    }
    return allowed.data();
}

inline bool may_come(const Asked& asked, int64_t token) {
    return token < asked.mask_bits && asked.mask[token / LANES] >> (token % LANES) & 1;
}

// The greatest of a row and the first token that has it; notes the greatest of each column. UNDECIDED where there are
// numbers that are none, or none that is finite.
inline int64_t greatest_of(const float* row, int64_t vocabulary, std::vector<float>& maxima) {
    const int64_t blocks = (vocabulary + BLOCK - 1) / BLOCK;
    maxima.resize(static_cast<size_t>(blocks * LANES));
    const __m512 least = _mm512_set1_ps(-std::numeric_limits<float>::infinity());
    __m512 all = least;
    __mmask16 none = 0;
    for (int64_t block = 0; block < blocks; ++block) {
        const int64_t end = std::min(vocabulary, (block + 1) * BLOCK);
        __m512 found = least;
        for (int64_t at = block * BLOCK; at < end; at += LANES) {
            const __m512 values = _mm512_mask_loadu_ps(least, first(end - at), row + at);
            none |= _mm512_cmp_ps_mask(values, values, _CMP_UNORD_Q);
            found = _mm512_max_ps(found, values);
        }
        _mm512_storeu_ps(maxima.data() + block * LANES, found);
        all = _mm512_max_ps(all, found);
    }
    const float top = _mm512_reduce_max_ps(all);
    if (none || !std::isfinite(top)) return UNDECIDED;
    const auto column = std::find(maxima.begin(), maxima.end(), top) - maxima.begin();
    return std::find(row + column / LANES * BLOCK, row + vocabulary, top) - row;
}

// The place in [0, ends.size()) of the stretch that has the point at `share` of the whole.
inline int64_t point(const std::vector<double>& ends, double share) {
    const auto found = std::upper_bound(ends.begin(), ends.end(), share * ends.back());
    return std::min<int64_t>(found - ends.begin(), static_cast<int64_t>(ends.size()) - 1);
}

// The same for a table [depth, columns] whose columns end at `ends`: first the column, then the place in it.
inline int64_t cell(const std::vector<float>& table, const std::vector<double>& ends, double share) {
    const auto columns = static_cast<int64_t>(ends.size());
    const int64_t column = point(ends, share);
    const double left = share * ends.back() - (column ? ends[static_cast<size_t>(column - 1)] : 0);
    double sum = 0;
    int64_t last = column;  // with any weight: the column's sum was rounded, so the point may lie behind it
    for (auto at = column; at < static_cast<int64_t>(table.size()); at += columns) {
        const float weight = table[static_cast<size_t>(at)];
        sum += weight;
        if (sum > left) return at;
        if (weight > 0) last = at;
    }
    return last;
}

// What the tokens likelier than this one have together; of equals the lower id comes first.
inline double mass_before(const std::vector<float>& weights, int64_t token) {
    const float weight = weights[static_cast<size_t>(token)];
    const __m512 own = _mm512_set1_ps(weight);
    __m512d low = _mm512_setzero_pd(), high = low;
    int64_t equals = 0;
    const auto count = static_cast<int64_t>(weights.size());
    for (int64_t at = 0; at < count; at += LANES) {
        const __m512 values = _mm512_maskz_loadu_ps(first(count - at), weights.data() + at);
        const __m512 more = _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(values, own, _CMP_GT_OQ), values);
        low = _mm512_add_pd(low, _mm512_cvtps_pd(_mm512_castps512_ps256(more)));
        high = _mm512_add_pd(high, _mm512_cvtps_pd(_mm512_extractf32x8_ps(more, 1)));
        const __mmask16 before = first(token - at) & _mm512_cmp_ps_mask(values, own, _CMP_EQ_OQ);
        equals += __builtin_popcount(before);
    }
    return _mm512_reduce_add_pd(_mm512_add_pd(low, high)) + static_cast<double>(weight) * static_cast<double>(equals);
}

// Draws from every token, and again while the token is outside the nucleus.
inline int64_t of_all(const float* row, int64_t vocabulary, int64_t depth, const Asked& asked, Room& room) {
    auto& weights = room.weights;
    auto& ends = room.ends;
    weights.resize(static_cast<size_t>(vocabulary));
    ends.resize(static_cast<size_t>(vocabulary / depth));
    const auto columns = static_cast<int64_t>(ends.size());
    const auto factor = static_cast<float>(1 / asked.temperature);
    weigh(row, depth, columns, factor, weights.data(), ends.data());
    if (!(SMALLEST < ends.back() && ends.back() < LARGEST)) {
        const int64_t greatest = greatest_of(row, vocabulary, room.maxima);
        if (greatest == UNDECIDED) return UNDECIDED;
        const float top = row[greatest];
        std::transform(row, row + vocabulary, weights.begin(), [&](float logit) { return logit - top; });
        weigh(weights.data(), depth, columns, factor, weights.data(), ends.data());
    }
    if (asked.top_p >= 1) return cell(weights, ends, uniform(asked, 0));
    const double total = ends.back(), wanted = asked.top_p * total;
    const double inside = std::min(0.5 * total, total - wanted);  // more: the likeliest, or all before it have less
    const int ask_at = asked.top_p >= 0.5;                        // whether one token alone has the mass
    for (int lane = 0; lane < TRIES; ++lane) {
        if (lane == ask_at) {
            const int64_t likeliest = greatest_of(weights.data(), vocabulary, room.maxima);
            if (wanted <= weights[static_cast<size_t>(likeliest)]) return likeliest;
        }
        const int64_t token = cell(weights, ends, uniform(asked, lane));
        if (weights[static_cast<size_t>(token)] > inside || mass_before(weights, token) < wanted) return token;
    }
    return UNDECIDED;
}

// Tokens whose logits reach the threshold, by id; false where they are too many.
inline bool reach(const float* row, int64_t vocabulary, float threshold, Room& room) {
    auto& ids = room.ids;
    ids.clear();
    const __m512 least = _mm512_set1_ps(threshold);
    for (size_t column = 0; column < room.maxima.size(); column += LANES) {
        if (!_mm512_cmp_ps_mask(_mm512_loadu_ps(room.maxima.data() + column), least, _CMP_GE_OQ)) continue;
        const int64_t begin = static_cast<int64_t>(column) / LANES * BLOCK, end = std::min(vocabulary, begin + BLOCK);
        for (int64_t at = begin; at < end; at += LANES) {
            auto reached = _mm512_mask_cmp_ps_mask(first(end - at), _mm512_maskz_loadu_ps(first(end - at), row + at),
                                                   least, _CMP_GE_OQ);
            for (; reached; reached &= static_cast<__mmask16>(reached - 1))
                ids.push_back(static_cast<int32_t>(at + __builtin_ctz(reached)));
        }
        if (ids.size() > MOST) return false;
    }
    return true;
}

// The k-th greatest of some numbers, which change places.
inline float kth(std::vector<float>& values, int64_t k) {
    std::nth_element(values.begin(), values.begin() + (k - 1), values.end(), std::greater<>());
    return values[static_cast<size_t>(k - 1)];
}

// Leaves the k greatest of those that are left, and what ties with the last of them.
inline void leave(const float* row, int64_t k, Room& room) {
    auto& ids = room.ids;
    if (k <= 0 || k >= static_cast<int64_t>(ids.size())) return;
    room.values.clear();
    for (const int32_t id : ids) room.values.push_back(row[id]);
    const float least = kth(room.values, k);
    ids.erase(std::remove_if(ids.begin(), ids.end(), [&](int32_t id) { return row[id] < least; }), ids.end());
}

// Takes out the tokens behind those likeliest whose mass reaches `top_p` of the whole.
inline void leave_nucleus(double top_p, Room& room) {
    auto& order = room.order;
    auto& kept = room.kept;
    order.resize(kept.size());
    for (size_t place = 0; place < order.size(); ++place) order[place] = static_cast<int32_t>(place);
    const auto weight = [&](int32_t place) { return kept[static_cast<size_t>(place)]; };
    std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) { return weight(a) > weight(b); });
    double whole = 0, mass = 0;
    for (const int32_t place : order) whole += weight(place);
    size_t count = 0;
    while (count < order.size() && mass < top_p * whole) mass += weight(order[count++]);
    order.resize(std::max<size_t>(count, 1));
    std::sort(order.begin(), order.end());
    for (size_t at = 0; at < order.size(); ++at) {
        kept[at] = weight(order[at]);
        room.ids[at] = room.ids[static_cast<size_t>(order[at])];
    }
    kept.resize(order.size());
}

// Draws from the few that min_p or top_k leave.
inline int64_t of_few(const float* row, int64_t vocabulary, const Asked& asked, Room& room) {
    const int64_t greatest = greatest_of(row, vocabulary, room.maxima);
    if (greatest == UNDECIDED) return UNDECIDED;
    const double top = row[greatest];
    float threshold;
    if (asked.min_p > 0) {
        threshold = static_cast<float>(top + asked.temperature * std::log(asked.min_p));
    } else if (asked.top_k <= static_cast<int64_t>(room.maxima.size()) / 2) {
        room.values = room.maxima;
        threshold = kth(room.values, asked.top_k);  // so many columns reach it: so many tokens do, at least
    } else {
        room.values.assign(row, row + vocabulary);
        threshold = kth(room.values, asked.top_k);
    }
    threshold = std::max(threshold, std::numeric_limits<float>::lowest());  // what is forbidden is never drawn
    if (!reach(row, vocabulary, threshold, room) || room.ids.empty()) return UNDECIDED;
    leave(row, asked.top_k, room);
    room.kept.clear();
    for (const int32_t id : room.ids) room.kept.push_back(std::exp((row[id] - top) / asked.temperature));
    if (asked.top_p < 1) leave_nucleus(asked.top_p, room);
    room.ends.clear();
    double end = 0;
    for (const double weight : room.kept) room.ends.push_back(end += weight);
    return room.ids[static_cast<size_t>(point(room.ends, uniform(asked, 0)))];
}

}  // namespace drawing

// The token of one row of [vocabulary] logits, or UNDECIDED; `depth` divides the vocabulary.
inline int64_t choose(const float* logits, int64_t vocabulary, int64_t depth, const Asked& asked) {
    static thread_local drawing::Room room;
    const float* row = logits + asked.row * vocabulary;
    const bool greedy = asked.temperature == 0, limited = asked.top_k > 0 && asked.top_k < vocabulary;
    if (!greedy && limited && asked.top_k > static_cast<int64_t>(drawing::MOST)) return UNDECIDED;
    if (greedy) {
        const int64_t greatest = drawing::greatest_of(row, vocabulary, room.maxima);
        const bool decided = !asked.mask || (greatest != UNDECIDED && drawing::may_come(asked, greatest));
        if (decided) return greatest;  // of all it is that of those allowed too, if it is: mostly
    }
    if (asked.mask) row = drawing::allowed_of(row, vocabulary, asked, room.allowed);
    if (greedy) return drawing::greatest_of(row, vocabulary, room.maxima);
    if (asked.min_p > 0 || limited) return drawing::of_few(row, vocabulary, asked, room);
    return drawing::of_all(row, vocabulary, depth, asked, room);
}

// The same for `count` rows of logits [.., vocabulary]: ids [count], by `threads` threads.
inline void choose_all(const float* logits, int64_t vocabulary, int64_t depth, const Asked* asked, int64_t count,
                       int64_t* ids, int threads) {
    const auto some = [&](const tbb::blocked_range<int64_t>& range) {
        for (int64_t at = range.begin(); at < range.end(); ++at)
            ids[at] = choose(logits, vocabulary, depth, asked[at]);
    };
    const tbb::blocked_range<int64_t> all(0, count, 2);
    if (threads < 2 || !all.is_divisible()) return some(all);
    tbb::task_arena arena(threads);
    arena.execute([&] { tbb::parallel_for(all, some, tbb::simple_partitioner()); });
}

}  // namespace headrace
