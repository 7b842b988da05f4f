// A whole layer of an encoder as an operation of a graph.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "encoder_layer.h"
#include "openvino/op/op.hpp"

namespace headrace {

// x [tokens, hidden] f32; begins [texts + 1] i32, where the last is the number of tokens; how many tokens of each text
// are seen [texts] i32, the first ones; then of queries, keys and values, of what they come to, of up and of down:
// codes u8 in panels, scales and biases f32 in whole panels; and of the norms behind attention and behind the
// feed-forward half: weights and biases [hidden] f32 -> [tokens, hidden] f32.
class TileEncoderLayer : public ov::op::Op {
  public:
    OPENVINO_OP("TileEncoderLayer", "headrace");
    TileEncoderLayer() = default;
    TileEncoderLayer(const ov::OutputVector& inputs, const TileEncoderLayer& like)
        : Op(inputs),
          heads_(like.heads_),
          dim_(like.dim_),
          inner_(like.inner_),
          scale_(like.scale_),
          epsilon_(like.epsilon_),
          bend_(like.bend_) {
        constructor_validate_and_infer_types();
    }

    void validate_and_infer_types() override {
        NODE_VALIDATION_CHECK(this, get_input_size() == NUM_INPUTS, "inputs are ", get_input_size());
        NODE_VALIDATION_CHECK(this, is_size(heads_) && is_size(dim_) && is_size(inner_), heads_, " heads are of ", dim_,
                              ", and ", inner_, " numbers are between");
        for (size_t input = 0; input < NUM_INPUTS; ++input) {
            const bool codes = input >= MATRICES && input < NORMS && (input - MATRICES) % 3 == 0;
            const bool places = input == 1 || input == 2;
            const auto wanted = codes ? ov::element::u8 : places ? ov::element::i32 : ov::element::f32;
            NODE_VALIDATION_CHECK(this, get_input_element_type(input) == wanted, "input ", input,
                                  " is of another type");
        }
        const auto width = width_of(this, 0);
        std::vector<size_t> sizes;
        for (size_t input = MATRICES; input < NUM_INPUTS; ++input)
            sizes.push_back(ov::shape_size(get_input_shape(input)));
        NODE_VALIDATION_CHECK(this, width.is_dynamic() || fits(width.get_length(), sizes),
                              "matrices or norms are not of ", width, " numbers, ", heads_, " heads of ", dim_, " and ",
                              inner_, " between");
        set_output_type(0, ov::element::f32, get_input_partial_shape(0));
    }

    std::shared_ptr<ov::Node> clone_with_new_inputs(const ov::OutputVector& inputs) const override {
        return std::make_shared<TileEncoderLayer>(inputs, *this);
    }

    bool visit_attributes(ov::AttributeVisitor& visitor) override {
        visitor.on_attribute("heads", heads_);
        visitor.on_attribute("dim", dim_);
        visitor.on_attribute("inner", inner_);
        visitor.on_attribute("scale", scale_);
        visitor.on_attribute("epsilon", epsilon_);
        visitor.on_attribute("bend", bend_);
        return true;
    }

    bool has_evaluate() const override { return true; }

    bool evaluate(ov::TensorVector& outputs, const ov::TensorVector& inputs) const override {
        const auto shape = inputs[0].get_shape();
        const auto hidden = static_cast<int64_t>(shape.back());
        outputs[0].set_shape(shape);
        std::vector<size_t> sizes;
        for (size_t input = MATRICES; input < NUM_INPUTS; ++input) sizes.push_back(inputs[input].get_size());
        if (hidden == 0 || !fits(hidden, sizes)) return false;
        std::vector<TextSpan> texts;
        const int64_t tokens = static_cast<int64_t>(inputs[0].get_size()) / hidden;
        const auto count = static_cast<int64_t>(inputs[2].get_size());
        if (static_cast<int64_t>(inputs[1].get_size()) != count + 1) return false;
        const auto *begins = inputs[1].data<const int32_t>(), *seen = inputs[2].data<const int32_t>();
        if (!spans_of(begins, seen, count, tokens, texts)) return false;
        const auto matrix = [&](size_t number, int64_t width, int64_t rows) {
            const size_t at = MATRICES + 3 * number;
            return CodedMatrix{static_cast<const int8_t*>(inputs[at].data()), inputs[at + 1].data<const float>(),
                               inputs[at + 2].data<const float>(), width, rows};
        };
        const auto norm = [&](size_t number) {
            const size_t at = NORMS + 2 * number;
            return LayerNorming{{inputs[at].data<const float>(), epsilon_}, inputs[at + 1].data<const float>()};
        };
        const int64_t width = heads_ * dim_;
        const EncoderLayer layer{matrix(0, hidden, 3 * width), matrix(1, width, hidden), matrix(2, hidden, inner_),
                                 matrix(3, inner_, hidden),    norm(0),                  norm(1),
                                 heads_,                       scale_,                   bend_of(bend_)};
        compute(layer, texts, inputs[0].data<const float>(), outputs[0].data<float>());
        return true;
    }

  private:
    static constexpr size_t MATRICES = 3, NORMS = MATRICES + 3 * 4, NUM_INPUTS = NORMS + 2 * 2;
    static constexpr int64_t MOST_SIZE = 1 << 14;  // no product of sizes is too large
    static constexpr int64_t FEW_TOKENS = 32, MANY_TOKENS = 96;  // that are computed at a time, unless a text has more

    static bool is_size(int64_t size) { return size > 0 && size <= MOST_SIZE; }

    // Some texts at a time, each by one thread; where there are no more of them than one thread takes, by all together.
    static void compute(const EncoderLayer& layer, const std::vector<TextSpan>& texts, const float* x, float* out) {
        if (texts.empty()) return;
        const int64_t tokens = texts.back().first_token + texts.back().tokens;
        const int64_t threads = tbb::this_task_arena::max_concurrency();
        const int64_t most = std::clamp(parts(tokens, 2 * threads), FEW_TOKENS, MANY_TOKENS);
        std::vector<size_t> firsts;  // of texts that are computed together
        for (size_t text = 0; text < texts.size(); ++text) {
            const int64_t end = texts[text].first_token + texts[text].tokens;
            if (firsts.empty() || end - texts[firsts.back()].first_token > most) firsts.push_back(text);
        }
        const bool together = threads > 1 && firsts.size() < static_cast<size_t>(threads);
        const Sharing sharing(!together);
        const auto attention = [&](size_t number) {
            const Texts some = of(texts, firsts, number);
            const int64_t at = some.first_token() * layer.hidden();
            compute_attention(layer, some, x + at, out + at, sharing);
        };
        const auto half = [&](size_t number) {
            const Texts some = of(texts, firsts, number);
            compute_half(layer, some.tokens(), out + some.first_token() * layer.hidden(), sharing);
        };
        each(firsts.size(), together, attention);
        each(firsts.size(), together, half);
    }

    // Those of some number, of texts that begin anew at `firsts`.
    static Texts of(const std::vector<TextSpan>& texts, const std::vector<size_t>& firsts, size_t number) {
        const size_t begin = firsts[number], end = number + 1 < firsts.size() ? firsts[number + 1] : texts.size();
        return {&texts[begin], static_cast<int64_t>(end - begin)};
    }

    // work(number) of each of them, one after another where all threads work on each `together`.
    template <typename Work>
    static void each(size_t count, bool together, const Work& work) {
        if (together)
            for (size_t number = 0; number < count; ++number) work(number);
        else
            tbb::parallel_for(size_t{0}, count, work);
    }

    // Whether matrices and norms are of a layer with rows of `hidden` numbers.
    bool fits(int64_t hidden, const std::vector<size_t>& sizes) const {
        const int64_t width = heads_ * dim_;
        const int64_t shapes[4][2] = {{hidden, 3 * width}, {width, hidden}, {hidden, inner_}, {inner_, hidden}};
        if (!is_size(hidden)) return false;
        for (size_t number = 0; number < 4; ++number) {
            const size_t at = 3 * number;
            const int64_t column_tiles = parts(shapes[number][1], COLUMN_TILE);
            if (!is_matrix(8, column_tiles, shapes[number][0], sizes[at], sizes[at + 1])) return false;
            if (sizes[at + 2] != sizes[at + 1]) return false;
        }
        for (size_t input = NORMS - MATRICES; input < NUM_INPUTS - MATRICES; ++input)
            if (sizes[input] != static_cast<size_t>(hidden)) return false;
        return true;
    }

    int64_t heads_ = 0, dim_ = 0, inner_ = 0;
    float scale_ = 0, epsilon_ = 0;
    std::string bend_;
};

}  // namespace headrace
