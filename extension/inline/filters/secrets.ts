/** Passwords, tokens and keys: what they look like. */

const known = new RegExp(
  [
    "-----BEGIN [A-Z ]*PRIVATE KEY",
    "\\b(?:AKIA|ASIA)[A-Z0-9]{16}\\b",
    "\\bgh[pousr]_[A-Za-z0-9]{20,}",
    "\\bgithub_pat_\\w{20,}",
    "\\bglpat-[\\w-]{16,}",
    "\\bxox[abprs]-[\\w-]{10,}",
    "\\b(?:sk|pk|rk)[-_](?:live[-_]|test[-_]|ant-|proj-)?[A-Za-z0-9_-]{16,}",
    "\\bhf_[A-Za-z0-9]{20,}",
    "\\bnpm_[A-Za-z0-9]{20,}",
    "\\bAIza[\\w-]{30,}",
    "\\beyJ[\\w-]{10,}\\.[\\w-]{10,}\\.",
    "\\b[a-z][a-z0-9+.-]*://[^\\s/:@]+:[^\\s/@]{3,}@",
  ].join("|"),
);
/** A name that says so, and a value in quotes or after an equals sign that is no name itself. */
const named =
  /(?:passw(?:or)?d|secret|token|api[_-]?key|private[_-]?key|credential)\w*["']?\s*(?::\s*\w+\s*)?[:=]\s*(?:["'`]([^"'`\s]{8,})["'`]|([^\s"'`;,(){}[\]]{12,})\s*$)/im;

/** Whether a text has in it what looks like a secret. */
export function hasSecret(text: string): boolean {
  if (known.test(text)) return true;
  const [, quoted, bare] = named.exec(text) ?? [];
  const value = quoted ?? bare;
  // A word or a path of properties is code.
  return value !== undefined && /\d/.test(value) && /\p{L}/u.test(value) && !/^[\w.]*\.\w+$/.test(value);
}

/** Files that are there to hold secrets. */
export const isSecretFile = (path: string): boolean =>
  /(^|[\\/])(\.env(\.[\w.-]+)?|\.netrc|\.npmrc|\.pypirc|\.htpasswd|id_(rsa|dsa|ecdsa|ed25519)|credentials(\.\w+)?|secrets?\.\w+|[^\\/]+\.(pem|key|p12|pfx|keystore|jks|kdbx))$/i.test(
    path,
  );
