// Jobs: submitted by a form, followed as they go on, cancelled by a button.

import { count } from "./arrays.js";
import { hasEnded } from "./api.js";
import { button, element, named } from "./elements.js";

const MOST_SHOWN = 20;
// a browser keeps some six connections to a service, and others are needed as well
const MOST_FOLLOWED = 2;
const MILLISECONDS_BETWEEN_LOOKS = 4000;

export class Jobs {
  /** `made(job)` is told of each job that has ended well while the page was open. */
  constructor(find, api, { made }) {
    Object.assign(this, { find, api, made });
    this.rows = new Map();
    this.known = new Map();
    this.followed = new Set();
    this.key = newKey();
    find("build-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.build();
    });
    // the same wish sent twice is one job, another wish is another one
    find("build-form").addEventListener("input", () => (this.key = newKey()));
  }

  /** Look what there is, now and then; jobs that others submit are seen so. */
  async start() {
    for (;;) {
      if (!document.hidden) await this.look().catch((error) => this.say(`Jobs: ${error.message}`, true));
      await new Promise((resolve) => setTimeout(resolve, MILLISECONDS_BETWEEN_LOOKS));
    }
  }

  say(words, isWrong = false) {
    const status = this.find("job-status");
    status.textContent = words;
    status.classList.toggle("wrong", isWrong);
  }

  showStores(stores) {
    const choice = this.find("build-store");
    const chosen = choice.value;
    const options = stores.map(({ name, has_samples }) =>
      element("option", { value: name, disabled: !has_samples }, has_samples ? name : `${name} (keeps no samples)`),
    );
    choice.replaceChildren(...options);
    if (stores.some(({ name }) => name === chosen)) choice.value = chosen;
    this.find("build").disabled = !stores.some(({ has_samples }) => has_samples);
  }

  async build() {
    const { find, api } = this;
    const wish = { store: find("build-store").value, output: find("build-output").value.trim() };
    find("build").disabled = true;
    try {
      const job = await api.post("jobs/build-tree", wish, "application/json", { "Idempotency-Key": this.key });
      this.key = newKey();
      find("build-output").value = "";
      this.say(`Submitted: ${titleOf(job)}.`);
      this.update(job, true);
      this.followSome();
    } catch (error) {
      this.say(`Not submitted: ${error.message}`, true);
    } finally {
      find("build").disabled = false;
    }
  }

  async look() {
    const { jobs } = await this.api.get(`jobs?limit=${MOST_SHOWN}`);
    // the oldest first, so that each new row goes on top
    for (const job of jobs.toReversed()) this.update(job, false);
    this.followSome();
  }

  /** Those that run are followed as they go on; the others are looked at now and then. */
  followSome() {
    const going = [...this.known.values()].filter((job) => !hasEnded(job) && !this.followed.has(job.id));
    going.sort((one, other) => Number(other.state === "running") - Number(one.state === "running") || one.created - other.created);
    for (const job of going.slice(0, MOST_FOLLOWED - this.followed.size)) this.follow(job.id);
  }

  async follow(id) {
    this.followed.add(id);
    try {
      await this.api.follow(id, (job) => this.update(job, true));
    } catch {
      // the service was stopped, or the connection is lost: the next look says what has become of it
    } finally {
      this.followed.delete(id);
    }
    this.followSome();
  }

  /** `isNew`: it comes from the job itself and cannot be older than what is shown. */
  update(job, isNew) {
    const before = this.known.get(job.id);
    if (before && hasEnded(before)) return;
    if (before && !isNew && this.followed.has(job.id) && !hasEnded(job)) return;
    this.known.set(job.id, job);
    this.find("job-table").hidden = false;
    if (!before) {
      this.rows.set(job.id, new JobRow(job, () => this.cancel(job.id)));
      this.find("jobs").prepend(this.rows.get(job.id).element);
    }
    this.rows.get(job.id).show(job);
    if (!before || !hasEnded(job)) return;
    this.say(`${titleOf(job)}: ${job.state}${job.error ? `, ${job.error}` : ""}.`, job.state === "failed");
    if (job.state === "done") this.made(job);
  }

  async cancel(id) {
    try {
      this.update(await this.api.delete(`jobs/${id}`), true);
    } catch (error) {
      this.say(`Not cancelled: ${error.message}`, true);
    }
  }
}

/** A row of the table, whose parts change while the row stays. */
class JobRow {
  constructor(job, cancel) {
    this.state = element("td", { class: "words" });
    this.bar = element("progress", { "aria-label": `Progress of ${titleOf(job)}` });
    this.words = element("span", { class: "hint" });
    this.begun = element("td", { class: "words" });
    this.cancel = button("Cancel", cancel, { "aria-label": `Cancel ${titleOf(job)}` });
    this.element = element(
      "tr",
      { "data-job": job.id },
      element("th", { scope: "row" }, job.kind),
      element("td", { class: "words" }, named(job.output ?? "a file")),
      this.state,
      element("td", { class: "words" }, this.bar, " ", this.words),
      this.begun,
      element("td", {}, this.cancel),
    );
  }

  show(job) {
    const { progress } = job;
    this.state.textContent = job.state;
    this.begun.textContent = job.started ? new Date(1000 * job.started).toLocaleTimeString("en-GB") : "";
    this.cancel.hidden = hasEnded(job);
    this.bar.hidden = job.state !== "running";
    if (progress?.total > 0) {
      this.bar.max = progress.total;
      this.bar.value = progress.done;
    } else {
      this.bar.removeAttribute("value");
    }
    this.words.textContent = job.error ?? (job.state === "running" ? wordsOf(progress) : "");
  }
}

function wordsOf(progress) {
  if (!progress) return "";
  const share = progress.total > 0 ? ` ${count(progress.done)} of ${count(progress.total)}` : "";
  return `${progress.stage}${share}${progress.message ? `, ${progress.message}` : ""}`;
}

function titleOf(job) {
  return job.output ? `${job.kind} ${job.output}` : job.kind;
}

function newKey() {
  // randomUUID is not there where the page comes over plain HTTP from another machine
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
