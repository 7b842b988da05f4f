// A conversation with a language model: asked, shown as it comes, timed, stopped.

import { announce, copyButton, el, failure, icon, iconButton } from "./dom.js";
import { show } from "./markdown.js";
import { stream } from "./server.js";
import { settingsPanel } from "./settings.js";

const FIRST = ["Which city is the capital of France?", "Explain recursion with a short example in Python.", "Write a haiku about a river."];
const CONTINUED = ["The capital of France is", "Once upon a time,", "def fibonacci(n):"];

/** What app.js shows of a language model. */
export function chatView(name, facts) {
  const chat = new Chat(name, facts);
  const about = [facts.family, facts.size, facts.precision, facts.context ? `${facts.context.toLocaleString("en")} tokens of context` : ""];
  return {
    element: chat.element,
    tools: [chat.clear, chat.settings.button],
    about: about.filter((each) => each && each !== "none").join(" · "),
    focus: () => matchMedia("(hover: hover)").matches && chat.box.focus(),
  };
}

class Chat {
  constructor(name, facts) {
    this.name = name;
    this.chats = facts.chats;
    this.said = []; // {role, content, element}
    this.running = null; // an AbortController
    this.settings = settingsPanel();
    this.clear = iconButton("new", "New conversation", () => this.forget(0));
    this.log = el("div", { className: "log", role: "log", "aria-label": "Conversation" });
    this.scroller = el("div", { className: "scroller" }, this.log);
    this.box = el("textarea", {
      rows: 1, placeholder: this.chats ? `Message ${name}` : "A text that the model continues", "aria-label": "Message", enterKeyHint: "send",
      oninput: () => this.fit(), onkeydown: (event) => this.key(event),
    });
    this.button = iconButton("send", "Send", () => (this.running ? this.stop() : this.send()), { className: "icon send" });
    const composer = el("div", { className: "composer" }, this.box, this.button);
    const hint = el("p", { className: "hint quiet" }, "Enter sends, Shift+Enter begins a line, Esc stops. What a model says may be wrong.");
    const column = el("div", { className: "column" }, this.scroller, el("div", { className: "foot" }, composer, hint));
    this.element = el("div", { className: "chat" }, column, this.settings.element);
    this.element.addEventListener("keydown", (event) => event.key === "Escape" && this.stop());
    this.forget(0);
  }

  key(event) {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    if (!this.running) this.send();
  }

  /** As high as its text, within what the style allows. */
  fit() {
    this.box.style.height = "auto";
    if (this.box.isConnected) this.box.style.height = `${this.box.scrollHeight}px`;
    this.button.disabled = !this.running && !this.box.value.trim();
  }

  /** Drop what was said from the message `at` on. */
  forget(at) {
    this.stop();
    for (const message of this.said.splice(at)) message.element.remove();
    for (const left of this.log.querySelectorAll(".failure, .welcome")) left.remove();
    if (!this.said.length) this.log.append(this.welcome());
    this.fit();
  }

  welcome() {
    const suggest = (text) => el("button", { type: "button", className: "plain", onclick: () => this.send(text) }, text);
    const how = this.chats ? "Ask it something." : "It has no chat template: it continues a text, and remembers nothing.";
    return el(
      "div", { className: "welcome" },
      el("img", { src: "/playground/icon.svg", alt: "", width: 44, height: 44 }), el("h2", {}, this.name), el("p", { className: "quiet" }, how),
      el("div", { className: "suggestions" }, (this.chats ? FIRST : CONTINUED).map(suggest)),
    );
  }

  send(text = this.box.value) {
    if (!text.trim() || this.running) return;
    this.box.value = "";
    for (const left of this.log.querySelectorAll(".failure, .welcome")) left.remove();
    if (this.said.at(-1)?.role === "user") this.said.pop().element.classList.add("unanswered"); // it failed, or was stopped
    this.add("user", text.trim(), this.question(text.trim()));
    this.answer();
  }

  add(role, content, element) {
    const message = { role, content, element };
    this.said.push(message);
    this.log.append(element);
    return message;
  }

  question(text) {
    const element = el("article", { className: "message user", "aria-label": "You" }, el("div", { className: "words" }, text));
    const edit = iconButton("pen", "Edit and ask again", () => {
      this.forget(this.said.findIndex((message) => message.element === element));
      this.box.value = text;
      this.fit();
      this.box.focus();
    });
    element.append(el("footer", {}, edit, copyButton(() => text)));
    return element;
  }

  body() {
    const given = { model: this.name, stream: true, stream_options: { include_usage: true, continuous_usage_stats: true }, ...this.settings.values() };
    if (!this.chats) return ["/v1/completions", { max_tokens: 128, ...given, prompt: this.said.at(-1).content }];
    const system = this.settings.system();
    const messages = this.said.map(({ role, content }) => ({ role, content }));
    return ["/v1/chat/completions", { ...given, messages: system ? [{ role: "system", content: system }, ...messages] : messages }];
  }

  async answer() {
    const [path, body] = this.body();
    const words = el("div", { className: "words", "aria-busy": "true" });
    const facts = el("span", { className: "facts" });
    const footer = el("footer", {}, facts);
    const thoughts = thoughtsBox();
    const element = el("article", { className: "message assistant", "aria-label": this.name }, thoughts.element, words, footer);
    const message = this.add("assistant", "", element);
    const clock = new Stopwatch();
    const paint = () => {
      const near = this.scroller.scrollHeight - this.scroller.scrollTop - this.scroller.clientHeight < 80;
      thoughts.show(!message.content && this.running === running);
      show(words, message.content);
      facts.textContent = clock.facts();
      if (near) this.scroller.scrollTop = this.scroller.scrollHeight;
    };
    this.scroller.scrollTop = this.scroller.scrollHeight;
    this.turn(new AbortController());
    const running = this.running;
    const painting = setInterval(paint, 60);
    try {
      for await (const chunk of stream(path, body, running.signal)) {
        const { delta, text } = chunk.choices?.[0] ?? {};
        const piece = delta?.content ?? text ?? "";
        message.content += piece;
        thoughts.text += delta?.reasoning_content ?? "";
        clock.chunk(chunk, piece || delta?.reasoning_content);
      }
    } catch (error) {
      if (!running.signal.aborted) this.failed(message, error);
    } finally {
      clearInterval(painting);
      clock.end(running.signal.aborted);
      if (this.running === running) this.turn(null);
      paint();
      words.removeAttribute("aria-busy");
    }
    if (message.content) footer.append(copyButton(() => message.content, "Copy the answer"), this.againButton(element));
    else if (thoughts.text) footer.append(this.againButton(element));
    else if (running.signal.aborted) this.drop(message);
    announce(running.signal.aborted ? "Stopped" : `${this.name} has answered. ${clock.facts()}`);
  }

  failed(message, error) {
    if (!message.content) this.drop(message);
    const box = failure(error.message, () => {
      box.remove();
      if (message.content) this.forget(this.said.indexOf(message));
      this.answer();
    });
    this.log.append(box);
    box.scrollIntoView({ block: "nearest" });
  }

  drop(message) {
    const at = this.said.indexOf(message);
    if (at >= 0) this.said.splice(at, 1);
    message.element.remove();
  }

  againButton(element) {
    return iconButton("again", "Answer again", () => {
      if (this.running) return;
      this.forget(this.said.findIndex((message) => message.element === element));
      this.answer();
    });
  }

  turn(running) {
    this.running = running;
    const label = running ? "Stop" : "Send";
    this.button.replaceChildren(icon(running ? "stop" : "send"));
    this.button.setAttribute("aria-label", label);
    this.button.title = label;
    this.fit();
  }

  /** The connection is closed, and so the server stops too. */
  stop() {
    this.running?.abort();
    if (this.running) this.turn(null);
  }
}

/** What a model thought before its answer: folded, and not there before there is some. */
function thoughtsBox() {
  const [summary, words] = [el("summary", {}), el("div", { className: "words" })];
  const element = el("details", { className: "thoughts", hidden: true }, summary, words);
  return {
    element,
    text: "",
    show(thinking) {
      element.hidden = !this.text;
      summary.textContent = thinking ? "Thinking …" : "Thoughts";
      words.textContent = this.text;
    },
  };
}

/** How fast an answer comes: the time to its first piece, and the tokens per second after that. */
class Stopwatch {
  constructor() {
    this.asked = performance.now();
    this.tokens = 0;
    this.prompt = null;
    this.finish = "";
  }

  chunk({ choices, usage }, piece) {
    const now = performance.now();
    if (piece) {
      this.first ??= now;
      this.firstTokens ??= usage?.completion_tokens ?? 1;
      this.last = now;
      this.tokens += 1; // a piece is a token, until the server says better
    }
    if (usage) {
      this.tokens = usage.completion_tokens;
      this.prompt = usage.prompt_tokens;
      this.cached = usage.prompt_tokens_details?.cached_tokens ?? 0;
    }
    this.finish = choices?.[0]?.finish_reason ?? this.finish;
  }

  end(stopped) {
    this.ended = true;
    this.stopped = stopped;
  }

  facts() {
    if (this.first === undefined) {
      return this.ended ? "no text" : `waiting ${((performance.now() - this.asked) / 1000).toFixed(1)} s`;
    }
    const rate = (this.tokens - this.firstTokens) / ((this.last - this.first) / 1000);
    const said = [`${((this.first - this.asked) / 1000).toFixed(2)} s to first token`];
    if (Number.isFinite(rate) && rate > 0) said.push(`${rate.toFixed(1)} tokens/s`);
    said.push(`${this.tokens} tokens`);
    if (this.ended && this.prompt !== null) said.push(`prompt ${this.prompt}${this.cached ? `, ${this.cached} cached` : ""}`);
    if (this.stopped) said.push("stopped");
    else if (this.finish === "length") said.push("cut at the limit");
    return said.join(" · ");
  }
}
