// flint-synthesize: writes a GGUF model of any shape with random weights and a real vocabulary, for tests and
// benchmarks.

#include <cstdio>
#include <exception>
#include <filesystem>
#include <map>
#include <stdexcept>
#include <string>

#include "model_writer.h"
#include "split_model.h"

namespace {

constexpr const char* kUsage =
    "usage: flint-synthesize --out FILE --vocab FILE [--arch NAME] [--layers N] [--embd N]\n"
    "         [--heads N] [--kv-heads N] [--head-width N] [--ff N] [--context N] [--experts N --experts-used N]\n"
    "         [--dense-layers N] [--shared-experts N] [--merged] [--residual PERCENT] [--active PERCENT]\n"
    "         [--type TYPE] [--vocab-type TYPE] [--vocab-tokens N] [--tied] [--seed N] [--parts N]\n"
    "NAME is llama, qwen2, qwen3, arcee, nemotron, jais2 or plm; with experts qwen3moe, gpt-oss, smallthinker,\n"
    "deepseek2-ocr, grok or nemotron_h_moe.\n"
    "TYPE is as ggml spells it, such as F16, Q4_0 or Q4_K; --vocab-type (embedding and output) is --type by default.\n";

struct Command {
    flint::Shape shape;
    std::string out;
    std::string vocabulary;
    uint32_t parts = 1;  // files that the model is split into, with the names that llama.cpp gives them
};

uint32_t number(const std::string& text) {
    size_t end = 0;
    const unsigned long value = std::stoul(text, &end);
    if (end != text.size() || value > UINT32_MAX) throw std::invalid_argument(text);
    return static_cast<uint32_t>(value);
}

Command parse(int count, char** arguments) {
    Command command;
    flint::Shape& shape = command.shape;
    std::string type = "F16";
    std::string vocabulary_type;
    std::map<std::string, uint32_t*> numbers = {
        {"--layers", &shape.layers},
        {"--embd", &shape.embedding},
        {"--heads", &shape.heads},
        {"--kv-heads", &shape.kv_heads},
        {"--head-width", &shape.head_width},
        {"--ff", &shape.feed_forward},
        {"--context", &shape.context},
        {"--experts", &shape.experts},
        {"--experts-used", &shape.experts_used},
        {"--dense-layers", &shape.dense_layers},
        {"--shared-experts", &shape.shared_experts},
        {"--residual", &shape.residual},
        {"--active", &shape.active},
        {"--vocab-tokens", &shape.vocabulary},
        {"--parts", &command.parts},
    };
    std::map<std::string, std::string*> texts = {
        {"--out", &command.out}, {"--vocab", &command.vocabulary},   {"--arch", &shape.architecture},
        {"--type", &type},       {"--vocab-type", &vocabulary_type},
    };
    for (int i = 1; i < count; i++) {
        const std::string name = arguments[i];
        if (name == "--tied" || name == "--merged") {
            (name == "--tied" ? shape.tied : shape.merged) = true;
            continue;
        }
        if (++i == count) throw std::invalid_argument(name);
        const std::string value = arguments[i];
        if (const auto found = numbers.find(name); found != numbers.end()) {
            *found->second = number(value);
        } else if (const auto text = texts.find(name); text != texts.end()) {
            *text->second = value;
        } else if (name == "--seed") {
            shape.seed = number(value);
        } else {
            throw std::invalid_argument(name);
        }
    }
    if (command.parts == 0 || command.parts > UINT16_MAX) throw std::invalid_argument("--parts");
    if (command.out.empty() || command.vocabulary.empty()) throw std::invalid_argument("--out, --vocab");
    shape.type = flint::parse_type(type);
    shape.vocabulary_type = flint::parse_type(vocabulary_type.empty() ? type : vocabulary_type);
    return command;
}

}  // namespace

int main(int count, char** arguments) {
    try {
        const Command command = parse(count, arguments);
        flint::write_model(command.shape, command.vocabulary, command.out);
        if (command.parts > 1) {
            flint::split_model(command.out, static_cast<uint16_t>(command.parts));
            std::filesystem::remove(command.out);
        }
        return 0;
    } catch (const std::logic_error& error) {  // invalid_argument and out_of_range, also of stoul
        std::fprintf(stderr, "flint-synthesize: what does %s mean?\n%s", error.what(), kUsage);
        return 2;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "flint-synthesize: %s\n", error.what());
        return 1;
    }
}
