// The life of everything that Vapi's TypeScript SDK has a core operation for: `node life.mjs SDK_FOLDER BASE_URL KEY`.
// Prints a line of JSON for each operation, as life.py does.
import { createInterface } from "node:readline";
import { createRequire } from "node:module";

const [folder, baseUrl, token] = process.argv.slice(2);
const { VapiClient } = createRequire(`${folder}/package.json`)("@vapi-ai/server-sdk");
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
let wire = [];

async function recordingFetch(input, init) {
  const response = await fetch(input, init);
  const copy = response.clone();
  const json = (copy.headers.get("content-type") ?? "").startsWith("application/json") ? await copy.json() : null;
  wire.push({ method: init?.method ?? "GET", path: new URL(response.url).pathname, status: response.status, json });
  return response;
}

const vapi = new VapiClient({ token, baseUrl, timeoutInSeconds: 120, maxRetries: 0, fetch: recordingFetch });

async function operation(name, act) {
  wire = [];
  let result;
  let error = null;
  try {
    result = await act();
  } catch (fault) {
    error = `${fault.name}: ${fault.message}`;
  }
  console.log(JSON.stringify({ operation: name, error, made: typeof result, wire }));
  return result;
}

const speaks = { name: "Embedded", firstMessage: "Hello from the other side." };
const order = {
  name: "Order desk",
  firstMessage: "Hello {{customer.name}}.",
  model: { provider: "custom-llm", url: "https://llm.example.com/v1", model: "small", messages: [{ role: "system", content: "Be brief." }] },
  server: { url: "https://hooks.example.com/vapi" },
};
const tool = {
  type: "function",
  function: { name: "lookup_order", description: "Looks up an order.", parameters: { type: "object", properties: { number: { type: "string" } } } },
  server: { url: "https://hooks.example.com/tools" },
};

const assistant = await operation("assistants.create", () => vapi.assistants.create(order));
const id = assistant.id;
await operation("assistants.list", () => vapi.assistants.list({ limit: 10 }));
await operation("assistants.get", () => vapi.assistants.get({ id }));
await operation("assistants.update", () => vapi.assistants.update({ id, firstMessage: "Good day." }));

const made = await operation("tools.create", () => vapi.tools.create(tool));
await operation("tools.list", () => vapi.tools.list());
await operation("tools.get", () => vapi.tools.get({ id: made.id }));
await operation("tools.update", () => vapi.tools.update({ id: made.id, body: { ...tool, async: false } }));

const members = [{ assistantId: id }, { assistant: speaks }];
const squad = await operation("squads.create", () => vapi.squads.create({ name: "Desk", members }));
await operation("squads.list", () => vapi.squads.list());
await operation("squads.get", () => vapi.squads.get({ id: squad.id }));
await operation("squads.update", () => vapi.squads.update({ id: squad.id, name: "Front desk", members }));

const phone = await operation("phone_numbers.create", () =>
  vapi.phoneNumbers.create({ provider: "vapi", sipUri: "sip:typescript@parley.example.com", assistantId: id }));
await operation("phone_numbers.list", () => vapi.phoneNumbers.list());
await operation("phone_numbers.page", () => vapi.phoneNumbers.phoneNumberControllerFindAllPaginated({ page: 1, limit: 5 }));
await operation("phone_numbers.get", () => vapi.phoneNumbers.get({ id: phone.id }));
await operation("phone_numbers.update", () => vapi.phoneNumbers.update({ id: phone.id, body: { provider: "vapi", name: "Main line" } }));

const file = await operation("files.create", () => vapi.files.create({ file: new File(["Bread 2 euros."], "prices.txt", { type: "text/plain" }) }));
await operation("files.list", () => vapi.files.list({}));
await operation("files.get", () => vapi.files.get({ id: file.id }));
await operation("files.update", () => vapi.files.update({ id: file.id, name: "prices-2026.txt" }));

const call = await operation("calls.create", () =>
  vapi.calls.create({ assistant: speaks, transport: { provider: "vapi.websocket", audioFormat: { format: "pcm_s16le", sampleRate: 16000 } } }));
await operation("calls.get", () => vapi.calls.get({ id: call.id }));
await operation("calls.list", () => vapi.calls.list({ limit: 5 }));
await operation("calls.update", () => vapi.calls.update({ id: call.id, name: "renamed" }));
console.log(JSON.stringify({ hold: call.id, url: call.transport?.websocketCallUrl }));
await lines.next();
for (let tries = 0; tries < 120 && (await vapi.calls.get({ id: call.id })).status !== "ended"; tries++) {
  await new Promise((resolve) => setTimeout(resolve, 500));
}
for (const side of ["Mono", "Stereo", "Customer", "Assistant"]) {
  await operation(`calls.${side.toLowerCase()}_recording`, () =>
    vapi.calls[`callArtifactController${side}RecordingDownload`]({ id: call.id }));
}
await operation("calls.logs", () => vapi.calls.callArtifactControllerCallLogsDownload({ id: call.id }));
await operation("calls.get (ended)", () => vapi.calls.get({ id: call.id }));
await operation("calls.delete", () => vapi.calls.delete({ id: call.id }));

const speaker = await operation("assistants.create (embedded)", () => vapi.assistants.create(speaks));
const chat = await operation("chats.create", () => vapi.chats.create({ input: "Hello?", assistantId: speaker.id }));
await operation("chats.get", () => vapi.chats.get({ id: chat.id }));
await operation("chats.list", () => vapi.chats.list());
await operation("chats.delete", () => vapi.chats.delete({ id: chat.id }));
await operation("analytics.get", () =>
  vapi.analytics.get({ queries: [{ table: "call", name: "Calls", operations: [{ operation: "count", column: "id" }] }] }));

await operation("squads.delete", () => vapi.squads.delete({ id: squad.id }));
await operation("tools.delete", () => vapi.tools.delete({ id: made.id }));
await operation("phone_numbers.delete", () => vapi.phoneNumbers.delete({ id: phone.id }));
await operation("files.delete", () => vapi.files.delete({ id: file.id }));
await operation("assistants.delete", () => vapi.assistants.delete({ id }));
await operation("assistants.get (deleted)", () => vapi.assistants.get({ id }));
process.exit(0);
