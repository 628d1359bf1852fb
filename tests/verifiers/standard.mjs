// Verifies captured deliveries by the `standard` scheme with the library published on npm.
//
// Usage: node standard.mjs DIRECTORY, where DIRECTORY holds the node_modules with the library.
// Reads one delivery per line as JSON {"key", "headers", "body" (base64)} on standard input and
// writes `valid` or `refused` for each. Only the library's own refusal counts as one: anything
// else that goes wrong ends the program with an error.

import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";

const require = createRequire(join(resolve(process.argv[2]), "package.json"));
const { Webhook, WebhookVerificationError } = require("standardwebhooks");

function isValid({ key, headers, body }) {
  try {
    new Webhook(key).verify(Buffer.from(body, "base64"), headers, { jsonParse: false });
    return true;
  } catch (error) {
    if (error instanceof WebhookVerificationError) return false;
    throw error;
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(isValid(JSON.parse(line)) ? "valid" : "refused");
}
