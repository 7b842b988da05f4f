// Products with matrices of codes, rows of such matrices, and norms, as operations of a graph.
#pragma once

#include <tbb/blocked_range.h>
#include <tbb/parallel_for.h>
#include <tbb/partitioner.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "norms.h"
#include "openvino/op/op.hpp"
#include "product4.h"
#include "product8.h"

namespace headrace {

constexpr int64_t BLOCK_BYTES = 768 << 10;  // of tiles of x that a thread multiplies at a time: most of its own cache
constexpr int64_t LEAST_TILES = 4;  // of such a block: as many as are multiplied at once
constexpr int64_t FEW_TILES = 2;  // of x: rounded where they are, for to wait for another thread takes as long

// Calls work(begin, end) for ranges that make up [0, count): on this thread where there are `few` at most.
template <typename Work>
void divided(int64_t count, const Work& work, int64_t few = 1) {
    if (count <= few) return work(0, count);
    tbb::parallel_for(
        tbb::blocked_range<int64_t>(0, count),
        [&](const tbb::blocked_range<int64_t>& range) { work(range.begin(), range.end()); },
        tbb::static_partitioner());
}

// Room that a thread keeps from one step to the next, for each use of its own.
template <typename Use = void>
inline char* room(size_t num_bytes) {
    static thread_local std::vector<char> kept;
    if (kept.size() < num_bytes + LINE_BYTES) kept.resize(num_bytes + LINE_BYTES);
    const auto begin = reinterpret_cast<uintptr_t>(kept.data());
    return reinterpret_cast<char*>((begin + LINE_BYTES - 1) & ~uintptr_t{LINE_BYTES - 1});
}

// Tiles of x that are made and then multiplied by `panels`: few are made by all threads, each of which multiplies them
// by some panels; of many, each thread takes whole blocks. `least` of them, of so many bytes each, are multiplied at
// once.
//
// new_room(count) gives room for as many, make(x, first, begin, end) makes those from `begin` to `end` where `first`
// lies first, and multiply(x, first, last, begin, end) multiplies these by the panels from `begin` to `end`.
template <typename NewRoom, typename Make, typename Multiply>
void by_blocks(int64_t num_tiles, int64_t tile_bytes, int64_t least, int64_t panels, const NewRoom& new_room,
               const Make& make, const Multiply& multiply, int64_t few = 1) {
    const int64_t block = std::max(least, BLOCK_BYTES / tile_bytes / least * least);
    if (num_tiles <= block) {
        const auto x = new_room(num_tiles);
        divided(num_tiles, [&](int64_t begin, int64_t end) { make(x, 0, begin, end); }, few);
        divided(panels, [&](int64_t begin, int64_t end) { multiply(x, 0, num_tiles, begin, end); });
        return;
    }
    const int64_t threads = tbb::this_task_arena::max_concurrency();
    const int64_t blocks = parts(parts(num_tiles, block), threads) * threads;
    const int64_t each = parts(parts(num_tiles, blocks), least) * least;
    divided(parts(num_tiles, each), [&](int64_t from, int64_t until) {
        const auto x = new_room(each);
        for (int64_t number = from; number < until; ++number) {
            const int64_t first = number * each, end = std::min(first + each, num_tiles);
            make(x, first, first, end);
            multiply(x, first, end, 0, panels);
        }
    });
}

template <typename Row>
inline float round_row(const Row& row, int64_t width, int64_t stretches, int8_t* line, bool narrow) {
    return narrow ? round_narrow_row(row, width, stretches, line) : round_row(row, width, stretches, line);
}

// The rows of a tile of x [rows, width] -> the tiles of that number, and what a code of each row is worth.
inline void round_tile(const float* x, int64_t rows, int64_t width, const Norming& norming, int64_t stretches,
                       int64_t tile, bool narrow, int8_t* tiles, float* worths) {
    int8_t* begin = tiles + tile * stretches * TILE_BYTES;
    const int64_t rows_of_tile = narrow ? NARROW_ROWS_OF_TILE : ROWS_OF_TILE;
    const int64_t first_row = tile * rows_of_tile, count = std::min(rows_of_tile, rows - first_row);
    if (count < rows_of_tile) std::memset(begin, 0, static_cast<size_t>(stretches * TILE_BYTES));
    for (int64_t row = 0; row < count; ++row) {
        const float* from = x + (first_row + row) * width;
        int8_t* line = begin + row * TILE_WIDTH;
        worths[first_row + row] = norming.weight
                                      ? round_row(NormedRow(from, width, norming), width, stretches, line, narrow)
                                      : round_row(PlainRow(from, width), width, stretches, line, narrow);
    }
}

constexpr int64_t MOST_NUMBERS = int64_t{1} << 31;  // of a row, and of rows: no product of sizes is too large

// Whether so many codes and scales are a matrix of `column_tiles` tiles of rows, and of `width` columns.
inline bool is_matrix(int64_t bits, int64_t column_tiles, int64_t width, size_t num_bytes, size_t num_scales) {
    const int64_t pairs = parts(column_tiles, 2);
    if (pairs <= 0 || width <= 0 || width > MOST_NUMBERS) return false;
    if (num_scales != static_cast<size_t>(pairs * PANEL_ROWS)) return false;
    const auto step = static_cast<size_t>(bits == 8 ? pairs * STRETCH_BYTES : column_tiles * PACKED_BYTES);
    return num_bytes % step == 0 && num_bytes / step == static_cast<size_t>(parts(width, TILE_WIDTH));
}

// The last dimension of an input, where it is known what it is; throws where the input is one number.
inline ov::Dimension width_of(const ov::Node* node, size_t input) {
    const auto& shape = node->get_input_partial_shape(input);
    if (shape.rank().is_dynamic()) return ov::Dimension::dynamic();
    NODE_VALIDATION_CHECK(node, shape.size() > 0, "input ", input, " has no rows");
    return shape[shape.size() - 1];
}

// x [..., inputs] f32, panels of codes of 8 or 4 bits, scales f32, in whole column tiles, where rows of x are normed
// weights [inputs] f32, where there is a bias that f32, in whole panels, and perhaps [..., outputs] f32 that is added
// behind the bend -> [..., outputs] f32.
class TileProduct : public ov::op::Op {
  public:
    OPENVINO_OP("TileProduct", "headrace");
    TileProduct() = default;
    TileProduct(const ov::OutputVector& inputs, const TileProduct& like)
        : Op(inputs),
          bits_(like.bits_),
          outputs_(like.outputs_),
          gated_(like.gated_),
          bend_(like.bend_),
          normed_(like.normed_),
          biased_(like.biased_),
          narrow_(like.narrow_),
          epsilon_(like.epsilon_) {
        constructor_validate_and_infer_types();
    }

    void validate_and_infer_types() override {
        NODE_VALIDATION_CHECK(this, bits_ == 8 || bits_ == 4, "bits are ", bits_, ", not 8 or 4");
        NODE_VALIDATION_CHECK(this, outputs_ > 0 && outputs_ <= MOST_NUMBERS, "outputs are ", outputs_);
        const size_t behind = num_constants(), count = get_input_size();
        NODE_VALIDATION_CHECK(this, !(biased_ && gated_), "a gate has no bias");
        NODE_VALIDATION_CHECK(this, !narrow_ || bits_ == 8, "codes of 8 bits are multiplied by such codes alone");
        NODE_VALIDATION_CHECK(this, count == behind || (count == behind + 1 && !gated_), "inputs are ", count);
        for (size_t input = 0; input < count; ++input)
            NODE_VALIDATION_CHECK(this,
                                  get_input_element_type(input) == (input == 1 ? ov::element::u8 : ov::element::f32),
                                  "input ", input, " is of another type");
        const auto width = width_of(this, 0);
        const size_t num_bytes = ov::shape_size(get_input_shape(1)), num_scales = ov::shape_size(get_input_shape(2));
        const size_t num_weights = normed_ ? ov::shape_size(get_input_shape(3)) : 0;
        NODE_VALIDATION_CHECK(this, !biased_ || ov::shape_size(get_input_shape(behind - 1)) == num_scales,
                              "there are not as many biases as scales");
        NODE_VALIDATION_CHECK(this, width.is_dynamic() || fits(width.get_length(), num_bytes, num_scales, num_weights),
                              "codes, scales or weights are not of ", outputs_, " outputs of ", width, " numbers");
        auto shape = get_input_partial_shape(0);
        if (shape.rank().is_static()) shape[shape.size() - 1] = outputs_;
        NODE_VALIDATION_CHECK(this, count == behind || shape.compatible(get_input_partial_shape(behind)),
                              "what it is added to is not of shape ", shape);
        set_output_type(0, ov::element::f32, shape);
    }

    std::shared_ptr<ov::Node> clone_with_new_inputs(const ov::OutputVector& inputs) const override {
        return std::make_shared<TileProduct>(inputs, *this);
    }

    bool visit_attributes(ov::AttributeVisitor& visitor) override {
        visitor.on_attribute("bits", bits_);
        visitor.on_attribute("outputs", outputs_);
        visitor.on_attribute("gated", gated_);
        visitor.on_attribute("bend", bend_);
        visitor.on_attribute("normed", normed_);
        visitor.on_attribute("biased", biased_);
        visitor.on_attribute("narrow", narrow_);
        visitor.on_attribute("epsilon", epsilon_);
        return true;
    }

    bool has_evaluate() const override { return true; }

    bool evaluate(ov::TensorVector& outputs, const ov::TensorVector& inputs) const override {
        auto shape = inputs[0].get_shape();
        const auto width = static_cast<int64_t>(shape.back());
        if (width == 0) return false;
        const int64_t rows = static_cast<int64_t>(inputs[0].get_size()) / width;
        shape.back() = static_cast<size_t>(outputs_);
        outputs[0].set_shape(shape);
        const size_t behind = num_constants(), num_weights = normed_ ? inputs[3].get_size() : 0;
        if (!fits(width, inputs[1].get_byte_size(), inputs[2].get_size(), num_weights)) return false;
        if (biased_ && inputs[behind - 1].get_size() != inputs[2].get_size()) return false;
        if (inputs.size() > behind && inputs[behind].get_shape() != shape) return false;
        if (rows == 0) return true;
        const Norming norming{normed_ ? inputs[3].data<const float>() : nullptr, epsilon_};
        const float* bias = biased_ ? inputs[behind - 1].data<const float>() : nullptr;
        const float* onto = inputs.size() > behind ? inputs[behind].data<const float>() : nullptr;
        const Outputs to{outputs[0].data<float>(), rows, outputs_, nullptr, inputs[2].data<const float>(), bias, onto,
                         gated_, narrow_ ? near(bend_of(bend_)) : bend_of(bend_), narrow_};
        multiply({inputs[0].data<const float>(), width, norming, inputs[1].data()}, to);
        return true;
    }

  private:
    struct Factors {
        const float* x;  // [rows, width]
        int64_t width;
        Norming norming;
        const void* codes;

        int64_t stretches() const { return parts(width, TILE_WIDTH); }
        int64_t tile_bytes() const { return stretches() * TILE_BYTES; }
    };

    void multiply(const Factors& factors, const Outputs& to) const {
        const int64_t tile_bytes = factors.tile_bytes(), pairs = parts(to.column_tiles(), 2);
        by_blocks(
            parts(to.rows, to.rows_of_tile()), tile_bytes, LEAST_TILES, pairs,
            [&](int64_t count) { return Rounded(count, tile_bytes, to.rows_of_tile()); },
            [&](const Rounded& x, int64_t first, int64_t begin, int64_t end) {
                round(factors, to, x, first, begin, end);
            },
            [&](const Rounded& x, int64_t first, int64_t last, int64_t begin, int64_t end) {
                multiply(factors, to, x, first, last, begin, end);
            },
            FEW_TILES);
    }

    // Room for tiles of x, and for what a code of each of their rows is worth.
    struct Rounded {
        int8_t* tiles;
        float* worths;

        Rounded(int64_t num_tiles, int64_t tile_bytes, int64_t rows_of_tile) {
            const auto of_worths = static_cast<size_t>(num_tiles * rows_of_tile) * sizeof(float);
            char* kept = room(static_cast<size_t>(num_tiles * tile_bytes) + of_worths);
            tiles = reinterpret_cast<int8_t*>(kept);
            worths = reinterpret_cast<float*>(kept + num_tiles * tile_bytes);
        }
    };

    // Tiles of x from `begin` to `end`, of which `first` lies first.
    static void round(const Factors& factors, const Outputs& to, const Rounded& x, int64_t first, int64_t begin,
                      int64_t end) {
        const int64_t row = first * to.rows_of_tile();
        for (int64_t tile = begin; tile < end; ++tile)
            round_tile(factors.x + row * factors.width, to.rows - row, factors.width, factors.norming,
                       factors.stretches(), tile - first, to.narrow, x.tiles, x.worths);
    }

    // Tiles of x from `first` to `last` times pairs of column tiles from `begin` to `end`.
    void multiply(const Factors& factors, const Outputs& all, const Rounded& x, int64_t first, int64_t last,
                  int64_t begin, int64_t end) const {
        const Outputs to = all.cut(first * all.rows_of_tile(), std::min(last * all.rows_of_tile(), all.rows), x.worths);
        const int64_t stretches = factors.stretches();
        if (bits_ == 8)
            multiply_panels(Product8{x.tiles, static_cast<const int8_t*>(factors.codes), stretches, to}, begin, end);
        else
            multiply_panels(Product4{x.tiles, static_cast<const uint8_t*>(factors.codes), stretches, to}, 2 * begin,
                            std::min(2 * end, to.column_tiles()));
    }

    // Inputs before what is added.
    size_t num_constants() const { return 3 + (normed_ ? 1 : 0) + (biased_ ? 1 : 0); }

    // Whether rows of x are as wide as the matrix, and as the weights that they are normed with.
    bool fits(int64_t width, size_t num_bytes, size_t num_scales, size_t num_weights) const {
        const int64_t column_tiles = parts(outputs_, COLUMN_TILE) * (gated_ ? 2 : 1);
        if (normed_ && num_weights != static_cast<size_t>(width)) return false;
        return is_matrix(bits_, column_tiles, width, num_bytes, num_scales);
    }

    int64_t bits_ = 8, outputs_ = 0;
    bool gated_ = false;
    std::string bend_;
    bool normed_ = false, biased_ = false, narrow_ = false;
    float epsilon_ = 0;
};

// x [..., width] f32, weights [width] f32 -> x over its root mean square, of the same shape; with a bias [width] f32
// its LayerNorm.
class TileNorm : public ov::op::Op {
  public:
    OPENVINO_OP("TileNorm", "headrace");
    TileNorm() = default;
    TileNorm(const ov::OutputVector& inputs, float epsilon) : Op(inputs), epsilon_(epsilon) {
        constructor_validate_and_infer_types();
    }

    void validate_and_infer_types() override {
        const size_t count = get_input_size();
        NODE_VALIDATION_CHECK(this, count == 2 || count == 3, "inputs are ", count);
        for (size_t input = 0; input < count; ++input) {
            NODE_VALIDATION_CHECK(this, get_input_element_type(input) == ov::element::f32, "input ", input,
                                  " is of another type");
            if (input == 0) continue;
            const auto num_weights = static_cast<int64_t>(ov::shape_size(get_input_shape(input)));
            NODE_VALIDATION_CHECK(this, num_weights > 0 && width_of(this, 0).compatible(num_weights), "there are ",
                                  num_weights, " numbers at input ", input, " for rows of other widths");
        }
        set_output_type(0, ov::element::f32, get_input_partial_shape(0));
    }

    std::shared_ptr<ov::Node> clone_with_new_inputs(const ov::OutputVector& inputs) const override {
        return std::make_shared<TileNorm>(inputs, epsilon_);
    }

    bool visit_attributes(ov::AttributeVisitor& visitor) override {
        visitor.on_attribute("epsilon", epsilon_);
        return true;
    }

    bool has_evaluate() const override { return true; }

    bool evaluate(ov::TensorVector& outputs, const ov::TensorVector& inputs) const override {
        const auto shape = inputs[0].get_shape();
        outputs[0].set_shape(shape);
        const auto width = static_cast<int64_t>(shape.back());
        for (size_t input = 1; input < inputs.size(); ++input)
            if (width == 0 || inputs[input].get_size() != shape.back()) return false;
        const int64_t rows = static_cast<int64_t>(inputs[0].get_size()) / width;
        const Norming norming{inputs[1].data<const float>(), epsilon_};
        const float* x = inputs[0].data<const float>();
        const float* bias = inputs.size() > 2 ? inputs[2].data<const float>() : nullptr;
        auto* out = outputs[0].data<float>();
        const auto norm = [&](int64_t begin, int64_t end) {
            for (int64_t at = begin * width; at < end * width; at += width)
                if (bias)
                    layer_norm_row(x + at, width, norming, bias, out + at);
                else
                    norm_row(x + at, width, norming, out + at);
        };
        divided(rows, norm, FEW_TILES * ROWS_OF_TILE);
        return true;
    }

  private:
    float epsilon_ = 0;
};

// ids [...] i32, panels of codes u8, scales f32 -> [..., width] f32: rows of the matrix.
class TileRows : public ov::op::Op {
  public:
    OPENVINO_OP("TileRows", "headrace");
    TileRows() = default;
    TileRows(const ov::OutputVector& inputs, int64_t width) : Op(inputs), width_(width) {
        constructor_validate_and_infer_types();
    }

    void validate_and_infer_types() override {
        NODE_VALIDATION_CHECK(this, get_input_size() == 3, "inputs are ", get_input_size());
        for (size_t input = 0; input < 3; ++input)
            NODE_VALIDATION_CHECK(this,
                                  get_input_element_type(input) ==
                                      (input == 0 ? ov::element::i32 : input == 1 ? ov::element::u8 : ov::element::f32),
                                  "input ", input, " is of another type");
        NODE_VALIDATION_CHECK(this, fits(ov::shape_size(get_input_shape(1)), ov::shape_size(get_input_shape(2))),
                              "codes and scales are not of rows of ", width_, " numbers");
        auto shape = get_input_partial_shape(0);
        if (shape.rank().is_static()) shape.push_back(width_);
        set_output_type(0, ov::element::f32, shape);
    }

    std::shared_ptr<ov::Node> clone_with_new_inputs(const ov::OutputVector& inputs) const override {
        return std::make_shared<TileRows>(inputs, width_);
    }

    bool visit_attributes(ov::AttributeVisitor& visitor) override {
        visitor.on_attribute("width", width_);
        return true;
    }

    bool has_evaluate() const override { return true; }

    bool evaluate(ov::TensorVector& outputs, const ov::TensorVector& inputs) const override {
        auto shape = inputs[0].get_shape();
        shape.push_back(static_cast<size_t>(width_));
        outputs[0].set_shape(shape);
        if (!fits(inputs[1].get_byte_size(), inputs[2].get_size())) return false;
        const auto* ids = inputs[0].data<const int32_t>();
        const auto* panels = static_cast<const int8_t*>(inputs[1].data());
        const auto* scales = inputs[2].data<const float>();
        const auto rows = static_cast<int64_t>(inputs[2].get_size());
        auto* out = outputs[0].data<float>();
        for (size_t at = 0; at < inputs[0].get_size(); ++at) {
            if (ids[at] < 0 || ids[at] >= rows) return false;
            unpack_row(panels, scales, ids[at], width_, out + static_cast<int64_t>(at) * width_);
        }
        return true;
    }

  private:
    // Whether there are codes for as many rows as there are scales.
    bool fits(size_t num_bytes, size_t num_scales) const {
        return is_matrix(8, static_cast<int64_t>(num_scales) / COLUMN_TILE, width_, num_bytes, num_scales);
    }

    int64_t width_ = 0;
};

}  // namespace headrace
