/** The backends of `flint.backends`, each model made once. Knows no VS Code. */
import * as l10n from "@vscode/l10n";
import { Emitter } from "vscode-jsonrpc";
import { InvalidSetting } from "../../engine/errors.js";
import { listModels, type RemoteModel } from "./abilities.js";
import { RemoteClient } from "./client.js";
import { toRemoteError } from "./errors.js";
import { formatReference, type RemoteReference } from "./reference.js";
import { RemoteBackend } from "./remoteBackend.js";
import type { BackendSettings } from "./settings.js";

export interface RemoteBackendsOptions {
  /** @throws InvalidSetting */
  settings(): BackendSettings[];
  /** The key of a backend, where it has one. */
  key(name: string): Promise<string | undefined>;
}

/** A model of another machine that can be chosen. */
export interface RemoteChoice {
  reference: RemoteReference;
  host: string;
  contextTokens: number | undefined;
}

export class RemoteBackends {
  private readonly backends = new Map<string, RemoteBackend>();
  private readonly didChange = new Emitter<void>();
  /** Fires when an answer begins or ends. */
  readonly onDidChange = this.didChange.event;

  constructor(private readonly options: RemoteBackendsOptions) {}

  /** @throws InvalidSetting where the settings do not have the backend that the reference names */
  of(reference: RemoteReference): RemoteBackend {
    const settings = this.settingsOf(reference.backend);
    const key = `${settings.url} ${formatReference(reference)}`;
    const known = this.backends.get(key);
    if (known) return known;
    const backend = new RemoteBackend({
      client: () => this.client(settings),
      model: reference.model,
      onBusy: () => this.didChange.fire(),
    });
    this.backends.set(key, backend);
    return backend;
  }

  /** Where text for this model goes. @throws InvalidSetting */
  hostOf({ backend }: RemoteReference): string {
    return this.settingsOf(backend).host;
  }

  /** All models of all backends. What cannot be asked is told to `onError`, in words. @throws InvalidSetting */
  async list(signal: AbortSignal, onError: (message: string) => void): Promise<RemoteChoice[]> {
    const lists = this.options.settings().map(async (settings): Promise<RemoteChoice[]> => {
      try {
        const models = await listModels(await this.client(settings), signal);
        return models.map((model) => choiceOf(settings, model));
      } catch (error) {
        const told = toRemoteError(error, settings.host);
        if (told) onError(told.message);
        return [];
      }
    });
    return (await Promise.all(lists)).flat();
  }

  /** What is known is asked again: a key or a setting has changed. */
  forget(): void {
    this.backends.clear();
  }

  dispose(): void {
    this.didChange.dispose();
  }

  private settingsOf(name: string): BackendSettings {
    const settings = this.options.settings().find((each) => each.name === name);
    if (settings) return settings;
    throw new InvalidSetting(
      "flint.backends",
      l10n.t("flint.backends has no backend called {0}. Add it, or choose another model.", name),
    );
  }

  private async client(settings: BackendSettings): Promise<RemoteClient> {
    return new RemoteClient(settings, await this.options.key(settings.name));
  }
}

const choiceOf = ({ name, host }: BackendSettings, { id, contextTokens }: RemoteModel): RemoteChoice => ({
  reference: { backend: name, model: id },
  host,
  contextTokens,
});
