// Calls brain and sync with @grpc/grpc-js, from proto/ alone. Prints one line a check; exits with 1
// at the first that fails.
import assert from "node:assert/strict";
import { createHash, generateKeyPairSync, randomUUID, sign } from "node:crypto";
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

const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const base64url = (data) => Buffer.from(data).toString("base64url");

// A proof of possession (RFC 9449) for one call, with the token that it goes with.
function proven(method, token = "") {
  const { kty, crv, x, y } = publicKey.export({ format: "jwk" });
  const header = { typ: "dpop+jwt", alg: "ES256", jwk: { kty, crv, x, y } };
  const claims = {
    jti: randomUUID(),
    htm: "POST",
    htu: `/omega.sync.v1.SyncService/${method}`,
    iat: Math.floor(Date.now() / 1_000),
    ...(token && { ath: createHash("sha256").update(token).digest("base64url") }),
  };
  const stem = `${base64url(JSON.stringify(header))}.${base64url(JSON.stringify(claims))}`;
  const signature = sign("sha256", Buffer.from(stem), { key: privateKey, dsaEncoding: "ieee-p1363" });
  const metadata = new grpc.Metadata();
  metadata.set("dpop", `${stem}.${base64url(signature)}`);
  if (token) metadata.set("authorization", `DPoP ${token}`);
  return metadata;
}

await check("sync refuses a stranger", () =>
  refused(call(sync, "Sync", request), grpc.status.UNAUTHENTICATED, /valid device credentials/));
await check("sync registers, stores a push once, and refuses an odd one", async () => {
  const registration = { request_id: randomUUID() };
  const identity = await call(sync, "RegisterDevice", registration, proven("RegisterDevice"));
  const token = identity.auth_token;
  const push = { ...request, sketches: Buffer.alloc(96, 7), classes: Buffer.from([31, 0]) };
  const shown = proven("Sync", token);
  const first = await call(sync, "Sync", push, shown);
  assert.equal(first.accepted_sketches, 2);
  assert.equal(first.duplicate, false);
  await refused(call(sync, "Sync", push, shown), grpc.status.UNAUTHENTICATED, /valid device/);
  const second = await call(sync, "Sync", push, proven("Sync", token));
  assert.equal(second.accepted_sketches, 2);
  assert.equal(second.duplicate, true);
  await refused(
    call(sync, "Sync", { ...push, sketches: Buffer.alloc(47) }, proven("Sync", token)),
    grpc.status.INVALID_ARGUMENT,
    /sketches must be/,
  );
});
brain.close();
sync.close();
