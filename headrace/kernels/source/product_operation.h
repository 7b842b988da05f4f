// Products with matrices of codes, rows of such matrices, and norms, as operations of a graph.
#pragma once

#include <tbb/blocked_range.h>
#include <tbb/parallel_for.h>
#include <tbb/partitioner.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "norms.h"
#include "openvino/op/op.hpp"
#include "product4.h"
#include "product8.h"

namespace headrace {

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

// Rows 8 * tile and on of x [rows, width] -> the tiles of that number, and what a code of each row is worth.
inline void round_tile(const float* x, int64_t rows, int64_t width, const Norming& norming, int64_t stretches,
                       int64_t tile, int8_t* tiles, float* worths) {
    int8_t* begin = tiles + tile * stretches * TILE_BYTES;
    const int64_t first_row = tile * ROWS_OF_TILE, count = std::min(ROWS_OF_TILE, rows - first_row);
    if (count < ROWS_OF_TILE) std::memset(begin, 0, static_cast<size_t>(stretches * TILE_BYTES));
    for (int64_t row = 0; row < count; ++row) {
        const float* from = x + (first_row + row) * width;
        int8_t* line = begin + row * TILE_WIDTH;
        worths[first_row + row] = norming.weight ? round_row(NormedRow(from, width, norming), width, stretches, line)
                                                 : round_row(PlainRow(from, width), width, stretches, line);
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
// weights [inputs] f32, and perhaps [..., outputs] f32 that the product is added to -> [..., outputs] f32.
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
          epsilon_(like.epsilon_) {
        constructor_validate_and_infer_types();
    }

    void validate_and_infer_types() override {
        NODE_VALIDATION_CHECK(this, bits_ == 8 || bits_ == 4, "bits are ", bits_, ", not 8 or 4");
        NODE_VALIDATION_CHECK(this, outputs_ > 0 && outputs_ <= MOST_NUMBERS, "outputs are ", outputs_);
        const size_t behind = normed_ ? 4 : 3, count = get_input_size();
        NODE_VALIDATION_CHECK(this, count == behind || (count == behind + 1 && !gated_), "inputs are ", count);
        for (size_t input = 0; input < count; ++input)
            NODE_VALIDATION_CHECK(this,
                                  get_input_element_type(input) == (input == 1 ? ov::element::u8 : ov::element::f32),
                                  "input ", input, " is of another type");
        const auto width = width_of(this, 0);
        const size_t num_bytes = ov::shape_size(get_input_shape(1)), num_scales = ov::shape_size(get_input_shape(2));
        const size_t num_weights = normed_ ? ov::shape_size(get_input_shape(3)) : 0;
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
        visitor.on_attribute("epsilon", epsilon_);
        return true;
    }

    bool has_evaluate() const override { return true; }

    bool evaluate(ov::TensorVector& outputs, const ov::TensorVector& inputs) const override {
        auto shape = inputs[0].get_shape();
        const auto width = static_cast<int64_t>(shape.back());
        if (width == 0) return false;
        const int64_t rows = static_cast<int64_t>(inputs[0].get_size()) / width, stretches = parts(width, TILE_WIDTH);
        shape.back() = static_cast<size_t>(outputs_);
        outputs[0].set_shape(shape);
        const size_t behind = normed_ ? 4 : 3, num_weights = normed_ ? inputs[3].get_size() : 0;
        if (!fits(width, inputs[1].get_byte_size(), inputs[2].get_size(), num_weights)) return false;
        if (inputs.size() > behind && inputs[behind].get_shape() != shape) return false;
        if (rows == 0) return true;
        const int64_t num_tiles = parts(rows, ROWS_OF_TILE), tile_bytes = stretches * TILE_BYTES;
        char* kept = room(static_cast<size_t>(num_tiles * tile_bytes) + static_cast<size_t>(rows) * sizeof(float));
        auto* tiles = reinterpret_cast<int8_t*>(kept);
        auto* worths = reinterpret_cast<float*>(kept + num_tiles * tile_bytes);
        const float* x = inputs[0].data<const float>();
        const Norming norming{normed_ ? inputs[3].data<const float>() : nullptr, epsilon_};
        const auto round = [&](int64_t begin, int64_t end) {
            for (int64_t tile = begin; tile < end; ++tile)
                round_tile(x, rows, width, norming, stretches, tile, tiles, worths);
        };
        divided(num_tiles, round, FEW_TILES);
        const float* onto = inputs.size() > behind ? inputs[behind].data<const float>() : nullptr;
        const Outputs to{outputs[0].data<float>(), rows, outputs_, worths, inputs[2].data<const float>(), onto, gated_,
                         bend_of(bend_)};
        const int64_t column_tiles = to.column_tiles(), pairs = parts(column_tiles, 2);
        if (bits_ == 8) {
            const Product8 product{tiles, static_cast<const int8_t*>(inputs[1].data()), stretches, to};
            divided(pairs, [&](int64_t begin, int64_t end) { multiply_panels(product, begin, end); });
        } else {
            const Product4 product{tiles, static_cast<const uint8_t*>(inputs[1].data()), stretches, to};
            divided(pairs, [&](int64_t begin, int64_t end) {
                multiply_panels(product, 2 * begin, std::min(2 * end, column_tiles));
            });
        }
        return true;
    }

  private:
    // Whether rows of x are as wide as the matrix, and as the weights that they are normed with.
    bool fits(int64_t width, size_t num_bytes, size_t num_scales, size_t num_weights) const {
        const int64_t column_tiles = parts(outputs_, COLUMN_TILE) * (gated_ ? 2 : 1);
        if (normed_ && num_weights != static_cast<size_t>(width)) return false;
        return is_matrix(bits_, column_tiles, width, num_bytes, num_scales);
    }

    int64_t bits_ = 8, outputs_ = 0;
    bool gated_ = false;
    std::string bend_;
    bool normed_ = false;
    float epsilon_ = 0;
};

// x [..., width] f32, weights [width] f32 -> x normed, of the same shape.
class TileNorm : public ov::op::Op {
  public:
    OPENVINO_OP("TileNorm", "headrace");
    TileNorm() = default;
    TileNorm(const ov::OutputVector& inputs, float epsilon) : Op(inputs), epsilon_(epsilon) {
        constructor_validate_and_infer_types();
    }

    void validate_and_infer_types() override {
        NODE_VALIDATION_CHECK(this, get_input_size() == 2, "inputs are ", get_input_size());
        for (size_t input = 0; input < 2; ++input)
            NODE_VALIDATION_CHECK(this, get_input_element_type(input) == ov::element::f32, "input ", input,
                                  " is of another type");
        const auto num_weights = static_cast<int64_t>(ov::shape_size(get_input_shape(1)));
        NODE_VALIDATION_CHECK(this, num_weights > 0 && width_of(this, 0).compatible(num_weights), "there are ",
                              num_weights, " weights for rows of other widths");
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
        if (width == 0 || inputs[1].get_size() != shape.back()) return false;
        const int64_t rows = static_cast<int64_t>(inputs[0].get_size()) / width;
        const Norming norming{inputs[1].data<const float>(), epsilon_};
        const float* x = inputs[0].data<const float>();
        auto* out = outputs[0].data<float>();
        const auto norm = [&](int64_t begin, int64_t end) {
            for (int64_t row = begin; row < end; ++row) norm_row(x + row * width, width, norming, out + row * width);
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
