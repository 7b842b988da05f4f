// A whole layer of an encoder in codes of 8 bits: attention within texts, a feed-forward half, and norms behind both.
//
// Texts are computed some at a time, half of a layer for these before the next: what is between its products stays in
// the thread's own cache, where it would be written to memory and read again if each product were of all texts; and so
// do the half's matrices, which it shares with what is between them.
#pragma once

#include <vector>

#include "norms.h"
#include "product_operation.h"
#include "text_attention.h"

namespace headrace {

struct OfTiles;  // uses of room
struct OfRows;
struct OfAttention;

// A matrix of codes of 8 bits in panels, what these are worth, and a bias, of whole panels each.
struct CodedMatrix {
    const int8_t* codes;
    const float *scales, *bias;
    int64_t inputs, outputs;
};

struct LayerNorming {
    Norming norming;
    const float* bias;
};

struct EncoderLayer {
    CodedMatrix joined, mixed, up, down;  // queries, keys and values; what they come to; the feed-forward half
    LayerNorming behind_attention, behind_half;
    int64_t heads;
    float scale;  // of scores
    Bend bend;

    int64_t hidden() const { return mixed.outputs; }
    int64_t width() const { return mixed.inputs; }
};

// Runs work(begin, end) on ranges that make up [0, count): on this thread alone, or divided among all.
class Sharing {
  public:
    explicit Sharing(bool alone) : alone_(alone) {}
    template <typename Work>
    void operator()(int64_t count, const Work& work, int64_t few = 1) const {
        if (alone_) return work(0, count);
        divided(count, work, few);
    }

  private:
    bool alone_;
};

// x [rows, inputs] times the matrix, bent, and added to `onto` where there is one -> out [rows, outputs].
inline void multiply_coded(const CodedMatrix& matrix, const float* x, int64_t rows, Bend bend, const float* onto,
                           float* out, const Sharing& sharing) {
    const int64_t stretches = parts(matrix.inputs, TILE_WIDTH), num_tiles = parts(rows, NARROW_ROWS_OF_TILE);
    const int64_t tile_bytes = num_tiles * stretches * TILE_BYTES;
    char* kept = room<OfTiles>(static_cast<size_t>(tile_bytes + num_tiles * NARROW_ROWS_OF_TILE * 4));
    auto* tiles = reinterpret_cast<int8_t*>(kept);
    auto* worths = reinterpret_cast<float*>(kept + tile_bytes);
    const auto round = [&](int64_t begin, int64_t end) {
        for (int64_t tile = begin; tile < end; ++tile)
            round_tile(x, rows, matrix.inputs, Norming{}, stretches, tile, true, tiles, worths);
    };
    sharing(num_tiles, round, FEW_TILES);
    const Outputs to{out, rows, matrix.outputs, worths, matrix.scales, matrix.bias, onto, false, near(bend), true};
    const Product8 product{tiles, matrix.codes, stretches, to};
    sharing(parts(to.column_tiles(), 2), [&](int64_t begin, int64_t end) { multiply_panels(product, begin, end); });
}

inline void norm_rows(const LayerNorming& norm, float* x, int64_t rows, int64_t width, const Sharing& sharing) {
    const auto work = [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row)
            layer_norm_row(x + row * width, width, norm.norming, norm.bias, x + row * width);
    };
    sharing(rows, work, FEW_TILES * NARROW_ROWS_OF_TILE);
}

// Some texts, one behind another.
struct Texts {
    const TextSpan* first;
    int64_t count;

    int64_t first_token() const { return first->first_token; }
    int64_t tokens() const { return first[count - 1].first_token + first[count - 1].tokens - first_token(); }
};

// Attention, of x [tokens, hidden] of these texts -> out of the same shape.
inline void compute_attention(const EncoderLayer& layer, const Texts& texts, const float* x, float* out,
                              const Sharing& sharing) {
    const int64_t rows = texts.tokens(), width = layer.width();
    auto* between = reinterpret_cast<float*>(room<OfRows>(static_cast<size_t>(rows * 4 * width) * sizeof(float)));
    float* mixed = between + rows * 3 * width;
    multiply_coded(layer.joined, x, rows, Bend::none, nullptr, between, sharing);
    const TextHeads heads{between, mixed, layer.heads, width / layer.heads, layer.scale};
    int64_t most_keys = 0;
    for (int64_t text = 0; text < texts.count; ++text) most_keys = std::max(most_keys, texts.first[text].keys);
    const size_t num_bytes = TextRoom::num_bytes(heads, most_keys);
    sharing(texts.count * layer.heads, [&](int64_t begin, int64_t end) {
        const TextRoom room(headrace::room<OfAttention>(num_bytes), heads, most_keys);
        const Tiles tiles;
        for (int64_t each = begin; each < end; ++each) {
            TextSpan text = texts.first[each / layer.heads];
            text.first_token -= texts.first_token();
            attend_text<true>(heads, room, text, each % layer.heads);
        }
    });
    multiply_coded(layer.mixed, mixed, rows, Bend::none, x, out, sharing);
    norm_rows(layer.behind_attention, out, rows, layer.hidden(), sharing);
}

// The feed-forward half, of out [rows, hidden] -> out.
inline void compute_half(const EncoderLayer& layer, int64_t rows, float* out, const Sharing& sharing) {
    const auto num_bytes = static_cast<size_t>(rows * layer.up.outputs) * sizeof(float);
    auto* between = reinterpret_cast<float*>(room<OfRows>(num_bytes));
    multiply_coded(layer.up, out, rows, layer.bend, nullptr, between, sharing);
    multiply_coded(layer.down, between, rows, Bend::none, out, out, sharing);
    norm_rows(layer.behind_half, out, rows, layer.hidden(), sharing);
}

}  // namespace headrace
