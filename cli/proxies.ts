/** The proxies of the environment: `HTTP_PROXY`, `HTTPS_PROXY`, `NO_PROXY`, in capitals or not. */
import { EnvHttpProxyAgent, setGlobalDispatcher } from "undici";

/** From now on `fetch` goes through them. */
export function useEnvironmentProxies(): void {
  setGlobalDispatcher(new EnvHttpProxyAgent());
}
