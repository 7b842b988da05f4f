// The server as the page sees it: its public APIs, and what goes wrong in words.

/** What the server said, or that it said nothing. `message` is for the user. */
export class Refusal extends Error {}

/** Every model, by name: {name, state, reason, versions}. */
export async function listModels() {
  const lines = await ask("/v2/repository/index", {});
  const models = new Map();
  for (const { name, state = "UNAVAILABLE", reason = "", version } of lines) {
    const known = models.get(name) ?? { name, state, reason, versions: [] };
    if (version) known.versions.push(version);
    if (state === "READY" || known.state !== "READY") Object.assign(known, { state, reason });
    models.set(name, known);
  }
  return [...models.values()].sort((a, b) => a.name.localeCompare(b.name));
}

/** Names of those that speak. */
export async function languageModels() {
  return new Map((await ask("/v1/models")).data.map((model) => [model.id, model]));
}

/** Names of those that answer messages. */
export async function chattingModels() {
  const response = await reach("/v1/models", { headers: { "anthropic-version": "2023-06-01" } });
  return new Set(parsed(await response.text()).data.map((model) => model.id));
}

/** Whether this server has a dashboard. */
export async function hasDashboard() {
  return (await reach("/dashboard", { method: "HEAD" })).ok;
}

/** What a language model can do and is: {tasks, chat, family, size, precision, context}. */
export async function languageFacts(name) {
  const { details, model_info: info, capabilities } = await ask("/api/show", { model: name });
  const family = info["general.architecture"] ?? details.family;
  return {
    generates: capabilities.includes("completion"),
    chats: capabilities.includes("tools"),
    family,
    size: details.parameter_size === "0" ? "" : details.parameter_size,
    precision: info["headrace.precision"],
    context: info[`${family}.context_length`],
  };
}

export async function serverFacts() {
  return ask("/v2");
}

/** {inputs, outputs, platform}; each tensor {name, datatype, shape, optional}. */
export async function signature(name) {
  const path = `/v2/models/${encodeURIComponent(name)}`;
  const [metadata, config] = await Promise.all([ask(path), ask(`${path}/config`).catch(() => ({}))]);
  const optional = new Set((config.input ?? []).filter((each) => each.optional).map((each) => each.name));
  return { ...metadata, inputs: metadata.inputs.map((each) => ({ ...each, optional: optional.has(each.name) })) };
}

/** One inference; `body` is JSON text. The answer keeps integers that no JavaScript number holds as their digits. */
export async function infer(name, body, signal) {
  return exactly(await text(`/v2/models/${encodeURIComponent(name)}/infer`, body, signal));
}

/** The chunks of a streamed answer. Raises Refusal; an abort ends it. */
export async function* stream(path, body, signal) {
  const response = await reach(path, { ...posted(JSON.stringify(body)), signal });
  if (!response.ok) throw refusal(response.status, await response.text());
  for await (const data of events(response.body, signal)) {
    if (data === "[DONE]") return;
    const chunk = parsed(data);
    if (chunk.error) throw new Refusal(`The answer broke off: ${chunk.error.message ?? chunk.error}`);
    yield chunk;
  }
  if (!signal?.aborted) throw new Refusal("The answer broke off: the server closed the connection.");
}

/** What stands behind `data:` in each event of a stream. */
export async function* events(body, signal) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const lines = (rest + value).split(/\r?\n/);
      rest = lines.pop();
      for (const line of lines) if (line.startsWith("data:")) yield line.slice(5).trim();
    }
  } catch (error) {
    if (signal?.aborted) return;
    throw new Refusal(`The answer broke off: ${error.message || "the connection was lost"}.`);
  } finally {
    reader.cancel().catch(() => {});
  }
}

async function ask(path, body) {
  return parsed(await text(path, body === undefined ? undefined : JSON.stringify(body)));
}

async function text(path, body, signal) {
  const response = await reach(path, { ...(body === undefined ? {} : posted(body)), signal });
  const content = await response.text();
  if (!response.ok) throw refusal(response.status, content);
  return content;
}

async function reach(path, options) {
  try {
    return await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal("The server does not answer. Is it still running?");
  }
}

function posted(body) {
  return { method: "POST", body, headers: { "content-type": "application/json" } };
}

function refusal(status, content) {
  let said = content.trim().slice(0, 500);
  try {
    const { error } = JSON.parse(content);
    said = error.message ?? error;
  } catch {
    // it is no JSON: told as it is
  }
  return new Refusal(said ? `${said}` : `The server answered ${status} and gave no reason.`);
}

function parsed(content) {
  try {
    return JSON.parse(content);
  } catch {
    throw new Refusal(`The server's answer is not JSON: ${content.slice(0, 200)}`);
  }
}

function exactly(content) {
  const keep = (_, value, context) =>
    typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value) ? (context?.source ?? value) : value;
  try {
    return JSON.parse(content, keep);
  } catch {
    return parsed(content);
  }
}
