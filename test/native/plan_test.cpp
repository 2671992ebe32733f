// The plan: what lives where for each cap and context, and that it never promises what it cannot keep. A pure function,
// so no file is read here but for the headers at the end.

#include "plan/plan.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "model_writer.h"
#include "planned_models.h"
#include "random.h"
#include "tests.h"

namespace flint {
namespace {

using flash::Model;
using flash::Placement;
using flash::Plan;
using flash::TensorInfo;
using flash::Use;

constexpr uint64_t kUnlimited = uint64_t{1} << 50;
constexpr uint64_t kLargestMatrix = 60'000'000;  // bytes, no less than the output matrix

Plan plan_for(const Model& model, uint64_t cap, uint32_t context) {
    return flash::make_plan(model, {cap, context, kTwoThreads});
}

/** What must hold of any plan, whatever was asked. */
void check_consistent(const Model& model, const Plan& plan, uint64_t cap) {
    CHECK_EQUAL(plan.placement.size(), model.tensors.size());
    CHECK_EQUAL(plan.resident_bytes, sum_of(model, plan, Placement::Resident));
    CHECK_EQUAL(plan.streamed_bytes, sum_of(model, plan, Placement::Streamed));
    CHECK_EQUAL(plan.row_read_bytes, sum_of(model, plan, Placement::Rows));
    CHECK_EQUAL(plan.fits, plan.minimum_cap <= cap);
    CHECK_EQUAL(plan.fits, plan.context <= plan.maximum_context);
    const bool quantized = plan.kv_type == flash::KvType::Q8_0;
    CHECK_EQUAL(plan.kv_bytes,
                (quantized ? model.quantized_kv_bytes_per_token : model.kv_bytes_per_token) * plan.context);
    if (!plan.fits) return;
    CHECK(plan.micro_batch >= 1);
    CHECK(flash::process_bytes(model) + plan.resident_bytes + plan.pinned_bytes + plan.expert_pool_bytes +
              plan.kv_bytes + plan.compute_bytes + plan.staging_bytes <=
          cap);
    if (plan.streamed_bytes > 0) CHECK(plan.ring_bytes > 0 && plan.staging_bytes >= plan.ring_bytes);
    for (size_t i = 0; i < model.tensors.size(); i++) {
        if (plan.placement[i] == Placement::Streamed) CHECK(flash::tile_bytes(model.tensors[i]) <= plan.ring_bytes);
    }
}

void every_cap_and_context() {
    const Model model = dense_model();
    for (const uint32_t context : {0U, 1U, 256U, 2048U}) {
        const uint64_t minimum = plan_for(model, kUnlimited, context).minimum_cap;
        Plan before = plan_for(model, minimum, context);
        for (uint64_t cap = 1U << 20; cap < uint64_t{2} << 30; cap += 7'654'321) {
            const Plan plan = plan_for(model, cap, context);
            check_consistent(model, plan, cap);
            if (!plan.fits) {
                CHECK(context == 0 || cap < minimum);
                continue;
            }
            if (context == 0) continue;  // its plans are for contexts of different lengths
            // A larger cap may spend on larger buffers, but no more than it grew by; tensors move whole.
            const uint64_t buffers_before = before.compute_bytes + before.staging_bytes;
            const uint64_t buffers = std::max(buffers_before, plan.compute_bytes + plan.staging_bytes);
            CHECK(plan.streamed_bytes <= before.streamed_bytes + (buffers - buffers_before) + kLargestMatrix);
            before = plan;
        }
        CHECK(context == 0 || before.streamed_bytes == 0);
    }
}

void table() {
    const Model model = dense_model();
    const uint64_t total = total_bytes(model);
    const uint64_t minimum = plan_for(model, kUnlimited, 512).minimum_cap;
    struct Row {
        const char* what;
        uint64_t cap;
        bool fits;
        bool resident;
        bool streamed;
    };
    const Row rows[] = {
        {"nothing", 1, false, true, true},
        {"a byte less than the minimum", minimum - 1, false, true, true},
        {"the minimum", minimum, true, true, true},
        {"half of the weights", minimum + total / 2, true, true, true},
        {"all of the weights and more", minimum + 2 * total, true, true, false},
        {"no limit", kUnlimited, true, true, false},
    };
    for (const Row& row : rows) {
        const Plan plan = plan_for(model, row.cap, 512);
        check_consistent(model, plan, row.cap);
        const bool as_expected = plan.fits == row.fits && plan.minimum_cap == minimum &&
                                 (plan.resident_bytes > 0) == row.resident && (plan.streamed_bytes > 0) == row.streamed;
        if (!as_expected) throw std::runtime_error(std::string("not as expected: ") + row.what);
    }
    const uint64_t whole = plan_for(model, kUnlimited, 512).whole_cap;
    CHECK_EQUAL(plan_for(model, whole, 512).resident_bytes, total);
    CHECK(plan_for(model, whole - 1, 512).resident_bytes < total);
    // The minimum is worth it: most of the model is not in memory.
    CHECK(minimum < flash::process_bytes(model) + total / 2);
    CHECK_EQUAL(plan_for(model, kUnlimited, 512).resident_bytes, total);
}

void minimum_grows_with_the_context() {
    const Model model = dense_model();
    uint64_t before = 0;
    for (uint32_t context = 1; context <= 2048; context += 89) {
        const uint64_t minimum = plan_for(model, kUnlimited, context).minimum_cap;
        CHECK(minimum >= before);
        before = minimum;
        CHECK(plan_for(model, minimum, context).fits);
        CHECK(!plan_for(model, minimum - 1, context).fits);
    }
    CHECK(before > plan_for(model, kUnlimited, 1).minimum_cap);
}

void largest_context_is_the_largest() {
    const Model model = dense_model();
    uint32_t before = 0;
    bool some = false;
    for (uint64_t cap = 64U << 20; cap < uint64_t{1} << 30; cap += 3'333'333) {
        const uint32_t context = plan_for(model, cap, 0).maximum_context;
        CHECK(context >= before && context <= model.trained_context);
        before = context;
        if (context == 0) continue;
        CHECK(plan_for(model, cap, context).fits);
        if (context == model.trained_context) continue;
        some = true;
        CHECK(!plan_for(model, cap, context + 1).fits);
    }
    CHECK(some);
}

/** Keys and values in Q8_0 are for long contexts alone, and for where they make a difference. */
void quantizes_long_contexts() {
    Model model = dense_model();
    model.trained_context = 32768;
    for (uint32_t context = 4097; context <= 32768; context += 9557) {
        CHECK(plan_for(model, plan_for(model, kUnlimited, context).minimum_cap, context).kv_type == flash::KvType::F16);
    }
    model.quantized_kv_bytes_per_token = model.kv_bytes_per_token / 64 * 34;
    uint64_t before = 0;
    for (uint32_t context = 1; context <= 32768; context += 1023) {
        const uint64_t minimum = plan_for(model, kUnlimited, context).minimum_cap;
        CHECK(minimum >= before);
        before = minimum;
        for (uint64_t cap = minimum - 1; cap < uint64_t{8} << 30; cap += cap / 2) {
            const Plan plan = plan_for(model, cap, context);
            check_consistent(model, plan, cap);
            CHECK_EQUAL(plan.fits, cap >= minimum);
            CHECK_EQUAL(plan.minimum_cap, minimum);
            if (context <= 4096) CHECK(plan.kv_type == flash::KvType::F16);
        }
        const Plan least = plan_for(model, minimum, context);
        CHECK_EQUAL(least.kv_type == flash::KvType::Q8_0, context > 4096);
        const Plan all = plan_for(model, kUnlimited, context);
        CHECK(all.kv_type == flash::KvType::F16);
        // All that is spared is enough for all weights to stay.
        const uint64_t spared = (model.kv_bytes_per_token - model.quantized_kv_bytes_per_token) * context;
        const Plan whole = plan_for(model, all.whole_cap - spared / 2, context);
        CHECK_EQUAL(whole.kv_type == flash::KvType::Q8_0, context > 4096);
        CHECK_EQUAL(whole.streamed_bytes == 0, context > 4096);
        CHECK(plan_for(model, all.whole_cap, context).kv_type == flash::KvType::F16);
    }
    check_consistent(model, plan_for(model, uint64_t{2} << 30, 0), uint64_t{2} << 30);
}

void context_by_itself() {
    Model model = dense_model();
    CHECK_EQUAL(plan_for(model, kUnlimited, 0).context, 2048U);
    model.trained_context = 131072;
    CHECK_EQUAL(plan_for(model, kUnlimited, 0).context, 4096U);
    CHECK_EQUAL(plan_for(model, kUnlimited, 0).maximum_context, 131072U);
    CHECK_EQUAL(plan_for(model, kUnlimited, 77).context, 77U);
    const uint64_t cap = plan_for(model, kUnlimited, 1000).minimum_cap;
    const Plan tight = plan_for(model, cap, 0);
    CHECK(tight.fits);
    CHECK_EQUAL(tight.context, tight.maximum_context);
    CHECK(tight.context >= 1000 && tight.context < 4096);
}

void streams_evenly() {
    const Model model = dense_model();
    const uint64_t minimum = plan_for(model, kUnlimited, 512).minimum_cap;
    const Plan plan = plan_for(model, minimum + total_bytes(model) / 2, 512);
    uint64_t halves[2] = {0, 0};
    for (size_t i = 0; i < model.tensors.size(); i++) {
        if (plan.placement[i] != Placement::Streamed) continue;
        halves[i < model.tensors.size() / 2 ? 0 : 1] += model.tensors[i].size;
    }
    const uint64_t most = std::max(halves[0], halves[1]);
    const uint64_t least = std::min(halves[0], halves[1]);
    CHECK(least > 0);
    CHECK(most - least <= 2 * ggml_row_size(GGML_TYPE_Q4_0, 2048) * 5632);  // two tensors
}

void leaves_what_it_cannot_serve() {
    Model model = dense_model();
    add_tensor(model, "blk.0.ffn_up_exps.weight", GGML_TYPE_Q4_0, 2048, 776, 8);
    add_tensor(model, "blk.0.ffn_gate_inp.weight", GGML_TYPE_F32, 2048, 8);
    add_tensor(model, "blk.0.ssm_conv1d.weight", GGML_TYPE_F32, 4, 2048);
    add_tensor(model, "blk.0.ffn_up.lora_a", GGML_TYPE_F16, 2048, 64);
    add_tensor(model, "rope_freqs.weight", GGML_TYPE_F32, 64, 1);
    const size_t added = 5;
    const Plan plan = plan_for(model, plan_for(model, kUnlimited, 512).minimum_cap, 512);
    CHECK(plan.streamed_bytes > 0);
    for (size_t i = 0; i < model.tensors.size(); i++) {
        const bool norm = model.tensors[i].name.find("norm") != std::string::npos;
        if (i + added >= model.tensors.size() || norm) CHECK(plan.placement[i] == Placement::Resident);
    }
}

void nothing_overflows() {
    Model model = dense_model();
    model.trained_context = 1U << 24;
    model.feed_forward = 1U << 24;
    model.embedding = 1U << 24;
    model.vocabulary = 1U << 31;
    model.kv_bytes_per_token = uint64_t{1} << 44;
    for (const uint32_t context : {0U, 1U, 4096U, UINT32_MAX}) {
        const Plan plan = plan_for(model, uint64_t{8} << 30, context);
        CHECK(!plan.fits);
        CHECK(plan.minimum_cap > uint64_t{8} << 30);
    }
}

std::string message_of(const flash::Result<Model>& result) { return result ? "" : result.error().message; }

void reads_headers() {
    Shape shape;
    shape.layers = 3;
    shape.heads = 8;
    shape.kv_heads = 2;
    shape.context = 1234;
    shape.type = GGML_TYPE_Q8_0;
    shape.vocabulary_type = GGML_TYPE_Q8_0;
    const std::string path = scratch_folder() + "/header.gguf";
    write_model(shape, FLINT_VOCABULARY, path);
    const flash::Result<Model> model = flash::read_model(path);
    CHECK_EQUAL(message_of(model), std::string());
    CHECK_EQUAL(model->architecture, std::string("llama"));
    CHECK_EQUAL(model->trained_context, 1234U);
    CHECK_EQUAL(model->embedding, 256U);
    CHECK_EQUAL(model->feed_forward, 512U);
    CHECK_EQUAL(model->vocabulary, 32000U);
    CHECK_EQUAL(model->kv_bytes_per_token, uint64_t{3 * 2 * 2 * (32 + 32)});
    CHECK_EQUAL(model->quantized_kv_bytes_per_token, uint64_t{3 * 2 * (34 + 34)});
    CHECK_EQUAL(model->tensors.size(), size_t{3 * 9 + 3});
    uint64_t end = 0;
    for (const TensorInfo& tensor : model->tensors) end = std::max(end, tensor.offset + tensor.size);
    CHECK_EQUAL((end + 31) / 32 * 32, uint64_t{std::filesystem::file_size(path)});

    // The embedding that is the output too is there twice, and counted twice: llama.cpp has both in its graph.
    shape.tied = true;
    write_model(shape, FLINT_VOCABULARY, path);
    const flash::Result<Model> tied = flash::read_model(path);
    CHECK_EQUAL(message_of(tied), std::string());
    CHECK_EQUAL(std::count_if(tied->tensors.begin(), tied->tensors.end(),
                              [](const TensorInfo& tensor) { return tensor.name == "token_embd.weight"; }),
                2);
}

/** A copy of `path` whose first `length` bytes are kept, some of them changed. */
void write_damaged(const std::string& path, const std::vector<char>& bytes, uint64_t length) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "wb"), &std::fclose);
    CHECK(file != nullptr);
    CHECK_EQUAL(std::fwrite(bytes.data(), 1, length, file.get()), length);
}

std::vector<char> read_all(const std::string& path) {
    std::vector<char> bytes(std::filesystem::file_size(path));
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"), &std::fclose);
    CHECK(file != nullptr);
    CHECK_EQUAL(std::fread(bytes.data(), 1, bytes.size(), file.get()), bytes.size());
    return bytes;
}

void survives_damage() {
    ggml_log_set([](ggml_log_level, const char*, void*) {}, nullptr);
    Shape shape;
    shape.embedding = 64;
    shape.feed_forward = 64;
    shape.vocabulary = 500;
    const std::string path = scratch_folder() + "/whole.gguf";
    write_model(shape, FLINT_VOCABULARY, path);
    const std::vector<char> whole = read_all(path);
    const flash::Result<Model> model = flash::read_model(path);
    CHECK(static_cast<bool>(model));
    const uint64_t data = model->tensors.front().offset;

    const std::string damaged = scratch_folder() + "/damaged.gguf";
    Random random(3);
    for (int i = 0; i < 100; i++) {
        write_damaged(damaged, whole, i == 0 ? whole.size() - 33 : random.below(whole.size() - 33));
        const flash::Result<Model> cut = flash::read_model(damaged);
        CHECK(!cut);
        CHECK_EQUAL(cut.error().status, FLASH_NOT_A_MODEL);
        CHECK(cut.error().message.find(damaged) != std::string::npos);
    }
    // The keys of this model, and its tensors, are in the last kilobytes before the weights. Some changes make no
    // difference, or another model that can be read: then the plan for it must hold.
    for (int i = 0; i < 400; i++) {
        std::vector<char> bytes = whole;
        for (uint64_t n = 0; n <= random.below(4); n++) {
            const uint64_t at = random.below(8) == 0 ? random.below(64) : data - 1 - random.below(3000);
            bytes[at] = static_cast<char>(random.next());
        }
        write_damaged(damaged, bytes, bytes.size());
        const flash::Result<Model> changed = flash::read_model(damaged);
        if (!changed) {
            CHECK_EQUAL(changed.error().status, FLASH_NOT_A_MODEL);
            CHECK(!changed.error().message.empty());
            continue;
        }
        for (const TensorInfo& tensor : changed->tensors) CHECK(tensor.offset + tensor.size <= bytes.size());
        const uint64_t cap = uint64_t{4} << 30;
        check_consistent(*changed, plan_for(*changed, cap, 0), cap);
    }
}

}  // namespace

TestCases plan_tests() {
    return {
        {"plan: cap by cap", table},
        {"plan: holds for every cap and context", every_cap_and_context},
        {"plan: the smallest cap grows with the context, and is the smallest", minimum_grows_with_the_context},
        {"plan: the largest context is the largest", largest_context_is_the_largest},
        {"plan: chooses a context by itself", context_by_itself},
        {"plan: quantizes the keys and values of long contexts", quantizes_long_contexts},
        {"plan: streams evenly", streams_evenly},
        {"plan: leaves what it cannot serve", leaves_what_it_cannot_serve},
        {"plan: no shape overflows", nothing_overflows},
        {"model: reads headers", reads_headers},
        {"model: survives damage", survives_damage},
    };
}

}  // namespace flint
