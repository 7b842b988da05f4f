// The kernels as operations of an OpenVINO graph, whose threads are the graph's own: TBB's, in the arena that runs it;
// and the choosing of tokens as a function.
#include <memory>
#include <vector>

#include "attention_operation.h"
#include "drawing.h"
#include "encoder_layer_operation.h"
#include "float_operation.h"
#include "openvino/core/extension.hpp"
#include "openvino/core/op_extension.hpp"
#include "product_operation.h"
#include "text_attention_operation.h"

OPENVINO_CREATE_EXTENSIONS(std::vector<ov::Extension::Ptr>({
    std::make_shared<ov::OpExtension<headrace::TileProduct>>(),
    std::make_shared<ov::OpExtension<headrace::TileFloatProduct>>(),
    std::make_shared<ov::OpExtension<headrace::TileRows>>(),
    std::make_shared<ov::OpExtension<headrace::TileNorm>>(),
    std::make_shared<ov::OpExtension<headrace::TileAttention>>(),
    std::make_shared<ov::OpExtension<headrace::TileTextAttention>>(),
    std::make_shared<ov::OpExtension<headrace::TileEncoderLayer>>(),
}));

// Whether the system lets this process use what the kernels are made for.
extern "C" int headrace_may_use_tiles() { return headrace::may_use_tiles() ? 1 : 0; }

extern "C" void headrace_choose(const float* logits, int64_t vocabulary, int64_t depth, const void* asked, int64_t count,
                                int64_t* ids, int threads) {
    headrace::choose_all(logits, vocabulary, depth, static_cast<const headrace::Asked*>(asked), count, ids, threads);
}
