#pragma once

// The C interface of libggml-flash beside ggml's own: what the addon and native tests call.
// Obtained with ggml_backend_reg_get_proc_address(reg, FLASH_API_NAME). Sizes and offsets are bytes.

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FLASH_BACKEND_NAME "Flash"
#define FLASH_API_NAME "flash_api"
#define FLASH_API_VERSION 13

typedef enum flash_status {
    FLASH_OK = 0,
    FLASH_INVALID_STATE = 1,  // another model is being loaded
    FLASH_INVALID_ARGUMENT = 2,
    FLASH_NOT_A_MODEL = 4,
    FLASH_READ_FAILED = 5,
} flash_status;

// How much of the feed-forward blocks of a converted model is computed; others are always dense.
typedef enum flash_sparsity {
    FLASH_EXACT = 0,    // the neurons that are not zero
    FLASH_PREDICT = 1,  // those that the model's predictor names
    FLASH_DENSE = 2,    // all
} flash_sparsity;

typedef struct flash_plan_request {
    const char* model_path;  // of a split model its first part
    uint64_t ram_cap_bytes;
    uint32_t context_tokens;  // 0: the largest up to 4096 that the model was trained for and that fits
    uint32_t threads;         // for arithmetic
    uint32_t disk_ms;         // for measuring the disk; only `measure` looks at it
    const char* trace_path;   // a file to record the routing of experts in, or null; only `open` looks at it
    flash_sparsity sparsity;
    // For measuring what a technique is good for, off: neurons that stay in memory, near reads that are merged.
    bool without_window;
    bool without_bundles;
    // Of a GPU that llama.cpp has loaded libraries for.
    bool gpu;
    bool gpu_unified;    // its memory is the processor's too, and counts against the cap
    uint64_t gpu_bytes;  // that the model may take of its memory
} flash_plan_request;

typedef struct flash_plan {
    bool fits;
    uint64_t minimum_cap_bytes;  // the smallest cap that works with context_tokens
    uint64_t whole_cap_bytes;    // the smallest with which llama.cpp keeps all weights; 0 for a converted model
    uint32_t maximum_context;    // the largest context that works with the cap, 0 when none does
    uint32_t context_tokens;
    uint32_t micro_batch_tokens;
    uint64_t resident_bytes;      // weights that llama.cpp keeps
    uint64_t pinned_bytes;        // weights that we keep
    uint64_t streamed_bytes;      // weights that we read from flash for every pass
    uint64_t row_read_bytes;      // embeddings of which we read the rows that are asked for
    uint64_t expert_cache_bytes;  // for experts of MoE models; those that are not in it are read when they are chosen
    uint64_t window_bytes;        // for neurons of converted models; those that are not in it are read when active
    uint64_t kv_bytes;
    uint64_t compute_bytes;
    uint64_t staging_bytes;
    uint64_t process_bytes;     // beside weights and context
    uint64_t vocabulary_bytes;  // of these, what the model is the cause of
    // What llama.cpp is to put on the GPU, beside all of the above.
    uint32_t layers;             // of the model; the output counts as one
    uint32_t gpu_layers;         // the last ones
    uint32_t gpu_expert_layers;  // of the last layers, so many with their experts; those of others are ours
    uint64_t gpu_weight_bytes;
    uint64_t gpu_kv_bytes;
    uint64_t gpu_compute_bytes;
    bool kv_quantized;  // keys and values are to be in Q8_0, else in F16
} flash_plan;

typedef struct flash_speed {
    double disk_bytes_per_second;     // direct reads, as many in flight as streaming has
    double compute_bytes_per_second;  // of weights: one token, all that is computed for it, all threads together
    double check_bytes_per_second;    // of weights: one more token in the same pass, which finds them in a cache
    double used_bytes_per_token;      // weights that one token is multiplied with
    double read_bytes_per_token;      // of these, what decoding by the plan is expected to read
} flash_speed;

typedef struct flash_measured {
    flash_plan plan;
    flash_speed speed;
} flash_measured;

// Of one model, since it was opened.
typedef struct flash_stats {
    uint64_t used_bytes;  // weights that our operations used, from memory or flash
    uint64_t read_bytes;  // of these, read from flash
    uint64_t reads;
    uint64_t guessed_bytes;   // of those read: experts of the next layer, before its router chose
    uint64_t wasted_bytes;    // of those: experts that it did not choose
    uint64_t warming_bytes;   // of experts that were used most in earlier sessions: still to be read, in the background
    uint64_t first_layer;     // nanoseconds: the first streamed layer of its first pass; 0 until that has ended
    uint64_t neurons;         // of the feed-forward blocks, for each token that passed
    uint64_t active_neurons;  // of these, computed
    uint64_t loaded_neurons;  // read from flash
    // Nanoseconds of feed-forward blocks, on the thread that computes.
    uint64_t neuron_io;          // waiting for the disk
    uint64_t neuron_management;  // of windows, and copies into them
    uint64_t neuron_prediction;
    uint64_t neuron_compute;
    uint64_t kept_bytes;  // weights that llama.cpp keeps in memory and our workers used, a whole tensor for each use
} flash_stats;

// Of the whole process: all models share the disk.
typedef struct flash_disk_stats {
    uint64_t read_bytes;  // since the process started, whatever for
    uint64_t read_time;   // nanoseconds in which reads were under way
    uint64_t stalled;     // nanoseconds for which the disk has given nothing now of reads that are under way
} flash_disk_stats;

// A model that is open: its files, its plan, its counters. Any number may be open; each is loaded by llama.cpp once.
typedef struct flash_model flash_model;

typedef struct flash_api {
    uint32_t version;  // FLASH_API_VERSION
    // Decides what lives where, from the file's header alone. On failure writes why into `error`.
    flash_status (*plan)(const flash_plan_request* request, flash_plan* plan, char* error, size_t error_size);
    // As plan; measures the disk for `disk_ms` and the processor for some tenths of a second, with what the plan
    // streams and multiplies.
    flash_status (*measure)(const flash_plan_request* request, flash_measured* measured, char* error,
                            size_t error_size);
    // As plan; opens the files. Fails with FLASH_INVALID_ARGUMENT if the model does not fit.
    flash_status (*open)(const flash_plan_request* request, flash_model** model, flash_plan* plan, char* error,
                         size_t error_size);
    // The file that llama.cpp is to load: the model's own, or one in memory that spares it what we read ourselves.
    // Valid until end_load.
    const char* (*load_path)(const flash_model* model);
    // Names the model that llama.cpp loads until end_load, on whichever thread. llama.cpp passes a device the names,
    // types and shapes of weights, and nothing of their file: those that match this model's are served as its own, and
    // contexts made meanwhile compute with them. Afterwards each buffer and context keeps its model. Fails with
    // FLASH_INVALID_STATE while another model is being loaded: end that load first.
    flash_status (*begin_load)(flash_model* model, char* error, size_t error_size);
    // Does nothing if begin_load was not called. Starts to read, in the background, the experts that the model had most
    // use for in earlier sessions.
    void (*end_load)(flash_model* model);
    void (*stats)(const flash_model* model, flash_stats* stats);
    // While set, each token of a small batch is computed alone, with the bits that it has when it is decoded alone:
    // for checking guessed tokens. ggml's kernels for several tokens round otherwise.
    void (*set_token_by_token)(flash_model* model, bool on);
    // Writes down which experts were used most; so does the end of the model.
    void (*keep_experts)(const flash_model* model);
    // While set, computations with this model's contexts end with GGML_STATUS_ABORTED.
    void (*set_abort)(flash_model* model, bool abort);
    // Copies the message of the model's last failed read and forgets it; returns false when there was none.
    bool (*take_error)(flash_model* model, char* error, size_t error_size);
    // Closes the handle. What llama.cpp has loaded is served until it frees that.
    void (*close)(flash_model* model);
    void (*disk_stats)(flash_disk_stats* stats);
} flash_api;

#ifdef __cplusplus
}
#endif
