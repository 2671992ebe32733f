/** A certificate of its own for servers on this machine. */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll } from "vitest";

export interface Certificate {
  /** In PEM. */
  key: string;
  cert: string;
  /** Of the certificate, for NODE_EXTRA_CA_CERTS. */
  file: string;
}

/** Signed by itself, for localhost by name and by its addresses. Written to `folder`. */
export async function makeCertificate(folder: string): Promise<Certificate> {
  const keyFile = path.join(folder, "key.pem");
  const file = path.join(folder, "cert.pem");
  await promisify(execFile)("openssl", [
    ..."req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost".split(" "),
    ...["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1"],
    ...["-keyout", keyFile, "-out", file],
  ]);
  return { key: await readFile(keyFile, "utf8"), cert: await readFile(file, "utf8"), file };
}

/** One for all tests of a file, gone after them. To be awaited at its top level. */
export async function certificateOfFile(): Promise<Certificate> {
  const folder = await mkdtemp(path.join(tmpdir(), "flint-keys-"));
  afterAll(() => rm(folder, { recursive: true, force: true }));
  return makeCertificate(folder);
}
