// Asks the service. Addresses are relative to the page, so that it works behind a proxy that adds a path.

const ENDED = new Set(["done", "failed", "cancelled"]);

/** What the service refused, in its own words. */
export class Problem extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

/** Whether a job will not change any more. */
export function hasEnded(job) {
  return ENDED.has(job.state);
}

export class Api {
  /** `tokens` keeps the token, and asks for one that is accepted. */
  constructor(tokens) {
    this.tokens = tokens;
  }

  async ask(path, { headers = {}, ...options } = {}) {
    for (;;) {
      const { token } = this.tokens;
      const all = { Accept: "application/json", ...headers };
      if (token) all.Authorization = `Bearer ${token}`;
      const response = await this.fetch(path, { ...options, headers: all });
      if (response.ok) return response;
      if (response.status !== 401) throw new Problem(response.status, await detailOf(response));
      await this.tokens.renew(token);
    }
  }

  async fetch(path, options) {
    const fixed = { cache: "no-store", credentials: "omit", redirect: "error" };
    try {
      return await fetch(new URL(`api/v1/${path}`, document.baseURI), { ...options, ...fixed });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Problem(0, "the service does not answer; see whether it still runs");
    }
  }

  async get(path) {
    return (await this.ask(path)).json();
  }

  async post(path, body, type = "application/json", headers = {}) {
    const content = type === "application/json" && typeof body !== "string" ? JSON.stringify(body) : body;
    return (await this.ask(path, { method: "POST", body: content, headers: { ...headers, "Content-Type": type } })).json();
  }

  async delete(path) {
    return (await this.ask(path, { method: "DELETE" })).json();
  }

  /**
   * Calls `changed(job)` whenever a job changes; returns once it has ended, or the connection has.
   *
   * The browser's own EventSource cannot send a token.
   */
  async follow(id, changed) {
    const response = await this.ask(`jobs/${id}/events`, { headers: { Accept: "text/event-stream" } });
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    let data = [];
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const lines = (rest + value).split("\n");
      rest = lines.pop();
      for (const line of lines.map((each) => each.replace(/\r$/, ""))) {
        if (line.startsWith("data:")) data.push(line.slice(5));
        if (line !== "" || !data.length) continue;
        const job = JSON.parse(data.join("\n"));
        data = [];
        changed(job);
        if (hasEnded(job)) {
          await reader.cancel();
          return;
        }
      }
    }
  }
}

async function detailOf(response) {
  try {
    const { detail } = await response.json();
    if (typeof detail === "string") return detail;
  } catch {
    // no document of the service's: a proxy between it and us has answered
  }
  return `the service answered with status ${response.status}`;
}
