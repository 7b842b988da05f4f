// Calls a server in every way that there is, and prints what it was answered as JSON.
const fs = require("fs");
const grpc = require("@grpc/grpc-js");

const same = (bytes) => bytes;
const method = (name, requestStream, responseStream) => ({
  path: `/test.Test/${name}`, requestStream, responseStream,
  requestSerialize: same, requestDeserialize: same, responseSerialize: same, responseDeserialize: same,
});
const Test = grpc.makeGenericClientConstructor({
  Echo: method("Echo"), Tell: method("Tell"), No: method("No"), Wait: method("Wait"), Nothing: method("Nothing"),
  Double: method("Double", true, true),
}, "Test");
const credentials = process.argv[3]
  ? grpc.credentials.createSsl(fs.readFileSync(process.argv[3])) : grpc.credentials.createInsecure();
const client = new Test(process.argv[2], credentials, {
  "grpc.max_receive_message_length": -1,
});
const gzip = new Test(process.argv[2], credentials, {
  "grpc.default_compression_algorithm": 2, "grpc.max_receive_message_length": -1,
});

function unary(who, name, sent, metadata = new grpc.Metadata(), options = {}, started = () => {}) {
  return new Promise((resolve) => {
    const told = {};
    const call = who[name](Buffer.from(sent), metadata, options, (error, answer) => {
      told.code = error ? error.code : 0;
      told.details = error ? error.details : "";
      told.answer = answer ? answer.toString("latin1").slice(0, 1000) : null;
      told.length = answer ? answer.length : 0;
    });
    call.on("status", (status) => {
      told.trailers = status.metadata.getMap();
      setImmediate(() => resolve(told));
    });
    started(call);
  });
}

function stream(words) {
  return new Promise((resolve) => {
    const answers = [];
    const call = client.Double(new grpc.Metadata());
    call.on("data", (answer) => {
      answers.push(answer.toString());
      if (words.length) call.write(Buffer.from(words.shift())); else call.end();
    });
    call.on("error", (error) => answers.push(`error ${error.code}`));
    call.on("status", (status) => resolve({ answers, code: status.code }));
    call.write(Buffer.from(words.shift()));
  });
}

async function main() {
  const metadata = new grpc.Metadata();
  metadata.set("x-word", "spoken");
  metadata.set("x-bytes-bin", Buffer.from([0, 255]));
  const told = {
    echo: await unary(client, "Echo", "abc"),
    large: await unary(client, "Echo", Buffer.alloc(3_000_000, 7)),
    gzip: await unary(gzip, "Echo", Buffer.alloc(300_000, "a")),
    many: (await Promise.all(Array.from({ length: 500 }, (_, i) => unary(client, "Echo", `${i}`)))).map((t) => t.answer),
    metadata: await unary(client, "Tell", "", metadata),
    refused: await unary(client, "No", ""),
    nothing: await unary(client, "Nothing", ""),
    deadline: await unary(client, "Wait", "", new grpc.Metadata(), { deadline: Date.now() + 200 }),
    cancelled: await unary(client, "Wait", "", new grpc.Metadata(), {}, (call) => setTimeout(() => call.cancel(), 50)),
    stream: await stream(["a", "b", "c"]),
  };
  console.log(JSON.stringify(told));
  client.close();
  gzip.close();
}

main();
