// x times a matrix of 4-bit codes. A weight is code * factor + base, a whole number of 8 bits: code and factor are 0 to
// 15, base a signed byte; factor and base are shared by 32 columns of a row. And there is one scale a row, so that sums
// over all columns are whole numbers.
//
// The matrix lies in panels of 16 of its rows, a panel in stretches of 64 columns, of 560 bytes each:
//   codes    [8][16 rows][4 columns]: byte (i, j) of a row has the code of column i * 4 + j of the stretch in its lower
//            half, and that of column 32 + i * 4 + j in the upper;
//   bases    [2 groups of 32 columns][16 rows];
//   factors  [16 rows]: of the first group in the lower half of a byte, of the second in the upper.
#pragma once

#include "product.h"

namespace headrace {

constexpr int64_t BASES_AT = TILE_BYTES / 2;  // where they begin in a stretch
constexpr int64_t FACTORS_AT = BASES_AT + 2 * COLUMN_TILE;
constexpr int64_t PACKED_BYTES = FACTORS_AT + COLUMN_TILE;  // bytes of a stretch of a panel

constexpr int64_t LEAD = 1;       // stretches that are expanded before their turn, while tiles are multiplied
constexpr int64_t FAR_AHEAD = 4;  // more stretches that are asked of the memory before they are expanded
constexpr int64_t RESIDENT_BYTES = 512 << 10;  // bytes of panels that stay in the L2 cache

// A byte for each of 16 rows of the matrix, four times: each has four columns in a row of a tile.
inline __m512i four_times(const uint8_t* bytes) {
    const __m512i each = _mm512_set_epi32(0x0f0f0f0f, 0x0e0e0e0e, 0x0d0d0d0d, 0x0c0c0c0c, 0x0b0b0b0b, 0x0a0a0a0a,
                                          0x09090909, 0x08080808, 0x07070707, 0x06060606, 0x05050505, 0x04040404,
                                          0x03030303, 0x02020202, 0x01010101, 0x00000000);
    const __m512i all = _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes)));
    return _mm512_shuffle_epi8(all, each);
}

// A tile of signed bytes. Two codes are multiplied as one word: 15 * 15 does not reach the byte above. The upper halves
// stay where they are: (codes * 16) * (factor * 4096) is the products times 65536, so its upper word is the products.
inline void expand_tile(const uint8_t* packed, int8_t* tile) {
    const uint8_t *bases = packed + BASES_AT, *factors = packed + FACTORS_AT;
    const __m512i lower_bits = _mm512_set1_epi8(0x0f), both_factors = four_times(factors);
    const __m512i lower_factors = _mm512_and_si512(both_factors, _mm512_set1_epi16(0x000f));
    const __m512i upper_factors = _mm512_and_si512(both_factors, _mm512_set1_epi16(int16_t(0xf000)));
    const __m512i lower_bases = four_times(bases), upper_bases = four_times(bases + COLUMN_TILE);
    for (int i = 0; i < 8; ++i) {
        const __m512i both = _mm512_loadu_si512(packed + i * 64);
        const __m512i lower = _mm512_mullo_epi16(_mm512_and_si512(both, lower_bits), lower_factors);
        const __m512i upper = _mm512_mulhi_epu16(_mm512_andnot_si512(lower_bits, both), upper_factors);
        _mm512_store_si512(tile + i * 64, _mm512_add_epi8(lower, lower_bases));
        _mm512_store_si512(tile + (8 + i) * 64, _mm512_add_epi8(upper, upper_bases));
    }
}

// Where the stretches of panels are, one after another; of two panels side by side, the first one's.
class Place {
public:
    Place(const uint8_t* packed, int64_t stretches, int64_t panels)
        : at_(packed), size_(stretches * PACKED_BYTES), end_(packed + size_), panels_(panels) {}

    const uint8_t* at(int64_t panel) const { return at_ + panel * size_; }

    void next() {
        at_ += PACKED_BYTES;
        if (at_ != end_) return;
        at_ += (panels_ - 1) * size_;
        end_ = at_ + size_;
    }

private:
    const uint8_t* at_;
    int64_t size_;
    const uint8_t* end_;
    int64_t panels_;
};

// Expands the stretches of 1 or 2 panels at a time into a ring that stays in the L1 cache. Panels are expanded for each
// block of rows of x: that takes no longer than to read them, twice as large, from the L2 cache.
template <int COLUMNS>
class Expansion {
public:
    // `ring`: Room's. There are `count` stretches in all. `far`: they come from the memory.
    Expansion(const uint8_t* packed, int64_t stretches, int64_t count, bool far, int8_t* ring)
        : place_(packed, stretches, COLUMNS), ahead_(place_), left_(count), far_(far), ring_(ring) {
        for (int64_t i = 0; far && i < FAR_AHEAD; ++i) ask();
        for (int64_t i = 0; i < LEAD; ++i) next();
    }

    // The tiles of the next stretch.
    const int8_t* take() {
        next();
        return ring_ + taken_++ % SLOTS * COLUMNS * TILE_BYTES;
    }

private:
    static constexpr uint64_t SLOTS = 2 * LEAD;

    void next() {
        if (left_ == 0) return;
        --left_;
        if (far_) ask();
        int8_t* to = ring_ + done_++ % SLOTS * COLUMNS * TILE_BYTES;
        for (int64_t panel = 0; panel < COLUMNS; ++panel) expand_tile(place_.at(panel), to + panel * TILE_BYTES);
        settle();
        place_.next();
    }

    // So that it is in the cache when its turn comes. Nothing happens where there is no memory, behind the last panel.
    void ask() {
        for (int64_t panel = 0; panel < COLUMNS; ++panel)
            for (int64_t i = 0; i < PACKED_BYTES; i += 64) _mm_prefetch(ahead_.at(panel) + i, _MM_HINT_T0);
        ahead_.next();
    }

    Place place_, ahead_;
    int64_t left_;
    const bool far_;
    int8_t* ring_;
    uint64_t done_ = 0, taken_ = 0;
};

// What a thread needs, small enough for its stack and the L1 cache.
struct Room {
    alignas(64) int8_t ring[2 * LEAD * 2 * TILE_BYTES];
    alignas(64) Sums sums[4];
};

// What all blocks of a product share.
struct Product4 {
    const int8_t* tiles;  // of x, as round_tile leaves them
    const uint8_t* packed;
    int64_t stretches;
    Outputs to;
};

// Some tiles of x from `tile` on by 1 or 2 panels, the first of which is `column_tile`.
template <int TILES, int COLUMNS>
inline void block(const Product4& p, int64_t tile, int64_t column_tile, Expansion<COLUMNS>& weights, Room& room) {
    const int8_t* tiles = p.tiles + tile * p.stretches * TILE_BYTES;
    clear_sums<TILES * COLUMNS>();
    for (int64_t s = 0; s < p.stretches; ++s)
        add_stretch<TILES, COLUMNS>(tiles + s * TILE_BYTES, p.stretches * TILE_BYTES, weights.take());
    store_sums<TILES * COLUMNS>(room.sums);
    Block(room.sums, TILES, COLUMNS, tile, column_tile, p.to).put_rest();
}

// The same by panels `from` to `to`, whose number COLUMNS divides. For the first tiles panels come from the memory.
template <int TILES, int COLUMNS>
inline void by_panels(const Product4& p, int64_t tile, int64_t from, int64_t to, Room& room) {
    const int64_t count = (to - from) / COLUMNS * p.stretches;
    Expansion<COLUMNS> weights(p.packed + from * p.stretches * PACKED_BYTES, p.stretches, count, tile == 0, room.ring);
    for (int64_t panel = from; panel < to; panel += COLUMNS)
        block<TILES, COLUMNS>(p, tile, panel, weights, room);
}

// One or two tiles take two panels at a time, and an odd one at last: that halves how often x is read. So do a gate's
// panel and the one beside it, whose sums are needed at once.
template <int TILES>
inline void by_pairs(const Product4& p, int64_t tile, int64_t from, int64_t to, Room& room) {
    const int64_t even = to - (to - from) % 2;
    by_panels<TILES, 2>(p, tile, from, even, room);
    if (even < to) by_panels<TILES, 1>(p, tile, even, to, room);
}

// Panels `from` to `to`, few enough to stay in the L2 cache until all of x has met them. What is read and written
// meanwhile stays in the cache, too, and is walked from its begin to its end.
inline void by_all_of_x(const Product4& p, int64_t from, int64_t to, Room& room) {
    const int64_t tiles = parts(p.to.rows, ROWS_OF_TILE), most = p.to.gated ? 2 : 4;
    for (int64_t tile = 0; tile < tiles; tile += most) switch (std::min(most, tiles - tile)) {
            case 1: by_pairs<1>(p, tile, from, to, room); break;
            case 2: by_pairs<2>(p, tile, from, to, room); break;
            case 3: by_panels<3, 1>(p, tile, from, to, room); break;
            default: by_panels<4, 1>(p, tile, from, to, room);
        }
}

// The panels from `from` to `to`, an even number but for the last, on one thread.
inline void multiply_panels(const Product4& p, int64_t from, int64_t to) {
    const Tiles tiles;
    Room room;
    const bool few = p.to.rows <= 4 * ROWS_OF_TILE;
    const int64_t count = few ? to - from : 2 * parts(RESIDENT_BYTES, 2 * p.stretches * PACKED_BYTES);
    for (int64_t panel = from; panel < to; panel += count) by_all_of_x(p, panel, std::min(panel + count, to), room);
}

}  // namespace headrace
