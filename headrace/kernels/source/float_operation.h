// Products with matrices of float32, as an operation of a graph.
#pragma once

#include <memory>
#include <string>

#include "float_product.h"
#include "product_operation.h"

namespace headrace {

struct OfSums;  // a use of room

// x [..., inputs] f32, panels of the halves of a matrix u8, bias f32, in whole panels, and perhaps [..., outputs] f32
// that is added behind the bend -> [..., outputs] f32.
class TileFloatProduct : public ov::op::Op {
  public:
    OPENVINO_OP("TileFloatProduct", "headrace");
    TileFloatProduct() = default;
    TileFloatProduct(const ov::OutputVector& inputs, const TileFloatProduct& like)
        : Op(inputs), outputs_(like.outputs_), bend_(like.bend_) {
        constructor_validate_and_infer_types();
    }

    void validate_and_infer_types() override {
        NODE_VALIDATION_CHECK(this, outputs_ > 0 && outputs_ <= MOST_NUMBERS, "outputs are ", outputs_);
        const size_t count = get_input_size();
        NODE_VALIDATION_CHECK(this, count == 3 || count == 4, "inputs are ", count);
        for (size_t input = 0; input < count; ++input)
            NODE_VALIDATION_CHECK(this,
                                  get_input_element_type(input) == (input == 1 ? ov::element::u8 : ov::element::f32),
                                  "input ", input, " is of another type");
        const auto width = width_of(this, 0);
        const size_t num_bytes = ov::shape_size(get_input_shape(1)), num_biases = ov::shape_size(get_input_shape(2));
        NODE_VALIDATION_CHECK(this, width.is_dynamic() || fits(width.get_length(), num_bytes, num_biases),
                              "halves or biases are not of ", outputs_, " outputs of ", width, " numbers");
        auto shape = get_input_partial_shape(0);
        if (shape.rank().is_static()) shape[shape.size() - 1] = outputs_;
        NODE_VALIDATION_CHECK(this, count == 3 || shape.compatible(get_input_partial_shape(3)),
                              "what is added is not of shape ", shape);
        set_output_type(0, ov::element::f32, shape);
    }

    std::shared_ptr<ov::Node> clone_with_new_inputs(const ov::OutputVector& inputs) const override {
        return std::make_shared<TileFloatProduct>(inputs, *this);
    }

    bool visit_attributes(ov::AttributeVisitor& visitor) override {
        visitor.on_attribute("outputs", outputs_);
        visitor.on_attribute("bend", bend_);
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
        if (!fits(width, inputs[1].get_byte_size(), inputs[2].get_size())) return false;
        if (inputs.size() > 3 && inputs[3].get_shape() != shape) return false;
        if (rows == 0) return true;
        const float* onto = inputs.size() > 3 ? inputs[3].data<const float>() : nullptr;
        const FloatOutputs to{outputs[0].data<float>(), rows, outputs_, inputs[2].data<const float>(), onto,
                              bend_of(bend_)};
        const FloatProduct product{static_cast<const char*>(inputs[1].data()), parts(width, FLOAT_STRETCH), to};
        multiply(product, inputs[0].data<const float>(), width);
        return true;
    }

  private:
    static void multiply(const FloatProduct& product, const float* x, int64_t width) {
        const int64_t rows = product.to.rows, tile_bytes = product.stretches * X_STRETCH_BYTES;
        by_blocks(
            parts(rows, TILE_ROWS), tile_bytes, BLOCK_TILES, parts(product.to.width, PANEL_ROWS),
            [&](int64_t count) { return room(static_cast<size_t>(count * tile_bytes)); },
            [&](char* tiles, int64_t first, int64_t begin, int64_t end) {
                for (int64_t tile = begin; tile < end; ++tile)
                    halve_tile(x, rows, width, product.stretches, tile, tiles + (tile - first) * tile_bytes);
            },
            [&](const char* tiles, int64_t first, int64_t last, int64_t begin, int64_t end) {
                const int64_t count = last - first;
                auto* sums = reinterpret_cast<float*>(room<OfSums>(static_cast<size_t>(float_sums_bytes(count))));
                multiply_float_panels(product, tiles, first, count, begin, end, sums);
            });
    }

    bool fits(int64_t width, size_t num_bytes, size_t num_biases) const {
        const auto panels = static_cast<size_t>(parts(outputs_, PANEL_ROWS));
        if (width <= 0 || width > MOST_NUMBERS || num_biases != panels * PANEL_ROWS) return false;
        const auto step = panels * static_cast<size_t>(FLOAT_STRETCH_BYTES);
        return num_bytes % step == 0 && num_bytes / step == static_cast<size_t>(parts(width, FLOAT_STRETCH));
    }

    int64_t outputs_ = 0;
    std::string bend_;
};

}  // namespace headrace
