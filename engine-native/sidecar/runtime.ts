/** llama.cpp and, for the flash engine, our backend in it. A process has one kind until it ends. */
import * as l10n from "@vscode/l10n";
import { getLlama, type Llama, LlamaLogLevel } from "node-llama-cpp";
import { ErrorCode, engineError } from "../../protocol/errors.js";
import type { GpuLibraries } from "../../protocol/gpu.js";
import type { EngineKind, TrialChange } from "../../protocol/messages.js";
import { Flash } from "./flash.js";
import { type GpuChoice, offerLibraries, roomOf } from "./gpu.js";
import { gpu } from "./platform.js";
import { Trial } from "./trial.js";

/** Takes what a client must know before this process may end unexpectedly. */
export interface RuntimeReport {
  onTrial(change: TrialChange): void;
  onGpu(used: boolean): void;
}

export class Runtime {
  /** The first says what is wrong, later ones what could not be done for that. */
  #firstError: string | undefined;
  readonly #mostThreads: number;

  private constructor(
    readonly kind: EngineKind,
    readonly llama: Llama,
    readonly flash: Flash | undefined,
    /** `absent`: none was asked for. */
    private readonly gpu: "absent" | "there" | { gpuRefusal: string },
    private readonly report: RuntimeReport,
  ) {
    this.#mostThreads = llama.maxThreads;
  }

  static async start(
    kind: EngineKind,
    libraries: GpuLibraries | undefined,
    log: (line: string) => void,
    report: RuntimeReport,
  ): Promise<Runtime> {
    let runtime: Runtime | undefined;
    const start = (kind: typeof gpu | GpuLibraries["kind"]) =>
      getLlama({
        gpu: kind,
        build: "never",
        logLevel: LlamaLogLevel.warn,
        logger: (level, message) => {
          if (runtime && (level === LlamaLogLevel.error || level === LlamaLogLevel.fatal)) {
            runtime.#firstError ??= message.trim();
          }
          log(`llama.cpp ${level}: ${message.trimEnd()}`);
        },
      });
    report.onGpu(libraries !== undefined);
    const started = libraries && kind === "flash" ? await startOnGpu(libraries, start, log) : undefined;
    report.onGpu(false);
    const llama = started?.llama ?? (await start(gpu));
    runtime = new Runtime(kind, llama, kind === "flash" ? new Flash() : undefined, started?.gpu ?? "absent", report);
    return runtime;
  }

  /**
   * The GPU that a model may use.
   * @param capBytes the most that the model may take of its memory
   * @param ownBytes that a loaded model has there, which is unloaded before the next one comes
   */
  async chooseGpu(capBytes: number | undefined, ownBytes: number): Promise<GpuChoice> {
    if (this.gpu === "absent") return {};
    return this.gpu === "there" ? { gpu: await roomOf(this.llama, capBytes, ownBytes) } : this.gpu;
  }

  /** All contexts together have so many threads at a time; undefined: node-llama-cpp's own limit, which is higher. */
  limitThreads(threads: number | undefined): void {
    this.llama.maxThreads = threads ?? this.#mostThreads;
  }

  /** Begins with a model that is to be loaded. */
  trialOf(modelPath: string): Trial {
    return new Trial(modelPath, this.report.onTrial);
  }

  /** To be called before a GPU gets a part of a model, and when it has none any more. */
  reportGpu(used: boolean): void {
    this.report.onGpu(used);
  }

  /** Forgets earlier errors of llama.cpp. */
  forgetErrors(): void {
    this.#firstError = undefined;
  }

  /** Why a model could not be loaded: llama.cpp's own message where there is one. */
  why(error: unknown): string {
    // Where in llama.cpp it was says nothing to a person.
    if (this.#firstError !== undefined) return this.#firstError.replace(/^\w+: (error loading model: )?/, "");
    // node-llama-cpp reads fields of a header that it could not parse.
    if (error instanceof TypeError) return l10n.t("its header is damaged or cut short. Download it again.");
    return error instanceof Error ? error.message : String(error);
  }
}

/**
 * Starts llama.cpp for a GPU; for the processor alone where the libraries can't be loaded.
 * @throws where they were loaded and failed then: beside others in the same process they would be taken for those
 */
async function startOnGpu(
  libraries: GpuLibraries,
  start: (kind: typeof gpu | GpuLibraries["kind"]) => Promise<Llama>,
  log: (line: string) => void,
): Promise<{ llama: Llama; gpu: "there" | { gpuRefusal: string } }> {
  const name = nameOf(libraries);
  try {
    offerLibraries(libraries);
    const llama = await start(libraries.kind);
    if ((await llama.getGpuDeviceNames()).length > 0) return { llama, gpu: "there" };
    const gpuRefusal = l10n.t("llama.cpp's {0} libraries find no GPU. The model runs on the CPU only.", name);
    return { llama, gpu: { gpuRefusal } };
  } catch (error) {
    log(`GPU: ${error}`);
    if (isLoadedFrom(libraries.folder)) {
      throw engineError(
        ErrorCode.InvalidState,
        l10n.t(
          "llama.cpp's {0} libraries failed: {1}. To run on the CPU only, set flint.gpu to off (on the command line: --gpu off).",
          name,
          String(error),
        ),
      );
    }
    const gpuRefusal = l10n.t(
      "llama.cpp's {0} libraries do not work with this machine's drivers. The model runs on the CPU only.",
      name,
    );
    return { llama: await start(gpu), gpu: { gpuRefusal } };
  }
}

function isLoadedFrom(folder: string): boolean {
  const { sharedObjects }: { sharedObjects?: string[] } = process.report.getReport();
  return sharedObjects?.some((path) => path.startsWith(folder)) ?? false;
}

const nameOf = ({ kind }: GpuLibraries): string => (kind === "cuda" ? "CUDA" : "Vulkan");
