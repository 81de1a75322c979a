// Calls brain and sync with @grpc/grpc-js, from proto/ alone. Prints one line a check; exits with 1
// at the first that fails.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import grpc from "@grpc/grpc-js";
import loader from "@grpc/proto-loader";

const [protoDirectory, brainAddress, brainSocket, syncAddress] = process.argv.slice(2);
const definition = loader.loadSync(
  ["omega/brain/v1/brain_service.proto", "omega/sync/v1/sync_service.proto"],
  { includeDirs: [protoDirectory], keepCase: true, longs: String, enums: String, defaults: true },
);
const { omega } = grpc.loadPackageDefinition(definition);

function client(Service, address, options = {}) {
  return new Service(address, grpc.credentials.createInsecure(), options);
}

function call(stub, method, request, metadata = new grpc.Metadata()) {
  const deadline = new Date(Date.now() + 10_000);
  return new Promise((resolve, reject) =>
    stub[method](request, metadata, { deadline }, (error, answer) =>
      error ? reject(error) : resolve(answer),
    ),
  );
}

async function refused(promise, code, text) {
  await assert.rejects(promise, (error) => {
    assert.equal(error.code, code);
    assert.match(error.details, text);
    return true;
  });
}

async function check(name, work) {
  await work();
  console.log(`ok ${name}`);
}

const brain = client(omega.brain.v1.BrainService, brainAddress);
const title = { content_id: "local:1", title: "Überraschung 100 %", kind: "CONTENT_KIND_MOVIE", year: 2024 };
const other = { ...title, content_id: "local:2", title: "Another", genres: ["Drama"] };

await check("brain stores titles", async () => {
  const answer = await call(brain, "UpsertContents", { contents: [title, other] });
  assert.equal(answer.added, 2);
});
await check("brain recommends with a reason, UTF-8 intact", async () => {
  const answer = await call(brain, "GetRecommendations", { limit: 5 });
  assert.equal(answer.recommendations.length, 2);
  assert.ok(answer.recommendations.some((r) => r.title === title.title));
  assert.ok(answer.recommendations.every((r) => r.reason.length > 0));
  assert.equal(answer.basis, "BASIS_METADATA");
});
await check("brain learns from a viewing", async () => {
  const event = { event_id: "e-1", content_id: "local:1", watch_percentage: 0.9 };
  const first = await call(brain, "ObserveEvent", event);
  assert.ok(Math.abs(first.reward - 0.9) < 1e-9);
  assert.equal((await call(brain, "ObserveEvent", event)).duplicate, true);
  const answer = await call(brain, "GetRecommendations", {});
  assert.deepEqual(answer.recommendations.map((r) => r.content_id), ["local:2"]);
  assert.equal(answer.basis, "BASIS_PERSONAL");
});
await check("brain names field and bound", () =>
  refused(
    call(brain, "ObserveEvent", { event_id: "e-2", content_id: "local:1", watch_percentage: 1.5 }),
    grpc.status.INVALID_ARGUMENT,
    /watch_percentage must be between 0 and 1/,
  ));
await check("brain answers on its unix socket", async () => {
  const options = { "grpc.default_authority": "localhost" };
  const local = client(omega.brain.v1.BrainService, brainSocket, options);
  const stats = await call(local, "GetStats", {});
  assert.equal(stats.contents, "0");
  local.close();
});

const sync = client(omega.sync.v1.SyncService, syncAddress);
const request = { request_id: randomUUID(), model_version: "all-MiniLM-L6-v2-int8-r1" };

await check("sync refuses a stranger", () =>
  refused(call(sync, "Sync", request), grpc.status.UNAUTHENTICATED, /valid device token/));
await check("sync registers, stores a push once, and refuses an odd one", async () => {
  const identity = await call(sync, "RegisterDevice", { request_id: randomUUID() });
  const metadata = new grpc.Metadata();
  metadata.set("authorization", `Bearer ${identity.auth_token}`);
  const push = { ...request, sketches: Buffer.alloc(96, 7), classes: Buffer.from([31, 0]) };
  const first = await call(sync, "Sync", push, metadata);
  assert.equal(first.accepted_sketches, 2);
  assert.equal(first.duplicate, false);
  const second = await call(sync, "Sync", push, metadata);
  assert.equal(second.accepted_sketches, 2);
  assert.equal(second.duplicate, true);
  await refused(
    call(sync, "Sync", { ...push, sketches: Buffer.alloc(47) }, metadata),
    grpc.status.INVALID_ARGUMENT,
    /sketches must be/,
  );
});
brain.close();
sync.close();
