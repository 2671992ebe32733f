import { expect, test } from "vitest";
import { hasSecret, isSecretFile } from "./secrets.js";

test.each([
  "-----BEGIN RSA PRIVATE KEY-----",
  "aws = AKIAIOSFODNN7EXAMPLE",
  "ghp_abcdefghijklmnopqrstuvwxyz0123",
  'password = "correct0horse"',
  "API_KEY=4f3c2b1a0d9e8f7a",
  "postgres://user:hunter2@host/db",
  'const secretToken: string = "x9y8z7w6v5"',
])("a secret: %s", (text) => expect(hasSecret(text)).toBe(true));

test.each([
  "password = input()",
  "token = self.next_token",
  'const apiKey = process.env["API_KEY"];',
  "const tokens = tokenize(text);",
  "http://localhost:8080/a@b",
  "secret = config.secret_2",
])("no secret: %s", (text) => expect(hasSecret(text)).toBe(false));

test("files for secrets are known by their names", () => {
  for (const path of ["a/.env", ".env.local", "/home/a/.ssh/id_rsa", "k/server.pem", "secrets.yaml"]) {
    expect(isSecretFile(path), path).toBe(true);
  }
  for (const path of ["env.ts", "a/keys.py", "secretary.ts"]) expect(isSecretFile(path), path).toBe(false);
});
