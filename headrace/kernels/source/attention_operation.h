// Attention over blocks of a cache, from the product that gives queries, keys and values, as an operation of a graph.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "attention.h"
#include "openvino/op/op.hpp"
#include "product_operation.h"
#include "turning.h"

namespace headrace {

constexpr int64_t MOST_HEADS = 1 << 16;  // no product of sizes is too large
constexpr int64_t FEW_TOKENS = 8;  // turned where they are, for to wait for another thread takes as long

// queries, keys and values side by side [tokens, 1, (heads + 2 * kv_heads) * dim], cosines and sines
// [tokens, 1, turned / 2] f32, caches u8 [blocks, kv_heads, 32, dim + 4], which are written in place, past_lens,
// begins, blocks, block_begins i32, and where queries and keys are normed two weights f32
// -> [tokens, 1, heads * dim] f32.
class TileAttention : public ov::op::Op {
  public:
    OPENVINO_OP("TileAttention", "headrace");
    TileAttention() = default;
    TileAttention(const ov::OutputVector& inputs, const TileAttention& like)
        : Op(inputs),
          query_heads_(like.query_heads_),
          kv_heads_(like.kv_heads_),
          dim_(like.dim_),
          window_(like.window_),
          turned_(like.turned_),
          scale_(like.scale_),
          cap_(like.cap_),
          epsilon_(like.epsilon_),
          norm_(like.norm_) {
        constructor_validate_and_infer_types();
    }

    void validate_and_infer_types() override {
        NODE_VALIDATION_CHECK(this, dim_ % 16 == 0 && dim_ >= 16 && dim_ <= detail::MAX_DIM, "a head is of ", dim_);
        NODE_VALIDATION_CHECK(this,
                              kv_heads_ > 0 && query_heads_ > 0 && query_heads_ <= MOST_HEADS &&
                                  query_heads_ % kv_heads_ == 0,
                              query_heads_, " heads of queries share ", kv_heads_);
        NODE_VALIDATION_CHECK(this, turned_ >= 0 && turned_ <= dim_ && turned_ % 2 == 0, "turned are ", turned_);
        NODE_VALIDATION_CHECK(this, window_ >= 0 && window_ <= INT32_MAX, "the window is ", window_);
        NODE_VALIDATION_CHECK(this, norm_ == "none" || norm_ == "heads" || norm_ == "joint", "the norm is ", norm_);
        const size_t count = get_input_size();
        NODE_VALIDATION_CHECK(this, count == (norm_ == "none" ? 9 : 11), "inputs are ", count);
        const ov::PartialShape cache{-1, kv_heads_, detail::BLOCK, dim_ + 4};
        for (size_t input = 0; input < count; ++input) {
            const bool is_cache = input == 3 || input == 4, is_table = input >= 5 && input <= 8;
            const auto type = is_cache ? ov::element::u8 : is_table ? ov::element::i32 : ov::element::f32;
            NODE_VALIDATION_CHECK(this, get_input_element_type(input) == type, "input ", input, " is not ", type);
            NODE_VALIDATION_CHECK(this, !is_cache || get_input_partial_shape(input).compatible(cache), "input ", input,
                                  " is not of shape ", cache);
        }
        NODE_VALIDATION_CHECK(this, width_of(this, 0).compatible(row_width()), "rows are not of ", row_width());
        for (size_t input = 1; input < 3 && turned_ > 0; ++input)
            NODE_VALIDATION_CHECK(this, width_of(this, input).compatible(turned_ / 2), "angles are not ", turned_ / 2);
        for (size_t input = 9; input < count; ++input) {
            const int64_t heads = norm_ == "heads" ? 1 : input == 9 ? query_heads_ : kv_heads_;
            NODE_VALIDATION_CHECK(this, ov::shape_size(get_input_shape(input)) == static_cast<size_t>(heads * dim_),
                                  "weights of input ", input, " are not ", heads * dim_);
        }
        auto shape = get_input_partial_shape(0);
        if (shape.rank().is_static()) shape[shape.size() - 1] = query_heads_ * dim_;
        set_output_type(0, ov::element::f32, shape);
    }

    std::shared_ptr<ov::Node> clone_with_new_inputs(const ov::OutputVector& inputs) const override {
        return std::make_shared<TileAttention>(inputs, *this);
    }

    bool visit_attributes(ov::AttributeVisitor& visitor) override {
        visitor.on_attribute("query_heads", query_heads_);
        visitor.on_attribute("kv_heads", kv_heads_);
        visitor.on_attribute("dim", dim_);
        visitor.on_attribute("window", window_);
        visitor.on_attribute("turned", turned_);
        visitor.on_attribute("scale", scale_);
        visitor.on_attribute("cap", cap_);
        visitor.on_attribute("epsilon", epsilon_);
        visitor.on_attribute("norm", norm_);
        return true;
    }

    bool has_evaluate() const override { return true; }

    bool evaluate(ov::TensorVector& outputs, const ov::TensorVector& inputs) const override {
        auto shape = inputs[0].get_shape();
        if (shape.back() != static_cast<size_t>(row_width())) return false;
        const auto tokens = static_cast<int64_t>(inputs[0].get_size() / shape.back());
        const auto num_angles = static_cast<size_t>(tokens * (turned_ / 2)), behind = inputs[5].get_size() + 1;
        if (inputs[1].get_size() < num_angles || inputs[2].get_size() < num_angles) return false;
        if (inputs[6].get_size() != behind || inputs[8].get_size() != behind) return false;
        shape.back() = static_cast<size_t>(query_heads_ * dim_);
        outputs[0].set_shape(shape);
        const Heads heads{static_cast<int>(query_heads_), static_cast<int>(kv_heads_), static_cast<int>(dim_),
                          scale_, cap_, static_cast<int>(window_)};
        Step step{};
        turn(inputs, heads, tokens, step);
        step.key_cache = cache(inputs[3]);
        step.value_cache = cache(inputs[4]);
        step.past = inputs[5].data<const int32_t>();
        step.begins = inputs[6].data<const int32_t>();
        step.blocks = inputs[7].data<const int32_t>();
        step.block_begins = inputs[8].data<const int32_t>();
        step.sequences = static_cast<int>(inputs[5].get_size());
        step.out = outputs[0].data<float>();
        attend(heads, step);
        return true;
    }

  private:
    int64_t row_width() const { return (query_heads_ + 2 * kv_heads_) * dim_; }

    // Takes rows apart into this thread's room, where they stay until the next call.
    void turn(const ov::TensorVector& inputs, const Heads& heads, int64_t tokens, Step& step) const {
        const int64_t queries = heads.query_heads * heads.dim, keys = heads.kv_heads * heads.dim;
        const float* rows = inputs[0].data<const float>();
        const bool normed = norm_ != "none";
        const Turning turning{inputs[1].data<const float>(), inputs[2].data<const float>(), static_cast<int>(turned_),
                              !normed ? Norm::none : norm_ == "joint" ? Norm::joint : Norm::heads,
                              normed ? inputs[9].data<const float>() : nullptr,
                              normed ? inputs[10].data<const float>() : nullptr, epsilon_};
        const auto num_floats = static_cast<size_t>(tokens * (queries + 2 * keys));
        auto* query = reinterpret_cast<float*>(room(num_floats * sizeof(float)));
        float *key = query + tokens * queries, *value = key + tokens * keys;
        const auto work = [&](int64_t begin, int64_t end) {
            for (int64_t t = begin; t < end; ++t) {
                const float* row = rows + t * (queries + 2 * keys);
                turn_token(row, t, heads.query_heads, heads.dim, turning.query_norm, turning, query + t * queries);
                turn_token(row + queries, t, heads.kv_heads, heads.dim, turning.key_norm, turning, key + t * keys);
                std::memcpy(value + t * keys, row + queries + keys, sizeof(float) * static_cast<size_t>(keys));
            }
        };
        divided(tokens, work, FEW_TOKENS);
        step.query = query, step.key = key, step.value = value;
    }

    static uint8_t* cache(const ov::Tensor& tensor) {
        return static_cast<uint8_t*>(const_cast<void*>(static_cast<const void*>(tensor.data())));
    }

    int64_t query_heads_ = 0, kv_heads_ = 0, dim_ = 0, window_ = 0, turned_ = 0;
    float scale_ = 0, cap_ = 0, epsilon_ = 0;
    std::string norm_ = "none";
};

}  // namespace headrace
