// Attention within whole texts as an operation of a graph.
#pragma once

#include <memory>
#include <vector>

#include "product_operation.h"
#include "text_attention.h"

namespace headrace {

// queries, keys and values side by side [tokens, 3 * heads * dim] f32, begins [texts + 1] i32, where the last is the
// number of tokens, and perhaps how many tokens of each text are seen [texts] i32, the first ones of it, all where it
// is not said -> [tokens, heads * dim] f32.
class TileTextAttention : public ov::op::Op {
  public:
    OPENVINO_OP("TileTextAttention", "headrace");
    TileTextAttention() = default;
    TileTextAttention(const ov::OutputVector& inputs, const TileTextAttention& like)
        : Op(inputs), heads_(like.heads_), dim_(like.dim_), scale_(like.scale_), narrow_(like.narrow_) {
        constructor_validate_and_infer_types();
    }

    void validate_and_infer_types() override {
        const size_t count = get_input_size();
        NODE_VALIDATION_CHECK(this, count == 2 || count == 3, "inputs are ", count);
        NODE_VALIDATION_CHECK(this, heads_ > 0 && heads_ <= MOST_TEXT_HEADS && dim_ > 0 && dim_ <= MOST_TEXT_HEADS,
                              heads_, " heads are of ", dim_);
        for (size_t input = 0; input < count; ++input)
            NODE_VALIDATION_CHECK(this,
                                  get_input_element_type(input) == (input == 0 ? ov::element::f32 : ov::element::i32),
                                  "input ", input, " is of another type");
        NODE_VALIDATION_CHECK(this, width_of(this, 0).compatible(3 * heads_ * dim_), "rows are not of ",
                              3 * heads_ * dim_);
        auto shape = get_input_partial_shape(0);
        if (shape.rank().is_static()) shape[shape.size() - 1] = heads_ * dim_;
        set_output_type(0, ov::element::f32, shape);
    }

    std::shared_ptr<ov::Node> clone_with_new_inputs(const ov::OutputVector& inputs) const override {
        return std::make_shared<TileTextAttention>(inputs, *this);
    }

    bool visit_attributes(ov::AttributeVisitor& visitor) override {
        visitor.on_attribute("heads", heads_);
        visitor.on_attribute("dim", dim_);
        visitor.on_attribute("scale", scale_);
        visitor.on_attribute("narrow", narrow_);
        return true;
    }

    bool has_evaluate() const override { return true; }

    bool evaluate(ov::TensorVector& outputs, const ov::TensorVector& inputs) const override {
        auto shape = inputs[0].get_shape();
        if (shape.back() != static_cast<size_t>(3 * heads_ * dim_)) return false;
        const auto tokens = static_cast<int64_t>(inputs[0].get_size() / shape.back());
        shape.back() = static_cast<size_t>(heads_ * dim_);
        outputs[0].set_shape(shape);
        const auto count = static_cast<int64_t>(inputs[1].get_size()) - 1;
        const int32_t* seen = inputs.size() > 2 ? inputs[2].data<const int32_t>() : nullptr;
        if (seen && static_cast<int64_t>(inputs[2].get_size()) != count) return false;
        std::vector<TextSpan> texts;
        if (!spans_of(inputs[1].data<const int32_t>(), seen, count, tokens, texts)) return false;
        int64_t most_keys = 0;
        for (const TextSpan& text : texts) most_keys = std::max(most_keys, text.keys);
        const TextHeads heads{inputs[0].data<const float>(), outputs[0].data<float>(), heads_, dim_, scale_};
        const size_t num_bytes = TextRoom::num_bytes(heads, most_keys);
        const auto of_all = static_cast<int64_t>(texts.size()) * heads_;
        tbb::parallel_for(tbb::blocked_range<int64_t>(0, of_all), [&](const tbb::blocked_range<int64_t>& some) {
            const TextRoom room(headrace::room(num_bytes), heads, most_keys);
            const Tiles tiles;
            for (int64_t each = some.begin(); each < some.end(); ++each) {
                const TextSpan& text = texts[static_cast<size_t>(each / heads_)];
                if (narrow_)
                    attend_text<true>(heads, room, text, each % heads_);
                else
                    attend_text<false>(heads, room, text, each % heads_);
            }
        });
        return true;
    }

  private:
    static constexpr int64_t MOST_TEXT_HEADS = 1 << 14;  // no product of sizes is too large

    int64_t heads_ = 0, dim_ = 0;
    float scale_ = 0;
    bool narrow_ = false;  // numbers are bfloat16, and not two of these
};

}  // namespace headrace
