// Makes the calls of `omega contract --client` with @grpc/grpc-js; docs/contracts.md has the protocol.
//
// Usage: node contract_client.mjs PROTO_DIRECTORY
import { createInterface } from "node:readline";
import grpc from "@grpc/grpc-js";
import loader from "@grpc/proto-loader";

const services = [
  "brain/v1/brain_service",
  "sync/v1/sync_service",
  "constellation/v1/constellation_service",
  "constellation/v1/admin",
  "federation/v1/federation_service",
];
const methods = methodsOf(
  loader.loadSync(
    services.map((name) => `omega/${name}.proto`),
    { includeDirs: [process.argv[2]], keepCase: true, longs: String, enums: String },
  ),
);
const LARGEST = 4_194_304;
const lines = new Map();
const open = new Set();

// Path -> method, with its codec as proto-loader made it.
function methodsOf(definition) {
  const found = Object.values(definition).filter((each) => !("format" in each));
  return new Map(found.flatMap((each) => Object.values(each)).map((each) => [each.path, each]));
}

const list = (items) => items.map((item) => `:${item.toString("base64")}`).join(",") || "-";
const items = (word) =>
  word === "-" ? [] : word.split(",").map((item) => Buffer.from(item.slice(1), "base64"));

function connect(number, target, trust) {
  const [address] = items(target);
  const [authorities, key, chain] = items(trust);
  const credentials = authorities
    ? grpc.credentials.createSsl(authorities, key, chain)
    : grpc.credentials.createInsecure();
  const client = new grpc.Client(address.toString(), credentials, {
    "grpc.enable_retries": 0,
    "grpc.max_receive_message_length": LARGEST,
    "grpc.max_send_message_length": -1,
    // Not shared: each line is a connection of its own.
    "grpc.use_local_subchannel_pool": 1,
    ...(address.toString().startsWith("unix:") && { "grpc.default_authority": "localhost" }),
  });
  lines.set(number, client);
  return "ok";
}

function call(number, path, _streams, deadline, take, hold, asIs, patience, metadata, messages) {
  const method = methods.get(path);
  if (!method) return Promise.resolve("cannot the method is not in its contracts");
  const shown = new grpc.Metadata();
  const words = items(metadata).map(String);
  for (let i = 0; i < words.length; i += 2) shown.add(words[i], words[i + 1]);
  const encode = asIs === "1" ? (message) => message : method.requestSerialize;
  const requests = items(messages);
  const sent = asIs === "1" ? requests : requests.map(method.requestDeserialize);
  // What its codec makes of an answer is told beside the bytes that came.
  const decode = (raw) => ({ raw, read: method.responseSerialize(method.responseDeserialize(raw)) });
  const options = deadline === "-" ? {} : { deadline: Date.now() + Number(deadline) };
  const client = lines.get(number);
  return new Promise((resolve) => {
    const came = [];
    let made;
    const watch = setTimeout(() => made.cancel(), Number(patience));
    const end = (error) => {
      clearTimeout(watch);
      resolve(ended(error, came));
    };
    const answered = (error, answer) => {
      if (answer) came.push(answer);
      end(error);
    };
    const start = {
      11: () => client.makeUnaryRequest(path, encode, decode, sent[0], shown, options, answered),
      m1: () => client.makeClientStreamRequest(path, encode, decode, shown, options, answered),
      "1m": () => client.makeServerStreamRequest(path, encode, decode, sent[0], shown, options),
      mm: () => client.makeBidiStreamRequest(path, encode, decode, shown, options),
    };
    const kind = `${method.requestStream ? "m" : "1"}${method.responseStream ? "m" : "1"}`;
    made = start[kind]();
    open.add(made);
    if (method.requestStream) {
      for (const message of sent) made.write(message);
      if (hold === "0") made.end();
    }
    if (method.responseStream) {
      made.on("data", (answer) => {
        came.push(answer);
        if (came.length === Number(take)) end(null);
      });
      made.on("error", end);
      made.on("end", () => end(null));
    }
  });
}

function ended(error, came) {
  if (error) {
    const details = error.metadata?.get("grpc-status-details-bin") ?? [];
    return `ended ${error.code ?? grpc.status.UNKNOWN} ${list(details.slice(0, 1))} - -`;
  }
  return `ended 0 - ${list(came.map((each) => each.raw))} ${list(came.map((each) => each.read))}`;
}

function release() {
  for (const each of open) each.cancel();
  open.clear();
  return "ok";
}

const said = { open: connect, call, release };
for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  const [verb, ...words] = line.split(" ");
  process.stdout.write(`${await said[verb](...words)}\n`);
}
release();
for (const client of lines.values()) client.close();
